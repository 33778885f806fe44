"""Packing: small neighbouring segments of a stream become segments of 100 to 256 records.

What was committed to stays: the records, their salts and the chain of heads are the same in the
packed segment, whose entries lie in order of time whatever order they came in. Neighbours join
where they are of one month and were signed by the same key, as soon as they are enough.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from uuid import UUID

from sqlalchemy import Connection, select

from app.kit.logs import logger
from app.objects.models import Tenure
from app.usage import queries
from app.usage.entry import Entry
from app.usage.errors import LogDamaged
from app.usage.heads import change_head, put_off, trust_head
from app.usage.models import StreamHead
from app.usage.segments import (
    STORED,
    CannotOpen,
    Sealer,
    SegmentRow,
    StreamPlace,
    month_of,
    open_segment,
    seal,
)
from app.usage.store import SMALL, add_segments, drop_segments

MOST = 256
_LOOSE = 16  # segments that make a stream worth packing
_URGENT = 512  # segments that make it worth waiting for
_READ = 1000  # segments that one step looks at


def pack_next(conn: Connection, keys: Sealer) -> bool:
    """Pack the stream that has the most loose segments, as far as one step goes; whether there
    was one. KeysMissing where this process does not hold its keys."""
    found = _next_loose(conn)
    if found is None:
        return False
    try:
        with conn.begin_nested():
            pack_stream(conn, keys, *found)
    except (CannotOpen, ChainBroken, LogDamaged) as error:
        logger.error("a stream was not packed; verify its log", fault=str(error))
        _leave_alone(conn, keys, *found)
    return True


def _next_loose(conn: Connection) -> tuple[UUID, UUID, str] | None:
    """The stream that needs it most. One whose object is being written to, or packed by another
    process, is passed over until it has very many: who waits for it makes its writers wait."""
    loosest = (
        select(StreamHead.object_id, StreamHead.tenure_id, StreamHead.stream, StreamHead.loose)
        .join(
            Tenure,
            (Tenure.object_id == StreamHead.object_id) & (Tenure.tenure_id == StreamHead.tenure_id),
        )
        .where(StreamHead.loose >= _LOOSE)
        .order_by(StreamHead.loose.desc(), StreamHead.object_id)
        .limit(1)
    )
    row = conn.execute(loosest).one_or_none()
    if row is not None and row.loose < _URGENT:
        free = loosest.with_for_update(of=Tenure, key_share=True, skip_locked=True)
        row = conn.execute(free).one_or_none()
    return None if row is None else (row.object_id, row.tenure_id, row.stream)


def pack_stream(
    conn: Connection, keys: Sealer, object_id: UUID, tenure_id: UUID, stream: str
) -> int:
    """One step through one stream; how many segments it has fewer."""
    owner_id = queries.lock_tenure(conn, object_id, tenure_id)
    head = queries.head_of(conn, object_id, tenure_id, stream)
    if owner_id is None or head is None:
        return 0
    trust_head(keys, head)
    rows = queries.run_of_segments(conn, object_id, tenure_id, stream, head.packed_to, _READ)
    place = StreamPlace(owner_id, object_id, tenure_id, stream, head.key_turn)
    groups = list(_groups(rows))
    is_end = len(rows) < _READ
    open_tail = [groups.pop()] if groups and is_end and _count(groups[-1]) < SMALL else []
    fewer, reach = 0, head.reach
    for group in groups:
        if len(group) > 1:
            made = list(_packed(keys, place, group))
            drop_segments(conn, group)
            add_segments(conn, made)
            fewer += len(group) - len(made)
            reach = max(reach, *(row.placed_to - row.placed_from for row in made))
    done = open_tail[0][0].first_seq if open_tail else rows[-1].next_seq if rows else head.packed_to
    loose = 0 if is_end else head.loose  # a tail that is too short waits for so many more
    change_head(conn, keys, owner_id, head, packed_to=done, loose=loose, reach=reach)
    return fewer


def _leave_alone(
    conn: Connection, keys: Sealer, object_id: UUID, tenure_id: UUID, stream: str
) -> None:
    owner_id = queries.lock_tenure(conn, object_id, tenure_id)
    head = queries.head_of(conn, object_id, tenure_id, stream)
    if head is None or owner_id is None:
        return
    try:
        change_head(conn, keys, owner_id, head, loose=0)
    except LogDamaged:
        put_off(conn, head, loose=0)


def _groups(rows: Sequence[SegmentRow]) -> Iterator[list[SegmentRow]]:
    """Neighbours that will be packed together; one that is large enough stays by itself."""
    for _, run in groupby(rows, _kind):
        groups: list[list[SegmentRow]] = []
        for row in run:
            if groups and _joins(groups[-1], row):
                groups[-1].append(row)
            else:
                groups.append([row])
        if len(groups) > 1 and _count(groups[-1]) < SMALL and groups[-1][0].state == STORED:
            last = groups.pop()
            groups[-1] += last
        yield from groups


def _kind(row: SegmentRow) -> tuple[str, int, str]:
    return row.state, month_of(row.placed_from), row.signed_by or ""


def _joins(group: list[SegmentRow], row: SegmentRow) -> bool:
    if row.state != STORED:
        return False
    count = _count(group)
    return count < SMALL or (row.records < SMALL and count + row.records <= MOST)


def _count(group: Sequence[SegmentRow]) -> int:
    return sum(row.records for row in group)


def _packed(keys: Sealer, place: StreamPlace, group: Sequence[SegmentRow]) -> Iterator[SegmentRow]:
    """The group as one segment, or as few of the same size as hold it."""
    entries = sorted((e for row in group for e in open_segment(keys, row)), key=_seq)
    parts = -(-len(entries) // MOST)
    head = group[0].head_before
    for part in range(parts):
        run = entries[len(entries) * part // parts : len(entries) * (part + 1) // parts]
        row = seal(keys, place, run, head, group[0].signed_by)
        yield row
        head = row.head_after
    if head != group[-1].head_after:
        raise ChainBroken(group[0])


def _seq(entry: Entry) -> int:
    return entry.seq


class ChainBroken(Exception):
    """The records do not lead from the head before to the head after, so nothing is rewritten:
    `inseam log verify` says where."""

    def __init__(self, row: SegmentRow) -> None:
        super().__init__(f"{row.object_id} {row.stream} from {row.first_seq}")
