"""The body of a call to send usage, read by its content type. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.kit import jsonio
from app.kit.errors import UnsupportedEncoding
from app.usage.errors import TooManyRecords
from app.usage.formats.assemble import Measure, read_measures
from app.usage.formats.ndjson import read_ndjson
from app.usage.formats.plain import read_plain
from app.usage.formats.senml import resolve
from app.usage.formats.senml_cbor import read_cbor
from app.usage.items import MAX_RECORDS, Item, RefusedLine, read_items

JSON = "application/json"
NDJSON = ("application/x-ndjson", "application/ndjson")
SENML_JSON = "application/senml+json"
SENML_CBOR = "application/senml+cbor"
CONTENT_TYPES = (JSON, *NDJSON, SENML_JSON, SENML_CBOR)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a body holds: records, or SenML measurements that are yet to become records."""

    items: Sequence[Item | RefusedLine] = field(default_factory=list)
    measures: list[Measure | RefusedLine] = field(default_factory=list)


def read_body(body: bytes, content_type: str, object_id: UUID | None, now: datetime) -> Batch:
    """Read a plain body. `object_id` is that of the address; `now` is when the body came.

    UnsupportedEncoding where the content type is none of CONTENT_TYPES; the error of the whole
    where not even lines can be told apart.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        return Batch(items=read_plain(body, object_id) or read_items(jsonio.loads(body), object_id))
    if kind in NDJSON:
        return Batch(items=read_ndjson(body, object_id))
    if kind == SENML_JSON:
        pack = jsonio.loads(body)
    elif kind == SENML_CBOR:
        pack = read_cbor(body)
    else:
        raise UnsupportedEncoding(f"Send records as one of {', '.join(CONTENT_TYPES)}.")
    measures = read_measures(resolve(pack, now), object_id)
    _check_count(measures)
    return Batch(measures=measures)


def _check_count(measures: list[Measure | RefusedLine]) -> None:
    """TooManyRecords where the measurements make too many records whatever their streams are."""
    records = {(one.object_id, one.at) for one in measures if isinstance(one, Measure)}
    if len(records) > MAX_RECORDS:
        raise TooManyRecords(
            f"The pack is of {len(records)} objects and times; at most {MAX_RECORDS} records."
        )
