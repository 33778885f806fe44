"""Queries and few words: what is told, and when there is too little to tell."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given

from app.disclosure.precision.answers import answer, summary
from app.disclosure.precision.buckets import Size, Window
from app.disclosure.precision.coarsen import coarsen
from tests.disclosure.precision.logs import (
    AFTER,
    ALWAYS,
    DAY,
    HOUR,
    LATENESS,
    MINUTE,
    PARIS,
    STREAMS,
    Made,
    kinds,
    log_of,
    records,
    sizes,
    utc,
)

MONDAY = utc("2026-11-01T23:00")  # of Paris
WEAR, WASH = STREAMS["interval"], STREAMS["instant"]


def made_on(*days: int, length: int = 30) -> list[Made]:
    """A record at nine in the morning of each of these days."""
    starts = [MONDAY + day * DAY + 9 * HOUR for day in days]
    return [Made(at, at + length * MINUTE, {"n": 1}) for at in starts]


def told(
    *days: int, window: Window = ALWAYS, now: datetime = AFTER, size: Size = "day", **more: Any
) -> dict[str, Any]:
    found = coarsen(log_of(made_on(*days), now), WEAR, size, PARIS, window, LATENESS, now)
    return summary(found, size, PARIS, window, LATENESS, now, **more)


TEN_DAYS = MONDAY, MONDAY + 10 * DAY


def test_summary_says_how_often_how_long_when_last_and_whether_more() -> None:
    assert told(0, 2, 6, 7, 7, 8, window=TEN_DAYS) == {
        "count": 6,
        "minutes": 180,
        "last": "2026-11-09T23:00:00Z",
        "trend": {"change": "more", "first_half": 0.4, "last_half": 0.8},
    }


def test_summary_of_a_stream_without_lengths_has_no_minutes() -> None:
    rows = log_of(made_on(0, 1, 2, 3, 4))
    found = coarsen(rows, WASH, "week", PARIS, ALWAYS, LATENESS, MONDAY + 8 * DAY)
    words = summary(found, "week", PARIS, ALWAYS, LATENESS, MONDAY + 8 * DAY)
    assert words == {"count": 5, "last": "2026-11-01T23:00:00Z"}


@pytest.mark.parametrize(
    ("days", "change", "first", "last"),
    [
        ([0, 1, 2, 3, 9], "less", 0.8, 0.2),
        ([0, 1, 2, 7, 8, 9], "same", 0.6, 0.6),
        ([5, 5, 5, 5, 5], "more", 0, 1),
    ],
)
def test_trend_compares_the_halves_of_the_window(
    days: list[int], change: str, first: float, last: float
) -> None:
    trend = told(*days, window=TEN_DAYS)["trend"]
    assert trend == {"change": change, "first_half": first, "last_half": last}


def test_stretch_in_the_middle_is_in_neither_half() -> None:
    trend = told(0, 1, 1, 1, 2, window=(MONDAY, MONDAY + 3 * DAY))["trend"]
    assert trend == {"change": "same", "first_half": 1, "last_half": 1}


def test_trend_without_borders_is_from_the_first_record_until_now() -> None:
    trend = told(2, 2, 3, 3, 3, now=MONDAY + 6 * DAY + LATENESS)["trend"]
    assert trend == {"change": "less", "first_half": 2.5, "last_half": 0}


@pytest.mark.parametrize(
    ("days", "more"),
    [([], {}), ([0, 1, 2, 3], {}), ([0, 1], {"least": 3}), ([], {"least": 0}), ([], {"least": 1})],
)
def test_too_few_is_all_that_is_told_of_few(days: list[int], more: dict[str, int]) -> None:
    assert told(*days, window=TEN_DAYS, **more) == {"too_few": True}


def test_records_that_are_not_told_yet_do_not_make_enough() -> None:
    days, release = [0, 1, 2, 3, 4], MONDAY + 5 * DAY + LATENESS
    assert told(*days, now=release - MINUTE) == {"too_few": True}
    assert told(*days, now=release)["count"] == 5
    cut = (MONDAY + MINUTE, None)
    assert told(*days, window=cut) == {"too_few": True}


def test_last_is_a_stretch_never_an_instant() -> None:
    assert told(0, 1, 2, 3, 4, size="month")["last"] == "2026-10-31T23:00:00Z"
    night = Made(MONDAY + 5 * DAY - HOUR, MONDAY + 5 * DAY + HOUR, {"n": 1}, MONDAY + 5 * DAY)
    rows = log_of([*made_on(0, 1, 2, 3), night])
    found = coarsen(rows, WEAR, "day", PARIS, ALWAYS, LATENESS, AFTER)
    assert found[-1].minutes == 60
    last = summary(found, "day", PARIS, ALWAYS, LATENESS, AFTER)["last"]
    assert last == "2026-11-05T23:00:00Z", "where it began, not where it ended"


@given(made=records(), kind=kinds, size=sizes)
def test_summary_of_any_log_tells_what_its_stretches_do(
    made: list[Made], kind: str, size: Size
) -> None:
    found = coarsen(log_of(made), STREAMS[kind], size, PARIS, ALWAYS, LATENESS, AFTER)
    words = summary(found, size, PARIS, ALWAYS, LATENESS, AFTER)
    count = sum(one.count for one in found)
    if count < 5:
        assert words == {"too_few": True}
        return
    assert words["count"] == count
    assert ("minutes" in words) == (kind == "interval")
    trend = words["trend"]
    assert (trend["last_half"] - trend["first_half"] > 0) == (trend["change"] == "more")


def test_query_is_answered_with_whole_stretches() -> None:
    days = coarsen(log_of(made_on(0, 1, 2, 8)), WEAR, "day", PARIS, ALWAYS, LATENESS, AFTER)

    def starts(asked: Size, query: Window) -> list[int]:
        found = answer(days, "day", asked, query, PARIS, ALWAYS, LATENESS, AFTER)
        return [(one.bucket.start - MONDAY) // DAY for one in found]

    hour = MONDAY + DAY + 3 * HOUR, MONDAY + DAY + 4 * HOUR
    assert starts("day", hour) == [1]
    assert starts("week", hour) == [0]
    assert starts("month", hour) == [-1]
    assert starts("day", (None, None)) == [0, 1, 2, 8]
    assert starts("day", (hour[0], None)) == [1, 2, 8]
    assert starts("day", (None, MONDAY + DAY)) == [0]
    assert starts("week", (MONDAY + 7 * DAY, MONDAY + 7 * DAY + MINUTE)) == [7]
    with pytest.raises(ValueError, match="hour"):
        starts("hour", hour)


def test_week_that_is_not_over_is_not_told_though_its_days_are() -> None:
    now = MONDAY + 5 * DAY
    days = coarsen(log_of(made_on(0, 1), now), WEAR, "day", PARIS, ALWAYS, LATENESS, now)
    week = answer(days, "day", "week", ALWAYS, PARIS, ALWAYS, LATENESS, now)
    assert (len(days), week) == (2, [])
    window = MONDAY + DAY, MONDAY + 9 * DAY
    days = coarsen(log_of(made_on(0, 1, 8)), WEAR, "day", PARIS, window, LATENESS, AFTER)
    week = answer(days, "day", "week", ALWAYS, PARIS, window, LATENESS, AFTER)
    assert (len(days), week) == (2, []), "nor one that the window cuts"
