"""What a registration must say, and what it must not."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.objects.categories import CATEGORIES, STREAM_CATEGORIES, VENDOR_SCOPES
from app.objects.spec import Category, ProductSpec, StreamFacts
from app.objects.units import UNITS, unit_words
from tests.factories.objects import field_body, product_body, stream_body


def pointers(body: dict[str, Any]) -> list[str]:
    """Where the registration is refused."""
    with pytest.raises(ValidationError) as caught:
        ProductSpec.model_validate(body)
    return ["/" + "/".join(map(str, fault["loc"])) for fault in caught.value.errors()]


def with_stream(**changes: Any) -> dict[str, Any]:
    body = product_body()
    body["streams"][0] |= changes
    return body


def with_field(**changes: Any) -> dict[str, Any]:
    body = product_body()
    body["streams"][0]["fields"][0] |= changes
    return body


def test_example_is_accepted() -> None:
    assert ProductSpec.model_validate(product_body()).streams[0].category == "usage"


def test_categories_and_their_scopes_are_closed_lists() -> None:
    assert set(Category.__args__) == set(STREAM_CATEGORIES)
    assert set(CATEGORIES) - set(STREAM_CATEGORIES) == {"identity"}
    assert set(VENDOR_SCOPES) == {f"{name}:read" for name in CATEGORIES}


@pytest.mark.parametrize("fact", list(StreamFacts.model_fields))
def test_each_fact_of_the_law_is_required_and_named(fact: str) -> None:
    body = product_body()
    del body["streams"][0]["facts"][fact]
    assert pointers(body) == [f"/streams/0/facts/{fact}"]


def test_what_the_maker_keeps_is_required() -> None:
    body = product_body()
    del body["streams"][0]["holder_copy"]
    assert pointers(body) == ["/streams/0/holder_copy"]


def test_law_asks_for_thirteen_facts_a_stream() -> None:
    assert len(StreamFacts.model_fields) == 13


@pytest.mark.parametrize("text", ["", "   ", "x" * 1001, "bell\x07"])
def test_fact_has_1_to_1000_characters_of_text(text: str) -> None:
    body = product_body()
    body["streams"][0]["facts"]["retention"] = text
    assert pointers(body) == ["/streams/0/facts/retention"]


def test_fact_that_is_yes_or_no_takes_no_text() -> None:
    body = product_body()
    body["streams"][0]["facts"]["is_real_time"] = "yes"
    assert pointers(body) == ["/streams/0/facts/is_real_time"]


@pytest.mark.parametrize("name", ["Wear", "1wear", "", "w" * 41, "wear-2", "wear\n", "größe"])
def test_stream_and_field_names_are_plain(name: str) -> None:
    assert pointers(with_stream(name=name)) == ["/streams/0/name"]
    assert pointers(with_field(name=name)) == ["/streams/0/fields/0/name"]


@pytest.mark.parametrize("category", ["identity", "health", ""])
def test_stream_has_a_category_of_data(category: str) -> None:
    assert pointers(with_stream(category=category)) == ["/streams/0/category"]


def test_kind_is_instant_interval_or_counter() -> None:
    assert pointers(with_stream(kind="event")) == ["/streams/0/kind"]


@pytest.mark.parametrize("unit", ["furlong", "cel", "°C", "", "x" * 21])
def test_unknown_unit_is_refused(unit: str) -> None:
    assert pointers(with_field(unit=unit)) == ["/streams/0/fields/0/unit"]


@pytest.mark.parametrize("unit", ["Cel", "%", "count", "1", "m", "s", "min", "kg", "W", "Wh", "N"])
def test_known_units_are_taken(unit: str) -> None:
    assert unit in UNITS
    ProductSpec.model_validate(with_field(unit=unit))
    assert isinstance(unit_words(unit), str)


@pytest.mark.parametrize(
    "changes",
    [
        {"unit": None},
        {"type": "string"},
        {"enum": ["a"]},
        {"minimum": 2, "maximum": 1},
        {"type": "string", "unit": None, "minimum": None, "enum": ["a", "a"]},
    ],
)
def test_field_whose_parts_do_not_fit_is_refused(changes: dict[str, Any]) -> None:
    assert pointers(with_field(**changes)) == ["/streams/0/fields/0"]


def test_enum_is_bounded() -> None:
    text = {"type": "string", "unit": None, "minimum": None}
    ProductSpec.model_validate(with_field(**text, enum=["cotton", "delicate"]))
    assert pointers(with_field(**text, enum=[])) == ["/streams/0/fields/0/enum"]
    assert pointers(with_field(**text, enum=[str(n) for n in range(51)])) == [
        "/streams/0/fields/0/enum"
    ]


@pytest.mark.parametrize("unit", ["lat", "lon"])
def test_places_belong_to_location_only(unit: str) -> None:
    fields = [field_body("where", unit)]
    ProductSpec.model_validate(product_body(streams=[stream_body("place", "location", fields)]))
    body = product_body(streams=[stream_body("place", "usage", fields)])
    assert pointers(body) == ["/streams/0"]


def test_names_stand_once() -> None:
    stream = product_body()["streams"][0]
    assert pointers(product_body(streams=[stream, stream])) == ["/"]
    twice = [field_body("a"), field_body("a")]
    assert pointers(product_body(streams=[stream_body("s", "care", twice)])) == ["/streams/0"]
    alike = [field_body("a"), field_body("b") | {"senml_name": "a"}]
    assert pointers(product_body(streams=[stream_body("s", "care", alike)])) == ["/streams/0"]


def test_registration_is_bounded() -> None:
    many = [stream_body(f"s{n}", "care", [field_body("a")]) for n in range(21)]
    assert pointers(product_body(streams=many)) == ["/streams"]
    assert pointers(product_body(streams=[])) == ["/streams"]
    wide = [field_body(f"f{n}") for n in range(41)]
    body = product_body(streams=[stream_body("s", "care", wide)])
    assert pointers(body) == ["/streams/0/fields"]
    assert pointers(product_body(name="x" * 201)) == ["/name"]


def test_unknown_members_are_refused() -> None:
    assert pointers(product_body(owner="me")) == ["/owner"]
    assert pointers(with_stream(secret=True)) == ["/streams/0/secret"]


def test_product_needs_a_number_of_its_own() -> None:
    assert pointers(product_body(gtin=None, article_number=None)) == ["/"]
