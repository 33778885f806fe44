"""What may be read so often and no oftener: counted exactly, by answers with records."""

import json
import threading
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.accesses.history import Filter, list_accesses
from app.accesses.models import Access
from app.consent.errors import OverCount, TooFrequent
from app.consent.grant import Granted
from app.consent.grants import get_grant
from app.disclosure.objects import list_objects
from app.disclosure.reader import Disclosed, NotDisclosed
from app.kit.clock import FixedClock
from app.kit.db import Database
from tests.factories.world import DEADLINE, World
from tests.support.rounds import rounds

HOUR = timedelta(hours=1)


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    return World(database, clock)


def entry(kinds: Iterable[str], **more: Any) -> dict[str, Any]:
    return {"type": "urn:inseam:object-data", "datatypes": list(kinds)} | more


def give(world: World, owner: UUID, thing: UUID, *entries: dict[str, Any]) -> Granted:
    kinds = [kind for one in entries for kind in one["datatypes"]]
    return world.allow(owner, [thing], kinds, ticket=world.ask(entries=entries))


@pytest.fixture
def owner(world: World) -> UUID:
    return world.owner()


@pytest.fixture
def jeans(world: World, owner: UUID) -> UUID:
    """A pair that was worn for five hours and washed once, all of it before it is read."""
    thing = world.owned(owner)
    start = world.clock.now()
    world.clock.advance(timedelta(days=1))
    world.wear(thing, *(start + HOUR * n for n in range(5)))
    world.wear(thing, start + HOUR * 6, stream="wash")
    return thing


def used(world: World, given: Granted) -> dict[str, int]:
    with world.database.read() as db:
        grant = given.grant
        view = get_grant(db, world.clock, grant.owner_id, grant.grant_id)
    limits = {d.category: view.limits_of(d) for d in view.details}
    return {kind: one["used"] for kind, one in limits.items() if one is not None}


def test_a_count_is_used_up_and_then_refused(world: World, owner: UUID, jeans: UUID) -> None:
    given = give(world, owner, jeans, entry(["usage"], limits={"count": 3}))
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    for count in (1, 2, 3):
        assert len(world.records(reader, ref)) == 5
        assert used(world, given) == {"usage": count}
    for _ in range(2):
        outcome = world.read(reader, ref)
        assert isinstance(outcome, NotDisclosed)
        assert (outcome.rule, type(outcome.error)) == ("over-count", OverCount)
    assert used(world, given) == {"usage": 3}
    with world.database.read() as db:
        rows = list_accesses(db, owner, Filter(), before=None, limit=10)
    assert [(r.result, r.rule, r.times) for r in rows if r.result == "refused"] == [
        ("refused", "over-count", 2)
    ]
    assert {r.object_id for r in rows} == {jeans}


def test_a_single_use_is_one_reading(world: World, owner: UUID, jeans: UUID) -> None:
    given = give(world, owner, jeans, entry(["usage"], limits={"single_use": True}))
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    assert len(world.records(reader, ref)) == 5
    assert world.rule(reader, ref) == "over-count"


def test_pages_of_one_reading_count_once_and_show_nothing_newer(
    world: World, owner: UUID, jeans: UUID
) -> None:
    given = give(world, owner, jeans, entry(["usage", "care"], limits={"single_use": True}))
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    seen, after, cursors = 0, None, []
    while True:
        outcome = world.read(reader, ref, limit=2, after=after)
        assert isinstance(outcome, Disclosed)
        records = json.loads(outcome.body)["records"]
        seen += len(records)
        world.clock.advance(60)
        world.wear(jeans, world.clock.now())
        if outcome.next_cursor is None:
            break
        after = outcome.next_cursor
        cursors.append(after)
    assert seen == 6
    assert used(world, given) == {"usage": 1, "care": 1}
    for cursor in cursors:  # a page taken again is the same page
        world.records(reader, ref, limit=2, after=cursor)
    whole = world.records(reader, ref, limit=1000, after=cursors[0]) if cursors else []
    assert len(whole) == 4
    assert world.rule(reader, ref) == "over-count"


def test_an_answer_without_records_counts_nothing(world: World, owner: UUID, jeans: UUID) -> None:
    given = give(world, owner, jeans, entry(["usage", "body"], limits={"single_use": True}))
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    now = world.clock.now()
    assert world.records(reader, ref, from_=now) == []
    assert world.records(reader, ref, stream="fit") == []
    assert used(world, given) == {"usage": 0, "body": 0}
    assert len(world.records(reader, ref)) == 5
    assert used(world, given) == {"usage": 1, "body": 0}
    world.wear(jeans, now, stream="fit")
    assert len(world.records(reader, ref)) == 1  # of the kind that is left


def test_looking_at_what_there_is_counts_nothing(world: World, owner: UUID, jeans: UUID) -> None:
    given = give(world, owner, jeans, entry(["usage"], limits={"count": 2}), entry(["care"]))
    reader, ref = world.reader(given), world.pseudonym(given, jeans)

    def look() -> Any:
        outcome = world.database.submit(
            lambda conn: list_objects(conn, world.clock, reader, "https://testserver", DEADLINE)
        ).result(30)
        assert isinstance(outcome, Disclosed)
        return json.loads(outcome.body)["objects"][0]["limits"]

    assert look() == {"usage": {"count": 2, "used": 0}}
    world.records(reader, ref)
    assert look() == {"usage": {"count": 2, "used": 1}}


