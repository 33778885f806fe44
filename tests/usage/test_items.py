"""Reading records: what is judged before any object is looked up."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.kit.errors import DomainError
from app.kit.ids import new_id
from app.usage.errors import InvalidRecord, TooManyRecords
from app.usage.items import MAX_RECORDS, Item, RefusedLine, read_items

OBJECT = new_id()
GOOD = {
    "object": str(OBJECT),
    "stream": "wear",
    "at": "2026-11-02T08:10:00+01:00",
    "until": "2026-11-02T08:52:00.5+01:00",
    "values": {"steps": 3120},
    "id": "a",
}


def read_one(**changes: Any) -> Item | RefusedLine:
    record = {k: v for k, v in (GOOD | changes).items() if v is not ...}
    return read_items(record)[0]


def refusal(**changes: Any) -> DomainError:
    found = read_one(**changes)
    assert isinstance(found, RefusedLine)
    return found.error


def test_record_is_read_with_times_in_utc() -> None:
    item = read_one()
    assert isinstance(item, Item)
    assert item.object_id == OBJECT
    assert item.at == datetime(2026, 11, 2, 7, 10, tzinfo=UTC)
    assert item.until == datetime(2026, 11, 2, 7, 52, 0, 500_000, tzinfo=UTC)
    assert item.at.tzinfo is UTC


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-02T08:10:00Z",
        "2026-11-02t08:10:00z",
        "2026-11-02T08:10:00.123456-05:30",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_times_of_rfc_3339_are_taken(at: str) -> None:
    assert isinstance(read_one(at=at, until=...), Item)


@pytest.mark.parametrize(
    ("at", "slug"),
    [
        ("2026-11-02T08:10:00", "zone-missing"),
        ("2026-11-02T08:10:00.5", "zone-missing"),
        ("2026-11-02", "invalid-record"),
        ("2026-11-02 08:10:00Z", "invalid-record"),
        ("2026-11-02T08:10Z", "invalid-record"),
        ("2026-11-02T08:10:00.1234567Z", "invalid-record"),
        ("2026-02-30T08:10:00Z", "invalid-record"),
        ("2026-11-02T24:10:00Z", "invalid-record"),
        ("2026-11-02T08:10:60Z", "invalid-record"),
        ("2026-11-02T08:10:00+24:00", "invalid-record"),
        ("0001-01-01T00:00:00+23:00", "invalid-record"),
        ("9999-12-31T23:59:59-23:00", "invalid-record"),
        ("٢٠٢٦-11-02T08:10:00Z", "invalid-record"),
        ("2026-11-02T08:10:00Z\n", "invalid-record"),
        (1793606400, "invalid-record"),
        (None, "invalid-record"),
        (..., "invalid-record"),
    ],
)
def test_other_times_are_refused(at: object, slug: str) -> None:
    error = refusal(at=at, until=...)
    assert (error.slug, error.field) == (slug, "/at")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"until": "2026-11-02T08:09:59+01:00"}, "/until"),
        ({"until": None}, "/until"),
        ({"values": ...}, "/values"),
        ({"values": [1]}, "/values"),
        ({"stream": ...}, "/stream"),
        ({"stream": ""}, "/stream"),
        ({"stream": 7}, "/stream"),
        ({"stream": "x" * 41}, "/stream"),
        ({"id": "x" * 101}, "/id"),
        ({"id": ""}, "/id"),
        ({"id": 7}, "/id"),
        ({"id": None}, "/id"),
        ({"object": 7}, "/object"),
        ({"object": ...}, "/object"),
        ({"value": 1}, None),
    ],
)
def test_misshapen_record_is_refused_naming_the_member(
    changes: dict[str, Any], field: str | None
) -> None:
    error = refusal(**changes)
    assert (error.slug, error.field) == ("invalid-record", field)


def test_object_that_is_no_id_is_as_unknown_as_any_other() -> None:
    assert refusal(object="'; DROP TABLE objects --").slug == "not-found"


def test_record_id_of_a_hundred_characters_is_taken_unchanged() -> None:
    wide = "e\u0301<b>'\u202e"  # not normalised, not escaped
    assert read_one(id=wide.ljust(100, "x")).record_id == wide.ljust(100, "x")  # type: ignore[union-attr]


def test_bad_line_spoils_only_itself() -> None:
    items = read_items([GOOD, 7, GOOD | {"at": "now"}, GOOD])
    assert [type(one).__name__ for one in items] == ["Item", "RefusedLine", "RefusedLine", "Item"]
    assert [one.line for one in items] == [1, 2, 3, 4]


def test_address_names_the_object_alone() -> None:
    without = {k: v for k, v in GOOD.items() if k != "object"}
    named, bare = read_items([GOOD, without], OBJECT)
    assert isinstance(named, RefusedLine)
    assert isinstance(bare, Item)
    assert bare.object_id == OBJECT


@pytest.mark.parametrize("body", [None, 7, "x", True])
def test_body_that_is_no_record_is_refused_whole(body: object) -> None:
    with pytest.raises(InvalidRecord):
        read_items(body)


def test_call_takes_ten_thousand_records_and_no_more() -> None:
    assert len(read_items([{}] * MAX_RECORDS)) == MAX_RECORDS
    with pytest.raises(TooManyRecords):
        read_items([{}] * (MAX_RECORDS + 1))
