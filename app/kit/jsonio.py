"""The one strict JSON reader in front of everything, with the same limits on every database."""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from app.kit.errors import InvalidJson

MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1
MAX_PARTS = 750_000  # commas and opening brackets; 10,000 records of 40 fields have 500,000

# Possessive, and content with a string that never ends: no body makes it look back.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(c for c in range(256) if c not in b"[]{}")
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_DIGITS = len(str(MAX_INTEGER)) + 1
_PLAIN: Any = {"ensure_ascii": False, "separators": (",", ":"), "allow_nan": False}
_COMPACT = json.JSONEncoder(**_PLAIN).encode
_CANONICAL = json.JSONEncoder(**_PLAIN, sort_keys=True).encode


def loads(body: bytes) -> Any:
    """The value in `body` (RFC 8259), or InvalidJson.

    Refused beside syntax errors: duplicate keys, NaN and infinities (also by overflow), integers
    outside ±(2^53−1), more than 32 levels, NUL and lone surrogates, anything but UTF-8; and more
    parts than any body has that this service takes.
    """
    check_size(body)
    _check_depth(body)
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_read_object,
            parse_constant=_refuse_constant,
            parse_float=_read_float,
            parse_int=_read_int,
        )
    except UnicodeDecodeError as error:
        raise InvalidJson(f"The body is not UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidJson(f"The JSON ends or breaks at {where}: {error.msg}.") from error
    except RecursionError as error:
        raise InvalidJson(_TOO_DEEP) from error
    if _SUSPECT.search(body):
        _check_text(value)
    return value


def check_size(body: bytes) -> None:
    """InvalidJson where so much stands in `body` that it would be many times as large in memory.
    Counted in texts as well: to leave these out takes memory itself."""
    if len(body) <= MAX_PARTS:
        return
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_PARTS:
        raise InvalidJson(
            f"The JSON has more than {MAX_PARTS} commas and opening brackets; split it."
        )


def dumps(value: Any) -> bytes:
    """Compact UTF-8 JSON; ValueError on NaN."""
    return _COMPACT(value).encode()


def canonical(value: Any) -> bytes:
    """Compact JSON with sorted keys: equal values of one kind give equal bytes to hash."""
    return _CANONICAL(value).encode()


def check_text(text: str, name: str = "text") -> str:
    """`text` itself, where every database can keep it; InvalidJson otherwise."""
    _check_text(text, name)
    return text


_TOO_DEEP = f"The JSON is nested more than {MAX_DEPTH} levels deep."


def _check_depth(body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    nest = _STRING.sub(b"", body).translate(_TO_SQUARE, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        nest = nest.replace(b"[]", b"")
    if b"[]" in nest:
        raise InvalidJson(_TOO_DEEP)


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        double = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
        raise InvalidJson(f"The key {double!r} stands twice in one object.")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is not a JSON number.")


def _read_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise InvalidJson("A number is too large to store.")
    return value


def _read_int(text: str) -> int:
    if len(text) > _DIGITS or abs(value := int(text)) > MAX_INTEGER:
        raise InvalidJson("An integer lies outside ±(2^53−1).")
    return value


def _check_text(value: Any, name: str = "a text") -> None:
    parts: Iterable[Any] = ()
    if isinstance(value, str):
        if "\x00" in value:
            raise InvalidJson(f"NUL stands in {name}.")
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise InvalidJson(f"A lone surrogate stands in {name}.")
    elif isinstance(value, dict):
        parts = (*value.keys(), *value.values())
    elif isinstance(value, list):
        parts = value
    for part in parts:
        _check_text(part, name)
