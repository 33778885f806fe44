"""Stretches of time by somebody's clock: its hours, days, weeks from Monday and months.

One rule places every border, whatever a zone does: a day begins at the first instant at which the
clock has reached its midnight, so days are 23, 24 or 25 hours long and one that was skipped has
none. An hour begins wherever the clock reads a full hour or jumps over one, so an hour that comes
twice is two hours. Where a clock is put back by half an hour, the hour is ninety minutes long.
Times lie in the years 2 to 9998.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

Size = Literal["hour", "day", "week", "month"]
Window = tuple[datetime | None, datetime | None]

SIZES: tuple[Size, ...] = ("hour", "day", "week", "month")
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
_LEAST = timedelta(microseconds=1)
_FIRST = datetime(2, 1, 1, tzinfo=UTC)
_LAST = datetime(9998, 12, 31, tzinfo=UTC)


class Bucket(NamedTuple):
    """A half-open stretch of time, in UTC."""

    start: datetime
    end: datetime


def bucket_of(at: datetime, size: Size, zone: ZoneInfo) -> Bucket:
    """The one stretch that an instant lies in."""
    at = at.astimezone(UTC)
    if size == "hour":
        return Bucket(_hour_start(at, zone), _hour_end(at, zone))
    day = _first_day(_local(at, zone).date(), size)
    while (end := _midnight(_next_day(day, size), zone)) <= at:  # put back over a midnight
        day = _next_day(day, size)
    return Bucket(_midnight(day, zone), end)


def buckets_between(from_: datetime, to: datetime, size: Size, zone: ZoneInfo) -> Iterator[Bucket]:
    """The stretches that have part in [from_, to), in order and without a gap."""
    from_, to = from_.astimezone(UTC), to.astimezone(UTC)  # local times of one zone ignore fold
    while from_ < to:
        bucket = _cached_bucket(from_, size, zone)
        yield bucket
        from_ = bucket.end


def widen(from_: datetime | None, to: datetime | None, size: Size, zone: ZoneInfo) -> Window:
    """A window outward to whole stretches; None, and a time no calendar has, stay open."""
    start = None if from_ is None or from_ < _FIRST else bucket_of(from_, size, zone).start
    if to is None or to > _LAST:
        return start, None
    to = to.astimezone(UTC)
    last = bucket_of(to, size, zone)
    return start, to if last.start == to else last.end


def released(bucket: Bucket, window: Window, lateness: timedelta, now: datetime) -> bool:
    """Whether a stretch may be told: it lies wholly inside the window, and is over, as is the time
    that its records may come late. `now` is a time before which everything that came is stored."""
    return is_inside(bucket, window) and bucket.end + lateness <= now


def is_inside(bucket: Bucket, window: Window) -> bool:
    """Whether a stretch lies wholly inside a window; None is no border."""
    start, end = window
    return (start is None or start <= bucket.start) and (end is None or bucket.end <= end)


_cached_bucket = lru_cache(maxsize=20_000)(bucket_of)  # long intervals cross the same borders


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock reads."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _hour_start(at: datetime, zone: ZoneInfo) -> datetime:
    read = _local(at, zone)
    full = read.replace(minute=0, second=0, microsecond=0)
    start = at - (read - full)
    change = _change_between(start, at, zone)
    if change is None:
        return start
    if _local(change - _LEAST, zone) < full:
        return change
    return _hour_start(change - _LEAST, zone)


def _hour_end(at: datetime, zone: ZoneInfo) -> datetime:
    read = _local(at, zone)
    full = read.replace(minute=0, second=0, microsecond=0) + _HOUR
    end = at + (full - read)
    change = _change_between(at, end, zone)
    if change is None:
        return end
    new = _local(change, zone)
    is_full = (new.minute, new.second, new.microsecond) == (0, 0, 0)
    return change if new >= full or is_full else _hour_end(change, zone)


def _first_day(day: date, size: Size) -> date:
    if size == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if size == "month" else day


def _next_day(day: date, size: Size) -> date:
    """The first day of the stretch after the one that begins with `day`."""
    if size == "month":
        return date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return day + (_WEEK if size == "week" else _DAY)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock reads this midnight, or later (PEP 495: of a time that
    is skipped, fold=0 lies behind the jump and fold=1 before it)."""
    midnight = datetime.combine(day, time(), zone)
    first, other = midnight.astimezone(UTC), midnight.replace(fold=1).astimezone(UTC)
    return first if first <= other else _change_between(other, first, zone) or first


def _change_between(start: datetime, end: datetime, zone: ZoneInfo) -> datetime | None:
    """When in (start, end] the clock was changed; no zone changes twice within a day."""
    before = _offset(start, zone)
    if before == _offset(end, zone):
        return None
    low, high = 0, (end - start) // _LEAST
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(start + middle * _LEAST, zone) == before:
            low = middle
        else:
            high = middle
    return start + high * _LEAST


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
