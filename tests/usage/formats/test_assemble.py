"""From SenML to records: whose a name is, what it means, in which unit, what falls as a whole."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.kit.errors import DomainError
from app.usage.errors import TooManyRecords
from app.usage.formats.assemble import Measure, assemble, read_measures
from app.usage.formats.names import StreamFields
from app.usage.formats.senml import resolve
from app.usage.items import MAX_RECORDS, Item, RefusedLine
from app.usage.schema import shape_of
from tests.support.source import ROOT

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
AT = datetime(2026, 11, 2, 7, 10, tzinfo=UTC)
OBJECT = UUID("0b6e3a0e-0f2f-4a57-9f7a-9d1c2b3a4f50")  # fixed: it stands in the names of tests
OTHER = UUID("7c1d9f52-3b64-4c0e-8a95-2f6e1d0b7a38")
BASE = {"bn": f"urn:uuid:{OBJECT}:", "bt": int(AT.timestamp())}
JEANS = {
    stream["name"]: StreamFields(stream["kind"], stream["fields"])
    for stream in json.loads((ROOT / "docs" / "examples" / "jeans.json").read_text())["streams"]
}


def number(name: str, senml_name: str, unit: str, type: str = "number") -> dict[str, Any]:
    return {"name": name, "senml_name": senml_name, "unit": unit, "type": type}


CAR = {
    "trip": StreamFields(
        "interval",
        [
            number("energy", "energy", "kWh"),
            number("length", "length", "km"),
            number("speed", "speed", "km/h"),
            number("load", "load", "/100"),
            number("signal", "signal", "dBm"),
            number("stops", "stops", "count", "integer"),
            number("lasting", "time", "min"),
        ],
    ),
    "charge": StreamFields(
        "instant",
        [
            number("energy", "energy", "Wh"),
            number("temperature", "cabin/temp:1", "Cel"),
            {"name": "is_fast", "senml_name": "fast", "type": "boolean"},
            {"name": "plug", "senml_name": "plug", "type": "string", "unit": None},
        ],
    ),
}


def read(
    *records: dict[str, Any], streams: dict[str, StreamFields] = JEANS
) -> list[Item | RefusedLine]:
    """What a pack of one object becomes, its base already told."""
    found = read_measures(resolve([BASE, *records], NOW), OBJECT)
    refused: list[Item | RefusedLine] = [one for one in found if isinstance(one, RefusedLine)]
    return refused or assemble([one for one in found if isinstance(one, Measure)], streams)


def read_one(*records: dict[str, Any], streams: dict[str, StreamFields] = JEANS) -> Item:
    (item,) = read(*records, streams=streams)
    assert isinstance(item, Item), item
    return item


def refusal(
    *records: dict[str, Any], streams: dict[str, StreamFields] = JEANS
) -> tuple[int, DomainError]:
    (line,) = read(*records, streams=streams)
    assert isinstance(line, RefusedLine)
    return line.line, line.error


def test_pack_of_the_docs_is_read() -> None:
    page = (ROOT / "docs" / "senml.md").read_text()
    pack = json.loads(page.split("```json\n")[1].split("```")[0])
    measures = read_measures(resolve(pack, NOW))
    items = assemble([one for one in measures if isinstance(one, Measure)], JEANS)
    wear, wash = (item for item in items if isinstance(item, Item))
    assert (wear.stream, wear.values) == ("wear", {"steps": 3120, "minutes": 42})
    assert wear.at == AT
    assert wear.until == AT + timedelta(minutes=42)
    assert (wear.sequence, wear.epoch) == (17, "b7")
    assert (wash.stream, wash.values) == ("wash", {"temperature": 30, "programme": "delicate"})
    assert (wash.line, wash.until, wash.sequence) == (6, None, None)
    for item in (wear, wash):
        shape_of(JEANS[item.stream].fields).write(item.values)


def test_entries_of_one_stream_and_time_are_one_record() -> None:
    items = read(
        {"n": "steps", "v": 1},
        {"n": "temperature", "v": 30},
        {"n": "steps", "t": 60, "v": 2},
        {"n": "minutes", "v": 3},
    )
    assert [(i.line, i.stream, i.values) for i in items if isinstance(i, Item)] == [
        (2, "wear", {"steps": 1, "minutes": 3}),
        (3, "wash", {"temperature": 30}),
        (4, "wear", {"steps": 2}),
    ]


@pytest.mark.parametrize("name", ["steps", "wear/steps", f"urn:uuid:{OBJECT}:steps"])
def test_address_may_name_the_object_or_the_pack(name: str) -> None:
    (measure,) = read_measures(resolve([{"n": name, "v": 1}], NOW), OBJECT)
    assert isinstance(measure, Measure)
    assert measure.object_id == OBJECT
    assert isinstance(assemble([measure], JEANS)[0], Item)


def test_case_of_the_prefix_does_not_matter() -> None:
    name = f"URN:UUID:{str(OBJECT).upper()}:steps"
    (measure,) = read_measures(resolve([{"n": name, "v": 1}], NOW))
    assert isinstance(measure, Measure)
    assert (measure.object_id, measure.name) == (OBJECT, "steps")


@pytest.mark.parametrize(
    ("name", "address", "slug"),
    [
        ("steps", None, "invalid-record"),
        (f"urn:uuid:{OBJECT}", None, "invalid-record"),
        (f"urn:uuid:{OBJECT}:", None, "invalid-record"),
        (f"urn:uuid:{'-' * 36}:steps", None, "not-found"),
        (f"urn:uuid:{OBJECT.hex}----:steps", None, "not-found"),
        (f"urn:uuid:{OTHER}:steps", OBJECT, "invalid-record"),
    ],
)
def test_name_without_its_object_is_refused(name: str, address: Any, slug: str) -> None:
    (line,) = read_measures(resolve([{"n": name, "v": 1}], NOW), address)
    assert isinstance(line, RefusedLine)
    assert (line.line, line.error.slug, line.error.field) == (1, slug, "/n")


def test_many_objects_come_in_one_pack() -> None:
    pack = [{"bn": f"urn:uuid:{one}:", "n": "steps", "v": 1} for one in (OBJECT, OTHER)]
    measures = read_measures(resolve(pack, NOW))
    assert [m.object_id for m in measures if isinstance(m, Measure)] == [OBJECT, OTHER]


def test_line_that_was_refused_stays_refused() -> None:
    (line,) = read_measures(resolve([{"n": "-", "v": 1}], NOW), OBJECT)
    assert isinstance(line, RefusedLine)


def test_stream_stands_in_front_where_a_name_is_in_two() -> None:
    assert read_one({"n": "trip/energy", "v": 1}, streams=CAR).stream == "trip"
    assert read_one({"n": "charge/energy", "v": 1}, streams=CAR).stream == "charge"
    line, error = refusal({"n": "energy", "v": 1}, streams=CAR)
    assert (line, error.slug, error.field) == (2, "unknown-field", "/n")
    assert "trip/energy or charge/energy" in error.detail


@pytest.mark.parametrize("name", ["cabin/temp:1", "charge/cabin/temp:1"])
def test_name_may_hold_what_parts_names(name: str) -> None:
    assert read_one({"n": name, "v": 20}, streams=CAR).values == {"temperature": 20}


def test_field_that_is_called_as_a_reserved_name_is_found() -> None:
    streams = {
        "run": StreamFields("interval", [number("lasting", "duration", "min")]),
        "walk": StreamFields("instant", [number("number", "walk/seq", "count")]),
    }
    entries = ({"n": "duration", "v": 2}, {"n": "run/duration", "v": 120, "u": "s"})
    item = read_one(*entries, streams=streams)
    assert (item.values, item.until) == ({"lasting": 2}, AT + timedelta(minutes=2))
    assert read_one({"n": "walk/seq", "v": 2}, streams=streams).values == {"number": 2}


@pytest.mark.parametrize("name", ["step", "Steps", "fly/steps", "steps/", "urn:uuid:steps"])
def test_unknown_name_is_refused_alone(name: str) -> None:
    bad, good = read({"n": name, "v": 1}, {"n": "steps", "v": 1})
    assert isinstance(bad, RefusedLine)
    assert (bad.line, bad.error.slug, bad.error.field) == (2, "unknown-field", "/n")
    assert isinstance(good, Item)


@pytest.mark.parametrize(
    ("entry", "slug", "field"),
    [
        ({"n": "wear/step", "v": 1}, "unknown-field", "/n"),
        ({"n": "minutes", "v": 1, "u": "m"}, "unit-mismatch", "/u"),
        ({"n": "minutes", "vs": "1"}, "invalid-value", "/vs"),
        ({"n": "minutes", "vb": True}, "invalid-value", "/vb"),
        ({"n": "minutes", "vd": "aGk"}, "invalid-value", "/vd"),
        ({"n": "minutes", "v": "1"}, "invalid-record", "/v"),
        ({"n": "minutes"}, "invalid-record", None),
        ({"n": "wear/steps", "v": 2}, "invalid-record", "/n"),
        ({"n": "wear/duration", "v": -1}, "invalid-record", "/v"),
        ({"n": "wear/duration", "v": 1e15}, "invalid-record", "/v"),
        ({"n": "wear/duration", "v": 1, "u": "m"}, "unit-mismatch", "/u"),
        ({"n": "wear/duration", "vs": "PT1M"}, "invalid-value", "/vs"),
        ({"n": "wear/seq", "v": 1.5}, "invalid-value", "/v"),
        ({"n": "wear/seq", "v": -1}, "invalid-record", "/v"),
        ({"n": "wear/seq", "v": 1e300}, "invalid-value", "/v"),
        ({"n": "wear/seq", "vs": "1"}, "invalid-value", "/vs"),
        ({"n": "wear/epoch", "v": 1}, "invalid-value", "/v"),
        ({"n": "wear/epoch", "vs": ""}, "invalid-record", "/vs"),
        ({"n": "wear/epoch", "vs": "x" * 65}, "invalid-record", "/vs"),
    ],
)
def test_record_with_one_bad_entry_is_refused_whole(
    entry: dict[str, Any], slug: str, field: str | None
) -> None:
    first, last = {"n": "steps", "v": 1}, {"n": "minutes", "v": 3, "u": "km"}
    line, error = refusal(first, entry, last)
    assert (line, error.slug, error.field) == (3, slug, field)
    others = read(first | {"t": 1}, first, entry, {"n": "temperature", "v": 30})
    assert [type(one) for one in others] == [Item, RefusedLine, Item]
    assert [one.line for one in others] == [2, 4, 5]


def test_data_where_a_number_should_be_is_told_as_such() -> None:
    assert "vd" in refusal({"n": "steps", "vd": "aGk"})[1].detail


@pytest.mark.parametrize("names", [["wear/duration"], ["wear/seq"], ["wear/seq", "wear/duration"]])
def test_record_without_a_value_is_refused(names: list[str]) -> None:
    line, error = refusal(*[{"n": name, "v": 1} for name in names])
    assert (line, error.slug) == (2, "invalid-record")


def test_epoch_alone_is_refused() -> None:
    entries = ({"n": "steps", "v": 1}, {"n": "wear/epoch", "vs": "a"})
    assert refusal(*entries)[1].slug == "invalid-record"


@pytest.mark.parametrize(
    ("entry", "seconds"),
    [
        ({"v": 0}, 0),
        ({"v": 90.5, "u": "s"}, 90.5),
        ({"v": 42, "u": "min"}, 2520),
        ({"v": 1500, "u": "ms"}, 1.5),
        ({"v": 0.000001}, 0.000001),
    ],
)
def test_duration_ends_the_interval(entry: dict[str, Any], seconds: float) -> None:
    item = read_one({"n": "steps", "v": 1}, {"n": "wear/duration"} | entry)
    assert item.until == AT + timedelta(seconds=seconds)


def test_base_unit_does_not_hang_over_sequence_numbers() -> None:
    item = read_one({"bu": "count", "n": "steps", "v": 1}, {"n": "wear/seq", "v": 17.0})
    assert (item.sequence, item.epoch) == (17, None)


@pytest.mark.parametrize(
    ("name", "value", "unit", "stored"),
    [
        ("length", 1.5, None, 1.5),
        ("length", 1.5, "km", 1.5),
        ("length", 1500, "m", 1.5),
        ("length", 3000, "m", 3),
        ("length", 150_000, "cm", 1.5),
        ("trip/energy", 3_600_000, "J", 1),
        ("trip/energy", 250, "Wh", 0.25),
        ("speed", 10, "m/s", 36),
        ("speed", 0.1, "m/s", 0.36),
        ("load", 0.07, "/", 7.0),
        ("load", 70, "/1000", 7),
        ("signal", -90, "dBW", -60),
        ("time", 1, "h", 60),
        ("time", 0.1, "h", 6.0),
        ("stops", 3.0, None, 3),
        ("stops", 3, "count", 3),
    ],
)
def test_units_that_are_registered_are_converted_exactly(
    name: str, value: float, unit: str | None, stored: float
) -> None:
    entry = {"n": name, "v": value} | ({} if unit is None else {"u": unit})
    (found,) = read_one(entry, streams=CAR).values.values()
    assert found == stored
    assert type(found) is int or type(stored) is float


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("length", "s"),
        ("length", "KM"),
        ("length", ""),
        ("length", "mile"),
        ("charge/energy", "W"),
        ("stops", "1"),
        ("load", "%"),
        ("cabin/temp:1", "K"),
    ],
)
def test_other_units_are_refused(name: str, unit: str) -> None:
    _, error = refusal({"n": name, "v": 1, "u": unit}, streams=CAR)
    assert (error.slug, error.field) == ("unit-mismatch", "/u")


@pytest.mark.parametrize("value", [3.5, 2.0**53, 1e300])
def test_integer_is_whole(value: float) -> None:
    _, error = refusal({"n": "stops", "v": value}, streams=CAR)
    assert (error.slug, error.field) == ("invalid-value", "/v")


def test_number_that_its_unit_makes_too_large_is_refused() -> None:
    _, error = refusal({"n": "charge/energy", "v": 1e306, "u": "kWh"}, streams=CAR)
    assert error.slug == "invalid-value"


def test_texts_and_truth_values_have_no_unit() -> None:
    entries = ({"bu": "W", "n": "fast", "vb": True}, {"n": "plug", "vs": "CCS"})
    assert read_one(*entries, streams=CAR).values == {"is_fast": True, "plug": "CCS"}


def test_one_object_has_ten_thousand_records_in_a_pack_and_no_more() -> None:
    most = [{"n": "steps", "t": n, "v": 1} for n in range(MAX_RECORDS)]
    assert len(read(*most)) == MAX_RECORDS
    with pytest.raises(TooManyRecords):
        read(*most, {"n": "step", "v": 1})
