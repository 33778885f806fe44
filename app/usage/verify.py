"""The check of a whole log from its stored bytes: what was changed, moved or taken out is named.

Everything is computed anew: each segment must open under its own columns, its records must lead
from the head before to the head after, and the segments must follow each other without a hole up
to where the stream's head says it stands; the head must be as it was sealed, and so must the
entries of what was removed. Whoever puts all of it back as it was once is not found here: only a
head that somebody kept elsewhere tells.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.exc import DataError

from app.kit.crypto import sha256
from app.kit.errors import DomainError
from app.usage import queries
from app.usage.corrections import noted_corrections
from app.usage.entry import Entry, extend, genesis, leaf_of, to_micros
from app.usage.heads import StreamKey, check_head
from app.usage.models import Segment, StreamHead
from app.usage.queries import HeadRow
from app.usage.removals import check_removal, removals_of
from app.usage.segments import STORED, CannotOpen, Opener, SegmentRow, open_segment, summed_days

_PAGE = 200
_UNREADABLE = (ValueError, OverflowError, DataError)  # a time that is none, JSON that is none


@dataclass(frozen=True)
class Fault:
    """The first thing of a stream that does not fit: a record, a segment, a link between two, the
    head, or a correction. `seq` is the record's number, or that of the segment's first record.
    Entries of removals are of a tenure's every stream, so that `stream` is empty there."""

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
    """How far the check of one stream has come, and what its head may say then. `corrects` are
    the hashes of the names that its records correct, with the records' numbers."""

    head: bytes
    next_seq: int = 0
    segments: int = 0
    records: int = 0
    removed: int = 0
    reach: int = 0
    placed_to: int | None = None
    received: int | None = None
    corrects: dict[bytes, int] = field(default_factory=dict)


def verify_log(conn: Connection, keys: Opener, object_id: UUID) -> Report:
    """Check the logs of all of an object's tenures. KeysMissing where a key is not at hand."""
    walks: dict[StreamKey, _Walk] = {}
    faults: list[Fault] = []
    with _any_text(conn):
        heads = set(_streams_in(conn, StreamHead, object_id))
        for key in sorted(heads | set(_streams_in(conn, Segment, object_id)), key=str):
            walk = walks[key] = _Walk(genesis(*key))
            try:
                _check_stream(conn, keys, key, walk)
            except _Broken as fault:
                faults.append(Fault(key[1], key[2], fault.what, fault.seq, fault.text))
        if not faults:
            removed: dict[UUID, int] = {}
            for key, walk in walks.items():
                removed[key[1]] = removed.get(key[1], 0) + walk.removed
            faults += _removal_faults(conn, keys, object_id, removed)
    return Report(
        len(heads),
        sum(walk.segments for walk in walks.values()),
        sum(walk.records for walk in walks.values()),
        sum(walk.removed for walk in walks.values()),
        faults,
    )


@contextmanager
def _any_text(conn: Connection) -> Iterator[None]:
    """SQLite keeps text that is no UTF-8 any more, but does not hand it out: here it does, so that
    a stream whose name was changed is missed under the name it had."""
    if conn.dialect.name != "sqlite":
        yield
        return
    raw = conn.connection.driver_connection
    assert raw is not None
    raw.text_factory = lambda told: told.decode(errors="backslashreplace")
    try:
        yield
    finally:
        raw.text_factory = str


def _streams_in(
    conn: Connection, table: type[Segment] | type[StreamHead], object_id: UUID
) -> Iterator[StreamKey]:
    query = select(table.tenure_id, table.stream).where(table.object_id == object_id)
    for tenure_id, stream in conn.execute(query.distinct()):
        yield object_id, tenure_id, stream


def _check_stream(conn: Connection, keys: Opener, key: StreamKey, walk: _Walk) -> None:
    for row in _segments(conn, key, walk):
        _check_segment(keys, row, walk)
    try:
        head = queries.head_of(conn, *key)
    except _UNREADABLE as error:
        raise _Broken("head", walk.next_seq, "It cannot be read.") from error
    if head is None:
        if walk.segments:
            raise _Broken("head", walk.next_seq, "The stream has segments and no head.")
        return
    if (head.next_seq, head.head) != (walk.next_seq, walk.head):
        text = f"The head stands at {head.next_seq}; the segments lead to {walk.next_seq}."
        raise _Broken("head", walk.next_seq, text)
    _check_seal(keys, head)
    _check_head(head, walk)
    _check_corrections(conn, key, walk)


def _segments(conn: Connection, key: StreamKey, walk: _Walk) -> Iterator[SegmentRow]:
    """The rows in order; those before one that cannot be read come first, each by itself."""
    first_seq, limit = -(2**63), _PAGE
    while True:
        try:
            rows = queries.run_of_segments(conn, *key, first_seq, limit)
        except _UNREADABLE as error:
            if limit == 1:
                raise _Broken("segment", walk.next_seq, "It cannot be read.") from error
            limit = 1
            continue
        if not rows:
            return
        yield from rows
        first_seq = rows[-1].first_seq + 1


