"""What an owner sees and decides beside the records: counts are exact, and nobody else's."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, update

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.errors import NotFound
from app.kit.ids import new_id
from app.objects.errors import UnknownStreamName
from app.objects.models import Tenure
from app.usage.ingest import Call, ingest
from app.usage.items import read_items
from app.usage.models import StreamHead
from app.usage.own import (
    count_within,
    erase,
    keep_for,
    kept_since,
    own_counters,
    present_counters,
    recording_of,
    removals,
)
from app.usage.pack import pack_stream
from app.usage.read import count_records
from app.usage.remove import Range
from tests.factories import usage as make

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIELDS = [{"name": "n", "type": "integer"}]


class Thing:
    """One owner's object with three streams; `wash` counts its records."""

    def __init__(self, conn: Connection) -> None:
        self.conn, self.clock, self.taker = conn, FixedClock(), make.make_taker()
        self.owner_id = new_id()
        self.org_id = make.make_maker(conn, self.clock)
        start = self.clock.now() - 400 * DAY
        streams = [
            {"name": name, "category": "care", "kind": "instant", "fields": FIELDS}
            for name in ("wash", "wear", "fit")
        ]
        streams[1]["keep_days"] = 90
        product = make.make_product(conn, self.org_id, start, streams)
        self.object_id = make.make_thing(conn, self.clock, self.org_id, product, "S1")
        self.tenure_id: UUID = make.give_thing(
            conn, self.clock, self.object_id, 300 * DAY, self.owner_id
        )

    def send(self, stream: str, *hours: int, **more: object) -> None:
        records = [
            {
                "stream": stream,
                "at": (self.clock.now() - n * HOUR).isoformat(),
                "values": {"n": n},
            }
            | more
            for n in hours
        ]
        items = read_items(json.loads(json.dumps(records)), self.object_id)
        told = ingest(self.conn, self.clock, self.taker, Call(self.org_id, items))
        assert {one.status for one in told} <= {"stored"}, told

    def count(self, wanted: Range) -> int:
        ids = (self.owner_id, self.object_id)
        return count_within(self.conn, self.taker.keys, *ids, wanted)

    def erase(self, wanted: Range) -> int:
        ids = (self.owner_id, self.object_id)
        return erase(self.conn, self.clock, self.taker.keys, *ids, wanted)


@given(
    hours=st.lists(st.lists(st.integers(0, 2000), min_size=1, max_size=9), max_size=6),
    low=st.none() | st.integers(0, 2000),
    high=st.none() | st.integers(0, 2000),
    stream=st.sampled_from([None, "wash", "wear"]),
    packed=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_counted_is_what_goes(
    database: Database,
    hours: list[list[int]],
    low: int | None,
    high: int | None,
    stream: str | None,
    packed: bool,
) -> None:
    with database.connection() as conn:
        thing = Thing(conn)
        for n, run in enumerate(hours):
            thing.send(("wash", "wear")[n % 2], *run)
        if packed:
            for name in ("wash", "wear"):
                pack_stream(conn, thing.taker.keys, thing.object_id, thing.tenure_id, name)
        now = thing.clock.now()
        start, end = (None if n is None else now - n * HOUR for n in (low, high))
        wanted = Range(stream, start, end)
        model = sum(
            (start is None or now - n * HOUR >= start) and (end is None or now - n * HOUR < end)
            for i, run in enumerate(hours)
            for n in run
            if stream in (None, ("wash", "wear")[i % 2])
        )
        before = count_records(conn, thing.object_id, thing.tenure_id)
        assert thing.count(wanted) == model
        assert thing.erase(wanted) == model
        assert thing.count(wanted) == 0
        assert count_records(conn, thing.object_id, thing.tenure_id) == before - model
        entries = removals(conn, thing.owner_id, thing.object_id)
        assert [(one.records, one.stream) for one in entries] == (
            [(model, stream)] if model else []
        )
        conn.rollback()


def test_how_long_binds_the_next_upkeep(database: Database) -> None:
    with database.session() as db:
        conn = db.connection()
        thing = Thing(conn)
        thing.send("wear", 24 * 50, 24 * 10, 1)
        head = StreamHead.__table__

        def expires() -> object:
            return conn.execute(head.select().with_only_columns(head.c.expires_at)).scalar_one()

        first = kept_since(thing.clock, 50) + DAY
        assert expires() == first + 90 * DAY
        keep_for(db, thing.taker.keys, thing.owner_id, thing.object_id, "wear", 20)
        assert expires() == first + 20 * DAY
        kept = {one.stream: one for one in keeping(conn, thing)}
        assert (kept["wear"].days, kept["wash"].days) == (20, None)
        assert thing.count(Range("wear", None, kept_since(thing.clock, 20))) == 1
        keep_for(db, thing.taker.keys, thing.owner_id, thing.object_id, "wear", None)
        assert expires() == first + 90 * DAY
        db.rollback()


def keeping(conn: Connection, thing: Thing) -> list:  # type: ignore[type-arg]
    return recording_of(conn, thing.owner_id, thing.object_id).keeping


def test_another_owners_log_is_none(database: Database) -> None:
    with database.connection() as conn:
        thing = Thing(conn)
        thing.send("wash", 1, 2)
        all_of_it = Range(None, None, None)
        other = new_id()
        for look in (
            lambda: recording_of(conn, other, thing.object_id),
            lambda: removals(conn, other, thing.object_id),
            lambda: own_counters(conn, other, thing.object_id),
            lambda: count_within(conn, thing.taker.keys, other, thing.object_id, all_of_it),
            lambda: erase(conn, thing.clock, thing.taker.keys, other, thing.object_id, all_of_it),
            lambda: removals(conn, thing.owner_id, new_id()),
        ):
            with pytest.raises(NotFound):
                look()
        for act in (thing.count, thing.erase):
            with pytest.raises(UnknownStreamName):
                act(Range("nothing", None, None))
        assert thing.count(all_of_it) == 2
        conn.rollback()


def test_a_makers_view_ends_with_the_owners_time(database: Database) -> None:
    with database.connection() as conn:
        thing = Thing(conn)
        for number in (1, 5, 3):
            thing.send("wash", number, sequence=number, epoch="a")
        (mine,) = own_counters(conn, thing.owner_id, thing.object_id)
        assert (mine.first, mine.last, mine.holes, mine.missing) == (1, 5, [(2, 2), (4, 4)], 2)
        assert present_counters(conn, thing.object_id) == [mine]
        conn.execute(update(Tenure).values(ended_at=thing.clock.now()))
        assert present_counters(conn, thing.object_id) == []
        with pytest.raises(NotFound):
            own_counters(conn, thing.owner_id, thing.object_id)
        make.give_thing(conn, thing.clock, thing.object_id)
        assert present_counters(conn, thing.object_id) == []
        conn.rollback()
