"""Writing to the log: the next run of a stream's records, as segments, under its chain of heads."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby, repeat
from operator import itemgetter
from os import urandom
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, insert

from app.keys.log_keys import KeyName, KeysMissing
from app.kit.prepared import Prepared, run_together
from app.usage.entry import SALT_BYTES, Entry, all_micros, from_micros, make_entries, to_micros
from app.usage.heads import keeping, seal_head
from app.usage.models import RecentName, Segment
from app.usage.packing import MOST_ENTRIES
from app.usage.queries import HeadRow
from app.usage.seals import name_of_seal
from app.usage.segments import Sealer, SegmentRow, StreamPlace, by_month, month_at, seal

SMALL = 100  # records; a segment of fewer waits to be packed with its neighbours

_ADD_SEGMENTS, _ADD_NAMES = Prepared(insert(Segment)), Prepared(insert(RecentName))


# A record that will be stored, as plain as there are many: at, until, placed, flags, record id,
# epoch, sequence, corrects, body, signed by.
Fresh = tuple[
    datetime,
    datetime | None,
    datetime,
    str,
    str | None,
    str | None,
    int | None,
    str | None,
    str,
    str | None,
]
_SIGNED_BY = itemgetter(9)


def append(
    conn: Connection,
    keys: Sealer,
    now: datetime,
    fresh: Sequence[tuple[StreamPlace, HeadRow, int | None, Sequence[Fresh]]],
) -> None:
    """Append to each stream its records in their order, to be kept for so many days. The caller
    holds the objects' locks and trusts the heads."""
    segments: list[SegmentRow] = []
    moved = []
    for place, head, keep_days, records in fresh:
        try:
            came = max(now, head.last_received_at)  # numbers and times of coming go the same way
            made = list(_segments(keys, place, head, records, to_micros(came)))
            moved.append(seal_head(keys, place.owner_id, _move(head, made, keep_days, came)))
        except KeysMissing as missing:
            raise KeysMissing(names=_names(fresh)) from missing
        segments += made
    run_together(conn, [_adding(segments), keeping(moved)])


def add_segments(conn: Connection, rows: Sequence[SegmentRow]) -> None:
    """Insert them as they are."""
    run_together(conn, [_adding(rows)])


def _adding(rows: Sequence[SegmentRow]) -> tuple[Prepared, list[dict[str, Any]]]:
    return _ADD_SEGMENTS, [_columns(row) for row in rows]


def drop_segments(conn: Connection, rows: Iterable[SegmentRow]) -> None:
    """Delete the rows that others take the place of."""
    for key, run in groupby(rows, lambda row: (row.object_id, row.tenure_id, row.stream)):
        numbers = [row.first_seq for row in run]
        for start in range(0, len(numbers), 500):
            conn.execute(
                delete(Segment).where(
                    Segment.object_id == key[0],
                    Segment.tenure_id == key[1],
                    Segment.stream == key[2],
                    Segment.first_seq.in_(numbers[start : start + 500]),
                )
            )


def note_names(conn: Connection, names: Sequence[tuple[UUID, bytes, bytes, datetime]]) -> None:
    """Remember (object, hash of a name, hash of the content) until some time."""
    rows = [
        {"object_id": o, "name_hash": name, "content_hash": content, "forget_at": until}
        for o, name, content, until in names
    ]
    _ADD_NAMES.run_each(conn, rows)


def _names(
    fresh: Sequence[tuple[StreamPlace, HeadRow, int | None, Sequence[Fresh]]],
) -> set[KeyName]:
    """The keys that all of it needs, so that they are fetched at once."""
    seals = {name_of_seal(place.owner_id, place.tenure_id) for place, *_ in fresh}
    return seals | {
        KeyName(place.owner_id, place.tenure_id, place.stream, month, place.turn)
        for place, _, _, records in fresh
        for month in {month_at(placed) for _, _, placed, *_ in records}
    }


def _segments(
    keys: Sealer, place: StreamPlace, head: HeadRow, records: Sequence[Fresh], now: int
) -> Iterable[SegmentRow]:
    entries = _entries(head.next_seq, records, now)
    before, start = head.head, 0
    for signed_by, run in groupby(records, _SIGNED_BY):
        end = start + sum(1 for _ in run)
        for part in by_month(entries[start:end], MOST_ENTRIES):
            row = seal(keys, place, part, before, signed_by)
            before = row.head_after
            yield row
        start = end


def _entries(first_seq: int, records: Sequence[Fresh], received: int) -> list[Entry]:
    """The records numbered and salted, made column by column."""
    count = len(records)
    at, until, placed, *named, _ = zip(*records, strict=True)
    begin = all_micros(at)
    stands = begin if placed == at else all_micros(placed)
    salts = urandom(SALT_BYTES * count)
    salt = [salts[i : i + SALT_BYTES] for i in range(0, len(salts), SALT_BYTES)]
    numbers = range(first_seq, first_seq + count)
    return make_entries(numbers, begin, all_micros(until), stands, repeat(received), *named, salt)


def expiry(oldest: int | None, keep_days: int | None) -> datetime | None:
    """When a record placed at `oldest` is no longer kept: after its day of UTC and so many more,
    so that a stream is cut once a day."""
    if oldest is None or keep_days is None:
        return None
    day = from_micros(oldest).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=keep_days + 1)


def _move(
    head: HeadRow, made: Sequence[SegmentRow], keep_days: int | None, now: datetime
) -> HeadRow:
    latest = from_micros(max(row.placed_to for row in made))
    ends = [head.expires_at, expiry(min(row.placed_from for row in made), keep_days)]
    return head._replace(
        next_seq=made[-1].next_seq,
        head=made[-1].head_after,
        reach=max(head.reach, *(row.placed_to - row.placed_from for row in made)),
        loose=head.loose + sum(row.records < SMALL for row in made),
        expires_at=min((end for end in ends if end is not None), default=None),
        last_placed_at=latest if head.next_seq == 0 else max(head.last_placed_at, latest),
        last_received_at=now,
    )


def _columns(row: SegmentRow) -> dict[str, Any]:
    columns = row._asdict()
    columns["placed_from"] = from_micros(row.placed_from)
    columns["placed_to"] = from_micros(row.placed_to)
    return columns
