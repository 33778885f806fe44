"""The check of a whole log from its stored bytes: what was changed, moved or taken out is named.

Everything is computed anew: each segment must open under its own columns, its records must lead
from the head before to the head after, and the segments must follow each other without a hole up
to where the stream's head says it stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, select

from app.kit.errors import DomainError
from app.objects.models import Tenure
from app.usage import queries
from app.usage.entry import Entry, extend, genesis, leaf_of, to_micros
from app.usage.models import Segment
from app.usage.queries import HeadRow
from app.usage.segments import STORED, CannotOpen, Opener, SegmentRow, open_segment, summed_days

_PAGE = 200


@dataclass(frozen=True)
class Fault:
    """The first thing of a stream that does not fit. `seq` is the record's number, or that of the
    segment's first record."""

    tenure_id: UUID
    stream: str
    what: str
    seq: int
    text: str


@dataclass(frozen=True)
class Report:
    """What a check found: how much it went through, and the first fault of each stream."""

    streams: int
    segments: int
    records: int
    removed: int
    faults: list[Fault]


class _Broken(Exception):
    """Something does not fit; the rest of the stream is not looked at."""

    def __init__(self, what: str, seq: int, text: str) -> None:
        super().__init__(text)
        self.what, self.seq, self.text = what, seq, text


@dataclass
class _Walk:
    """How far the check of one stream has come."""

    head: bytes
    next_seq: int = 0
    segments: int = 0
    records: int = 0
    removed: int = 0
    placed_to: int | None = None
    reach: int = 0


def verify_log(conn: Connection, keys: Opener, object_id: UUID) -> Report:
    """Check the logs of all of an object's tenures. KeysMissing where a key is not at hand."""
    tenures = select(Tenure.tenure_id).where(Tenure.object_id == object_id)
    heads = queries.heads(conn, [object_id])
    walks: list[_Walk] = []
    faults: list[Fault] = []
    known = set(heads) | set(_streams_with_segments(conn, object_id))
    known |= {(object_id, tenure_id, "") for tenure_id in conn.execute(tenures).scalars()}
    for key in sorted(known, key=str):
        walk = _Walk(genesis(*key))
        try:
            _check_stream(conn, keys, key, heads.get(key), walk)
        except _Broken as fault:
            faults.append(Fault(key[1], key[2], fault.what, fault.seq, fault.text))
        walks.append(walk)
    return Report(
        len(heads),
        sum(walk.segments for walk in walks),
        sum(walk.records for walk in walks),
        sum(walk.removed for walk in walks),
        faults,
    )


def _streams_with_segments(conn: Connection, object_id: UUID) -> Iterator[tuple[UUID, UUID, str]]:
    query = select(Segment.tenure_id, Segment.stream).where(Segment.object_id == object_id)
    for tenure_id, stream in conn.execute(query.distinct()):
        yield object_id, tenure_id, stream


def _check_stream(
    conn: Connection,
    keys: Opener,
    key: tuple[UUID, UUID, str],
    head: HeadRow | None,
    walk: _Walk,
) -> None:
    for row in _segments(conn, key):
        _check_segment(keys, row, walk)
    if head is None:
        if walk.segments:
            raise _Broken("head", walk.next_seq, "The stream has segments and no head.")
        return
    if (head.next_seq, head.head) != (walk.next_seq, walk.head):
        text = f"The head stands at {head.next_seq}; the segments lead to {walk.next_seq}."
        raise _Broken("head", walk.next_seq, text)
    _check_head(head, walk)


def _segments(conn: Connection, key: tuple[UUID, UUID, str]) -> Iterator[SegmentRow]:
    first_seq = -(2**62)
    while rows := queries.run_of_segments(conn, *key, first_seq, _PAGE):
        yield from rows
        first_seq = rows[-1].first_seq + 1


def _check_segment(keys: Opener, row: SegmentRow, walk: _Walk) -> None:
    if row.first_seq != walk.next_seq:
        text = f"Records {walk.next_seq} to {row.first_seq - 1} are not there."
        if row.first_seq < walk.next_seq:
            text = f"Two segments hold record {row.first_seq}."
        raise _Broken("link", walk.next_seq, text)
    if row.head_before != walk.head:
        raise _Broken("link", row.first_seq, "It does not go on from the head before it.")
    entries = _open(keys, row)
    if row.state == STORED:
        _check_entries(row, sorted(entries, key=lambda entry: entry.seq))
        walk.records += row.records
    else:
        walk.removed += row.records
    walk.segments += 1
    walk.head, walk.next_seq = row.head_after, row.next_seq
    walk.placed_to = row.placed_to if walk.placed_to is None else max(walk.placed_to, row.placed_to)
    if row.state == STORED:
        walk.reach = max(walk.reach, row.placed_to - row.placed_from)


def _open(keys: Opener, row: SegmentRow) -> list[Entry]:
    try:
        return open_segment(keys, row)
    except CannotOpen as error:
        text = "It does not open: its bytes or its columns were changed, or it was moved."
        raise _Broken("segment", row.first_seq, text) from error
    except DomainError as error:
        raise _Broken("segment", row.first_seq, f"Its key is gone: {error.detail}") from error


def _check_entries(row: SegmentRow, entries: list[Entry]) -> None:
    """What the seal holds together already is checked again, as whoever has the key could write."""
    head = row.head_before
    for number, entry in enumerate(entries, row.first_seq):
        if entry.seq != number:
            raise _Broken("record", number, "The record is not there.")
        head = extend(head, leaf_of(entry))
    if len(entries) != row.records or head != row.head_after:
        raise _Broken("record", row.first_seq, "Its records do not lead to the head after it.")
    times = [entry.placed for entry in entries]
    clear = (row.placed_from, row.placed_to, row.days)
    if clear != (min(times), max(times), summed_days(times)):
        raise _Broken("segment", row.first_seq, "Its times are not those of its records.")


def _check_head(head: HeadRow, walk: _Walk) -> None:
    """The head's own figures, as far as the segments tell them."""
    told = to_micros(head.last_placed_at)
    if walk.placed_to is not None and told != walk.placed_to:
        raise _Broken("head", head.next_seq, "Its latest time is not that of the segments.")
    if head.gone != walk.removed:
        raise _Broken("head", head.next_seq, "Its count of removed records is wrong.")
    if head.reach < walk.reach:
        raise _Broken("head", head.next_seq, "Its reach is shorter than a segment's.")
