"""SenML in CBOR: the same packs as in JSON, and nothing that only CBOR could do to us."""

import json
import math
import struct
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit.jsonio import MAX_INTEGER
from app.usage.errors import InvalidCbor, TooManyRecords
from app.usage.formats.senml import MAX_ENTRIES, resolve
from app.usage.formats.senml_cbor import read_cbor
from tests.usage.formats.bounded import at_most
from tests.usage.formats.test_senml import VECTORS

LABELS = {
    "bver": -1,
    "bn": -2,
    "bt": -3,
    "bu": -4,
    "bv": -5,
    "bs": -6,
    "n": 0,
    "u": 1,
    "v": 2,
    "vs": 3,
    "vb": 4,
    "s": 5,
    "t": 6,
    "ut": 7,
    "vd": 8,
}
ONE = b"\x81\xa1\x02"  # [{v: ...


def refuse(body: bytes) -> str:
    with pytest.raises(InvalidCbor) as caught:
        read_cbor(body)
    return caught.value.detail


def packed(pack: list[dict[str, Any]]) -> bytes:
    """With labels as RFC 8428 §6, Table 4 has them."""
    return cbor2.dumps([{LABELS.get(k, k): v for k, v in record.items()} for record in pack])


@pytest.mark.parametrize("name", [f"ex{n}" for n in range(1, 7)])
def test_examples_read_as_they_do_in_json(name: str) -> None:
    if not VECTORS.is_dir():
        pytest.skip(f"SenML examples: {VECTORS} is absent")
    pack = json.loads((VECTORS / f"{name}.json").read_text())
    assert read_cbor(packed(pack)) == pack


def test_example_of_the_rfc_is_read() -> None:
    """The first two records of the dump in RFC 8428 §6."""
    name = b"urn:dev:ow:10e2073a0108006:"
    body = b"".join(
        [
            b"\x82\xa7\x21\x78\x1b" + name,
            bytes.fromhex("22 fb 41d303a15b001062 23 61 41 20 05 00 67") + b"voltage",
            bytes.fromhex("01 61 56 02 fb 405e066666666666 a3 00 67") + b"current",
            bytes.fromhex("06 24 02 fb 3ff3333333333333"),
        ]
    )
    first = {"bn": name.decode(), "bt": 1276020076.001, "bu": "A", "bver": 5}
    assert read_cbor(body) == [
        first | {"n": "voltage", "u": "V", "v": 120.1},
        {"n": "current", "t": -5, "v": 1.2},
    ]


LEAVES = st.one_of(
    st.integers(-MAX_INTEGER, MAX_INTEGER),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
)
NESTED = st.recursive(
    LEAVES, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.just("x"), x), max_leaves=5
)
PACKS = st.lists(st.dictionaries(st.sampled_from([*LABELS, "foo", "bar"]), NESTED), max_size=5)


@given(PACKS)
def test_any_pack_comes_out_as_it_went_in(pack: list[dict[str, Any]]) -> None:
    assert read_cbor(packed(pack)) == pack


@given(PACKS, st.data())
def test_any_pack_that_ends_early_or_late_is_refused(
    pack: list[dict[str, Any]], data: st.DataObject
) -> None:
    body = packed(pack)
    refuse(body[: data.draw(st.integers(0, len(body) - 1))])
    refuse(body + b"\x00")


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        value = read_cbor(b"\x81" + body)
    except InvalidCbor:
        return
    text = json.dumps(value, default=lambda _: "data", allow_nan=False)
    assert "undefined" not in text


@pytest.mark.parametrize("value", [0.5, 1.5, -2.25, 100000.5, 1.1, 1e300, -0.0, 5e-324])
def test_floats_of_every_width_are_read(value: float) -> None:
    for canonical in (False, True):
        body = cbor2.dumps([{2: value}], canonical=canonical)
        assert read_cbor(body) == [{"v": value}]
    assert read_cbor(ONE + b"\xf9\x3e\x00") == [{"v": 1.5}]
    assert read_cbor(ONE + b"\xfa\x3f\xc0\x00\x00") == [{"v": 1.5}]


