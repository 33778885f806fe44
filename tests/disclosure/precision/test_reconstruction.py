"""A vendor that was granted days tries to learn more: it asks at many times, for windows of its
own, that overlap, for weeks and months as well. All that it is told follows from whole days."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, product
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.disclosure.precision.answers import answer, summary
from app.disclosure.precision.buckets import Bucket, Size, Window, bucket_of, buckets_between
from app.disclosure.precision.coarsen import coarsen
from app.disclosure.precision.summaries import Summary, summary_told
from app.kit import jsonio
from tests.disclosure.precision.logs import (
    AFTER,
    ALWAYS,
    DAY,
    HOUR,
    LATENESS,
    MINUTE,
    PARIS,
    START,
    STREAMS,
    Made,
    kinds,
    log_of,
    records,
    windows,
)

ASKED: list[Size] = ["day", "week", "month"]


@dataclass(frozen=True)
class Poll:
    """One query, at one time."""

    now: datetime
    asked: Size
    query: Window


@dataclass(frozen=True)
class Vendor:
    """Somebody who was granted days of a stream within a window."""

    kind: str
    window: Window

    def days(self, made: list[Made], now: datetime) -> list[Summary]:
        rows = log_of(made, now)
        return coarsen(rows, STREAMS[self.kind], "day", PARIS, self.window, LATENESS, now)

    def ask(self, made: list[Made], poll: Poll) -> list[dict[str, Any]]:
        days = self.days(made, poll.now)
        terms = PARIS, self.window, LATENESS, poll.now
        return [summary_told(one) for one in answer(days, "day", poll.asked, poll.query, *terms)]

    def transcript(self, made: list[Made], polls: list[Poll]) -> bytes:
        """All that it is told, with the few words on all at each time."""
        told = [self.ask(made, poll) for poll in polls]
        words = [
            summary(self.days(made, poll.now), "day", PARIS, self.window, LATENESS, poll.now)
            for poll in polls
        ]
        return jsonio.dumps([told, words])


@st.composite
def all_polls(draw: st.DrawFn) -> list[Poll]:
    minutes = st.integers(0, 30 * 1440)
    polls = []
    for _ in range(draw(st.integers(1, 12))):
        from_ = START + draw(minutes) * MINUTE
        to = from_ + draw(st.sampled_from([1, 60, 1440, 1500, 9000])) * MINUTE
        query = draw(st.sampled_from([(from_, to), (from_, None), (None, to), ALWAYS]))
        polls.append(Poll(START + draw(minutes) * MINUTE, draw(st.sampled_from(ASKED)), query))
    return polls


vendors = st.builds(Vendor, kinds, windows())


@given(made=records(), vendor=vendors, polls=all_polls())
def test_every_answer_follows_from_the_days(
    made: list[Made], vendor: Vendor, polls: list[Poll]
) -> None:
    """From what is told of days in the end, worked out anew without looking at a record."""
    days = [summary_told(one) for one in vendor.days(made, AFTER)]
    for poll in polls:
        assert _shortened(vendor.ask(made, poll)) == _shortened(_expected(days, vendor, poll))


def _expected(days: list[dict[str, Any]], vendor: Vendor, poll: Poll) -> list[dict[str, Any]]:
    told = []
    first = min(bucket_of(START - 40 * DAY, size, PARIS).start for size in ASKED)
    for bucket in buckets_between(first, START + 70 * DAY, poll.asked, PARIS):
        inside = [d for d in days if bucket.start <= _start(d) < bucket.end]
        is_over = bucket.end + LATENESS <= poll.now
        is_asked = _overlaps(bucket, poll.query)
        if inside and is_over and is_asked and _is_within(bucket, vendor.window):
            counts = {"count": sum(d["count"] for d in inside)}
            if vendor.kind == "interval":
                counts["minutes"] = sum(d["minutes"] for d in inside)
            told.append({"start": bucket.start.isoformat().replace("+00:00", "Z")} | counts)
            fields = [d["values"]["n"] for d in inside if "n" in d.get("values", {})]
            if fields:
                told[-1]["n"] = {
                    name: how(f[name] for f in fields)
                    for name, how in (("sum", sum), ("min", min), ("max", max))
                    if name in fields[0]
                }
    return told


def _shortened(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The start, the count, the minutes and the field `n` of each."""
    short = []
    for one in answers:
        kept = {name: one[name] for name in ("start", "count", "minutes") if name in one}
        n = one.get("n") or one.get("values", {}).get("n")
        told = {name: n[name] for name in ("sum", "min", "max") if name in n} if n else None
        short.append(kept | ({"n": told} if told else {}))
    return short


