"""Sums by the owner's days: clocks that change, intervals over midnight, counters."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.usage.days import Day, add_up, sum_up, week_to
from app.usage.entry import Entry, to_micros
from app.usage.ingest import Call, ingest
from app.usage.items import read_items
from app.usage.read import Log
from app.usage.rows import Row
from tests.factories import usage as make

PARIS = ZoneInfo("Europe/Paris")


def row(
    at: str, until: str | None = None, *, flags: str = "", placed: str | None = None, **values: Any
) -> Row:
    began, ended = datetime.fromisoformat(at), until and datetime.fromisoformat(until)
    placed_at = datetime.fromisoformat(placed) if placed else began
    stamps = [t.astimezone(UTC) if t else None for t in (began, ended, placed_at)]
    body = json.dumps(values)
    at, until, placed = (None if one is None else to_micros(one) for one in stamps)
    entry = Entry(0, at, until, placed, placed, flags, None, None, None, None, body, b"")  # type: ignore[arg-type]
    return Row(entry.placed, "s", entry.seq, entry)


def days_of(rows: Sequence[Row], kind: str, first: date, count: int = 3) -> list[Day]:
    return add_up(rows, kind, PARIS, first, first + timedelta(days=count - 1))


def test_instants_are_counted_on_the_owners_day() -> None:
    rows = [
        row("2026-11-01T22:59:59Z", temperature=30),
        row("2026-11-01T23:00:00Z", temperature=40, programme="cotton", spun=True),
        row("2026-11-02T22:59:59Z", temperature=60, programme="cotton"),
    ]
    first, second, third = days_of(rows, "instant", date(2026, 11, 1))
    assert (first.count, second.count, third.count) == (1, 2, 0)
    total = second.fields["temperature"]
    assert (total.total, total.minimum, total.maximum, total.mean) == (100, 40, 60, 50)
    assert second.texts == {"programme": {"cotton": 2}, "spun": {"true": 1}}
    assert third.is_silent
    assert third.total("temperature") is None


def test_interval_over_midnight_is_shared_by_time() -> None:
    rows = [row("2026-11-01T22:00:00+01:00", "2026-11-02T02:00:00+01:00", steps=400)]
    first, second, third = days_of(rows, "interval", date(2026, 11, 1))
    assert (first.minutes, second.minutes, third.minutes) == (120, 120, 0)
    assert (first.total("steps"), second.total("steps")) == (200, 200)
    assert (first.count, second.count) == (1, 0)
    assert (first.fields["steps"].mean, second.fields["steps"].mean) == (400, None)
    assert not second.is_silent


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25)])
def test_days_on_which_clocks_change_are_shorter_and_longer(
    month: int, day: int, hours: int
) -> None:
    start = datetime(2026, month, day - 1, 12, tzinfo=PARIS)
    end = datetime(2026, month, day + 1, 12, tzinfo=PARIS)
    rows = [row(start.isoformat(), end.isoformat(), minutes=hours + 24)]
    days = days_of(rows, "interval", date(2026, month, day - 1))
    assert [d.minutes / 60 for d in days] == [12, hours, 12]
    assert days[1].total("minutes") == pytest.approx(hours)


def test_interval_that_began_before_the_first_day_counts_from_there() -> None:
    rows = [row("2026-10-31T23:00:00+01:00", "2026-11-01T03:00:00+01:00", steps=400)]
    first = days_of(rows, "interval", date(2026, 11, 1))[0]
    assert (first.count, first.minutes, first.total("steps")) == (0, 180, 300)


def test_interval_without_length_counts_whole() -> None:
    rows = [row("2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z", steps=7)]
    assert days_of(rows, "interval", date(2026, 11, 1))[0].total("steps") == 7


def test_record_with_a_wrong_clock_counts_whole_where_it_was_received() -> None:
    wrong = row(
        "1970-01-01T00:00:00Z",
        "2026-11-02T09:00:00Z",
        placed="2026-11-02T09:00:00Z",
        flags="clock",
        steps=7,
    )
    first, second, _ = days_of([wrong], "interval", date(2026, 11, 1))
    assert first.is_silent
    assert (second.count, second.minutes, second.total("steps")) == (1, 0, 7)


def test_counter_amounts_to_its_growth_and_survives_a_reset() -> None:
    rows = [
        row("2026-10-31T12:00:00Z", total=90),
        row("2026-11-01T12:00:00Z", total=100),
        row("2026-11-01T18:00:00Z", total=104),
        row("2026-11-03T12:00:00Z", total=6),
    ]
    days = days_of(rows, "counter", date(2026, 11, 1))
    assert [d.total("total") for d in days] == [14, None, 6]
    assert sum_up(days, "total") == 20


def test_first_reading_of_a_counter_has_no_growth() -> None:
    day = days_of([row("2026-11-01T12:00:00Z", total=90)], "counter", date(2026, 11, 1))[0]
    assert (day.count, day.total("total"), day.fields["total"].maximum) == (1, 0, 90)


def test_week_reads_seven_days_with_what_reaches_into_them(db: Session, clock: FixedClock) -> None:
    conn: Connection = db.connection()
    org_id = make.make_maker(conn, clock)
    product_id = make.make_product(conn, org_id, clock.now() - timedelta(days=100))
    object_id = make.make_thing(conn, clock, org_id, product_id, "S1")
    tenure_id = make.give_thing(conn, clock, object_id, timedelta(days=30))
    spans = [("2026-10-26T23:00", "2026-10-27T01:00"), ("2026-11-02T08:00", "2026-11-02T09:00")]
    records = [
        {"stream": "wear", "at": f"{a}:00+01:00", "until": f"{b}:00+01:00", "values": {"steps": 8}}
        for a, b in spans
    ]
    taker = make.make_taker()
    ingest(conn, clock, taker, Call(org_id, read_items(records, object_id)))
    log = Log(conn, taker.keys, object_id, tenure_id)
    today = date(2026, 11, 2)
    week = week_to(log, "wear", "interval", PARIS, today)
    assert [d.day for d in week][0::6] == [date(2026, 10, 27), today]
    assert [d.minutes for d in week] == [60, 0, 0, 0, 0, 0, 60]
    assert sum_up(week, "steps") == 12
