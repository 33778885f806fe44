"""Hours, days, weeks and months by clocks that are changed: cases, and that they divide time."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.consent.precision import is_coarser_or_same
from app.disclosure.precision.buckets import (
    SIZES,
    Bucket,
    Size,
    bucket_of,
    buckets_between,
    released,
    widen,
)
from tests.disclosure.precision.zones import DAY, HOUR, zones_and_times

MICROSECOND = timedelta(microseconds=1)
sizes = st.sampled_from(SIZES)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "size", "at", "start", "end"),
    [
        ("Europe/Paris", "day", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("Europe/Paris", "day", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("Europe/Paris", "hour", "2026-03-29T00:59", "2026-03-29T00:00", "2026-03-29T01:00"),
        ("Europe/Paris", "hour", "2026-10-25T00:30", "2026-10-25T00:00", "2026-10-25T01:00"),
        ("Europe/Paris", "hour", "2026-10-25T01:30", "2026-10-25T01:00", "2026-10-25T02:00"),
        ("Europe/Paris", "week", "2026-10-25T12:00", "2026-10-18T22:00", "2026-10-25T23:00"),
        ("Europe/Paris", "month", "2026-10-25T12:00", "2026-09-30T22:00", "2026-10-31T23:00"),
        ("Europe/Paris", "month", "2026-12-31T23:30", "2026-12-31T23:00", "2027-01-31T23:00"),
        ("Asia/Kolkata", "hour", "2026-05-01T10:00", "2026-05-01T09:30", "2026-05-01T10:30"),
        ("Asia/Kolkata", "day", "2026-05-01T18:29", "2026-04-30T18:30", "2026-05-01T18:30"),
        # Put back at 00:01, so its midnight comes twice and its day has 25 hours
        ("America/St_Johns", "day", "2010-11-07T03:00", "2010-11-07T02:30", "2010-11-08T03:30"),
        ("America/St_Johns", "hour", "2010-11-07T02:32", "2010-11-07T02:30", "2010-11-07T03:30"),
        ("America/St_Johns", "day", "2026-03-08T12:00", "2026-03-08T03:30", "2026-03-09T02:30"),
        # Half an hour of change: an hour of ninety minutes, and one of thirty
        ("Australia/Lord_Howe", "hour", "2026-04-04T15:10", "2026-04-04T14:00", "2026-04-04T15:30"),
        ("Australia/Lord_Howe", "hour", "2026-10-03T15:40", "2026-10-03T15:30", "2026-10-03T16:00"),
        ("Australia/Lord_Howe", "day", "2026-04-04T15:10", "2026-04-04T13:00", "2026-04-05T13:30"),
        # The 30th was left out
        ("Pacific/Apia", "day", "2011-12-30T09:00", "2011-12-29T10:00", "2011-12-30T10:00"),
        ("Pacific/Apia", "day", "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00"),
        ("Pacific/Apia", "week", "2011-12-30T10:00", "2011-12-26T10:00", "2012-01-01T10:00"),
        # The clock jumped over midnight, from 23:30 to 00:30
        ("America/Toronto", "day", "1919-03-31T04:31", "1919-03-31T04:30", "1919-04-01T04:00"),
        # The clock is put forward at midnight
        ("America/Sao_Paulo", "day", "2018-11-04T12:00", "2018-11-04T03:00", "2018-11-05T02:00"),
    ],
)  # fmt: skip
def test_bucket_is_that_of_the_clock(zone: str, size: Size, at: str, start: str, end: str) -> None:
    assert bucket_of(utc(at), size, ZoneInfo(zone)) == Bucket(utc(start), utc(end))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Paris", "2026-03-29T12:00", 23),
        ("Europe/Paris", "2026-10-25T12:00", 25),
        ("Asia/Kolkata", "2026-10-25T12:00", 24),
        ("America/St_Johns", "2010-11-07T12:00", 25),
        ("Australia/Lord_Howe", "2026-04-04T20:00", 24),
        ("Australia/Lord_Howe", "2026-10-03T20:00", 24),
    ],
)
def test_day_has_so_many_hours(zone: str, day: str, hours: int) -> None:
    whole = bucket_of(utc(day), "day", ZoneInfo(zone))
    assert len(list(buckets_between(*whole, "hour", ZoneInfo(zone)))) == hours


@given(where=zones_and_times(), size=sizes)
def test_buckets_divide_time(where: tuple[ZoneInfo, datetime], size: Size) -> None:
    zone, at = where
    found = list(islice(buckets_between(at, at + 1000 * DAY, size, zone), 30))
    assert found[0].start <= at < found[0].end
    assert all(one.end == other.start for one, other in pairwise(found))
    for start, end in found:
        assert start < end
        middle = start + (end - start) / 2
        for inside in (start, middle, end - MICROSECOND):
            assert bucket_of(inside, size, zone) == (start, end)


@given(where=zones_and_times())
def test_hour_begins_where_the_clock_reads_one_or_jumps_over_one(
    where: tuple[ZoneInfo, datetime],
) -> None:
    zone, at = where
    start, end = bucket_of(at, "hour", zone)

    def reads(instant: datetime) -> datetime:
        return instant.astimezone(zone).replace(tzinfo=None, fold=0)

    full = reads(start).replace(minute=0, second=0, microsecond=0)
    assert reads(start) == full or reads(start - MICROSECOND) < full
    assert timedelta(0) < end - start <= 2 * HOUR


@given(where=zones_and_times(), size=st.sampled_from(["day", "week", "month"]))
def test_day_begins_where_the_clock_first_reaches_midnight(
    where: tuple[ZoneInfo, datetime], size: Size
) -> None:
    zone, at = where
    start = bucket_of(at, size, zone).start
    day, before = (one.astimezone(zone).date() for one in (start, start - MICROSECOND))
    assert before < day
    assert all((start - n * HOUR).astimezone(zone).date() < day for n in range(1, 49))


@given(where=zones_and_times(), asked=sizes, granted=sizes)
def test_coarser_bucket_is_made_of_whole_finer_ones(
    where: tuple[ZoneInfo, datetime], asked: Size, granted: Size
) -> None:
    zone, at = where
    if not is_coarser_or_same(asked, granted):
        return
    whole = bucket_of(at, asked, zone)
    parts = list(islice(buckets_between(*whole, granted, zone), 30))
    assert parts[0].start == whole.start
    assert bucket_of(whole.end - MICROSECOND, granted, zone).end == whole.end


@pytest.mark.parametrize(
    ("granted", "asked"),
    [
        ("exact", {"exact", "hour", "day", "week", "month"}),
        ("hour", {"hour", "day", "week", "month"}),
        ("day", {"day", "week", "month"}),
        ("week", {"week"}),
        ("month", {"month"}),
        ("country", set()),
        ("", set()),
    ],
)
def test_what_may_be_asked_is_made_of_what_was_granted(granted: str, asked: set[str]) -> None:
    every = ["exact", *SIZES, "country", "", "year"]
    assert {size for size in every if is_coarser_or_same(size, granted)} == asked


@given(where=zones_and_times(), size=sizes, seconds=st.integers(1, 10**7))
def test_widening_contains_the_query_and_cuts_no_bucket(
    where: tuple[ZoneInfo, datetime], size: Size, seconds: int
) -> None:
    zone, from_ = where
    to = from_ + timedelta(seconds=seconds)
    start, end = widen(from_, to, size, zone)
    assert start is not None
    assert end is not None
    assert start <= from_ < to <= end
    assert bucket_of(start, size, zone).start == start
    assert bucket_of(end, size, zone).start == end
    assert widen(start, end, size, zone) == (start, end)
    assert start == bucket_of(from_, size, zone).start
    assert end == bucket_of(to - MICROSECOND, size, zone).end


def test_local_times_that_come_twice_are_two() -> None:
    zone = ZoneInfo("Europe/Paris")
    first = datetime(2026, 10, 25, 2, tzinfo=zone)
    second = first.replace(fold=1)
    begin, middle, end = (utc(f"2026-10-25T0{n}:00") for n in range(3))
    assert list(buckets_between(first, second, "hour", zone)) == [(begin, middle)]
    assert next(buckets_between(second, second + HOUR, "hour", zone)) == (middle, end)
    assert widen(first, second, "hour", zone) == (begin, middle)


def test_widening_leaves_an_open_side_open() -> None:
    zone, at = ZoneInfo("Europe/Paris"), utc("2026-10-25T12:00")
    assert widen(None, None, "day", zone) == (None, None)
    assert widen(at, None, "day", zone) == (utc("2026-10-24T22:00"), None)
    assert widen(None, at, "day", zone) == (None, utc("2026-10-25T23:00"))


@pytest.mark.parametrize("size", SIZES)
def test_times_that_no_calendar_has_are_no_border(size: Size) -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for name in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        assert widen(first, last, size, ZoneInfo(name)) == (None, None)
        for edge in (datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)):
            assert None not in widen(edge, edge, size, ZoneInfo(name))


LATE = timedelta(hours=2)
ONE = Bucket(utc("2026-11-02T23:00"), utc("2026-11-03T23:00"))


@pytest.mark.parametrize(
    ("window", "now", "expected"),
    [
        ((None, None), ONE.end + LATE, True),
        ((None, None), ONE.end + LATE - MICROSECOND, False),
        ((ONE.start, ONE.end), ONE.end + LATE, True),
        ((ONE.start + MICROSECOND, None), ONE.end + LATE, False),
        ((None, ONE.end - MICROSECOND), ONE.end + LATE, False),
        ((ONE.start - DAY, ONE.end + DAY), ONE.end + 100 * DAY, True),
        ((ONE.end, None), ONE.end + 100 * DAY, False),
        ((None, ONE.start), ONE.end + 100 * DAY, False),
    ],
)
def test_bucket_is_released_whole_inside_and_over(
    window: tuple[datetime | None, datetime | None], now: datetime, expected: bool
) -> None:
    assert released(ONE, window, LATE, now) is expected
