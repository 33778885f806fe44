"""Requests and grants: one answer each, never wider than asked, another owner's is not there."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest

from app.consent.errors import (
    ChoiceTooWide,
    EndDateOutside,
    GrantNotFound,
    NothingChosen,
    RequestAnswered,
    RequestExpired,
    RequestNotFound,
)
from app.consent.grant import Granted
from app.consent.grants import get_grant, list_grants, revoke
from app.consent.request_views import list_waiting, view_request
from app.consent.requests import count_waiting, refuse
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.errors import DomainError
from app.kit.ids import new_id
from tests.factories.world import World
from tests.support.rounds import rounds


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    return World(database, clock)


def view(world: World, owner_id: UUID, ticket: str) -> object:
    with world.database.session() as db:
        return view_request(db, world.clock, owner_id, ticket)


def test_the_first_owner_to_open_a_request_keeps_it(world: World) -> None:
    mine, other = world.owner(), world.owner("Another owner")
    ticket = world.ask()
    view(world, mine, ticket)
    view(world, mine, ticket)
    for wrong in (ticket, "no-such-ticket"):
        with pytest.raises(RequestNotFound):
            view(world, other, wrong)
    with world.database.session() as db:
        assert count_waiting(db, world.clock, mine) == 1
        assert count_waiting(db, world.clock, other) == 0
        assert [r.ticket for r in list_waiting(db, world.clock, mine)] == [ticket]


def test_a_request_is_answered_once(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    ticket = world.ask()
    world.allow(owner, [jeans], ticket=ticket)
    with pytest.raises(RequestAnswered):
        world.allow(owner, [jeans], ticket=ticket)
    with pytest.raises(RequestAnswered), world.database.session() as db:
        refuse(db, world.clock, owner, ticket)


def test_two_answers_at_once_make_one_grant(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    for _ in range(rounds(2, 20)):
        ticket = world.ask()
        view(world, owner, ticket)
        outcome: list[Granted | DomainError] = []

        def answer(ticket: str = ticket, outcome: list[Granted | DomainError] = outcome) -> None:
            try:
                outcome.append(world.allow(owner, [jeans], ticket=ticket))
            except DomainError as error:
                outcome.append(error)

        threads = [threading.Thread(target=answer) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sum(isinstance(one, Granted) for one in outcome) == 1


def test_a_request_closes_by_itself(world: World) -> None:
    owner = world.owner()
    ticket = world.ask(life=timedelta(minutes=10))
    view(world, owner, ticket)
    world.clock.advance(600)
    with pytest.raises(RequestExpired):
        view(world, owner, ticket)
    with world.database.session() as db:
        assert list_waiting(db, world.clock, owner) == []


def test_a_newer_request_takes_the_place_of_an_older_one(world: World) -> None:
    mine, other = world.owner(), world.owner("Another owner")
    kept = [
        world.ask(client=world.other_client),
        world.ask(["usage:read"], purpose_name="Marketing"),
    ]
    old, unopened, of_other = world.ask(), world.ask(), world.ask()
    for ticket in (*kept, old):
        view(world, mine, ticket)
    view(world, other, of_other)
    world.clock.advance(60)
    new = world.ask()
    view(world, mine, new)
    with world.database.session() as db:
        assert {r.ticket for r in list_waiting(db, world.clock, mine)} == {*kept, new}
        assert count_waiting(db, world.clock, mine) == 3
        assert count_waiting(db, world.clock, other) == 1
    with pytest.raises(RequestExpired):
        view(world, mine, old)
    with pytest.raises(RequestExpired):
        world.allow(mine, [world.owned(mine)], ticket=old)
    view(world, mine, unopened)  # asked before, looked at after: it closes nothing
    view(world, mine, new)
    assert world.allow(mine, [world.owned(mine, "SL-2")], ticket=new).grant.status == "active"


def test_asking_again_and_again_leaves_one_request(world: World) -> None:
    owner = world.owner()
    for _ in range(4):
        ticket = world.ask()
        view(world, owner, ticket)
        view(world, owner, ticket)
    with world.database.session() as db:
        assert [r.ticket for r in list_waiting(db, world.clock, owner)] == [ticket]


def test_a_bad_choice_leaves_the_request_waiting(world: World) -> None:
    owner, other = world.owner(), world.owner("Another owner")
    jeans, foreign = world.owned(owner), world.owned(other, "SL-2")
    ticket = world.ask(["usage:read"])
    now = world.clock.now()
    cases = [
        (NothingChosen, {"objects": []}),
        (NothingChosen, {"objects": [jeans], "categories": []}),
        (ChoiceTooWide, {"objects": [foreign], "categories": ["usage"]}),
        (ChoiceTooWide, {"objects": [new_id()], "categories": ["usage"]}),
        (ChoiceTooWide, {"objects": [jeans], "categories": ["usage", "location"]}),
        (EndDateOutside, {"objects": [jeans], "categories": ["usage"], "until": now}),
        (
            EndDateOutside,
            {"objects": [jeans], "categories": ["usage"], "until": now + timedelta(days=366)},
        ),
    ]
    for error, choice in cases:
        with pytest.raises(error):
            world.allow(owner, ticket=ticket, **choice)  # type: ignore[arg-type]
    assert world.allow(owner, [jeans], ["usage"], ticket=ticket).grant.status == "active"


def test_a_new_permission_takes_the_place_of_the_old_one(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    old = world.allow(owner, [jeans])
    new = world.allow(owner, [jeans], ["usage"])
    with world.database.read() as db:
        statuses = {v.grant.grant_id: v.status for v in list_grants(db, world.clock, owner)}
    assert statuses == {old.grant.grant_id: "superseded", new.grant.grant_id: "active"}
    assert world.pseudonym(old, jeans) == world.pseudonym(new, jeans)


def test_another_vendor_knows_the_object_by_another_id(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    one = world.allow(owner, [jeans])
    ticket = world.ask(client=world.other_client)
    two = world.allow(owner, [jeans], ticket=ticket)
    ids = {world.pseudonym(one, jeans), world.pseudonym(two, jeans), jeans}
    assert len(ids) == 3


def test_revoking_is_the_owners_and_happens_once(world: World) -> None:
    owner, other = world.owner(), world.owner("Another owner")
    given = world.allow(owner, [world.owned(owner)])
    grant_id = given.grant.grant_id
    with pytest.raises(GrantNotFound), world.database.session() as db:
        revoke(db, world.clock, other, grant_id)
    for _ in range(2):
        with world.database.session() as db:
            revoke(db, world.clock, owner, grant_id)
    with world.database.read() as db:
        view = get_grant(db, world.clock, owner, grant_id)
    assert (view.status, view.grant.version) == ("revoked", 2)
    assert [e.what for e in view.events] == ["given", "revoked"]
    assert len(view.details) == 2
