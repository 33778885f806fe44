"""Values against the fields of a stream."""

from typing import Any

import pytest

from app.usage.errors import InvalidValue
from app.usage.schema import Shape, shape_of
from tests.factories.usage import STREAMS


def shape(name: str) -> Shape:
    return shape_of(next(s["fields"] for s in STREAMS if s["name"] == name))


@pytest.mark.parametrize(
    ("stream", "values", "body"),
    [
        ("wear", {"steps": 3, "minutes": 2.5}, '{"minutes":2.5,"steps":3}'),
        ("wear", {"steps": 3.0}, '{"steps":3}'),
        ("wash", {"programme": "cotton", "spun": True}, '{"programme":"cotton","spun":true}'),
        ("wash", {"note": "<b>'é\u202e"}, '{"note":"<b>\'é\u202e"}'),
        ("place", {"latitude": -90, "longitude": 180.0}, '{"latitude":-90,"longitude":180.0}'),
    ],
)
def test_fitting_values_become_canonical_text(
    stream: str, values: dict[str, Any], body: str
) -> None:
    assert shape(stream).write(values) == body


@pytest.mark.parametrize(
    ("stream", "values", "field"),
    [
        ("wear", {}, "/values"),
        ("wear", {"paces": 1}, "/values"),
        ("wear", {"steps": 1, "paces": 1}, "/values"),
        ("wear", {"steps": "3"}, "/values/steps"),
        ("wear", {"steps": True}, "/values/steps"),
        ("wear", {"steps": None}, "/values/steps"),
        ("wear", {"steps": 3.5}, "/values/steps"),
        ("wear", {"steps": -1}, "/values/steps"),
        ("wear", {"minutes": 1440.1}, "/values/minutes"),
        ("wear", {"minutes": {"a": 1}}, "/values/minutes"),
        ("wash", {"programme": "boil"}, "/values/programme"),
        ("wash", {"note": "x" * 1001}, "/values/note"),
        ("wash", {"spun": 1}, "/values/spun"),
        ("place", {"latitude": 90.1}, "/values/latitude"),
        ("place", {"longitude": -180.1}, "/values/longitude"),
    ],
)
def test_other_values_are_refused_naming_the_field(
    stream: str, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValue) as raised:
        shape(stream).write(values)
    assert raised.value.field == field


def test_values_too_long_to_store_are_refused() -> None:
    fields = [{"name": f"f{n}", "type": "string"} for n in range(20)]
    values = {f["name"]: "x" * 900 for f in fields}
    with pytest.raises(InvalidValue, match="16000"):
        shape_of(fields).write(values)


def test_a_shape_is_compiled_once_and_anew_when_fields_change() -> None:
    fields = [{"name": "a", "type": "integer"}]
    first = shape_of(fields)
    assert shape_of([dict(fields[0])]) is first
    fields[0]["type"] = "string"
    assert shape_of(fields).write({"a": "x"}) == '{"a":"x"}'
