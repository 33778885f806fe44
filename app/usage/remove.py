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
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from app.kit.clock import Clock
from app.kit.ids import new_id
from app.usage import queries
from app.usage.entry import Entry, extend_all, to_micros
from app.usage.errors import LogDamaged
from app.usage.heads import change_head, trust_head
from app.usage.queries import HeadRow
from app.usage.removals import RemovalRow, check_removal, enter_removal, finish_entry
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
from app.usage.store import SMALL, add_segments, drop_segments

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
        now = clock.now()
        entry = RemovalRow(
            *tenure,
            new_id(),
            wanted.stream or "",
            wanted.from_,
            wanted.to,
            reason,
            count,
            sorted(map(str, old)),
            now,
            None if old else now,
        )
        enter_removal(conn, keys, owner_id, entry)
    return count


def seal_anew(conn: Connection, keys: Sealer, removal: RemovalRow) -> bool:
    """Seal under the present keys some of what a removal's old keys still seal; whether nothing
    is left, so that they may be destroyed once this is committed. CannotOpen or LogDamaged where
    something of it was changed."""
    check_removal(keys, removal)
    tenure = (removal.object_id, removal.tenure_id)
    owner_id = queries.lock_tenure(conn, *tenure)
    rows = queries.segments_under(conn, *tenure, key_ids(removal), _STEP)
    if owner_id is None or not rows:
        return True
    turns = _turns(conn, keys, tenure, {row.stream for row in rows})
    made = []
    for row in rows:
        place = StreamPlace(owner_id, row.object_id, row.tenure_id, row.stream, turns[row.stream])
        entries = sorted(open_segment(keys, row), key=_seq)
        made.append(seal(keys, place, entries, row.head_before, row.signed_by))
    drop_segments(conn, rows)
    add_segments(conn, made)
    return False


def _turns(
    conn: Connection, keys: Opener, tenure: tuple[UUID, UUID], streams: set[str]
) -> dict[str, int]:
    """The turn that each stream's keys are at. One that was set back would bring old keys back."""
    found = {}
    for head in queries.heads_of(conn, *tenure):
        if head.stream in streams:
            trust_head(keys, head)
            found[head.stream] = head.key_turn
    if missing := streams - found.keys():
        raise LogDamaged(f"The head of {min(missing)!r} is not there.")
    return found


def note_final(conn: Connection, clock: Clock, keys: Sealer, removal: RemovalRow) -> None:
    """Write down that the keys of a removal are destroyed."""
    owner_id = queries.lock_tenure(conn, removal.object_id, removal.tenure_id)
    if owner_id is not None:
        finish_entry(conn, keys, owner_id, removal, clock.now())


def key_ids(removal: RemovalRow) -> list[UUID]:
    """The keys that a removal made old."""
    return [UUID(one) for one in removal.keys]


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
    trust_head(keys, head)
    old = {row.key_id for row in touched}
    if reason == RETENTION:
        old -= _still_used(conn, head, old, touched)
    turn = head.key_turn + bool(old)
    place = StreamPlace(owner_id, head.object_id, head.tenure_id, head.stream, turn)
    parts = [part for row, parts in pieces if row in touched for part in parts]
    gone = sum(part.row.records for part in parts if not part.entries)
    if reason == RETENTION and (earlier := _mark_before(conn, touched[0])):
        touched, parts = [earlier, *touched], [_Piece(earlier, []), *parts]
    made = list(_rows(keys, place, parts, _STATES[reason]))
    drop_segments(conn, touched)
    add_segments(conn, made)
    change_head(
        conn,
        keys,
        owner_id,
        head,
        gone=head.gone + gone,
        key_turn=turn,
        packed_to=min(head.packed_to, touched[0].first_seq),
        loose=head.loose + sum(row.state == STORED and row.records < SMALL for row in made),
    )
    return gone, old


def _mark_before(conn: Connection, row: SegmentRow) -> SegmentRow | None:
    """What retention left of the days before: the new mark takes it in, so that there is one."""
    place = (row.object_id, row.tenure_id, row.stream)
    return queries.mark_before(conn, *place, row.first_seq, EXPIRED)


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
