"""What a SenML name means here. Pure.

    name = ["urn:uuid:" object ":"] [stream "/"] senml_name

The part that names the object may be missing where the address names it. The part that names the
stream is needed only where the same senml_name stands in two streams; as a senml_name may hold
both ":" and "/", it is tried as the whole first. Three names in each stream say something of the
record itself, unless a field is called that: stream/duration how long it lasted (s), stream/seq the
device's sequence number, stream/epoch which of its counters that is.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.kit.errors import NotFound
from app.kit.ids import parse_id
from app.usage.errors import InvalidRecord, UnknownField

DURATION, SEQUENCE, EPOCH = RESERVED = ("duration", "seq", "epoch")

_WITH_OBJECT = re.compile(r"urn:uuid:([0-9a-f-]{36}):(.+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StreamFields:
    """A stream as it is registered: its kind, and fields of {name, type, unit, senml_name}."""

    kind: str
    fields: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a measurement belongs: in a stream, as a field or as one of RESERVED; as neither where
    the stream has nothing of that name."""

    stream: str
    field: Mapping[str, Any] | None = None
    reserved: str = ""


Places = Mapping[str, Sequence[Place]]


def split_name(
    name: str, object_id: UUID | None, known: dict[str, UUID | None]
) -> tuple[UUID, str]:
    """The object and the name within it. `object_id` is the one of the address, `known` keeps the
    ids that were read before."""
    match = _WITH_OBJECT.fullmatch(name)
    if match is None:
        if object_id is None:
            raise InvalidRecord("The name begins with no object: urn:uuid:{id}:", field="/n")
        return object_id, name
    text, rest = match.groups()
    if text not in known:
        known[text] = parse_id(text)
    named = known[text]
    if named is None:
        raise NotFound("There is no such object of yours.", field="/n")
    if object_id not in (None, named):
        raise InvalidRecord("The name is of another object than the address.", field="/n")
    return named, rest


def places_of(streams: Mapping[str, StreamFields]) -> Places:
    """Every name that the streams know, with each place it may mean."""
    places: dict[str, list[Place]] = {}
    for stream, fields in _fields_of(streams):
        places.setdefault(fields["senml_name"], []).append(Place(stream, fields))
    for stream in streams:
        for reserved in RESERVED:
            places.setdefault(f"{stream}/{reserved}", [Place(stream, reserved=reserved)])
    for stream, fields in _fields_of(streams):
        places.setdefault(f"{stream}/{fields['senml_name']}", [Place(stream, fields)])
    return places


def _fields_of(streams: Mapping[str, StreamFields]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name, field) for name, stream in streams.items() for field in stream.fields]


def find_place(name: str, places: Places, streams: Mapping[str, StreamFields]) -> Place:
    """The one place of a name; UnknownField where not even its stream can be told."""
    found = places.get(name, ())
    if len(found) == 1:
        return found[0]
    if found:
        ways = " or ".join(f"{place.stream}/{name}" for place in found)
        raise UnknownField(f"{name!r} stands in several streams: write {ways}.", field="/n")
    stream, slash, _ = name.partition("/")
    if slash and stream in streams:
        return Place(stream)
    raise UnknownField(f"The product has no field of the SenML name {name!r}.", field="/n")
