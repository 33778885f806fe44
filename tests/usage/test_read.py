"""Pages in order of time, whole and without repetition, whatever the window and the size."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.usage.ingest import Call, ingest
from app.usage.items import read_items
from app.usage.read import Log as TenureLog
from app.usage.read import Position, count_records, last_heard, latest, page, summary
from app.usage.rows import Row
from tests.factories import usage as make

HOUR = timedelta(hours=1)
# `wash_a` and `washb` stand in another order under a collation that skips the underscore.
NAMES = ["wash_a", "washb", "wash"]


class Log:
    """A tenure with three streams of records, several at each hour."""

    def __init__(self, conn: Connection, clock: FixedClock) -> None:
        self.conn, self.clock, self.start = conn, clock, clock.now()
        fields = [{"name": "n", "type": "integer"}]
        streams = [
            {"name": name, "category": "care", "kind": "instant", "fields": fields}
            for name in NAMES
        ]
        org_id = make.make_maker(conn, clock)
        product_id = make.make_product(conn, org_id, self.start - 100 * HOUR, streams)
        self.object_id = make.make_thing(conn, clock, org_id, product_id, "S1")
        self.tenure_id = make.give_thing(conn, clock, self.object_id, 50 * HOUR)
        records = [
            {
                "stream": NAMES[n % 3],
                "at": (self.start - n // 6 * HOUR).isoformat(),
                "values": {"n": n},
            }
            for n in range(60)
        ]
        self.taker = make.make_taker()
        ingest(conn, clock, self.taker, Call(org_id, read_items(records, self.object_id)))

    def page(
        self,
        limit: int,
        after: Position | None = None,
        streams: list[str] = NAMES,
        from_: datetime | None = None,
        to: datetime | None = None,
        tenure_id: UUID | None = None,
    ) -> list[Row]:
        tenure = tenure_id or self.tenure_id
        return page(self.of(tenure), streams, from_, to, after, limit)

    def of(self, tenure_id: UUID) -> TenureLog:
        return TenureLog(self.conn, self.taker.keys, self.object_id, tenure_id)


@pytest.fixture
def log(db: Session, clock: FixedClock) -> Log:
    return Log(db.connection(), clock)


def position(row: Row) -> Position:
    return (row.placed_at, row.stream, row.seq)


@pytest.mark.parametrize("limit", [1, 2, 7, 60])
@pytest.mark.parametrize("streams", [NAMES, ["washb"], ["wash", "washb"]])
def test_pages_join_to_the_whole_log_in_order(log: Log, limit: int, streams: list[str]) -> None:
    whole = log.page(1000, streams=streams)
    assert [position(row) for row in whole] == sorted({position(row) for row in whole})
    assert len(whole) == 20 * len(streams)
    joined: list[Row] = []
    while rows := log.page(limit, position(joined[-1]) if joined else None, streams):
        assert len(rows) <= limit
        joined += rows
    assert joined == whole


def test_window_is_half_open(log: Log) -> None:
    rows = log.page(1000, from_=log.start - 3 * HOUR, to=log.start - HOUR)
    assert {row.placed_at for row in rows} == {log.start - 3 * HOUR, log.start - 2 * HOUR}
    assert log.page(1000, from_=log.start, to=log.start) == []


def test_window_and_position_narrow_together(log: Log) -> None:
    from_ = log.start - 3 * HOUR
    whole = log.page(1000, from_=from_)
    before = (log.start - 9 * HOUR, "wash", 0)
    assert log.page(1000, before, from_=from_) == whole
    assert log.page(1000, position(whole[4]), from_=from_) == whole[5:]
    assert log.page(1000, position(whole[-1]), from_=from_) == []


def test_nothing_of_another_tenure_stream_or_object_is_read(log: Log) -> None:
    other = make.give_thing
    make.end_tenure(log.conn, log.clock, log.object_id)
    tenure_id = other(log.conn, log.clock, log.object_id)
    assert log.page(1000, tenure_id=tenure_id) == []
    assert log.page(1000, streams=[]) == []
    assert log.page(1000, streams=["was", "%"]) == []
    assert len(log.page(1000)) == 60


def test_latest_are_the_end_of_the_log_backwards(log: Log) -> None:
    whole = log.page(1000)
    found = latest(log.of(log.tenure_id), NAMES, 7)
    assert found == whole[::-1][:7]
    assert latest(log.of(log.tenure_id), [], 7) == []


def test_summary_counts_and_dates_each_stream(log: Log) -> None:
    told = summary(log.conn, log.object_id, log.tenure_id)
    assert {name: one.count for name, one in told.items()} == dict.fromkeys(NAMES, 20)
    assert {one.first_at for one in told.values()} == {log.start - 9 * HOUR}
    assert {one.last_at for one in told.values()} == {log.start}
    assert count_records(log.conn, log.object_id, log.tenure_id) == 60
    assert last_heard(log.conn, log.object_id, log.tenure_id) == log.start


def test_tenure_that_was_never_heard_has_no_summary(log: Log, clock: FixedClock) -> None:
    make.end_tenure(log.conn, clock, log.object_id)
    tenure_id = make.give_thing(log.conn, clock, log.object_id)
    assert summary(log.conn, log.object_id, tenure_id) == {}
    assert count_records(log.conn, log.object_id, tenure_id) == 0
    assert last_heard(log.conn, log.object_id, tenure_id) is None
