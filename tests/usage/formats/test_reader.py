"""The content type picks the reader."""

import json
from datetime import UTC, datetime

import cbor2
import pytest

from app.kit.errors import InvalidJson, UnsupportedEncoding
from app.kit.ids import new_id
from app.usage.errors import InvalidCbor, InvalidRecord, TooManyRecords
from app.usage.formats.assemble import Measure
from app.usage.formats.reader import CONTENT_TYPES, Batch, read_body
from app.usage.items import MAX_RECORDS, Item, RefusedLine

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
OBJECT = new_id()
RECORD = {"stream": "wear", "at": "2026-11-02T08:10:00Z", "values": {"steps": 1}}
JSON = json.dumps(RECORD).encode()
PACK = [{"n": "wear/steps", "v": 1}, {"n": "-", "v": 1}]
BODIES = {
    "application/json": JSON,
    "application/x-ndjson": JSON,
    "application/ndjson": JSON + b"\r\n",
    "application/senml+json": json.dumps(PACK).encode(),
    "application/senml+cbor": cbor2.dumps([{0: "wear/steps", 2: 1}, {0: "-", 2: 1}]),
}


def test_every_content_type_is_tried() -> None:
    assert set(BODIES) == set(CONTENT_TYPES)


@pytest.mark.parametrize("kind", list(BODIES)[:3])
def test_records_come_as_items(kind: str) -> None:
    batch = read_body(BODIES[kind], kind, OBJECT, NOW)
    (item,) = batch.items
    assert isinstance(item, Item)
    assert (item.object_id, item.stream, batch.measures) == (OBJECT, "wear", [])


@pytest.mark.parametrize("kind", list(BODIES)[3:])
def test_senml_comes_as_measures(kind: str) -> None:
    batch = read_body(BODIES[kind], kind, OBJECT, NOW)
    measure, line = batch.measures
    assert measure == Measure(1, OBJECT, "wear/steps", None, NOW, "v", 1)
    assert isinstance(line, RefusedLine)
    assert batch.items == []


@pytest.mark.parametrize("kind", ["Application/JSON", "application/json; charset=utf-8"])
def test_case_and_parameters_do_not_matter(kind: str) -> None:
    assert len(read_body(JSON, kind, OBJECT, NOW).items) == 1


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/senml+xml", "application/sensml+json", "json", "*/*"]
)
def test_other_content_types_are_refused(kind: str) -> None:
    with pytest.raises(UnsupportedEncoding) as caught:
        read_body(JSON, kind, OBJECT, NOW)
    assert "application/senml+cbor" in caught.value.detail


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("application/json", b"{", InvalidJson),
        ("application/json", b"7", InvalidRecord),
        ("application/senml+json", b"[{]", InvalidJson),
        ("application/senml+json", b'[{"v":' + b"9" * 5000 + b"}]", InvalidJson),
        ("application/senml+json", b"[" * 100_000, InvalidJson),
        ("application/senml+json", b"{}", InvalidRecord),
        ("application/senml+cbor", b"[]", InvalidCbor),
        ("application/senml+cbor", b"\x9f" * 100_000, InvalidCbor),
        ("application/senml+cbor", b"\xa0", InvalidRecord),
    ],
)
def test_body_that_cannot_be_told_apart_is_refused_whole(
    kind: str, body: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        read_body(body, kind, OBJECT, NOW)


def test_pack_of_too_many_times_is_refused_before_its_streams_are_known() -> None:
    most = [{"n": "a", "t": n, "v": 1} for n in range(MAX_RECORDS)] * 2
    kind = "application/senml+json"
    batch = read_body(json.dumps(most).encode(), kind, OBJECT, NOW)
    assert len(batch.measures) == 2 * MAX_RECORDS
    more = json.dumps([*most, {"n": "a", "t": -1, "v": 1}]).encode()
    with pytest.raises(TooManyRecords):
        read_body(more, kind, OBJECT, NOW)


def test_empty_array_is_an_empty_batch() -> None:
    for kind in ("application/json", "application/senml+json"):
        assert read_body(b"[]", kind, OBJECT, NOW) == Batch()
