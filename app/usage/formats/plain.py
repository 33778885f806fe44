"""Records as nearly all of them come, read several times as fast as the strict reader does it.

Only what that one would take, with the same outcome, is taken here: whatever there is any doubt of
is left to it, and so is every refusal.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.kit import jsonio
from app.kit.errors import InvalidJson
from app.kit.ids import parse_id
from app.usage.items import LONGEST_EPOCH, LONGEST_ID, LONGEST_STREAM, MAX_RECORDS, Item

_Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
# What the decoder takes and the strict reader does not, or not as the same, with zeros for digits:
# long integers, times finer than microseconds, with a space, or with a zone that lacks its colon.
_DOUBTFUL = (b"0" * 16, b".0000000", b"00 00:00", b"+0000", b"-0000")


class _Record(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    stream: Annotated[str, Meta(min_length=1, max_length=LONGEST_STREAM)]
    at: datetime
    values: dict[str, bool | int | float | str]
    until: datetime | UnsetType = UNSET
    object: str | UnsetType = UNSET
    id: _Name | UnsetType = UNSET
    sequence: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    epoch: Annotated[str, Meta(min_length=1, max_length=LONGEST_EPOCH)] | UnsetType = UNSET
    corrects: _Name | UnsetType = UNSET


_one = msgspec.json.Decoder(_Record)
_many = msgspec.json.Decoder(list[_Record])


class _Doubt(Exception):
    """The strict reader has to judge this."""


def read_plain(body: bytes, object_id: UUID | None) -> Sequence[Item] | None:
    """The records of a JSON body as `read_items` reads them; None where that is to be asked."""
    zeros = body.translate(_TO_ZERO)
    if b"\\u" in body or any(one in zeros for one in _DOUBTFUL):
        return None
    try:
        jsonio.check_size(body)
        is_one = body.lstrip()[:1] == b"{"
        return _items(body, [_one.decode(body)] if is_one else _many.decode(body), object_id)
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidJson, OverflowError, _Doubt):
        return None


def _items(body: bytes, records: Sequence[_Record], object_id: UUID | None) -> list[Item]:
    known: dict[str, UUID | None] = {}
    keys = 3 * len(records)
    items = []
    for line, one in enumerate(records, 1):
        at, until, whose = one.at, None, object_id
        if at.tzinfo is not UTC:
            at = _in_utc(at)
        if one.until is not UNSET:
            until = one.until if one.until.tzinfo is UTC else _in_utc(one.until)
            if until < at:
                raise _Doubt
            keys += 1
        if one.object is not UNSET or whose is None:
            whose = _owner(one, object_id, known)
            keys += 1
        keys += len(one.values)
        item = Item(line, whose, one.stream, at, until, one.values)
        names = (one.id, one.sequence, one.epoch, one.corrects)
        if names != _NO_NAMES:
            item = _named(item, one)
            keys += len(names) - names.count(UNSET)
        items.append(item)
    if keys != body.count(b'":') or len(items) > MAX_RECORDS:  # a key that stands twice, too
        raise _Doubt
    return items


_NO_NAMES = (UNSET,) * 4


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise _Doubt
    return at.astimezone(UTC)


def _owner(one: _Record, object_id: UUID | None, known: dict[str, UUID | None]) -> UUID:
    if object_id is not None or one.object is UNSET:
        raise _Doubt
    if one.object not in known:
        known[one.object] = parse_id(one.object)
    found = known[one.object]
    if found is None:
        raise _Doubt
    return found


def _named(item: Item, one: _Record) -> Item:
    if one.epoch is not UNSET and one.sequence is UNSET:
        raise _Doubt
    return item._replace(
        record_id=None if one.id is UNSET else one.id,
        sequence=None if one.sequence is UNSET else one.sequence,
        epoch=None if one.epoch is UNSET else one.epoch,
        corrects=None if one.corrects is UNSET else one.corrects,
    )
