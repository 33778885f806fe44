"""SenML in CBOR (RFC 8428 §6), read into what the same pack is in JSON. Pure.

Whoever sends CBOR can announce more than there is, nest without end, share, refer back and tag.
So the bytes are walked first, without building anything, and only what SenML is made of is decoded.
"""

from base64 import urlsafe_b64encode
from decimal import Decimal
from math import isinf
from typing import Any, NoReturn

import cbor2

from app.kit.jsonio import MAX_DEPTH, MAX_INTEGER
from app.usage.errors import InvalidCbor, TooManyRecords
from app.usage.formats.senml import MAX_ENTRIES

_LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs"} | dict(
    enumerate(["n", "u", "v", "vs", "vb", "s", "t", "ut", "vd"])
)
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
# What an item weighs in memory once it is decoded, by its major type; an entry is about 15.
_WEIGHTS = (1, 1, 1, 1, 5, 5, 3, 1)
_MOST_WEIGHT = 20 * MAX_ENTRIES
_FRACTION = 4  # the tag of decimal fractions (RFC 8949 §3.4.4)
_BREAK = 0xFF
_ENDLESS = 31
_NO_END = 2**62  # even, as keys and values come in pairs
_CONSTANTS = frozenset({20, 21, 22})  # false, true, null
_NOT_FINITE = {25: 0x7C00, 26: 0x7F80_0000, 27: 0x7FF0_0000_0000_0000}


def read_cbor(body: bytes) -> Any:
    """The pack with the labels it has in JSON; InvalidCbor where it is none that can be stored.

    Refused: anything after the pack, tags but for decimal fractions, duplicate labels, NaN and
    infinities, integers outside ±(2^53−1), NUL and broken UTF-8, texts and bytes in pieces, more
    than 32 levels. Arrays and maps without a length are taken.
    """
    _walk(body)
    try:
        value = cbor2.loads(body, max_depth=MAX_DEPTH + 1, allow_duplicate_keys=False)
    except cbor2.CBORDecodeError as error:
        raise InvalidCbor(f"The CBOR cannot be read: {str(error)[:100]}.") from error
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        return value  # for the resolver to refuse
    return [_relabel(one) for one in value]


def _relabel(record: Any) -> Any:
    if not isinstance(record, dict):
        return record
    told = {_label(key): _plain(value) for key, value in record.items()}
    if len(told) != len(record):
        raise InvalidCbor("A label stands twice in one record.")
    if isinstance(told.get("vd"), bytes):
        told["vd"] = urlsafe_b64encode(told["vd"]).rstrip(b"=").decode()
    return told


def _label(key: int | str) -> str:
    if isinstance(key, str):
        return key
    if key not in _LABELS:
        raise InvalidCbor(f"SenML has no label {key}.")
    return _LABELS[key]


def _plain(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    number = float(value)
    if isinf(number):
        raise InvalidCbor("A number is too large to store.")
    return number


def _walk(body: bytes) -> None:
    """Check the structure (RFC 8949 §3) of a body that should be one data item."""
    place, weight = 0, 0
    left, is_map, is_endless = 1, False, False  # of the container that is open
    outer: list[tuple[int, bool, bool]] = []
    while True:
        while left == 0:
            if not outer:
                return _check_end(body, place)
            left, is_map, is_endless = outer.pop()
        if is_endless and place < len(body) and body[place] == _BREAK:
            if is_map and left % 2:
                _refuse("a label has no value")
            place, left = place + 1, 0
            continue
        major, info, argument, place = _head(body, place)
        weight += _WEIGHTS[major]
        if weight > _MOST_WEIGHT:
            raise TooManyRecords(f"The pack holds more than {MAX_ENTRIES} SenML records could.")
        if is_map and left % 2 == 0 and major not in (_UNSIGNED, _NEGATIVE, _TEXT):
            _refuse("a label is neither a number nor a text")
        left -= 1
        if major in (_ARRAY, _MAP):
            outer.append((left, is_map, is_endless))
            if len(outer) > MAX_DEPTH:
                _refuse(f"it is nested more than {MAX_DEPTH} levels deep")
            is_map, is_endless = major == _MAP, info == _ENDLESS
            left = _NO_END if is_endless else argument * 2 if is_map else argument
            if not is_endless and left > len(body) - place:
                _refuse("it ends early")
        else:
            place = _check_scalar(body, place, major, info, argument)


def _head(body: bytes, place: int) -> tuple[int, int, int, int]:
    """Major type, additional information, argument, and where the head ends."""
    if place >= len(body):
        _refuse("it ends early")
    major, info = body[place] >> 5, body[place] & 31
    place += 1
    if info < 24:
        return major, info, info, place
    if info == _ENDLESS and major in (_ARRAY, _MAP):
        return major, info, 0, place
    if info > 27:
        _refuse("it has a head that is reserved, or a text in pieces")
    end = place + (1 << (info - 24))
    if end > len(body):
        _refuse("it ends early")
    return major, info, int.from_bytes(body[place:end], "big"), end


def _check_scalar(body: bytes, place: int, major: int, info: int, argument: int) -> int:
    """Where the item ends that is no array and no map."""
    if major in (_UNSIGNED, _NEGATIVE):
        if argument + major > MAX_INTEGER:  # a negative number is −1 − argument
            _refuse("an integer lies outside ±(2^53−1)")
    elif major in (_BYTES, _TEXT):
        if argument > len(body) - place:
            _refuse("it ends early")
        if major == _TEXT and body.find(0, place, place + argument) >= 0:
            _refuse("NUL stands in a text")
        place += argument
    elif major == _TAG:
        place = _check_fraction(body, place, argument)
    elif info in _NOT_FINITE:
        if argument & _NOT_FINITE[info] == _NOT_FINITE[info]:
            _refuse("NaN or an infinity is no number")
    elif info not in _CONSTANTS:
        _refuse("it has a simple value that JSON has not")
    return place


def _check_fraction(body: bytes, place: int, tag: int) -> int:
    """The end of a decimal fraction, two integers, the one tag that SenML knows (RFC 8428 §6)."""
    if tag != _FRACTION:
        _refuse(f"it has the tag {tag}")
    major, info, argument, place = _head(body, place)
    if (major, info, argument) != (_ARRAY, 2, 2):
        _refuse("a decimal fraction is two integers")
    for _ in range(2):
        major, info, argument, place = _head(body, place)
        if major not in (_UNSIGNED, _NEGATIVE):
            _refuse("a decimal fraction is two integers")
        _check_scalar(body, place, major, info, argument)
    return place


def _check_end(body: bytes, place: int) -> None:
    if place != len(body):
        _refuse(f"something follows the pack at byte {place}")


def _refuse(why: str) -> NoReturn:
    raise InvalidCbor(f"The CBOR cannot be taken: {why}.")
