"""What a vendor gets: exactly granted ∩ stored, recorded each time; the rest is not there."""

import json
import threading
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.accesses.history import Filter, list_accesses
from app.accesses.models import Access
from app.consent.grants import revoke
from app.disclosure.objects import list_objects
from app.disclosure.reader import Disclosed, NotDisclosed
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.errors import InvalidCursor
from app.kit.ids import NOBODY
from tests.factories.world import DEADLINE, STREAM_CATEGORY, UNKNOWN, World
from tests.support.rounds import rounds

HOUR = timedelta(hours=1)


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    return World(database, clock)


def accesses(world: World, owner_id: UUID) -> list[Access]:
    with world.database.read() as db:
        return list(list_accesses(db, owner_id, Filter(), before=None, limit=1000))


def hours(start: datetime, count: int) -> list[datetime]:
    return [start + HOUR * n for n in range(count)]


def test_records_come_in_order_by_pages_and_each_page_is_recorded(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    times = hours(world.clock.now(), 10)
    world.clock.advance(timedelta(days=1))
    world.wear(jeans, *reversed(times))
    world.wear(jeans, *times[:3], stream="wash")
    given = world.allow(owner, [jeans])
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    seen, after = [], None
    while True:
        outcome = world.read(reader, ref, limit=4, after=after)
        assert isinstance(outcome, Disclosed)
        body = json.loads(outcome.body)
        seen += body["records"]
        after = body["next"]
        assert after == outcome.next_cursor
        if after is None:
            break
    order = [(r["at"], r["stream"]) for r in seen]
    assert order == sorted(order)
    assert len(seen) == 13
    rows = accesses(world, owner)
    assert sorted(row.count for row in rows) == [1, 4, 4, 4]
    assert {(r.result, r.reader, r.grant_id) for r in rows} == {
        ("given", "Mend & Co", given.grant.grant_id)
    }
    assert all(r.send_by == r.at + DEADLINE for r in rows)
    assert rows[0].streams == ["wash", "wear"]


def test_a_cursor_is_bound_to_caller_grant_and_query(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    world.clock.advance(timedelta(days=1))
    world.wear(jeans, *hours(world.clock.now() - HOUR * 5, 5))
    given = world.allow(owner, [jeans])
    ref = world.pseudonym(given, jeans)
    outcome = world.read(world.reader(given), ref, limit=2)
    assert isinstance(outcome, Disclosed)
    other = world.allow(owner, [jeans], ticket=world.ask(client=world.other_client))
    foreign = world.reader(other, world.other_client)
    for reader, query in (
        (foreign, {}),
        (world.reader(given), {"stream": "wear"}),
        (world.reader(given), {"from_": world.clock.now() - HOUR}),
        (world.reader(given), {"is_whole": True}),
    ):
        refused = world.read(reader, ref, after=outcome.next_cursor, **query)
        assert isinstance(refused, NotDisclosed)
        assert refused.rule == "invalid-cursor"
        assert isinstance(refused.error, InvalidCursor)
    world.clock.advance(timedelta(hours=24))
    refused = world.read(world.reader(given), ref, after=outcome.next_cursor)
    assert isinstance(refused, NotDisclosed)
    assert isinstance(refused.error, InvalidCursor)


def test_what_was_not_granted_is_not_there(world: World) -> None:
    owner, other = world.owner(), world.owner("Another owner")
    jeans, second = world.owned(owner), world.owned(owner, "SL-2")
    foreign = world.owned(other, "SL-3")
    world.clock.advance(HOUR)
    for thing in (jeans, second, foreign):
        for stream in STREAM_CATEGORY:
            world.wear(thing, world.clock.now(), stream=stream)
    given = world.allow(owner, [jeans], ["usage"])
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    assert {r["stream"] for r in world.records(reader, ref)} == {"wear"}
    for stream in ("wash", "fit", "place", "nothing"):
        assert world.rule(reader, ref, stream=stream) == "not-granted"
    for wrong in (jeans, second, foreign, UNKNOWN, "not-an-id", ""):
        assert world.rule(reader, wrong) == "not-granted"
    narrow = world.reader(given, scopes=["care:read"])
    assert world.rule(narrow, ref) == "not-granted"


def test_the_maker_is_refused_and_its_owner_sees_it(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    maker = world.reader(None, world.other_client)
    assert world.rule(maker, jeans) == "no-grant"
    assert world.rule(maker, UNKNOWN) == "no-grant"
    rows = accesses(world, owner)
    assert [(r.result, r.rule, r.object_id, r.times) for r in rows] == [
        ("refused", "no-grant", jeans, 1)
    ]
    for _ in range(3):
        world.rule(maker, jeans)
    assert [r.times for r in accesses(world, owner)] == [4]
    world.clock.advance(60)
    world.rule(maker, jeans)
    assert [r.times for r in accesses(world, owner)] == [1, 4]


def test_an_unknown_object_and_one_not_granted_are_written_alike(world: World) -> None:
    owner, other = world.owner(), world.owner("Another owner")
    jeans, foreign = world.owned(owner), world.owned(other, "SL-2")
    given = world.allow(owner, [jeans])

    def writes() -> int:
        with world.database.read() as db:
            return sum(r.times for r in db.scalars(select(Access)))

    counts = []
    for ref in (UNKNOWN, foreign, jeans, "nonsense"):
        before = writes()
        world.rule(world.reader(given), ref)
        counts.append(writes() - before)
    assert counts == [2, 2, 2, 2]
    assert {r.rule for r in accesses(world, other)} == {"no-grant"}
    assert len(accesses(world, NOBODY)) > 0


def test_history_starts_where_the_owner_said(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    start = world.clock.now()
    world.clock.advance(timedelta(days=2))
    border = start + timedelta(days=1)
    world.wear(jeans, border - timedelta(microseconds=1), border, border + HOUR)
    given = world.allow(owner, [jeans], history_from=border)
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    assert len(world.records(reader, ref)) == 2
    assert len(world.records(reader, ref, from_=start)) == 2
    assert len(world.records(reader, ref, to=border + HOUR)) == 1


def test_a_permission_ends_on_its_day_without_anybody_doing_anything(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    until = world.clock.now() + timedelta(days=1)
    given = world.allow(owner, [jeans], until=until)
    ref = world.pseudonym(given, jeans)
    world.clock.set(until - timedelta(microseconds=1))
    world.records(world.reader(given), ref)
    world.clock.set(until)
    assert world.rule(world.reader(given), ref) == "expired"


def test_the_list_names_what_was_granted_and_nothing_else(world: World) -> None:
    owner = world.owner()
    jeans, second = world.owned(owner), world.owned(owner, "SL-2")
    given = world.allow(owner, [jeans], ["usage", "care"])

    def listed(scopes: list[str]) -> str:
        reader = world.reader(given, scopes=scopes)
        outcome = world.database.submit(
            lambda conn: list_objects(conn, world.clock, reader, "https://x.example", DEADLINE)
        ).result(10)
        assert isinstance(outcome, Disclosed)
        return outcome.body.decode()

    text = listed(["usage:read", "care:read", "body:read"])
    body = json.loads(text)
    (thing,) = body["objects"]
    assert thing["id"] == str(world.pseudonym(given, jeans))
    assert thing["categories"] == ["care", "usage"]
    assert [s["name"] for s in thing["product"]["streams"]] == ["wear", "wash"]
    for secret in (str(jeans), str(second), "SL-1", "SL-2", "did:web", "identity", str(owner)):
        assert secret not in text
    assert '"fit"' not in text
    assert json.loads(listed(["body:read"]))["objects"] == []
    assert accesses(world, owner)[0].action == "objects"


def test_identity_is_shown_only_where_it_was_granted(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    given = world.allow(owner, [jeans], ["usage", "identity"])
    outcome = world.database.submit(
        lambda conn: list_objects(
            conn, world.clock, world.reader(given), "https://x.example", DEADLINE
        )
    ).result(10)
    assert isinstance(outcome, Disclosed)
    identity = json.loads(outcome.body)["objects"][0]["identity"]
    assert identity["serial"] == "SL-1"
    assert identity["did"] == f"did:web:x.example:o:{jeans}"


def test_after_a_revocation_nothing_is_given_and_it_waits_for_what_was(world: World) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    given = world.allow(owner, [jeans])
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    outcome = world.read(reader, ref)
    assert isinstance(outcome, Disclosed)
    with world.database.session() as db:
        quiet_at = revoke(db, world.clock, owner, given.grant.grant_id)
    assert quiet_at == outcome.send_by
    assert world.rule(reader, ref) == "revoked"
    assert sorted(row.result for row in accesses(world, owner)) == ["given", "refused"]


@pytest.mark.parametrize("readers", [3])
def test_readings_that_race_a_revocation_are_before_it_or_refused(
    world: World, readers: int
) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    for _ in range(rounds(3, 60)):
        given = world.allow(owner, [jeans])
        reader, ref = world.reader(given), world.pseudonym(given, jeans)
        go, done = threading.Barrier(readers + 1), []

        def read() -> None:
            go.wait()  # noqa: B023  # joined within this round
            for _ in range(5):
                done.append(world.read(reader, ref))  # noqa: B023

        threads = [threading.Thread(target=read) for _ in range(readers)]
        for thread in threads:
            thread.start()
        go.wait()
        with world.database.session() as db:
            quiet_at = revoke(db, world.clock, owner, given.grant.grant_id)
        for thread in threads:
            thread.join(30)
        late = [d for d in done if isinstance(d, Disclosed) and d.send_by > quiet_at]
        assert late == []
        assert isinstance(world.read(reader, ref), NotDisclosed)


times = st.integers(0, 72)


@settings(
    max_examples=rounds(15, 200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    stored=st.lists(
        st.tuples(st.sampled_from(sorted(STREAM_CATEGORY)), times), max_size=12, unique=True
    ),
    categories=st.sets(st.sampled_from(sorted(STREAM_CATEGORY.values())), min_size=1),
    scopes=st.sets(st.sampled_from(sorted(STREAM_CATEGORY.values())), min_size=1),
    start=times,
    query=st.tuples(times, times),
    limit=st.integers(1, 5),
)
def test_disclosed_is_granted_and_stored(
    world: World,
    stored: list[tuple[str, int]],
    categories: set[str],
    scopes: set[str],
    start: int,
    query: tuple[int, int],
    limit: int,
) -> None:
    """Promise P4: whatever is stored and granted, the answer is exactly what both share."""
    owner = world.owner()
    world.clock.set(world.clock.now() + timedelta(days=30))
    begin = world.clock.now()
    jeans = world.owned(owner, f"P-{world.clock.now():%y%m%d}")
    world.clock.advance(timedelta(days=4))
    for stream, hour in stored:
        world.wear(jeans, begin + HOUR * hour, stream=stream)
    given = world.allow(owner, [jeans], categories, history_from=begin + HOUR * start)
    reader = world.reader(given, scopes=[f"{c}:read" for c in scopes])
    ref = world.pseudonym(given, jeans)
    shared = categories & scopes
    low, high = (begin + HOUR * hour for hour in query)
    expected = sorted(
        (begin + HOUR * hour, stream)
        for stream, hour in stored
        if STREAM_CATEGORY[stream] in shared and hour >= start and low <= begin + HOUR * hour < high
    )
    if not shared:
        assert world.rule(reader, ref, from_=low, to=high) == "not-granted"
        return
    seen, after = [], None
    while True:
        outcome = world.read(reader, ref, from_=low, to=high, limit=limit, after=after)
        assert isinstance(outcome, Disclosed)
        body = json.loads(outcome.body)
        assert len(body["records"]) <= limit
        seen += [(datetime.fromisoformat(r["at"]), r["stream"]) for r in body["records"]]
        after = body["next"]
        if after is None:
            break
    assert seen == expected
