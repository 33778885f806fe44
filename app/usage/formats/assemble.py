"""From SenML measurements to the records of one object: what was measured in one stream at one time
is one record. Pure.

A record is taken whole or refused whole, with the line and the reason of its first bad entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.kit import jsonio
from app.kit.errors import DomainError
from app.objects.units import convert
from app.usage.errors import (
    InvalidRecord,
    InvalidValue,
    TooManyRecords,
    UnitMismatch,
    UnknownField,
)
from app.usage.formats.names import (
    DURATION,
    EPOCH,
    SEQUENCE,
    Place,
    StreamFields,
    find_place,
    places_of,
    split_name,
)
from app.usage.formats.senml import Number, Resolved, Value, exact, span
from app.usage.items import MAX_RECORDS, Item, RefusedLine

_LONGEST_EPOCH = 64
_LABELS = {"number": "v", "integer": "v", "string": "vs", "boolean": "vb"}


class Measure(NamedTuple):
    """A resolved SenML record whose object is known; `name` is what its product calls it."""

    line: int
    object_id: UUID
    name: str
    unit: str | None
    at: datetime
    kind: str
    value: Value
    fault: DomainError | None = None


def read_measures(
    resolved: Sequence[Resolved | RefusedLine], object_id: UUID | None = None
) -> list[Measure | RefusedLine]:
    """The same with each name split into object and name; `object_id` is that of the address."""
    known: dict[str, UUID | None] = {}
    return [
        one if isinstance(one, RefusedLine) else _read_measure(one, object_id, known)
        for one in resolved
    ]


def _read_measure(
    one: Resolved, object_id: UUID | None, known: dict[str, UUID | None]
) -> Measure | RefusedLine:
    try:
        found, name = split_name(one.name, object_id, known)
    except DomainError as error:
        return RefusedLine(one.line, error)
    return Measure(one.line, found, name, one.unit, one.at, one.kind, one.value, one.fault)


def assemble(
    measures: Sequence[Measure], streams: Mapping[str, StreamFields]
) -> list[Item | RefusedLine]:
    """The records of one object, in order of their first entries.

    An entry whose stream cannot be told is refused alone. TooManyRecords where there are more than
    a call may have.
    """
    places = places_of(streams)
    drafts: dict[tuple[str, datetime], _Draft] = {}
    found: list[_Draft | RefusedLine] = []
    for measure in measures:
        try:
            place = find_place(measure.name, places, streams)
        except DomainError as error:
            found.append(RefusedLine(measure.line, measure.fault or error))
            continue
        key = (place.stream, measure.at)
        if key not in drafts:
            drafts[key] = _Draft(measure, place.stream)
            found.append(drafts[key])
        drafts[key].add(measure, place)
    if len(found) > MAX_RECORDS:
        raise TooManyRecords(f"The pack has {len(found)} records; at most {MAX_RECORDS}.")
    return [one if isinstance(one, RefusedLine) else one.finish() for one in found]


@dataclass(slots=True)
class _Draft:
    """A record in the making; what was reserved is kept apart from the values."""

    first: Measure
    stream: str
    values: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    refused: RefusedLine | None = None

    def add(self, measure: Measure, place: Place) -> None:
        """Add an entry, or note why the whole cannot stand."""
        if self.refused is not None:
            return
        try:
            self._add(measure, place)
        except DomainError as error:
            self.refused = RefusedLine(measure.line, error)

    def _add(self, measure: Measure, place: Place) -> None:
        if measure.fault is not None:
            raise measure.fault
        if place.field is None and not place.reserved:
            raise UnknownField(
                f"The stream {place.stream!r} has no field of the SenML name {measure.name!r}.",
                field="/n",
            )
        into = self.values if place.field is not None else self.told
        name = place.reserved if place.field is None else place.field["name"]
        if name in into:
            raise InvalidRecord(f"{measure.name!r} stands twice at one time.", field="/n")
        into[name] = _read(measure, place)

    def finish(self) -> Item | RefusedLine:
        """The record, with the line of its first entry."""
        if self.refused is not None:
            return self.refused
        first = self.first
        if not self.values:
            return RefusedLine(first.line, InvalidRecord("The record has no value at all."))
        if EPOCH in self.told and SEQUENCE not in self.told:
            alone = InvalidRecord("An epoch stands beside a sequence number only.", field="/n")
            return RefusedLine(first.line, alone)
        return Item(
            first.line,
            first.object_id,
            self.stream,
            first.at,
            self.told.get(DURATION),
            self.values,
            sequence=self.told.get(SEQUENCE),
            epoch=self.told.get(EPOCH),
        )


def _read(measure: Measure, place: Place) -> Value | datetime:
    if place.field is not None:
        return _read_value(measure, place.field)
    if place.reserved == DURATION:
        return _read_end(measure)
    return _read_sequence(measure) if place.reserved == SEQUENCE else _read_epoch(measure)


def _read_value(measure: Measure, wanted: Mapping[str, Any]) -> Value:
    """The value in the unit of the field `wanted`; bounds and lists are for the stream's schema."""
    if _read_label(measure, _LABELS[wanted["type"]]) != "v":
        return measure.value
    number = _convert(measure, wanted.get("unit"))
    return _read_whole(measure, number) if wanted["type"] == "integer" else number


def _read_label(measure: Measure, wanted: str) -> str:
    if measure.kind == "vd":
        raise InvalidValue("Data (`vd`) has no place in a stream.", field="/vd")
    if measure.kind != wanted:
        raise InvalidValue(
            f"{measure.name!r} comes as `{wanted}`, not as `{measure.kind}`.",
            field=f"/{measure.kind}",
        )
    return wanted


def _convert(measure: Measure, wanted: str | None) -> Number:
    """The number in the unit `wanted`, which it has where it names none (RFC 8428 §4.5.2)."""
    number = measure.value
    assert isinstance(number, int | float)  # its label is v
    if measure.unit is None or measure.unit == wanted:
        return number
    try:
        found = None if wanted is None else convert(number, measure.unit, wanted)
    except OverflowError as error:
        raise InvalidValue(f"{measure.name!r} is too large.", field="/v") from error
    if found is None:
        raise UnitMismatch(
            f"{measure.name!r} has the unit {wanted!r}, not {measure.unit[:20]!r}.", field="/u"
        )
    return found


def _read_whole(measure: Measure, number: Number) -> int:
    if number != int(number) or abs(number) > jsonio.MAX_INTEGER:
        raise InvalidValue(f"{measure.name!r} is a whole number within ±(2^53−1).", field="/v")
    return int(number)


def _read_end(measure: Measure) -> datetime:
    _read_label(measure, "v")
    seconds = exact(_convert(measure, "s"))
    if seconds < 0:
        raise InvalidRecord("A duration is not negative.", field="/v")
    try:
        return measure.at + span(seconds)
    except OverflowError as error:
        raise InvalidRecord("The duration ends at no time that exists.", field="/v") from error


def _read_sequence(measure: Measure) -> int:
    """A base unit may hang over it, so its unit is not looked at."""
    _read_label(measure, "v")
    assert isinstance(measure.value, int | float)
    number = _read_whole(measure, measure.value)
    if number < 0:
        raise InvalidRecord("A sequence number is not negative.", field="/v")
    return number


def _read_epoch(measure: Measure) -> str:
    _read_label(measure, "vs")
    text = str(measure.value)
    if not 1 <= len(text) <= _LONGEST_EPOCH:
        raise InvalidRecord(f"An epoch has 1 to {_LONGEST_EPOCH} characters.", field="/vs")
    return text