@pytest.mark.parametrize(
    ("number", "value"), [("23.1", 23.1), ("-0.005", -0.005), ("1E+3", 1000.0), ("1E-999999", 0.0)]
)
def test_decimal_fractions_are_read(number: str, value: float) -> None:
    sign, digits, exponent = Decimal(number).as_tuple()
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    body = ONE + b"\xc4" + cbor2.dumps([exponent, mantissa])
    assert read_cbor(body) == [{"v": value}]


def test_arrays_and_maps_without_a_length_are_read() -> None:
    assert read_cbor(b"\x9f\xbf\x00\x61a\x02\x01\xff\xa0\xff") == [{"n": "a", "v": 1}, {}]


def test_data_becomes_base64url() -> None:
    assert read_cbor(b"\x81\xa1\x08\x43\xfb\xff\xfe") == [{"vd": "-__-"}]
    assert read_cbor(b"\x81\xa1\x08\x41a") == [{"vd": "YQ"}]


@pytest.mark.parametrize("body", [b"\x07", b"\x61a", b"\xa1\x00\x61a", b"\xf6", b"\x81\x81\x00"])
def test_what_is_no_pack_is_left_to_the_resolver(body: bytes) -> None:
    assert read_cbor(body) == {0: "a"} or not isinstance(read_cbor(body), dict)


DEEP = b"\x81" * 31


@pytest.mark.parametrize(
    "body",
    [
        b"\x81" * 100_000 + b"\x00",
        b"\x9f" * 100_000,
        b"\xa1\x00" * 100_000 + b"\x00",
        b"\xbf\x00" * 100_000,
        DEEP + b"\x81\x81\x00",
        DEEP + b"\x9f\x9f\xff\xff",
    ],
    ids=["arrays", "endless arrays", "maps", "endless maps", "33 arrays", "33 endless"],
)
def test_nesting_without_end_is_refused(body: bytes) -> None:
    assert "32 levels" in refuse(body)
    read_cbor(DEEP + b"\x81\x00")


@pytest.mark.parametrize("major", [0x5B, 0x7B, 0x9B, 0xBB], ids=["bytes", "text", "array", "map"])
@pytest.mark.parametrize("size", [2**20, 2**40, 2**63, 2**64 - 1])
def test_huge_length_is_refused_without_memory(major: int, size: int) -> None:
    with at_most(100_000):
        for before in (b"", b"\x81", b"\x81\xa1\x00"):
            assert "early" in refuse(before + bytes([major]) + size.to_bytes(8, "big") + b"aaaa")


@pytest.mark.parametrize(
    "item",
    [
        b"\xc0\x74" + b"2026-11-02T08:10:00Z",
        b"\xc1\x00",
        b"\xc2\x49\x01" + bytes(8),
        b"\xc3\x41\x01",
        b"\xc5\x82\x00\x00",
        b"\xd8\x19\x00",
        b"\xd8\x1c\x80",
        b"\xd8\x1c\x81\xd8\x1d\x00",
        b"\xd8\x1d\x00",
        b"\xd8\x1e\x82\x01\x02",
        b"\xd8\x23\x61(",
        b"\xd8\x24\x61a",
        b"\xd9\x01\x00\x80",
        b"\xd9\x01\x02\x80",
        b"\xd9\xd9\xf7\x80",
        b"\xdb" + b"\xff" * 8 + b"\x00",
        b"\xc4\x00",
        b"\xc4\x83\x00\x00\x00",
        b"\xc4\x82\x00\xc2\x41\x01",
        b"\xc4\x82\x00\xf9\x00\x00",
        b"\xc4\x82\x00\xc4\x82\x00\x00",
        b"\xc4\x9f\x00\x00\xff",
        b"\xc4\x82\x00\x1b\x00\x20\x00\x00\x00\x00\x00\x00",
    ],
    ids=bytes.hex,
)
def test_tags_are_refused_but_for_decimal_fractions(item: bytes) -> None:
    refuse(ONE + item)
    refuse(item)


def test_self_described_cbor_is_refused_as_any_tag() -> None:
    refuse(b"\xd9\xd9\xf7" + ONE + b"\x01")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("width", ["e", "f", "d"])
def test_no_number_is_refused_in_every_width(value: float, width: str) -> None:
    head = {"e": b"\xf9", "f": b"\xfa", "d": b"\xfb"}[width]
    assert "NaN" in refuse(ONE + head + struct.pack(f">{width}", value))


