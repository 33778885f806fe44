"""What must hold for any log: nothing is lost or told twice, and an answer never changes."""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.consent.precision import is_coarser_or_same
from app.disclosure.precision.buckets import (
    Size,
    Window,
    bucket_of,
    buckets_between,
    released,
)
from app.disclosure.precision.coarsen import coarsen, coarser
from app.disclosure.precision.summaries import Summary, summary_told
from app.disclosure.precision.totals import Numbers, Steps, Truths, Words
from app.kit import jsonio
from tests.disclosure.precision.logs import (
    AFTER,
    ALWAYS,
    DAY,
    LATENESS,
    MINUTE,
    PARIS,
    START,
    STREAMS,
    Made,
    kinds,
    log_of,
    records,
    sizes,
    windows,
)

polls = st.integers(0, 20 * 1440).map(lambda n: START + n * MINUTE)


def in_time(made: list[Made]) -> list[Made]:
    """The same records, none late and none corrected; an interval is received as it begins."""
    return [replace(one, received=one.placed or one.at, corrects=None) for one in made]


@given(made=records(), kind=kinds, size=sizes)
def test_buckets_add_up_to_the_whole_log(made: list[Made], kind: str, size: Size) -> None:
    made = in_time(made)
    found = coarsen(log_of(made), STREAMS[kind], size, PARIS, ALWAYS, LATENESS, AFTER)
    assert sum(one.count for one in found) == len(made)
    assert all(one.count or one.minutes for one in found)
    numbers = [one.values["x"] for one in made if "x" in one.values]
    totals = [one.totals["x"] for one in found if "x" in one.totals]
    assert sum(one.count for one in totals if isinstance(one, Numbers | Steps)) == len(numbers)
    if kind != "counter":
        told = sum(Fraction(one.total) for one in totals if isinstance(one, Numbers))
        assert told == sum(Fraction(Decimal(repr(number))) for number in numbers)
    truths = [one.totals["on"] for one in found if "on" in one.totals]
    true = sum(one.true for one in truths if isinstance(one, Truths))
    assert true == sum(one.values.get("on", False) for one in made)
    words = [one.totals["mode"] for one in found if "mode" in one.totals]
    counts = Counter[str]()
    for word in words:
        assert isinstance(word, Words)
        counts.update(word.counts)
    assert counts == Counter(one.values["mode"] for one in made if "mode" in one.values)
    assert not any("note" in one.totals for one in found)


@given(made=records(), size=sizes)
def test_minutes_add_up_to_what_intervals_last(made: list[Made], size: Size) -> None:
    made = in_time(made)
    found = coarsen(log_of(made), STREAMS["interval"], size, PARIS, ALWAYS, LATENESS, AFTER)
    total = sum((one.minutes or Fraction() for one in found), Fraction())
    lengths = [(one.until or one.at) - one.at for one in made if not one.flags]
    assert total == sum(length // MINUTE for length in lengths)


@given(made=records(), size=sizes, start=st.integers(0, 6), days=st.integers(1, 6))
def test_minutes_inside_a_window_are_those_of_its_whole_buckets(
    made: list[Made], size: Size, start: int, days: int
) -> None:
    made = in_time(made)
    window = START + start * DAY + 7 * MINUTE, START + (start + days) * DAY
    found = coarsen(log_of(made), STREAMS["interval"], size, PARIS, window, LATENESS, AFTER)
    inside = buckets_between(*window, size, PARIS)
    whole = [bucket for bucket in inside if released(bucket, window, LATENESS, AFTER)]
    expected = 0.0
    for one in made:
        if one.flags or not window[0] <= one.at < window[1]:
            continue
        for bucket in whole:
            overlap = min(one.until or one.at, bucket.end) - max(one.at, bucket.start)
            expected += max(overlap / MINUTE, 0)
    assert sum(one.minutes or 0 for one in found) == expected
    assert {one.bucket for one in found} <= set(whole)


@given(made=records(), kind=kinds, size=sizes, window=windows(), seed=st.integers())
def test_order_of_the_records_does_not_matter(
    made: list[Made], kind: str, size: Size, window: Window, seed: int
) -> None:
    rows = log_of(made)
    mixed = Random(seed).sample(rows, len(rows))
    one, other = (
        coarsen(log, STREAMS[kind], size, PARIS, window, LATENESS, AFTER) for log in (rows, mixed)
    )
    assert one == other
    assert bytes_of(one) == bytes_of(other)


@given(made=records(), kind=kinds, size=sizes, window=windows(), now=polls)
def test_released_bucket_never_changes(
    made: list[Made], kind: str, size: Size, window: Window, now: datetime
) -> None:
    """What the log holds now tells of a bucket what the log of three years later does."""
    then, later = (
        coarsen(log_of(made, by), STREAMS[kind], size, PARIS, window, LATENESS, by)
        for by in (now, AFTER)
    )
    known = [one for one in later if released(one.bucket, window, LATENESS, now)]
    assert bytes_of(then) == bytes_of(known)


@given(made=records(), kind=kinds, size=sizes, window=windows(), wider=windows())
def test_window_takes_away_whole_buckets_only(
    made: list[Made], kind: str, size: Size, window: Window, wider: Window
) -> None:
    """But for the minutes of what began before it, a bucket is told alike in any window."""

    def told(within: Window) -> dict[datetime, Summary]:
        found = coarsen(log_of(made), STREAMS[kind], size, PARIS, within, LATENESS, AFTER)
        return {one.bucket.start: replace(one, minutes=None) for one in found if one.count}

    one, other = told(window), told(wider)
    assert all(one[start] == other[start] for start in one.keys() & other.keys())


@given(made=records(40), kind=kinds, granted=sizes, asked=sizes)
def test_coarser_answer_is_what_the_log_would_tell(
    made: list[Made], kind: str, granted: Size, asked: Size
) -> None:
    """Where nothing is late."""
    if not is_coarser_or_same(asked, granted):
        return
    rows = log_of(in_time(made))
    given_, direct = (
        coarsen(rows, STREAMS[kind], size, PARIS, ALWAYS, LATENESS, AFTER)
        for size in (granted, asked)
    )
    joined = coarser(given_, granted, asked, PARIS, ALWAYS, LATENESS, AFTER)
    assert joined == direct
    assert bytes_of(joined) == bytes_of(direct)


@given(made=records(), kind=kinds, size=sizes)
def test_answers_are_strict_json_of_whole_buckets(made: list[Made], kind: str, size: Size) -> None:
    found = coarsen(log_of(made), STREAMS[kind], size, PARIS, ALWAYS, LATENESS, AFTER)
    for one in found:
        told = summary_told(one)
        assert jsonio.loads(jsonio.dumps(told)) == told
        assert bucket_of(one.bucket.start, size, PARIS) == one.bucket


def bytes_of(summaries: list[Summary]) -> bytes:
    return jsonio.dumps([summary_told(one) for one in summaries])
