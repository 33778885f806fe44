"""Proffers as they are kept: once for a request, with a state at every time; and what is judged
without its owner."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.consent.models import HeldAgreement, Proffer
from app.consent.proffers import list_proffers, make_proffer, state_of
from app.consent.request_views import view_request
from app.consent.requests import take
from app.consent.unasked import Unasked, lift, lifted_by, put_back, refuse_unasked
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.errors import NotFound
from app.organizations.models import Client
from app.terms.ceilings import Excess
from app.terms.service import change_terms
from tests.factories.world import World

LONGEST = timedelta(days=365)


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    return World(database, clock)


def accept(world: World, *agreements: str) -> None:
    with world.database.session() as db:
        row = db.get_one(Client, world.client.client_id)
        row.registered = {"door": "operator", "inseam_agreements": list(agreements)}


def proffers(world: World, owner: UUID) -> list[Proffer]:
    with world.database.read() as db:
        return list(list_proffers(db, owner, 10))


def opened(world: World, owner: UUID) -> Any:
    ticket = world.ask()
    with world.database.session() as db:
        return view_request(db, world.clock, owner, ticket).proffered


@pytest.mark.parametrize(
    ("accepts", "answer", "state"),
    [
        (("SD-BASE-DP",), "accept", "PendingResponse"),
        (("SD-BASE",), "alternative", "ConfirmationRequired"),
        (("SD-BASE-ATP",), "alternative", "ConfirmationRequired"),
        ((), "reject", "PendingResponse"),
        (("PDC-AI",), "reject", "PendingResponse"),
        (("NOT-IN-ROSTER",), "reject", "PendingResponse"),
    ],
)
def test_r_03_each_answer_is_kept(
    world: World, accepts: tuple[str, ...], answer: str, state: str
) -> None:
    owner = world.owner()
    accept(world, *accepts)
    told = opened(world, owner)
    (row,) = proffers(world, owner)
    assert (row.answer, state_of(row, world.clock.now())) == (answer, state)
    assert (row.answered_hash, row.agreement_hash) == (
        told.agreement and told.agreement.hash,
        told.own.hash,
    )
    assert state_of(row, row.expires_at) == "Expired"


def test_r_03_an_alternative_within_is_a_counter_offer(world: World) -> None:
    owner = world.owner()
    with world.database.session() as db:
        change_terms(db, world.clock, owner, 1, agreement="SD-BASE-ATP-DP")
    accept(world, "SD-BASE-A-DP", "SD-BASE-DP")
    told = opened(world, owner)
    assert (told.agreement.id, told.is_short) == ("SD-BASE-A-DP", False)
    (row,) = proffers(world, owner)
    assert state_of(row, world.clock.now()) == "CounterOfferMade"


def test_two_windows_proffer_once(world: World) -> None:
    owner, ticket = world.owner(), world.ask()
    with world.database.session() as db:
        take(db, world.clock, owner, ticket)
    found = []

    def look() -> None:
        with world.database.session() as db:
            row = take(db, world.clock, owner, ticket)
            found.append(make_proffer(db, world.clock, row, owner))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 4
    assert len(proffers(world, owner)) == 1


def test_r_04_a_newer_request_ends_the_proffer_of_the_older(world: World) -> None:
    owner = world.owner()
    opened(world, owner)
    world.clock.advance(timedelta(minutes=1))
    opened(world, owner)
    newer, older = proffers(world, owner)
    now = world.clock.now()
    assert [state_of(row, now) for row in (newer, older)] == ["PendingResponse", "Expired"]


def test_without_an_agreement_nothing_is_sealed(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    world.allow(owner, [jeans])
    (row,) = proffers(world, owner)
    assert state_of(row, world.clock.now()) == "AgreementRefused"
    assert row.grant_id is not None
    with world.database.read() as db:
        assert db.query(HeldAgreement).count() == 0


def test_r_21_refused_once_and_kept_with_its_reasons(world: World) -> None:
    owner, ticket = world.owner(), world.ask()
    with world.database.session() as db:
        change_terms(db, world.clock, owner, 1, refuses_unasked=True)
    with world.database.session() as db:
        found = refuse_unasked(db, world.clock, owner, ticket, LONGEST)
    assert found is not None
    row, why = found
    assert row.status == "refused"
    (kept,) = proffers(world, owner)
    assert (kept.status, kept.excesses) == ("unasked", why.written())
    assert state_of(kept, world.clock.now()) == "AgreementRefused"
    with world.database.session() as db:
        client_id = world.client.client_id
        with pytest.raises(NotFound):
            lift(db, world.clock, world.owner("Another"), client_id)
        assert lift(db, world.clock, owner, client_id) == "Mend & Co"
        lift(db, world.clock, owner, client_id)
        assert lifted_by(db, owner) == [client_id]
        put_back(db, owner, client_id)
        assert lifted_by(db, owner) == []


def test_what_vendors_are_told_has_only_signs_that_a_description_may_have() -> None:
    why = Unasked(
        [
            Excess("frequency", "usage", None, {"count": 4, "per": "day"}),
            Excess("countries", "location", ["US"], ["DE", "FR"]),
            Excess("onward", "care", True, False),
            Excess("agreement", "", [], "SD-BASE-DP"),
            Excess("gatekeeper", "", "Alphabet", None),
        ]
    )
    assert why.said == (
        "frequency of usage: asked without limit, allowed count 4 per day; "
        "countries of location: asked US, allowed DE FR; "
        "onward of care: asked true, allowed false; "
        "agreement: asked none, allowed SD-BASE-DP; "
        "gatekeeper: Alphabet can hold no permission (Regulation (EU) 2023/2854, 5(3))"
    )
    assert '"' not in why.said
    assert "\\" not in why.said
