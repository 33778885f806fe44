"""The fast reader takes nothing that the strict one would not take, and nothing otherwise."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.kit import jsonio
from app.kit.errors import DomainError
from app.usage.formats.plain import read_plain
from app.usage.items import read_items

OBJECT = UUID("7e1b7d1c-0f51-4d0c-8a34-1f8a0f2f6c11")
GOOD: dict[str, Any] = {"stream": "wear", "at": "2026-11-02T08:10:00Z", "values": {"steps": 1}}

_DIGITS = st.text("0123456789", min_size=1, max_size=3)
_TIMES = st.one_of(
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.builds(
        lambda day, mark, time, fraction, zone: f"{day}{mark}{time}{fraction}{zone}",
        st.sampled_from(["2026-11-02", "0001-01-01", "9999-12-31", "2026-02-30", "20261102"]),
        st.sampled_from(["T", "t", " ", "_", ""]),
        st.sampled_from(["08:10:00", "00:00:00", "23:59:60", "24:00:00", "08:10", "8:10:00"]),
        st.sampled_from(["", ".", ".5", ".123456", ".1234567", ",5", ".123456789012345678"]),
        st.sampled_from(["Z", "z", "", "+01:00", "-23:59", "+0100", "+01", "-00:00", "+24:00"]),
    ),
    st.text(max_size=30),
)
_SCALARS = st.one_of(
    st.integers(),
    st.floats(allow_nan=True),
    st.booleans(),
    st.none(),
    st.text(max_size=8),
    st.just([]),
    st.just({"a": 1}),
)
_RECORDS = st.fixed_dictionaries(
    {
        "stream": st.one_of(st.just("wear"), st.text(max_size=42), _SCALARS),
        "at": st.one_of(_TIMES, _SCALARS),
        "values": st.one_of(st.dictionaries(st.text(max_size=5), _SCALARS, max_size=3), _SCALARS),
    },
    optional={
        "until": st.one_of(_TIMES, _SCALARS),
        "object": st.one_of(st.just(str(OBJECT)), st.text(max_size=40), _SCALARS),
        "id": st.one_of(st.text(max_size=102), _SCALARS),
        "sequence": _SCALARS,
        "epoch": st.one_of(st.text(max_size=66), _SCALARS),
        "corrects": st.one_of(st.text(max_size=102), _SCALARS),
        "more": _SCALARS,
    },
)


def strictly(body: bytes, object_id: UUID | None) -> Any:
    try:
        return read_items(jsonio.loads(body), object_id)
    except DomainError as error:
        return error


def check(body: bytes, object_id: UUID | None) -> bool:
    """Whether the fast reader takes it; then as the strict one does."""
    found = read_plain(body, object_id)
    if found is not None:
        strict = strictly(body, object_id)
        assert found == strict, body
        assert [repr(item) for item in found] == [repr(item) for item in strict], body
    return found is not None


@given(
    st.one_of(_RECORDS, st.lists(_RECORDS, max_size=3)),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :")]),
    st.booleans(),
)
def test_what_is_read_fast_is_read_the_same(
    records: Any, is_named: bool, separators: tuple[str, str], is_ascii: bool
) -> None:
    told = json.dumps(records, separators=separators, ensure_ascii=is_ascii)
    check(told.encode(errors="surrogatepass"), OBJECT if is_named else None)


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.one_of(st.binary(max_size=2), _DIGITS.map(str.encode))),
        max_size=3,
    ),
    st.booleans(),
)
@example([(0, b"\x00")], True)
def test_bytes_that_were_changed_are_read_the_same(
    changes: list[tuple[int, bytes]], is_named: bool
) -> None:
    named = GOOD | {"object": str(OBJECT), "id": "a", "sequence": 3, "epoch": "e", "corrects": "b"}
    records = [GOOD | {"until": "2026-11-02T08:52:00.5+01:00"}, named]
    body = json.dumps(records[:1] if is_named else records[1:], separators=(",", ":")).encode()
    for place, change in changes:
        body = body[:place] + change + body[place + 1 :]
    check(body, OBJECT if is_named else None)


@pytest.mark.parametrize(
    "record",
    [
        GOOD,
        GOOD | {"until": "2026-11-02T08:52:00+01:00", "at": "2026-11-02T07:10:00.123456Z"},
        GOOD | {"id": "a", "sequence": 3, "epoch": "e", "corrects": "b"},
        GOOD | {"values": {"a": 1.5, "b": "ä", "c": True, "d": -3}},
    ],
)
def test_what_nearly_everybody_sends_is_read_fast(record: dict[str, Any]) -> None:
    body = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()
    assert check(body, OBJECT)
    assert check(b"[" + body + b"," + body + b"]", OBJECT)
    named = json.dumps(record | {"object": str(OBJECT)}, separators=(",", ":"), ensure_ascii=False)
    assert check(named.encode(), None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"stream":"wear","at":"2026-11-02T08:10:00Z","values":{"a":1,"a":1}}',
        b'{"stream":"wear","stream":"wear","at":"2026-11-02T08:10:00Z","values":{"a":1}}',
        b'{"stream":"wear","at":"2026-11-02 08:10:00Z","values":{"a":1}}',
        b'{"stream":"wear","at":"2026-11-02T08:10:00+0000","values":{"a":1}}',
        b'{"stream":"wear","at":"2026-11-02T08:10:00.1234567Z","values":{"a":1}}',
        b'{"stream":"wear","at":"2026-11-02T08:10:00Z","values":{"a":9007199254740993}}',
        b'{"stream":"wear","at":"2026-11-02T08:10:00Z","values":{"a":"\\u0000"}}',
        b'{"stream":"wear","at":"2026-11-02T08:10:00Z","values":{"a":1},"sequence":1.0}',
    ],
)
def test_what_is_in_doubt_is_left_to_the_strict_reader(body: bytes) -> None:
    assert read_plain(body, OBJECT) is None
