"""Records in the order in which they came, which is that of their numbers in each stream.

A stream's times of coming never go back, so what came behind an instant is what follows one number.
"""

from bisect import bisect_right
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from app.usage import queries
from app.usage.entry import Entry, to_micros
from app.usage.read import Log, mark_corrected
from app.usage.rows import Row, make_rows
from app.usage.segments import SegmentRow, open_segment

_NEAR = 64  # numbers before the end, where the search for what is new begins
_STEP = 8  # segments at once


class Heard(NamedTuple):
    """A stream of a tenure, and when it was last heard."""

    object_id: UUID
    tenure_id: UUID
    stream: str
    last_received_at: datetime


def heard_since(conn: Connection, objects: Collection[UUID], since: datetime | None) -> list[Heard]:
    """The streams of these objects, of every tenure, that something came to behind an instant (of
    all time, if None)."""
    return [
        Heard(*key, head.last_received_at)
        for key, head in sorted(queries.heads(conn, objects).items())
        if since is None or head.last_received_at > since
    ]


def arrivals(
    log: Log,
    stream: str,
    since: datetime | None,
    until: datetime,
    behind: int | None,
    limit: int,
) -> list[Row]:
    """Up to `limit` of a stream's records with since < received_at <= until, in order of coming;
    behind a number, if that is given. Corrected ones are among them, and marked."""
    seq = _first_since(log, stream, since) if behind is None else behind + 1
    last = to_micros(until)
    found: list[Entry] = []
    while len(found) < limit:
        rows = queries.segments_at(log.conn, log.object_id, log.tenure_id, stream, seq, _STEP)
        for row in rows:
            entries = [one for one in _numbered(log, row) if one.seq >= seq]
            found += (one for one in entries if one.received <= last)
            seq = row.next_seq
            if len(found) >= limit or (entries and entries[-1].received > last):
                return mark_corrected(log, make_rows(stream, found[:limit]))
        if len(rows) < _STEP:
            break
    return mark_corrected(log, make_rows(stream, found[:limit]))


def _first_since(log: Log, stream: str, since: datetime | None) -> int:
    """The number that what came behind an instant begins with: looked for near the end first, for
    most of what is asked for is little."""
    head = queries.head_of(log.conn, log.object_id, log.tenure_id, stream)
    if since is None or head is None:
        return 0
    at = to_micros(since)
    low, high, step = 0, head.next_seq, _NEAR  # below low all came by then, from high on none did
    while low < high:
        middle = (low + high) // 2 if low else max(0, high - step)
        step *= 8
        rows = queries.segments_at(log.conn, log.object_id, log.tenure_id, stream, middle, 1)
        entries = [e for row in rows for e in _numbered(log, row) if middle <= e.seq < high]
        passed = bisect_right(entries, at, key=lambda entry: entry.received)
        if passed == 0:
            high = middle
        elif passed < len(entries):
            return entries[passed].seq
        else:
            low = entries[-1].seq + 1
    return low


def _numbered(log: Log, row: SegmentRow) -> list[Entry]:
    """A segment's entries in order of their numbers."""
    return sorted(open_segment(log.keys, row), key=lambda entry: entry.seq)
