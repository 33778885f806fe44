"""One record as the log keeps it, and the commitment to it. Pure.

The commitment is what the log can be held to: a salted hash of the record, and a chain over the
hashes. docs/log-format.md says the same for whoever verifies without this code.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

SALT_BYTES = 16
HEAD_BYTES = 32

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LEAF = Struct(f">x{SALT_BYTES}s5q5I").pack
_NO_NUMBER = -(2**63)
_NO_TEXT = 0xFFFFFFFF
_GENESIS = b"inseam usage log 1\0"


class Entry(NamedTuple):
    """A record within its stream. Times are microseconds since 1970 in UTC.

    `at` and `until` are the device's, `placed` is where the record stands in time, `received` when
    it came. `body` is its values as canonical JSON text; `salt` blinds its commitment.
    """

    seq: int
    at: int
    until: int | None
    placed: int
    received: int
    flags: str
    record_id: str | None
    epoch: str | None
    sequence: int | None
    corrects: str | None
    body: str
    salt: bytes


_make_entry = partial(tuple.__new__, Entry)


def make_entries(*columns: Iterable[Any]) -> list[Entry]:
    """Entries of columns, as many as the shortest has; a call of the class for each would cost as
    much as all the rest of reading one."""
    return list(map(_make_entry, zip(*columns, strict=False)))


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (instant - _EPOCH) // _MICROSECOND


def all_micros(instants: Iterable[datetime | None]) -> list[int | None]:
    """`to_micros` of each that is one; a call for each would cost as much again."""
    return [None if one is None else (one - _EPOCH) // _MICROSECOND for one in instants]


def from_micros(micros: int) -> datetime:
    """The inverse of `to_micros`, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def leaf_of(entry: Entry) -> bytes:
    """The record's commitment: SHA-256(0x00 ‖ salt ‖ numbers ‖ lengths ‖ texts).

    Five 64-bit numbers (at, until, placed, received, device sequence; −2^63 for none), the five
    32-bit lengths of the texts (flags, id, epoch, corrects, body; 2^32−1 for none), then the texts
    in UTF-8; all big-endian.
    """
    _, at, until, placed, received, flags, record_id, epoch, sequence, corrects, body, salt = entry
    told, values = flags.encode(), body.encode()
    end = _NO_NUMBER if until is None else until
    number = _NO_NUMBER if sequence is None else sequence
    if record_id is epoch is corrects is None:  # as nearly always
        lengths = len(told), _NO_TEXT, _NO_TEXT, _NO_TEXT, len(values)
        texts = told + values
    else:
        names = (record_id, epoch, corrects)
        name, life, earlier = (None if one is None else one.encode() for one in names)
        lengths = len(told), _size(name), _size(life), _size(earlier), len(values)
        texts = told + (name or b"") + (life or b"") + (earlier or b"") + values
    return sha256(_LEAF(salt, at, end, placed, received, number, *lengths) + texts).digest()


def _size(text: bytes | None) -> int:
    return _NO_TEXT if text is None else len(text)


def genesis(object_id: UUID, tenure_id: UUID, stream: str) -> bytes:
    """The head of a stream's chain before its first record, so that no chain fits another place."""
    return sha256(_GENESIS + object_id.bytes + tenure_id.bytes + stream.encode()).digest()


def extend(head: bytes, leaf: bytes) -> bytes:
    """The head after one more record: SHA-256(0x01 ‖ head ‖ leaf)."""
    return sha256(b"\1" + head + leaf).digest()


def extend_all(head: bytes, entries: Sequence[Entry]) -> bytes:
    """The head after these entries, which stand in order of their sequence."""
    for leaf in map(leaf_of, entries):
        head = sha256(b"\1" + head + leaf).digest()
    return head
