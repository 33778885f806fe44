"""Reading what may be read so often and no oftener: counted in the transaction that records it.

A reading is an answer with records and the pages that go on from it by their cursors. They show
what had come when it began and nothing later, so that no cursor stands for a reading of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.consent.decide import Allowed
from app.consent.errors import OverCount, TooFrequent
from app.consent.limits import Used, fault, once_more
from app.consent.uses import count_uses, lock_uses

_OWN_PARTS = 3  # of a position, before what a counted reading adds


@dataclass(frozen=True)
class Counted:
    """One reading. `since` is when it began, None where nothing of it is limited; `streams` what
    it shows, None for all; `used` what its beginning counts, kind by kind."""

    since: datetime | None = None
    streams: frozenset[str] | None = None
    used: Mapping[str, Used] | None = None

    def shows(self, stream: str) -> bool:
        return self.streams is None or stream in self.streams

    def write_position(self, position: list[Any] | None) -> list[Any] | None:
        """Where its next page begins."""
        if position is None or self.since is None:
            return position
        return [*position, self.since.isoformat(), sorted(self.streams or ())]


def begin_or_go_on(
    conn: Connection,
    owner_id: UUID,
    grant_id: UUID,
    allowed: Allowed,
    streams: Mapping[str, str],
    position: list[Any] | None,
    now: datetime,
) -> Counted | OverCount | TooFrequent:
    """The reading that a page belongs to; `streams` are those it could show, with their kinds.

    A kind that may not be read once more is left out; the error is told where no other is left.
    What is counted is locked until the commit.
    """
    limited = sorted(set(streams.values()) & allowed.limits.keys())
    if position is not None and len(position) > _OWN_PARTS:
        since, names = position[_OWN_PARTS:]
        return Counted(datetime.fromisoformat(since), frozenset(names))
    if not limited:
        return Counted()
    used = lock_uses(conn, owner_id, grant_id, allowed.object_id, limited)
    faults = {
        category: found
        for category, one in used.items()
        if (found := fault(allowed.limits[category], one, now)) is not None
    }
    shown = frozenset(name for name, category in streams.items() if category not in faults)
    if not shown:
        return _soonest(faults.values())
    more = {
        category: once_more(allowed.limits[category], one, now)
        for category, one in used.items()
        if category not in faults
    }
    return Counted(now, shown, more)


def count(
    conn: Connection,
    owner_id: UUID,
    grant_id: UUID,
    object_id: UUID,
    reading: Counted,
    has_any: Callable[[str], bool],
) -> None:
    """Count what the reading shows records of, on this page or on a later one."""
    used = {kind: one for kind, one in (reading.used or {}).items() if has_any(kind)}
    count_uses(conn, owner_id, grant_id, object_id, used)


def _soonest(faults: Iterable[OverCount | TooFrequent]) -> OverCount | TooFrequent:
    """What tells the reader most: when something can be read again, if ever."""
    late = [one for one in faults if isinstance(one, TooFrequent)]
    return min(late, key=lambda one: one.extra["retry_after"]) if late else OverCount()
