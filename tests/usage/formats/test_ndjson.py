"""NDJSON: lines stand alone, blank ones count, and each is read as strictly as any body."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit.ids import new_id
from app.usage.errors import TooManyRecords
from app.usage.formats.ndjson import read_ndjson
from app.usage.items import MAX_RECORDS, Item, RefusedLine
from tests.usage.formats.bounded import at_most

OBJECT = new_id()
RECORD = {"stream": "wash", "at": "2026-11-02T08:10:00Z", "values": {"temperature": 30}}
GOOD = json.dumps(RECORD).encode()


def slugs(body: bytes) -> list[tuple[int, str]]:
    """Each line with its problem's slug, or an empty one."""
    return [
        (one.line, one.error.slug if isinstance(one, RefusedLine) else "")
        for one in read_ndjson(body, OBJECT)
    ]


@pytest.mark.parametrize("body", [GOOD, GOOD + b"\n", GOOD + b"\r\n", b" " + GOOD + b" \r\n"])
def test_one_line_is_one_record(body: bytes) -> None:
    (item,) = read_ndjson(body, OBJECT)
    assert isinstance(item, Item)
    assert (item.object_id, item.values) == (OBJECT, {"temperature": 30})


def test_line_may_name_its_object() -> None:
    (item,) = read_ndjson(json.dumps(RECORD | {"object": str(OBJECT)}).encode())
    assert isinstance(item, Item)
    assert item.object_id == OBJECT


def test_blank_lines_count_and_are_no_records() -> None:
    assert slugs(b"\n" + GOOD + b"\r\n \t\r\n\n" + GOOD + b"\n\n") == [(2, ""), (5, "")]


@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n\r\n"])
def test_no_line_is_no_record(body: bytes) -> None:
    assert read_ndjson(body, OBJECT) == []


@pytest.mark.parametrize(
    ("line", "slug"),
    [
        (b"{", "invalid-json"),
        (GOOD + GOOD, "invalid-json"),
        (b"\xff", "invalid-json"),
        (b"\xef\xbb\xbf" + GOOD, "invalid-json"),
        (b"[" * 100_000, "invalid-json"),
        (b'{"stream":' + b"9" * 5000 + b"}", "invalid-json"),
        (b'{"at": NaN}', "invalid-json"),
        (b'{"at": 1, "at": 1}', "invalid-json"),
        (b'{"stream": "\\u0000"}', "invalid-json"),
        (b"[" + GOOD + b"]", "invalid-record"),
        (b"7", "invalid-record"),
    ],
)
def test_bad_line_is_refused_alone(line: bytes, slug: str) -> None:
    assert slugs(GOOD + b"\n" + line + b"\n" + GOOD) == [(1, ""), (2, slug), (3, "")]


def test_lone_carriage_return_ends_no_line() -> None:
    assert slugs(GOOD + b"\r" + GOOD) == [(1, "invalid-json")]


@given(st.lists(st.sampled_from([GOOD, b"", b"\r", b"{", b"7"]), max_size=30))
def test_every_line_that_is_not_blank_is_answered(lines: list[bytes]) -> None:
    told = [line for line, _ in slugs(b"\n".join(lines))]
    assert told == [n for n, line in enumerate(lines, 1) if line.strip()]


def test_ten_thousand_lines_and_no_more() -> None:
    assert len(read_ndjson(b"7\n\n" * MAX_RECORDS, OBJECT)) == MAX_RECORDS
    with pytest.raises(TooManyRecords):
        read_ndjson(b"7\n" * (MAX_RECORDS + 1), OBJECT)


def test_millions_of_blank_lines_take_no_memory() -> None:
    body = b"\n" * 1_000_000
    with at_most(100_000):
        assert read_ndjson(body, OBJECT) == []
