"""Records summed up by their owner's days, for plots and cards.

A day is the owner's: 23 or 25 hours long where clocks change. What an interval amounts to is shared
out over the days it touches, by time. A counter's amount is how much it grew; where it falls it was
reset, and its new value is what it grew since. A record whose clock was wrong counts on the day it
was received, whole.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.usage.place import CLOCK
from app.usage.read import Log, page
from app.usage.rows import Row

_LOOK_BACK = timedelta(days=7)  # an interval, or the reading before a counter's first, may lie here
_PAGE = 5000


@dataclass
class FieldTotal:
    """One number field over a day. `total` is the amount; `count`, `minimum`, `maximum` and
    `mean` are of the records that began on the day."""

    total: float = 0.0
    count: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None

    def add(self, value: float) -> None:
        self.count += 1
        self.minimum = value if self.minimum is None else min(self.minimum, value)
        self.maximum = value if self.maximum is None else max(self.maximum, value)
        before = self.mean or 0.0
        self.mean = before + (value - before) / self.count


@dataclass
class Day:
    """What one stream recorded on one day; `minutes` is the time its intervals cover, `texts`
    how often each text or truth value occurred, by field. `is_silent`: nothing at all."""

    day: date
    count: int = 0
    minutes: float = 0.0
    fields: dict[str, FieldTotal] = field(default_factory=dict)
    texts: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def is_silent(self) -> bool:
        return self.count == 0 and self.minutes == 0.0 and not self.fields

    def total(self, name: str) -> float | None:
        """A field's amount; None where nothing was recorded."""
        found = self.fields.get(name)
        return None if found is None else found.total


def by_day(
    log: Log,
    stream: str,
    kind: str,
    zone: ZoneInfo,
    first: date,
    last: date,
) -> list[Day]:
    """Every day from `first` to `last`, both included, also those without a record."""
    start, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    rows = _rows(log, stream, start - _LOOK_BACK, end)
    return add_up(rows, kind, zone, first, last)


def week_to(
    log: Log,
    stream: str,
    kind: str,
    zone: ZoneInfo,
    today: date,
) -> list[Day]:
    """The seven days that end with `today`, for a card."""
    first = today - timedelta(days=6)
    return by_day(log, stream, kind, zone, first, today)


def add_up(rows: Iterable[Row], kind: str, zone: ZoneInfo, first: date, last: date) -> list[Day]:
    """The pure part of `by_day`: rows in order of time, from a while before `first`."""
    days = [Day(first + timedelta(days=n)) for n in range((last - first).days + 1)]
    borders = [_midnight(one.day, zone) for one in days]
    borders.append(_midnight(last + timedelta(days=1), zone))
    before: dict[str, float] = {}
    for row in rows:
        values = json.loads(row.body)
        numbers = {k: v for k, v in values.items() if type(v) in (int, float)}
        amounts = _growth(before, numbers) if kind == "counter" else numbers
        _count(days, borders, row, values, numbers)
        for place, share, minutes in _shares(row, borders):
            days[place].minutes += minutes
            for name, amount in amounts.items():
                total = days[place].fields.setdefault(name, FieldTotal())
                total.total += amount * share
    return days


def sum_up(days: Sequence[Day], name: str) -> float:
    """A field's amount over several days."""
    return sum(day.total(name) or 0.0 for day in days)


def _count(
    days: list[Day],
    borders: Sequence[datetime],
    row: Row,
    values: dict[str, Any],
    numbers: dict[str, float],
) -> None:
    """Count a record, with its values as they are, on the day it began."""
    place = bisect_right(borders, row.placed_at) - 1
    if not 0 <= place < len(days):
        return
    day = days[place]
    day.count += 1
    for name, value in numbers.items():
        day.fields.setdefault(name, FieldTotal()).add(value)
    for name, value in values.items():
        if name not in numbers:
            texts = day.texts.setdefault(name, {})
            text = value if isinstance(value, str) else json.dumps(value)
            texts[text] = texts.get(text, 0) + 1


def _growth(before: dict[str, float], numbers: dict[str, float]) -> dict[str, float]:
    grown = {
        name: value - before[name] if value >= before[name] else value
        for name, value in numbers.items()
        if name in before
    }
    before.update(numbers)
    return grown


def _shares(row: Row, borders: Sequence[datetime]) -> Iterator[tuple[int, float, float]]:
    """The days a record touches: place, share of the record, minutes."""
    is_whole = row.until is None or CLOCK in row.flags or row.until == row.placed_at
    start = row.placed_at
    place = bisect_right(borders, start) - 1
    if is_whole or row.until is None:
        if 0 <= place < len(borders) - 1:
            yield place, 1.0, 0.0
        return
    whole = (row.until - start).total_seconds()
    for index in range(max(place, 0), len(borders) - 1):
        overlap = min(row.until, borders[index + 1]) - max(start, borders[index])
        if overlap <= timedelta(0):
            break
        yield index, overlap.total_seconds() / whole, overlap.total_seconds() / 60


def _rows(
    log: Log,
    stream: str,
    start: datetime,
    end: datetime,
) -> Iterator[Row]:
    after = None
    while True:
        rows = page(log, [stream], start, end, after, _PAGE)
        yield from rows
        if len(rows) < _PAGE:
            return
        after = (rows[-1].placed_at, rows[-1].stream, rows[-1].seq)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