def _start(day: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(day["start"])


def _overlaps(bucket: Bucket, query: Window) -> bool:
    from_, to = query
    return (to is None or bucket.start < to) and (from_ is None or from_ < bucket.end)


def _is_within(bucket: Bucket, window: Window) -> bool:
    start, end = window
    return (start is None or start <= bucket.start) and (end is None or bucket.end <= end)


@given(
    made=records(), vendor=vendors, polls=all_polls(), seed=st.integers(), noise=records(days=14)
)
def test_logs_with_the_same_days_cannot_be_told_apart(
    made: list[Made], vendor: Vendor, polls: list[Poll], seed: int, noise: list[Made]
) -> None:
    """The heart: what happened within a day, in which order, when it was sent, what came too late
    and what was corrected in time changes not one byte of all that is ever told."""
    log, twin = _plain(made), _scrambled(made, vendor.kind, noise, Random(seed))
    assert vendor.days(log, AFTER) == vendor.days(twin, AFTER)
    assert vendor.transcript(log, polls) == vendor.transcript(twin, polls)


def _plain(made: list[Made]) -> list[Made]:
    return [replace(one, received=one.placed or one.at, corrects=None) for one in made]


def _scrambled(made: list[Made], kind: str, noise: list[Made], random: Random) -> list[Made]:
    """Another log with the same days: records moved within their day, sent at other times, some of
    them first wrong and then corrected; beside others that all came too late."""
    numbers = count()
    twin = []
    by_day: dict[Bucket, list[Made]] = {}
    for one in _plain(made):
        by_day.setdefault(bucket_of(one.placed or one.at, "day", PARIS), []).append(one)
    for day, its in by_day.items():
        its.sort(key=lambda one: one.placed or one.at)
        moved = [_moved(one, day, kind, random) for one in its]
        if kind == "counter":  # steps are of the order
            times = sorted(one.at for one in moved)
            moved = [replace(one, at=at) for one, at in zip(moved, times, strict=True)]
        else:
            values = random.sample([one.values for one in moved], len(moved))
            moved = [replace(one, values=v) for one, v in zip(moved, values, strict=True)]
        deadline = day.end + LATENESS
        for one in moved:
            came = one.at + random.random() * (deadline - one.at)
            name = f"t{next(numbers)}"
            if random.random() < 0.3:
                wrong = replace(one, values={"n": 777, "note": "wrong"}, received=came, name=name)
                fixed = came + random.random() * (deadline - came)
                twin += [wrong, replace(one, received=fixed, name=None, corrects=name)]
            else:
                twin.append(replace(one, received=came, name=name))
                late = deadline + random.random() * DAY
                if random.random() < 0.3 and not _crosses(one, day):
                    wrong = replace(one, values={"n": 888}, received=late, name=None, until=one.at)
                    twin.append(replace(wrong, corrects=name))
    for one in noise:  # days after the last day that they touch
        at, until = one.placed or one.at, one.placed or one.until or one.at
        late = max(at, until) + 3 * DAY
        twin.append(Made(at, until, one.values, received=late))
    return twin


def _crosses(one: Made, day: Bucket) -> bool:
    return one.until is not None and one.until > day.end


def _moved(one: Made, day: Bucket, kind: str, random: Random) -> Made:
    """The record at another time of its day, with the same minutes in it and after it."""
    at = one.placed or one.at
    if one.flags:
        one = replace(one, placed=None, flags="", until=at)
    length = (one.until or at) - at
    if kind == "interval" and at + length > day.end:
        return replace(one, at=at)
    room = day.end - day.start - (length if kind == "interval" else timedelta())
    start = day.start + room // MINUTE * random.random() // 1 * MINUTE
    return replace(one, at=start, until=start + length)


@pytest.mark.parametrize("asked", ASKED)
def test_polling_through_a_running_day_hour_by_hour_tells_it_once(asked: Size) -> None:
    """Each hour of a day of 25 adds a number of its own, so that any difference would name it."""
    day = bucket_of(START + 2 * DAY + HOUR, "day", PARIS)
    assert day.end - day.start == 25 * HOUR
    hours = [day.start + n * HOUR for n in range(25)]
    made = [Made(at + 5 * MINUTE, at + 6 * MINUTE, {"n": 2**n}) for n, at in enumerate(hours)]
    vendor = Vendor("interval", ALWAYS)
    whole = bucket_of(day.start, asked, PARIS)
    told: dict[bytes, int] = {}
    begin = min(day.start, whole.end - 2 * DAY)
    steps = int((whole.end + 2 * DAY - begin) / (4 * HOUR))
    nows = [day.start + n * HOUR for n in range(25)] + [begin + n * 4 * HOUR for n in range(steps)]
    for now, (low, high) in product(nows, [(0, 1), (3, 4), (0, 7), (6, 12), (-30, 2), (23, 60)]):
        query = (day.start + low * HOUR, day.start + high * HOUR)
        answers = vendor.ask(made, Poll(now, asked, query))
        assert bool(answers) == (whole.end + LATENESS <= now)
        for one in answers:
            told[jsonio.dumps(one)] = told.get(jsonio.dumps(one), 0) + 1
    assert len(told) == 1
    only = jsonio.loads(next(iter(told)))
    assert (only["count"], only["minutes"], only["values"]["n"]["sum"]) == (25, 25, 2**25 - 1)
