"""Removing a range of time from a log: by its owner, or because its time to be kept is over.

The removal is one transaction: what lies in the range is gone from every reading at once, and its
bytes are out of the table. What stays is a mark with the count and the heads on both sides, so the
gap is seen and the chain still verifies. Making it final comes after, in steps that can be taken
up by another worker: what else the same keys sealed is sealed under new ones, then the old keys
are destroyed. An owner's removal makes every key of a touched month old; retention destroys a
month's key when nothing of the month is left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from app.kit.clock import Clock
from app.kit.ids import new_id
from app.usage import queries
from app.usage.entry import Entry, extend_all, to_micros
from app.usage.models import Removal
from app.usage.queries import HeadRow
from app.usage.segments import (
    ERASED,
    EXPIRED,
    STORED,
    Opener,
    Sealer,
    SegmentRow,
    StreamPlace,
    mark,
    open_segment,
    seal,
)
from app.usage.store import SMALL, add_segments, change_head, drop_segments

OWNER, RETENTION = "owner", "retention"
_STATES = {OWNER: ERASED, RETENTION: EXPIRED}
_STEP = 200  # segments that one step seals anew

_EARLIEST = to_micros(datetime.min.replace(tzinfo=UTC))
_LATEST = to_micros(datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True)
class Range:
    """What is removed: of one stream, or of all where it is None; half-open, by place in time."""

    stream: str | None
    from_: datetime | None
    to: datetime | None

    def holds(self, entry: Entry) -> bool:
        low, high = self.micros()
        return low <= entry.placed < high

    def holds_all(self, row: SegmentRow) -> bool:
        low, high = self.micros()
        return low <= row.placed_from and row.placed_to < high

    def micros(self) -> tuple[int, int]:
        return (
            _EARLIEST if self.from_ is None else to_micros(self.from_),
            _LATEST if self.to is None else to_micros(self.to),
        )


@dataclass(frozen=True)
class Unfinished:
    """A removal whose keys are still to be destroyed."""

    object_id: UUID
    tenure_id: UUID
    removal_id: UUID
    keys: list[UUID]


class _Piece(NamedTuple):
    """A run of a segment: `row` tells its place and heads; `entries` where it stays."""

    row: SegmentRow
    entries: list[Entry]


def remove(
    conn: Connection,
    clock: Clock,
    keys: Sealer,
    tenure: tuple[UUID, UUID],
    wanted: Range,
    reason: str,
) -> int:
    """Take the range out of a tenure (object id, tenure id) and enter that in the log; how many
    records it took. Where it holds nothing, nothing is entered."""
    owner_id = queries.lock_tenure(conn, *tenure)
    if owner_id is None:
        return 0
    count, old = 0, set[UUID]()
    for head in queries.heads_of(conn, *tenure):
        if wanted.stream in (None, head.stream):
            taken, keys_of = _take_out(conn, keys, owner_id, head, wanted, reason)
            count += taken
            old |= keys_of
    if count:
        _enter(conn, clock, tenure, wanted, reason, count, old)
    return count


def next_unfinished(conn: Connection) -> Unfinished | None:
    """A removal that is to be made final."""
    query = select(Removal.object_id, Removal.tenure_id, Removal.removal_id, Removal.keys)
    row = conn.execute(query.where(Removal.final_at.is_(None)).limit(1)).one_or_none()
    return row and Unfinished(row[0], row[1], row[2], [UUID(one) for one in row[3]])


def seal_anew(conn: Connection, keys: Sealer, removal: Unfinished) -> bool:
    """Seal under the present keys some of what a removal's old keys still seal; whether nothing
    is left, so that they may be destroyed once this is committed."""
    owner_id = queries.lock_tenure(conn, removal.object_id, removal.tenure_id)
    rows = queries.segments_under(conn, removal.object_id, removal.tenure_id, removal.keys, _STEP)
    if owner_id is None or not rows:
        return True
    turns = {
        h.stream: h.key_turn for h in queries.heads_of(conn, removal.object_id, removal.tenure_id)
    }
    made = []
    for row in rows:
        place = StreamPlace(owner_id, row.object_id, row.tenure_id, row.stream, turns[row.stream])
        entries = sorted(open_segment(keys, row), key=_seq)
        made.append(seal(keys, place, entries, row.head_before, row.signed_by))
    drop_segments(conn, rows)
    add_segments(conn, made)
    return False


def note_final(conn: Connection, clock: Clock, removal: Unfinished) -> None:
    """Write down that the keys of a removal are destroyed."""
    conn.execute(
        update(Removal)
        .where(
            Removal.object_id == removal.object_id,
            Removal.tenure_id == removal.tenure_id,
            Removal.removal_id == removal.removal_id,
        )
        .values(final_at=clock.now())
    )


def _enter(
    conn: Connection,
    clock: Clock,
    tenure: tuple[UUID, UUID],
    wanted: Range,
    reason: str,
    count: int,
    old: set[UUID],
) -> None:
    now = clock.now()
    entry: dict[str, Any] = {
        "object_id": tenure[0],
        "tenure_id": tenure[1],
        "removal_id": new_id(),
        "stream": wanted.stream or "",
        "placed_from": wanted.from_,
        "placed_to": wanted.to,
        "reason": reason,
        "count": count,
        "keys": sorted(map(str, old)),
        "removed_at": now,
        "final_at": None if old else now,
    }
    conn.execute(insert(Removal), [entry])


def _take_out(
    conn: Connection, keys: Sealer, owner_id: UUID, head: HeadRow, wanted: Range, reason: str
) -> tuple[int, set[UUID]]:
    """Take the range out of one stream: the number of records, and the keys that are old now."""
    near = queries.segments_between(
        conn, head.object_id, head.tenure_id, head.stream, *wanted.micros()
    )
    pieces = [(row, list(_pieces(keys, row, wanted))) for row in near]
    touched = [row for row, parts in pieces if not all(part.entries for part in parts)]
    if not touched:
        return 0, set()
    old = {row.key_id for row in touched}
    if reason == RETENTION:
        old -= _still_used(conn, head, old, touched)
    turn = head.key_turn + bool(old)
    place = StreamPlace(owner_id, head.object_id, head.tenure_id, head.stream, turn)
    parts = [part for row, parts in pieces if row in touched for part in parts]
    made = list(_rows(keys, place, parts, _STATES[reason]))
    drop_segments(conn, touched)
    add_segments(conn, made)
    gone = sum(part.row.records for part in parts if not part.entries)
    change_head(
        conn,
        head,
        gone=head.gone + gone,
        key_turn=turn,
        packed_to=min(head.packed_to, touched[0].first_seq),
        loose=head.loose + sum(row.state == STORED and row.records < SMALL for row in made),
    )
    return gone, old


def _pieces(keys: Opener, row: SegmentRow, wanted: Range) -> Iterator[_Piece]:
    """The segment as runs of its sequence that go and stay in turn."""
    if wanted.holds_all(row):
        yield _Piece(row, [])
        return
    head = row.head_before
    for goes, run in groupby(sorted(open_segment(keys, row), key=_seq), wanted.holds):
        entries = list(run)
        after = extend_all(head, entries)
        times = [entry.placed for entry in entries]
        place = row._replace(
            first_seq=entries[0].seq,
            records=len(entries),
            placed_from=min(times),
            placed_to=max(times),
            head_before=head,
            head_after=after,
        )
        yield _Piece(place, [] if goes else entries)
        head = after


def _still_used(
    conn: Connection, head: HeadRow, old: set[UUID], touched: Sequence[SegmentRow]
) -> set[UUID]:
    """Those keys that seal something which is not touched."""
    going = {row.first_seq for row in touched}
    rows = queries.keys_in_use(conn, head.object_id, head.tenure_id, head.stream, old)
    return {key_id for first_seq, key_id in rows if first_seq not in going}


def _rows(
    keys: Sealer, place: StreamPlace, parts: Sequence[_Piece], state: str
) -> Iterator[SegmentRow]:
    """What takes the place of the pieces: segments, and one mark for neighbours that go."""
    going: list[SegmentRow] = []
    for row, entries in parts:
        if going and (entries or going[-1].next_seq != row.first_seq):
            yield mark(keys, place, going, state)
            going = []
        if entries:
            yield seal(keys, place, entries, row.head_before, row.signed_by)
        else:
            going.append(row)
    if going:
        yield mark(keys, place, going, state)


def _seq(entry: Entry) -> int:
    return entry.seq
