"""The claim: one winner, one use, and never a log before an owner."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.errors import DomainError
from app.kit.ids import new_id
from app.objects.models import Tenure
from app.objects.tenures import find_open_tenure, get_held, held_objects
from app.objects.tickets import Ticket, read_ticket
from app.ownership.claim import Wish, claim, claim_with_ticket, look_up
from app.ownership.errors import (
    AlreadyOwned,
    ClaimCodeExpired,
    ClaimCodeUnknown,
    ClaimCodeUsed,
    StartOutside,
)
from tests.factories import objects as things
from tests.factories.world import World
from tests.support.rounds import rounds


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    return World(database, clock)


def try_claim(
    world: World, owner_id: UUID, code: str, back: timedelta = timedelta(0), used_by: str = "me"
) -> Tenure | DomainError:
    try:
        with world.database.session() as db:
            wish = Wish(used_by, world.clock.now() - back)
            return claim(db, world.clock, owner_id, code, wish, 30)
    except DomainError as error:
        return error


def test_the_holder_of_a_code_becomes_the_owner(world: World) -> None:
    owner = world.owner()
    object_id, code = world.minted()
    typed = f"  {code.lower().replace('-', ' ')} ".replace("0", "o").replace("1", "l")
    assert isinstance(try_claim(world, owner, typed), Tenure)
    with world.database.read() as db:
        held = get_held(db, owner, object_id)
    assert (held.serial, held.maker, held.used_by) == ("SL-1", "Big Denim", "me")


def test_a_code_works_once(world: World) -> None:
    first, second = world.owner(), world.owner("Another owner")
    _, code = world.minted()
    try_claim(world, first, code)
    assert isinstance(try_claim(world, second, code), ClaimCodeUsed)
    assert isinstance(try_claim(world, first, code), ClaimCodeUsed)
    with world.database.read() as db:
        assert held_objects(db, second) == []


@pytest.mark.parametrize("wrong", ["", "A", "7KR1C-43BEC-QZCPV-9AP50-G1JR3-C7", "🧵" * 27])
def test_a_wrong_code_says_so(world: World, wrong: str) -> None:
    assert isinstance(try_claim(world, world.owner(), wrong), ClaimCodeUnknown)


def test_an_expired_code_says_so(world: World) -> None:
    owner = world.owner()
    _, code = world.minted()
    world.clock.advance(timedelta(days=things.CODE_DAYS))
    assert isinstance(try_claim(world, owner, code), ClaimCodeExpired)


def test_looking_uses_nothing_up(world: World) -> None:
    object_id, code = world.minted()
    with world.database.read() as db:
        assert look_up(db, world.clock, code) == object_id
    assert isinstance(try_claim(world, world.owner(), code), Tenure)


def test_of_many_who_race_exactly_one_wins(world: World) -> None:
    owners = [world.owner(f"Owner {n}") for n in range(6)]
    for turn in range(rounds(3, 50)):
        object_id, code = world.minted(f"RACE-{turn}")
        outcome: list[Tenure | DomainError] = []
        go = threading.Barrier(len(owners))

        def run(owner_id: UUID) -> None:
            go.wait()  # noqa: B023  # joined within this round
            outcome.append(try_claim(world, owner_id, code))  # noqa: B023

        threads = [threading.Thread(target=run, args=(owner,)) for owner in owners]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        won = [one for one in outcome if isinstance(one, Tenure)]
        assert len(won) == 1
        assert all(isinstance(o, ClaimCodeUsed | AlreadyOwned) for o in outcome if o not in won)
        with world.database.read() as db:
            tenure = find_open_tenure(db, object_id)
        assert tenure is not None
        assert tenure.owner_id == won[0].owner_id


def test_a_tenure_starts_at_most_thirty_days_back(world: World) -> None:
    owner = world.owner()
    _, code = world.minted()
    for back in (timedelta(days=31), timedelta(seconds=-1)):
        assert isinstance(try_claim(world, owner, code, back), StartOutside)
    tenure = try_claim(world, owner, code, timedelta(days=30), "child")
    assert isinstance(tenure, Tenure)
    assert tenure.used_by == "child"
    assert tenure.claimed_at - tenure.starts_at == timedelta(days=30)


def test_usage_waits_for_an_owner_and_for_their_time(world: World) -> None:
    """Promise P1, and the border of a tenure."""
    object_id, code = world.minted()
    now = world.clock.now()

    def send(back: timedelta) -> str:
        record = {"stream": "wear", "at": (now - back).isoformat(), "values": {"steps": 1}}
        (result,) = world.send(object_id, [record])
        return result.error.slug if result.error else result.status

    world.product.registered_at = now - timedelta(days=60)
    with world.database.session() as db:
        db.merge(world.product)
    assert send(timedelta(0)) == "object-unclaimed"
    try_claim(world, world.owner(), code, timedelta(days=10))
    assert send(timedelta(days=10)) == "stored"
    assert send(timedelta(days=10, seconds=1)) == "outside-tenure"


@pytest.fixture
def ticketed(world: World) -> tuple[World, object, dict[str, object]]:
    key = things.make_ticket_key()
    with world.database.session() as db:
        maker = db.merge(world.maker)
        maker.ticket_key = key.as_dict(private=False)
    object_id, _ = world.minted("TICKET-1")
    now = int(world.clock.now().timestamp())
    claims: dict[str, object] = {
        "iss": world.maker.slug,
        "sub": str(object_id),
        "aud": "https://x.example",
        "iat": now,
        "exp": now + 3600,
        "jti": str(new_id()),
    }
    return world, key, claims


def read(world: World, text: str) -> Ticket:
    with world.database.read() as db:
        return read_ticket(db, world.clock, text, "https://x.example")


def test_a_ticket_claims_once_without_a_label(
    ticketed: tuple[World, object, dict[str, object]],
) -> None:
    world, key, claims = ticketed
    ticket = read(world, things.make_ticket(key, claims))
    owner = world.owner()
    wish = Wish("me", world.clock.now())
    with world.database.session() as db:
        claim_with_ticket(db, world.clock, owner, ticket, wish, 30)
    with pytest.raises((ClaimCodeUsed, AlreadyOwned)), world.database.session() as db:
        claim_with_ticket(db, world.clock, world.owner("Another"), ticket, wish, 30)


def test_a_ticket_kills_the_codes_of_its_object(
    ticketed: tuple[World, object, dict[str, object]],
) -> None:
    world, key, claims = ticketed
    object_id, code = world.minted("TICKET-2")
    ticket = read(world, things.make_ticket(key, claims | {"sub": str(object_id)}))
    with world.database.session() as db:
        wish = Wish("me", world.clock.now())
        claim_with_ticket(db, world.clock, world.owner(), ticket, wish, 30)
    assert isinstance(try_claim(world, world.owner("Another"), code), ClaimCodeUsed)
