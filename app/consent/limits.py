"""How often a vendor may read one object and kind of data: pure, no I/O.

One reading is an answer with records of the kind, together with the pages that go on from it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.consent.errors import OverCount, TooFrequent

PERIODS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}


@dataclass(frozen=True)
class Frequency:
    """At most `count` readings within any span of time as long as `per`."""

    count: int
    per: str

    @property
    def period(self) -> timedelta:
        return PERIODS[self.per]


@dataclass(frozen=True)
class Limits:
    """At most `count` readings ever, and no more often than `frequency`; None for no such limit.
    A single use is a count of one."""

    count: int | None = None
    frequency: Frequency | None = None


@dataclass(frozen=True)
class Used:
    """How often it was read so far, and when lately: at most as many times as the frequency has
    to know, the oldest first."""

    count: int = 0
    recent: Sequence[datetime] = ()


def limits_of(terms: Mapping[str, Any] | None) -> Limits | None:
    """The limits that a detail's terms hold, None where it may be read as often as one likes."""
    told = (terms or {}).get("limits")
    if told is None:
        return None
    frequency = told.get("frequency")
    return Limits(
        1 if told.get("single_use") else told.get("count"),
        None if frequency is None else Frequency(frequency["count"], frequency["per"]),
    )


def written(limits: Limits | None) -> dict[str, Any] | None:
    """As terms hold them and vendors are told them; the inverse of `limits_of`."""
    if limits is None:
        return None
    told: dict[str, Any] = {}
    if limits.count == 1:
        told["single_use"] = True
    elif limits.count is not None:
        told["count"] = limits.count
    if limits.frequency is not None:
        told["frequency"] = {"count": limits.frequency.count, "per": limits.frequency.per}
    return told


def with_use(limits: Limits | None, used: Used) -> dict[str, Any] | None:
    """The same, with how often it was read so far."""
    told = written(limits)
    return None if told is None else told | {"used": used.count}


def fault(limits: Limits, used: Used, now: datetime) -> OverCount | TooFrequent | None:
    """Why it may not be read once more now, or None."""
    if limits.count is not None and used.count >= limits.count:
        return OverCount()
    if limits.frequency is None or len(used.recent) < limits.frequency.count:
        return None
    free_at = used.recent[-limits.frequency.count] + limits.frequency.period
    if free_at <= now:
        return None
    return TooFrequent(retry_after=math.ceil((free_at - now).total_seconds()))


def once_more(limits: Limits, used: Used, now: datetime) -> Used:
    """What was used, with a reading now. What time has freed is forgotten."""
    if limits.frequency is None:
        return Used(used.count + 1)
    since = now - limits.frequency.period
    recent = [at for at in used.recent if at > since]
    return Used(used.count + 1, (*recent, now))


def wider(one: Limits | None, other: Limits | None) -> Limits | None:
    """What gives as much as both. Of two frequencies that neither gives as much as the other, it
    is `one`'s."""
    if one is None or other is None:
        return None
    count = None if one.count is None or other.count is None else max(one.count, other.count)
    frequency = one.frequency
    if one.frequency is None or other.frequency is None:
        frequency = None
    elif not _gives(one.frequency, other.frequency) and _gives(other.frequency, one.frequency):
        frequency = other.frequency
    return Limits(count, frequency) if count is not None or frequency is not None else None


def _gives(one: Frequency, other: Frequency) -> bool:
    """Whether all that keeps to `other` keeps to `one` too: so many spans of the other's length
    cover one of its own."""
    return one.count >= other.count * math.ceil(one.period / other.period)
