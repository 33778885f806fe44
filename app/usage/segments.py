"""Segments: runs of a stream's entries sealed as one, and the marks left where runs were removed.

Everything that becomes or was a row of `usage_segments` passes through here, whoever writes it:
records that come in, the packing of small neighbours, removals, and the check of the whole log.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from os import urandom
from struct import pack as pack_numbers
from typing import NamedTuple, Protocol
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.keys.log_keys import KeyName, WritingKey
from app.usage.entry import Entry, extend_all, from_micros
from app.usage.packing import Unreadable, pack, unpack

STORED, EXPIRED, ERASED = "stored", "expired", "erased"
MARKS = ""  # the stream whose keys seal what is left of removed runs

_VERSION = b"inseam usage segment 1\0"
_NONCE_BYTES = 12
_DAY = 24 * 60 * 60 * 1_000_000


class Opener(Protocol):
    """Gives the key a segment was sealed under."""

    def opening(self, tenure_id: UUID, key_id: UUID) -> AESGCM: ...


class Sealer(Opener, Protocol):
    """Gives keys to seal with as well."""

    def writing(self, name: KeyName) -> WritingKey: ...


class SegmentRow(NamedTuple):
    """A row of `usage_segments`, with times in microseconds since 1970."""

    object_id: UUID
    tenure_id: UUID
    stream: str
    first_seq: int
    records: int
    placed_from: int
    placed_to: int
    days: list[list[int]] | None
    state: str
    signed_by: str | None
    key_id: UUID
    key_turn: int
    head_before: bytes
    head_after: bytes
    sealed: bytes

    @property
    def next_seq(self) -> int:
        return self.first_seq + self.records


class StreamPlace(NamedTuple):
    """Whose stream it is; `turn` is the turn of its keys."""

    owner_id: UUID
    object_id: UUID
    tenure_id: UUID
    stream: str
    turn: int


class CannotOpen(Exception):
    """The segment was changed, or its key is another's."""


def seal(
    keys: Sealer,
    place: StreamPlace,
    entries: Sequence[Entry],
    head_before: bytes,
    signed_by: str | None,
) -> SegmentRow:
    """One segment of entries of one month, in order of their sequence and without a hole."""
    times = [entry.placed for entry in entries]
    first = min(times)
    name = KeyName(place.owner_id, place.tenure_id, place.stream, month_of(first), place.turn)
    key = keys.writing(name)
    row = SegmentRow(
        place.object_id,
        place.tenure_id,
        place.stream,
        entries[0].seq,
        len(entries),
        first,
        max(times),
        summed_days(times),
        STORED,
        signed_by,
        key.key_id,
        place.turn,
        head_before,
        extend_all(head_before, entries),
        b"",
    )
    return _sealed(row, key, pack(entries, entries[0].seq))


def mark(keys: Sealer, place: StreamPlace, gone: Sequence[SegmentRow], state: str) -> SegmentRow:
    """What is left of neighbouring segments that were removed."""
    first, last = gone[0], gone[-1]
    key = keys.writing(KeyName(place.owner_id, place.tenure_id, MARKS, 0, 0))
    row = first._replace(
        records=last.next_seq - first.first_seq,
        placed_from=min(one.placed_from for one in gone),
        placed_to=max(one.placed_to for one in gone),
        days=None,
        state=state,
        signed_by=None,
        key_id=key.key_id,
        key_turn=0,
        head_after=last.head_after,
        sealed=b"",
    )
    return _sealed(row, key, b"")


def open_segment(
    keys: Opener,
    row: SegmentRow,
    behind: tuple[int, int] | None = None,
    most: int | None = None,
) -> list[Entry]:
    """Its entries in order of (placed, seq), none where they were removed: all of them, or the
    first `most` behind a place. CannotOpen."""
    cipher = keys.opening(row.tenure_id, row.key_id)
    nonce, rest = row.sealed[:_NONCE_BYTES], row.sealed[_NONCE_BYTES:]
    try:
        inside = cipher.decrypt(nonce, rest, aad_of(row))
        return unpack(inside, row.first_seq, behind, most) if row.state == STORED else []
    except (InvalidTag, Unreadable, ValueError, TypeError) as error:
        raise CannotOpen(f"{row.object_id} {row.stream} from {row.first_seq}") from error


def aad_of(row: SegmentRow) -> bytes:
    """What the seal binds beside the entries: every clear column, unambiguously."""
    texts = [
        row.stream.encode(),
        orjson.dumps(row.days),
        row.state.encode(),
        b"" if row.signed_by is None else b"+" + row.signed_by.encode(),
    ]
    return b"".join(
        (
            _VERSION,
            row.object_id.bytes,
            row.tenure_id.bytes,
            row.key_id.bytes,
            row.head_before,
            row.head_after,
            pack_numbers(">2q", row.first_seq, row.records),
            pack_numbers(">3q", row.placed_from, row.placed_to, row.key_turn),
            pack_numbers(">4I", *map(len, texts)),
            *texts,
        )
    )


def month_of(micros: int) -> int:
    """The calendar month in UTC that a time lies in, as year · 12 + month − 1."""
    return month_at(from_micros(micros))


def month_at(instant: datetime) -> int:
    """`month_of` a time in UTC."""
    return instant.year * 12 + instant.month - 1


def by_month(entries: Iterable[Entry], most: int) -> Iterator[list[Entry]]:
    """Runs of neighbours of one month, at most `most` entries each: what one segment may hold."""
    for run in _months(list(entries)):
        for start in range(0, len(run), most):
            yield run[start : start + most]


def _months(entries: list[Entry]) -> Iterator[list[Entry]]:
    times = [entry.placed for entry in entries]
    if month_of(min(times)) == month_of(max(times)):
        yield entries
        return
    for _, run in groupby(entries, lambda entry: month_of(entry.placed)):
        yield list(run)


def _sealed(row: SegmentRow, key: WritingKey, inside: bytes) -> SegmentRow:
    nonce = urandom(_NONCE_BYTES)
    return row._replace(sealed=nonce + key.cipher.encrypt(nonce, inside, aad_of(row)))


def summed_days(times: list[int]) -> list[list[int]] | None:
    """How many fall on each day of UTC, where it is more than one."""
    if max(times) // _DAY == min(times) // _DAY:
        return None
    counts: dict[int, int] = {}
    for time in times:
        counts[time // _DAY] = counts.get(time // _DAY, 0) + 1
    return [[day, counts[day]] for day in sorted(counts)]
