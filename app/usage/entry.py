"""One record as the log keeps it, and the commitment to it. Pure.

The commitment is what the log can be held to: a salted hash of the record, and a chain over the
hashes. docs/log-format.md says the same for whoever verifies without this code.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from typing import NamedTuple
from uuid import UUID

SALT_BYTES = 16
HEAD_BYTES = 32

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NUMBERS = Struct(">5q5I").pack
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


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (instant - _EPOCH) // _MICROSECOND


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
    name = b"" if record_id is None else record_id.encode()
    life = b"" if epoch is None else epoch.encode()
    earlier = b"" if corrects is None else corrects.encode()
    numbers = _NUMBERS(
        at,
        _NO_NUMBER if until is None else until,
        placed,
        received,
        _NO_NUMBER if sequence is None else sequence,
        len(told),
        _NO_TEXT if record_id is None else len(name),
        _NO_TEXT if epoch is None else len(life),
        _NO_TEXT if corrects is None else len(earlier),
        len(values),
    )
    texts = told + name + life + earlier + values
    return sha256(b"\0" + salt + numbers + texts).digest()


def genesis(object_id: UUID, tenure_id: UUID, stream: str) -> bytes:
    """The head of a stream's chain before its first record, so that no chain fits another place."""
    return sha256(_GENESIS + object_id.bytes + tenure_id.bytes + stream.encode()).digest()


def extend(head: bytes, leaf: bytes) -> bytes:
    """The head after one more record: SHA-256(0x01 ‖ head ‖ leaf)."""
    return sha256(b"\1" + head + leaf).digest()


def extend_all(head: bytes, entries: Sequence[Entry]) -> bytes:
    """The head after these entries, which stand in order of their sequence."""
    for entry in entries:
        head = sha256(b"\1" + head + leaf_of(entry)).digest()
    return head
