"""Values of a record against the fields of its stream: a JSON Schema, compiled once. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from jsonschema_rs import Draft202012Validator

from app.kit import jsonio
from app.usage.errors import InvalidValue

MAX_BODY = 16_000
_LONGEST_TEXT = 1000
_BOUNDS = {"lat": (-90, 90), "lon": (-180, 180)}
# Beyond these a reader's JSON (RFC 8259 §6), or the sum of a day, would lose the number.
_MOST = {"integer": jsonio.MAX_INTEGER, "number": 1e100}
_WHOLE = 2**62  # within what a validator compares as machine integers


@dataclass(frozen=True)
class Shape:
    """A stream's fields, ready to check values with. `narrow` takes nothing that `validator` does
    not, and nearly all that comes: it has whole bounds only, which are several times as cheap."""

    validator: Draft202012Validator
    narrow: Draft202012Validator
    names: frozenset[str]
    whole: frozenset[str]

    def write(self, values: dict[str, Any]) -> str:
        """The values as canonical JSON text; InvalidValue where they do not fit."""
        if not (self.narrow.is_valid(values) or self.validator.is_valid(values)):
            raise self._explain(values)
        for name in self.whole:
            if type(values.get(name)) is float:
                values = values | {name: int(values[name])}
        body = orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()
        if len(body) > MAX_BODY:
            raise InvalidValue(f"The values have over {MAX_BODY} characters.", field="/values")
        return body

    def _explain(self, values: dict[str, Any]) -> InvalidValue:
        if not values:
            return InvalidValue("The record has no value at all.", field="/values")
        for name in values:
            if name not in self.names:
                return InvalidValue(f"The stream has no field {name[:60]!r}.", field="/values")
        fault = next(self.validator.iter_errors(values))
        name = ".".join(str(step) for step in fault.instance_path)
        return InvalidValue(f"{name}: {fault.message[:300]}.", field=f"/values/{name}")


class Streams(NamedTuple):
    """A product's streams by name: their kinds, fields, shapes, and the days they are kept."""

    kinds: dict[str, str]
    fields: dict[str, list[dict[str, Any]]]
    shapes: dict[str, Shape]
    keep_days: dict[str, int | None]


class StreamCache:
    """The streams of the products that this process has met, with what is compiled from them. A
    product's streams never change."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._known: dict[UUID, Streams] = {}

    def get(self, product_id: UUID) -> Streams | None:
        return self._known.get(product_id)

    def put(
        self,
        product_id: UUID,
        streams: Iterable[tuple[str, str, list[dict[str, Any]], int | None]],
    ) -> Streams:
        """Keep what the database says of a product: name, kind, fields and days of each stream."""
        if len(self._known) >= self._most:
            self._known.pop(next(iter(self._known)))
        found = Streams({}, {}, {}, {})
        for name, kind, fields, keep_days in streams:
            found.keep_days[name] = keep_days
            found.kinds[name] = kind
            found.fields[name] = fields
            found.shapes[name] = shape_of(fields)
        self._known[product_id] = found
        return found


def shape_of(fields: Sequence[dict[str, Any]]) -> Shape:
    """The shape for a stream's fields. It depends on nothing else, so a product that changes its
    fields changes its shape as well."""
    return _compile(json.dumps(fields, sort_keys=True))


@lru_cache(maxsize=4096)
def _compile(fields_json: str) -> Shape:
    fields = json.loads(fields_json)
    properties = {field["name"]: _schema_of(field) for field in fields}
    narrow = {name: _narrowed(schema) for name, schema in properties.items()}
    whole = frozenset(f["name"] for f in fields if f["type"] == "integer")
    return Shape(_validator(properties), _validator(narrow), frozenset(properties), whole)


def _validator(properties: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "minProperties": 1,
        }
    )


def _narrowed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with whole bounds within its own."""
    if "minimum" not in schema:
        return schema
    low, high = max(schema["minimum"], -_WHOLE), min(schema["maximum"], _WHOLE)
    return schema | {"minimum": ceil(low), "maximum": floor(high)}


def _schema_of(field: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": field["type"]}
    lowest, highest = _BOUNDS.get(field.get("unit") or "", (None, None))
    if field["type"] == "string":
        schema["maxLength"] = _LONGEST_TEXT
    if (most := _MOST.get(field["type"])) is not None:
        low, high = field.get("minimum", lowest), field.get("maximum", highest)
        schema["minimum"] = -most if low is None else max(low, -most)
        schema["maximum"] = most if high is None else min(high, most)
    if field.get("enum"):
        schema["enum"] = field["enum"]
    return schema
