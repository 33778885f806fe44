"""Taking records in: whose they are, once only, numbered without gaps. On both databases."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, func, select

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.errors import NotFound
from app.kit.ids import new_id
from app.objects.models import Tenure
from app.usage.ingest import Call, LineResult, Taker, ingest, ingest_all
from app.usage.items import read_items
from app.usage.models import RecentName, Segment, StreamHead
from app.usage.read import Log, page, summary
from app.usage.rows import Row
from tests.factories import usage as make

DAY = timedelta(days=1)


@dataclass
class World:
    """A maker with one object, in one transaction."""

    conn: Connection
    clock: FixedClock
    org_id: UUID = field(default_factory=new_id)
    product_id: UUID = field(default_factory=new_id)
    object_id: UUID = field(default_factory=new_id)
    taker: Taker = field(default_factory=make.make_taker)

    def build(self) -> None:
        self.org_id = make.make_maker(self.conn, self.clock)
        registered = self.clock.now() - 100 * DAY
        self.product_id = make.make_product(self.conn, self.org_id, registered)
        self.object_id = self.thing("S1")

    def thing(self, serial: str) -> UUID:
        return make.make_thing(self.conn, self.clock, self.org_id, self.product_id, serial)

    def give(self, object_id: UUID | None = None, back: timedelta = timedelta(0)) -> UUID:
        return make.give_thing(self.conn, self.clock, object_id or self.object_id, back)

    def wash(self, at: datetime | None = None, **changes: Any) -> dict[str, Any]:
        when = (at or self.clock.now()).isoformat()
        record = {"object": str(self.object_id), "stream": "wash", "at": when}
        return record | {"values": {"temperature": 30}} | changes

    def send(self, *records: Any, org_id: UUID | None = None) -> list[LineResult]:
        call = Call(org_id or self.org_id, read_items(list(records)))
        return ingest(self.conn, self.clock, self.taker, call)

    def outcome(self, *records: Any, org_id: UUID | None = None) -> list[str]:
        """`stored`, `duplicate`, or the slug of the refusal, by line."""
        results = self.send(*records, org_id=org_id)
        assert [one.line for one in results] == list(range(1, len(records) + 1))
        return [one.error.slug if one.error else one.status for one in results]

    def count(self, table: type | None = None) -> int:
        """Rows of a table, or records in the log."""
        if table is not None:
            return int(self.conn.execute(select(func.count()).select_from(table)).scalar_one())
        return int(self.conn.execute(select(func.sum(Segment.records))).scalar_one() or 0)

    def log(self, tenure_id: UUID, object_id: UUID | None = None) -> Log:
        return Log(self.conn, self.taker.keys, object_id or self.object_id, tenure_id)

    def rows(self, tenure_id: UUID, object_id: UUID | None = None) -> list[Row]:
        streams = [s["name"] for s in make.STREAMS]
        return page(self.log(tenure_id, object_id), streams, None, None, None, 1000)


@pytest.fixture
def world(database: Database, clock: FixedClock) -> Iterator[World]:
    with database.connection() as conn:
        made = World(conn, clock)
        made.build()
        yield made


def test_usage_of_an_unclaimed_object_is_refused_and_not_stored(world: World) -> None:
    result = world.send(world.wash(id="a"))[0]
    assert result.error is not None
    assert (result.status, result.error.slug) == ("refused", "object-unclaimed")
    assert result.error.extra == {"hold": True}
    assert [world.count(t) for t in (Segment, RecentName, StreamHead)] == [0, 0, 0]
    world.give()
    assert world.outcome(world.wash(id="a")) == ["stored"]


def test_object_whose_owner_let_go_is_unclaimed_again(world: World) -> None:
    world.give()
    make.end_tenure(world.conn, world.clock, world.object_id)
    assert world.outcome(world.wash()) == ["object-unclaimed"]


def test_unknown_object_and_another_makers_are_the_same(world: World) -> None:
    world.give()
    other = make.make_maker(world.conn, world.clock, "Drum Works")
    assert world.outcome(world.wash(), org_id=other) == ["not-found"]
    unknown, foreign = (
        world.send(world.wash(object=str(new_id()))),
        world.send(world.wash(), org_id=other),
    )
    assert unknown[0].error is not None
    assert foreign[0].error is not None
    assert unknown[0].error.detail == foreign[0].error.detail
    calls = [Call(org, object_id=world.object_id) for org in (other, world.org_id)]
    told = ingest_all(world.conn, world.clock, world.taker, calls)
    assert [type(one.error) for one in told] == [NotFound, type(None)]


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"stream": "wahs"}, "unknown-stream"),
        ({"stream": "'; DROP TABLE usage_records --"}, "unknown-stream"),
        ({"values": {"temperature": "hot"}}, "invalid-value"),
        ({"until": "2026-11-02T09:00:00Z"}, "invalid-record"),
        ({"stream": "wear", "values": {"steps": 1}}, "invalid-record"),
        ({"at": "2026-11-02T09:00:00"}, "zone-missing"),
    ],
)
def test_record_that_does_not_fit_is_refused(
    world: World, changes: dict[str, Any], slug: str
) -> None:
    world.give()
    assert world.outcome(world.wash() | changes, world.wash()) == [slug, "stored"]
    assert world.count() == 1


def test_records_are_placed_and_flagged(world: World) -> None:
    tenure_id = world.give(back=10 * DAY)
    now = world.clock.now()
    sent = {
        now - DAY: "backfill",
        now: "",
        now + DAY: "clock",
        now - 101 * DAY: "clock",
    }
    assert world.outcome(*(world.wash(at) for at in sent)) == ["stored"] * 4
    assert world.outcome(world.wash(now - 11 * DAY)) == ["outside-tenure"]
    rows = world.rows(tenure_id)
    assert {row.at: row.flags for row in rows} == sent
    assert {row.placed_at for row in rows if row.flags == "clock"} == {now}
    assert {row.received_at for row in rows} == {now}
    assert [row.placed_at for row in rows] == sorted(row.placed_at for row in rows)


def test_wrong_clock_is_refused_until_the_new_owners_device_was_heard(world: World) -> None:
    world.give(back=DAY)
    assert world.outcome(world.wash(), world.wash(datetime.fromisoformat("1970-01-01T00:00:00Z")))
    world.clock.advance(DAY)
    make.end_tenure(world.conn, world.clock, world.object_id)
    tenure_id = world.give()
    world.clock.advance(60)
    old = world.wash(datetime.fromisoformat("1970-01-01T00:00:01Z"))
    assert world.outcome(old) == ["clock-untrusted"]
    assert world.rows(tenure_id) == []
    # One buffer, emptied in one call: the right time of one line vouches for no other.
    assert world.outcome(world.wash(), old) == ["stored", "clock-untrusted"]
    assert world.outcome(old) == ["stored"]
    assert [row.flags for row in world.rows(tenure_id)] == ["", "clock"]


def test_first_owner_is_told_of_a_wrong_clock_by_a_flag_only(world: World) -> None:
    world.give()
    assert world.outcome(world.wash(world.clock.now() + DAY)) == ["stored"]


def test_same_record_id_is_stored_once(world: World) -> None:
    world.give()
    record = world.wash(id="a")
    utc = record["at"].replace("+00:00", "Z")
    assert world.outcome(record, record) == ["stored", "duplicate"]
    assert world.outcome(record | {"at": utc}) == ["duplicate"]
    assert world.outcome(record | {"values": {"temperature": 40}}) == ["record-conflict"]
    assert world.outcome(record | {"at": "2026-11-02T08:59:00Z"}) == ["record-conflict"]
    assert world.count() == 1


def test_two_contents_under_one_id_in_one_call_conflict(world: World) -> None:
    world.give()
    changed = world.wash(id="a", values={"temperature": 40})
    assert world.outcome(world.wash(id="a"), changed) == ["stored", "record-conflict"]


def test_id_of_a_refused_line_stays_free(world: World) -> None:
    world.give()
    early = world.wash(world.clock.now() - DAY, id="a")
    assert world.outcome(early, world.wash(id="a")) == ["outside-tenure", "stored"]


def test_ids_belong_to_their_object(world: World) -> None:
    other = world.thing("S2")
    world.give()
    world.give(other)
    assert (
        world.outcome(world.wash(id="a"), world.wash(id="a", object=str(other))) == ["stored"] * 2
    )


def test_known_record_is_a_duplicate_whatever_the_time_says_by_then(world: World) -> None:
    world.give()
    record = world.wash(world.clock.now() + DAY, id="a")
    assert world.outcome(record) == ["stored"]
    make.end_tenure(world.conn, world.clock, world.object_id)
    world.give()
    assert world.outcome(record) == ["duplicate"]


def test_numbers_run_without_gaps_in_each_stream_of_a_tenure(world: World) -> None:
    tenure_id = world.give()
    place = {"stream": "place", "values": {"latitude": 1, "longitude": 2}}
    bad = world.wash(values={})
    for _ in range(3):
        world.clock.advance(60)
        world.send(world.wash(), bad, world.wash(**place), world.wash())
    numbers = {name: [] for name in ("wash", "place")}  # type: dict[str, list[int]]
    for row in sorted(world.rows(tenure_id), key=lambda row: row.seq):
        numbers[row.stream].append(row.seq)
    assert numbers == {"wash": [0, 1, 2, 3, 4, 5], "place": [0, 1, 2]}
    make.end_tenure(world.conn, world.clock, world.object_id)
    later = world.give()
    world.send(world.wash())
    assert [row.seq for row in world.rows(later)] == [0]


def test_heads_know_count_and_times_also_out_of_order(world: World) -> None:
    tenure_id = world.give(back=10 * DAY)
    start = world.clock.now()
    world.send(world.wash(start), world.wash(start - DAY))
    world.clock.set(start - timedelta(hours=1))  # the server's clock steps back
    world.send(world.wash(start - 2 * DAY))
    told = summary(world.conn, world.object_id, tenure_id)["wash"]
    assert (told.count, told.first_at, told.last_at) == (3, start - 2 * DAY, start)
    assert [row.seq for row in world.rows(tenure_id)] == [2, 1, 0]


def test_one_call_holds_many_objects(world: World) -> None:
    things = [world.thing(f"M{n}") for n in range(700)]
    tenures = {thing: world.give(thing) for thing in things[:-1]}
    records = [world.wash(object=str(thing), id=str(n % 2)) for n, thing in enumerate(things * 3)]
    found = Counter(world.outcome(*records))
    assert found == {"stored": 699, "duplicate": 1398, "object-unclaimed": 3}
    assert all(len(world.rows(tenures[t], t)) == 1 for t in things[:-1])


def test_empty_call_stores_nothing(world: World) -> None:
    assert world.send() == []


def test_texts_are_inert_and_come_back_unchanged(world: World) -> None:
    tenure_id = world.give()
    nasty = "'; DROP TABLE usage_records; -- <script>alert(1)</script> e\u0301 \u202e"
    assert world.outcome(world.wash(id=nasty, values={"note": nasty})) == ["stored"]
    row = world.rows(tenure_id)[0]
    assert row.record_id == nasty
    assert nasty in row.body.encode().decode()


def _world_of(database: Database, clock: FixedClock) -> World:
    with database.connection() as conn:
        world = World(conn, clock)
        world.build()
        world.give(back=DAY)
    return world


def test_same_batch_from_two_workers_at_once_is_stored_once(
    database: Database, clock: FixedClock
) -> None:
    world = _world_of(database, clock)
    records = [world.wash(id=str(n)) for n in range(200)]

    def send(_: int) -> Counter[str]:
        with database.connection() as conn:
            mine = replace(world, conn=conn)
            return Counter(mine.outcome(*records))

    with ThreadPoolExecutor(4) as pool:
        found = sum(pool.map(send, range(4)), Counter())
    assert found == {"stored": 200, "duplicate": 600}
    with database.read() as db:
        seqs = [(row.first_seq, row.records) for row in db.execute(select(Segment.__table__))]
    assert seqs == [(0, 200)]


@pytest.mark.parametrize("engine_kind", ["postgres"], indirect=True)
@pytest.mark.postgres
def test_record_never_lands_in_a_tenure_that_ends_meanwhile(
    database: Database, clock: FixedClock
) -> None:
    """While a transfer is under way the record waits, and then belongs to the new owner."""
    world = _world_of(database, clock)
    has_ended = Event()

    def send() -> list[str]:
        has_ended.wait(5)
        with database.connection() as conn:
            mine = replace(world, conn=conn)
            return mine.outcome(world.wash(), world.wash(clock.now() - timedelta(hours=1)))

    with ThreadPoolExecutor(1) as pool:
        with database.connection() as conn:
            make.end_tenure(conn, clock, world.object_id)
            has_ended.set()
            sent = pool.submit(send)
            _wait_until_blocked(database)
            tenure_id = make.give_thing(conn, clock, world.object_id)
        assert sent.result(10) == ["stored", "outside-tenure"]
    with database.read() as db:
        assert db.scalars(select(Segment.tenure_id)).all() == [tenure_id]


@pytest.mark.parametrize("engine_kind", ["postgres"], indirect=True)
@pytest.mark.postgres
def test_tenure_cannot_end_under_a_record_that_is_being_stored(
    database: Database, clock: FixedClock
) -> None:
    world = _world_of(database, clock)

    def end() -> None:
        with database.connection() as conn:
            make.end_tenure(conn, clock, world.object_id)

    with ThreadPoolExecutor(1) as pool:
        with database.connection() as conn:
            mine = replace(world, conn=conn)
            assert mine.outcome(world.wash()) == ["stored"]
            ending = pool.submit(end)
            _wait_until_blocked(database)
            assert conn.execute(select(Tenure.ended_at)).scalar_one() is None
        ending.result(10)


def _wait_until_blocked(database: Database) -> None:
    """Until some transaction waits for another one's lock."""
    for _ in range(200):
        with database.read() as db:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            if db.connection().exec_driver_sql(waiting).scalar_one():
                return
        Event().wait(0.02)
    raise AssertionError("nothing waited for a lock")
