"""From JSON to records: what can be judged of a record without knowing its object. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.kit.errors import DomainError, NotFound
from app.kit.ids import parse_id
from app.usage.errors import InvalidRecord, TooManyRecords, ZoneMissing

MAX_RECORDS = 10_000

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_IN_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII).fullmatch
_MEMBERS = frozenset(
    {"object", "stream", "at", "until", "values", "id", "sequence", "epoch", "corrects"}
)
LONGEST_ID = 100
LONGEST_EPOCH = 64
_PLAIN_MEMBERS = frozenset({"object", "stream", "at", "until", "values"})
LONGEST_STREAM = 40


class Item(NamedTuple):
    """One record as it was sent, its times in UTC. `line` counts from 1.

    `sequence` is the device's own count within `epoch`, the life of its counter: a device that
    begins to count anew sends another epoch. `corrects` is the id of an earlier record of the
    stream that this one takes the place of.
    """

    line: int
    object_id: UUID
    stream: str
    at: datetime
    until: datetime | None
    values: dict[str, Any]
    record_id: str | None = None
    sequence: int | None = None
    epoch: str | None = None
    corrects: str | None = None


class RefusedLine(NamedTuple):
    """A record that is not stored, and why."""

    line: int
    error: DomainError


def read_items(body: Any, object_id: UUID | None = None) -> list[Item | RefusedLine]:
    """The records in a body of one record or an array of them.

    With `object_id` the records are that object's and name none. InvalidRecord or TooManyRecords
    where the whole body is neither.
    """
    records = [body] if isinstance(body, dict) else body
    if not isinstance(records, list):
        raise InvalidRecord("The body is neither a record nor an array of records.")
    if len(records) > MAX_RECORDS:
        raise TooManyRecords(f"The call has {len(records)} records; at most {MAX_RECORDS}.")
    return _read_all(records, object_id)


def _read_all(records: Sequence[Any], object_id: UUID | None) -> list[Item | RefusedLine]:
    known: dict[str, UUID | None] = {}
    items: list[Item | RefusedLine] = []
    for line, record in enumerate(records, 1):
        try:
            items.append(read_item(line, record, object_id, known))
        except DomainError as error:
            items.append(RefusedLine(line, error.with_traceback(None)))
    return items


def read_item(
    line: int, record: Any, object_id: UUID | None, known: dict[str, UUID | None]
) -> Item:
    """One record; `known` keeps the object ids that were read before. A DomainError where it is
    none."""
    if not isinstance(record, dict):
        raise InvalidRecord("A record is a JSON object.")
    is_plain = record.keys() <= _PLAIN_MEMBERS
    if not is_plain and not record.keys() <= _MEMBERS:
        extra = next(name for name in record if name not in _MEMBERS)
        raise InvalidRecord(f"A record has no member {extra[:60]!r}.")
    values = record.get("values")
    if not isinstance(values, dict):
        raise InvalidRecord("`values` is a JSON object of field and value.", field="/values")
    at = _read_time(record, "at")
    until = _read_time(record, "until") if "until" in record else None
    if until is not None and until < at:
        raise InvalidRecord("`until` lies before `at`.", field="/until")
    whose = object_id
    if whose is None or "object" in record:
        whose = _read_object(record, object_id, known)
    stream = record.get("stream")
    if type(stream) is not str or not 0 < len(stream) <= LONGEST_STREAM:
        stream = _read_text(record, "stream", LONGEST_STREAM)
    item = Item(line, whose, stream, at, until, values)
    return item if is_plain else _name(item, record)


def _name(item: Item, record: Mapping[str, Any]) -> Item:
    """The record with the names that it bears."""
    sequence = record.get("sequence")
    if "sequence" in record and (type(sequence) is not int or sequence < 0):
        raise InvalidRecord("`sequence` is a whole number from 0.", field="/sequence")
    if "epoch" in record and sequence is None:
        raise InvalidRecord("`epoch` stands beside a `sequence` only.", field="/epoch")
    return item._replace(
        record_id=_read_text(record, "id", LONGEST_ID) if "id" in record else None,
        sequence=sequence,
        epoch=_read_text(record, "epoch", LONGEST_EPOCH) if "epoch" in record else None,
        corrects=_read_text(record, "corrects", LONGEST_ID) if "corrects" in record else None,
    )


def _read_object(
    record: Mapping[str, Any], object_id: UUID | None, known: dict[str, UUID | None]
) -> UUID:
    if object_id is not None:
        if "object" in record:
            raise InvalidRecord("The address names the object already.", field="/object")
        return object_id
    text = record.get("object")
    if not isinstance(text, str):
        raise InvalidRecord("`object` is the id of an object.", field="/object")
    if text not in known:
        known[text] = parse_id(text)
    found = known[text]
    if found is None:
        raise NotFound("There is no such object of yours.", field="/object")
    return found


def _read_text(record: Mapping[str, Any], name: str, longest: int) -> str:
    text = record.get(name)
    if not isinstance(text, str) or not 1 <= len(text) <= longest:
        raise InvalidRecord(f"`{name}` is a text of 1 to {longest} characters.", field=f"/{name}")
    return text


def _read_time(record: Mapping[str, Any], name: str) -> datetime:
    text = record.get(name)
    if type(text) is str and _IN_UTC(text):  # as nearly all of them are
        try:
            return datetime.fromisoformat(text)
        except ValueError as error:
            raise _no_time(name) from error
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidRecord(f"`{name}` is a time as in RFC 3339.", field=f"/{name}")
    _, fraction, zone = match.groups()
    if zone is None:
        raise ZoneMissing(f"`{name}` has no zone.", field=f"/{name}")
    if fraction is not None and len(fraction) > 6:
        raise InvalidRecord(f"`{name}` is finer than microseconds.", field=f"/{name}")
    try:
        return datetime.fromisoformat(match.string.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _no_time(name) from error


def _no_time(name: str) -> InvalidRecord:
    return InvalidRecord(f"`{name}` is no time that exists.", field=f"/{name}")