def _check_segment(keys: Opener, row: SegmentRow, walk: _Walk) -> None:
    if row.first_seq != walk.next_seq:
        text = f"Records {walk.next_seq} to {row.first_seq - 1} are not there."
        if row.first_seq < walk.next_seq:
            text = f"Two segments hold record {row.first_seq}."
        raise _Broken("link", min(walk.next_seq, row.first_seq), text)
    if row.head_before != walk.head:
        raise _Broken("link", row.first_seq, "It does not go on from the head before it.")
    entries = _open(keys, row)
    if row.state == STORED:
        _check_entries(row, sorted(entries, key=lambda entry: entry.seq), walk)
    else:
        walk.removed += row.records
    walk.segments += 1
    walk.head, walk.next_seq = row.head_after, row.next_seq
    walk.placed_to = _most(walk.placed_to, row.placed_to)


def _open(keys: Opener, row: SegmentRow) -> list[Entry]:
    try:
        return open_segment(keys, row)
    except CannotOpen as error:
        text = "It does not open: its bytes or its columns were changed, or it was moved."
        raise _Broken("segment", row.first_seq, text) from error
    except DomainError as error:
        raise _Broken("segment", row.first_seq, f"Its key is gone: {error.detail}") from error


def _check_entries(row: SegmentRow, entries: list[Entry], walk: _Walk) -> None:
    """What the seal holds together already is checked again, as whoever has the key could write."""
    head = row.head_before
    for number, entry in enumerate(entries, row.first_seq):
        if entry.seq != number:
            raise _Broken("record", number, "The record is not there.")
        head = extend(head, leaf_of(entry))
        if entry.corrects is not None:
            walk.corrects.setdefault(sha256(entry.corrects), number)
    if not entries or len(entries) != row.records or head != row.head_after:
        raise _Broken("record", row.first_seq, "Its records do not lead to the head after it.")
    times = [entry.placed for entry in entries]
    clear = (row.placed_from, row.placed_to, row.days)
    if clear != (min(times), max(times), summed_days(times)):
        raise _Broken("segment", row.first_seq, "Its times are not those of its records.")
    walk.records += row.records
    walk.reach = max(walk.reach, row.placed_to - row.placed_from)
    walk.received = _most(walk.received, max(entry.received for entry in entries))


def _check_seal(keys: Opener, head: HeadRow) -> None:
    try:
        check_head(keys, head)
    except CannotOpen as error:
        raise _Broken("head", head.next_seq, "One of its columns was changed.") from error
    except DomainError as error:
        raise _Broken("head", head.next_seq, f"Its key is gone: {error.detail}") from error


def _check_head(head: HeadRow, walk: _Walk) -> None:
    """The head's own figures, as far as the segments tell them: whoever has the key could seal
    what they like."""
    if walk.placed_to is not None and to_micros(head.last_placed_at) != walk.placed_to:
        raise _Broken("head", head.next_seq, "Its latest time is not that of the segments.")
    if head.gone != walk.removed:
        raise _Broken("head", head.next_seq, "Its count of removed records is wrong.")
    if walk.received is not None and to_micros(head.last_received_at) < walk.received:
        raise _Broken("head", head.next_seq, "It was not heard last when its records came.")
    if head.reach < walk.reach:
        raise _Broken("head", head.next_seq, "A segment reaches farther than it says.")


def _removal_faults(
    conn: Connection, keys: Opener, object_id: UUID, tenures: dict[UUID, int]
) -> Iterator[Fault]:
    """What does not fit of the entries of removals: `tenures` have how many records are gone."""
    for tenure_id, removed in tenures.items():
        try:
            entries = removals_of(conn, object_id, tenure_id)
            for entry in entries:
                check_removal(keys, entry)
        except CannotOpen:
            yield Fault(tenure_id, "", "removal", 0, "An entry of a removal was changed.")
        except _UNREADABLE:
            yield Fault(tenure_id, "", "removal", 0, "An entry of a removal cannot be read.")
        except DomainError as error:
            yield Fault(tenure_id, "", "removal", 0, f"Its key is gone: {error.detail}")
        else:
            if (entered := sum(entry.count for entry in entries)) != removed:
                text = f"The entries of removals are of {entered} records; {removed} are gone."
                yield Fault(tenure_id, "", "removal", 0, text)


def _check_corrections(conn: Connection, key: StreamKey, walk: _Walk) -> None:
    """What readers leave out is what records correct. Those that were removed may have, too."""
    noted = noted_corrections(conn, *key)
    missing = [seq for name, seq in walk.corrects.items() if name not in noted]
    if missing:
        raise _Broken("record", min(missing), "It corrects another one, and that is not noted.")
    if noted - walk.corrects.keys() and not walk.removed:
        text = "A record counts as corrected that none corrects."
        raise _Broken("correction", walk.next_seq, text)


def _most(one: int | None, other: int) -> int:
    return other if one is None else max(one, other)