def test_a_frequency_holds_in_any_span_of_its_length(
    world: World, owner: UUID, jeans: UUID
) -> None:
    limits = {"frequency": {"count": 2, "per": "day"}}
    given = give(world, owner, jeans, entry(["usage"], limits=limits))
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    world.records(reader, ref)
    world.clock.advance(HOUR * 20)
    world.records(reader, ref)
    world.clock.advance(HOUR * 3)
    outcome = world.read(reader, ref)
    assert isinstance(outcome, NotDisclosed)
    assert isinstance(outcome.error, TooFrequent)
    assert outcome.error.extra == {"retry_after": 3600}
    world.clock.advance(HOUR)
    world.records(reader, ref)
    assert world.rule(reader, ref) == "too-frequent"
    assert used(world, given) == {"usage": 3}


def test_kinds_are_counted_apart_and_what_is_used_up_is_left_out(
    world: World, owner: UUID, jeans: UUID
) -> None:
    given = give(
        world,
        owner,
        jeans,
        entry(["usage"], limits={"single_use": True}),
        entry(["care"], limits={"frequency": {"count": 1, "per": "hour"}}),
    )
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    assert {r["stream"] for r in world.records(reader, ref, stream="wear")} == {"wear"}
    assert {r["stream"] for r in world.records(reader, ref)} == {"wash"}
    assert world.rule(reader, ref, stream="wear") == "over-count"
    assert world.rule(reader, ref) == "too-frequent"  # the one that ends is told
    world.clock.advance(HOUR)
    assert {r["stream"] for r in world.records(reader, ref)} == {"wash"}


def test_things_are_counted_apart(world: World, owner: UUID, jeans: UUID) -> None:
    second = world.owned(owner, "SL-2")
    world.wear(second, world.clock.now())
    ticket = world.ask(entries=[entry(["usage"], limits={"single_use": True})])
    given = world.allow(owner, [jeans, second], ["usage"], ticket=ticket)
    reader = world.reader(given)
    for thing in (jeans, second):
        assert world.records(reader, world.pseudonym(given, thing))
        assert world.rule(reader, world.pseudonym(given, thing)) == "over-count"


def test_limits_that_come_with_a_change_are_kept_by_what_was_begun_before(
    world: World, owner: UUID, jeans: UUID
) -> None:
    """A cursor of before the change stands for a reading that was never counted."""
    given = give(world, owner, jeans, entry(["usage"]))
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    outcome = world.read(reader, ref, limit=2)
    assert isinstance(outcome, Disclosed)
    changes = ("replace", given.grant.grant_id)
    entries = [entry(["usage"], limits={"single_use": True})]
    ticket = world.ask(entries=entries, changes=changes)
    changed = world.allow(owner, [jeans], ["usage"], ticket=ticket)
    assert changed.grant.grant_id == given.grant.grant_id
    world.records(reader, ref, after=outcome.next_cursor, limit=2)
    assert used(world, given) == {"usage": 1}
    assert world.rule(reader, ref, after=outcome.next_cursor, limit=2) == "over-count"


def test_adding_to_a_permission_keeps_what_was_counted(
    world: World, owner: UUID, jeans: UUID
) -> None:
    given = give(world, owner, jeans, entry(["usage"], limits={"count": 2}))
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    world.records(reader, ref)
    ticket = world.ask(
        entries=[entry(["usage"], limits={"count": 3})], changes=("merge", given.grant.grant_id)
    )
    world.allow(owner, [jeans], ["usage"], ticket=ticket)
    for _ in range(2):
        world.records(reader, ref)
    assert world.rule(reader, ref) == "over-count"
    assert used(world, given) == {"usage": 3}


def test_readings_at_once_at_several_workers_are_counted_exactly(
    world: World, owner: UUID, jeans: UUID
) -> None:
    most, readers = 3, 4
    for number in range(rounds(2, 10)):
        limits = {"count": most} if number % 2 else {"frequency": {"count": most, "per": "day"}}
        given = give(world, owner, jeans, entry(["usage", "care"], limits=limits))
        reader, ref = world.reader(given), world.pseudonym(given, jeans)
        outcomes: list[Disclosed | NotDisclosed] = []
        url = str(world.database.engine.url.render_as_string(hide_password=False))
        workers = [Database(url, pool_size=2, busy_seconds=30) for _ in range(readers)]
        beginning = threading.Barrier(readers)

        def work(database: Database, **given: Any) -> None:
            here = World.__new__(World)
            here.__dict__ |= world.__dict__ | {"database": database}
            given["beginning"].wait(30)
            for _ in range(2):
                given["outcomes"].append(here.read(given["reader"], given["ref"]))

        told = {"beginning": beginning, "outcomes": outcomes, "reader": reader, "ref": ref}
        threads = [
            threading.Thread(target=work, args=(database,), kwargs=told) for database in workers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        for database in workers:
            database.close()
        assert len(outcomes) == 2 * readers
        assert sum(isinstance(one, Disclosed) for one in outcomes) == most
        assert used(world, given) == {"usage": most, "care": most}
        with world.database.read() as db:
            rows = db.query(Access).filter_by(grant_id=given.grant.grant_id, result="given")
            assert rows.count() == most