def test_decimal_fraction_that_overflows_is_refused() -> None:
    assert "too large" in refuse(ONE + b"\xc4" + cbor2.dumps([400, 1]))
    start = time.monotonic()
    assert "too large" in refuse(ONE + b"\xc4" + cbor2.dumps([MAX_INTEGER, MAX_INTEGER]))
    assert read_cbor(ONE + b"\xc4" + cbor2.dumps([-MAX_INTEGER, MAX_INTEGER])) == [{"v": 0.0}]
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("value", [2**53, -(2**53), 2**64 - 1, -(2**64)])
def test_integer_beyond_what_json_keeps_is_refused(value: int) -> None:
    assert "2^53" in refuse(ONE + cbor2.dumps(value))
    kept = MAX_INTEGER if value > 0 else -MAX_INTEGER
    assert read_cbor(ONE + cbor2.dumps(kept)) == [{"v": kept}]


@pytest.mark.parametrize(
    "body",
    [
        b"\x81\xa2\x00\x61a\x00\x61b",
        b"\x81\xa2\x61n\x61a\x61n\x61a",
        b"\x81\xa2\x00\x61a\x61n\x61a",
        b"\x81\xbf\x00\x61a\x00\x61b\xff",
        b"\x81\xa1\x63foo\xa2\x61a\x00\x61a\x00",
    ],
)
def test_label_that_stands_twice_is_refused(body: bytes) -> None:
    refuse(body)


@pytest.mark.parametrize("key", [b"\x41a", b"\xf5", b"\xf9\x00\x00", b"\x80", b"\xa0", b"\xf6"])
def test_label_is_a_number_or_a_text(key: bytes) -> None:
    assert "label" in refuse(b"\x81\xa1" + key + b"\x00")
    assert "label" in refuse(b"\x81\xbf" + key + b"\x00\xff")


@pytest.mark.parametrize("key", [9, 23, 255, -7, 2**40])
def test_number_that_is_no_label_is_refused(key: int) -> None:
    assert str(key) in refuse(cbor2.dumps([{key: 1}]))


@pytest.mark.parametrize(
    "text", [b"\x61\x00", b"\x63a\x00b", b"\x63\xed\xa0\x80", b"\x61\xff", b"\x62\xc0\x80"]
)
def test_text_that_no_database_keeps_is_refused(text: bytes) -> None:
    refuse(b"\x81\xa1\x03" + text)
    refuse(b"\x81\xa1" + text + b"\x00")
    refuse(b"\x81\xa1\x63foo\x81" + text)


@pytest.mark.parametrize(
    "item",
    [
        b"\xf7",
        b"\xe0",
        b"\xf8\xff",
        b"\xf8\x14",
        b"\x1c",
        b"\x1f",
        b"\x3f",
        b"\x5f\x41a\xff",
        b"\x7f\x61a\xff",
        b"\xdf\x00",
        b"\xff",
        b"\xfc",
    ],
    ids=bytes.hex,
)
def test_what_json_cannot_say_is_refused(item: bytes) -> None:
    refuse(item)
    refuse(b"\x81" + item)
    refuse(ONE + item)


@pytest.mark.parametrize("body", [b"", b"\x9f", b"\xbf\x00\xff", b"\x81\xa1\x00\xff", b"\x80\x80"])
def test_structure_that_does_not_close_is_refused(body: bytes) -> None:
    refuse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"\x80" * 2_000_000,
        b"\xa0" * 2_000_000,
        b"\xc4\x82\x00\x01" * 2_000_000,
        b"\x00" * 2_000_001,
        b"\xa1\x61a\x00" * 1_000_000,
    ],
    ids=["arrays", "maps", "fractions", "numbers", "records"],
)
def test_body_of_millions_of_small_things_is_refused_before_any_is_made(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cbor2, "loads", None)
    with pytest.raises(TooManyRecords):
        read_cbor(b"\x9f" + body + b"\xff")


def test_pack_as_large_as_may_be_is_read() -> None:
    fraction = cbor2.CBORTag(4, [-1, 231])
    pack = [{0: "wear/steps", 1: "count", 6: fraction, 2: fraction}] * MAX_ENTRIES
    assert read_cbor(cbor2.dumps(pack))[-1]["v"] == 23.1
    with pytest.raises(TooManyRecords):
        resolve(read_cbor(cbor2.dumps([*pack, {}])), datetime.now(UTC))
