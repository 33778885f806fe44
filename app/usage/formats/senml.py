"""SenML resolved: every record with its whole name, its unit, its time and its value. Pure.

RFC 8428 §4. What a base field says holds for its record and those after it; a record of base fields
alone says no more than that. Sums (`s`, `bs`) and update times (`ut`) have no place in a stream and
are dropped. Decimal numbers are added as they are written, so 0.1 on 0.2 is 0.3.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from app.kit import jsonio
from app.kit.errors import DomainError
from app.usage.errors import InvalidRecord, TooManyRecords
from app.usage.items import MAX_RECORDS, RefusedLine

MAX_ENTRIES = 10 * MAX_RECORDS

Number = int | float
Value = int | float | bool | str

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ABSOLUTE = 2**28  # seconds; what is less is relative to now (RFC 8428 §4.5.3)
_VERSION = 10
_VERSIONS = frozenset([*range(1, _VERSION + 1), 26])  # 26: with secondary units (RFC 9100 §4)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*")
_LONGEST_NAME = 255  # or one long base name would be copied into every record


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_Check = tuple[Callable[[object], bool], str]
_NUMBER: _Check = (_is_number, "a number")
_TEXT: _Check = (_is_text, "a text")
_BASES: dict[str, _Check] = {
    "bn": _TEXT,
    "bt": _NUMBER,
    "bu": _TEXT,
    "bv": _NUMBER,
    "bs": _NUMBER,
    "bver": (lambda value: type(value) is int, "a whole number"),
}
_VALUES: dict[str, _Check] = {
    "v": _NUMBER,
    "vs": _TEXT,
    "vb": (lambda value: type(value) is bool, "true or false"),
    "vd": _TEXT,
}


class Resolved(NamedTuple):
    """One SenML record (RFC 8428 §4.6). `line` counts records from 1; `kind` is the label its value
    came under: v, vs, vb, or vd with base64url. Where there is a `fault`, name and time are good
    and the value is not: whatever else was measured then is not the whole of it."""

    line: int
    name: str
    unit: str | None
    at: datetime
    kind: str
    value: Value
    fault: DomainError | None = None


def resolve(pack: Any, now: datetime) -> list[Resolved | RefusedLine]:
    """The records of a pack, times rounded to microseconds and relative ones counted from `now`.

    A bad record is refused alone. InvalidRecord or TooManyRecords where the pack is none, or where
    a base field, the version or a label that must be understood spoils the whole.
    """
    if not isinstance(pack, list):
        raise InvalidRecord("A SenML pack is an array of records.")
    if len(pack) > MAX_ENTRIES:
        raise TooManyRecords(f"The pack has {len(pack)} SenML records; at most {MAX_ENTRIES}.")
    now = now.astimezone(UTC)
    base: dict[str, Any] = {}
    found: list[Resolved | RefusedLine] = []
    for line, record in enumerate(pack, 1):
        if not isinstance(record, dict):
            found.append(RefusedLine(line, InvalidRecord("A SenML record is a JSON object.")))
            continue
        _take_base(line, record, base)
        if not record or not all(label.startswith("b") for label in record):
            found.append(_resolve(line, record, base, now))
    return found


def _take_base(line: int, record: dict[str, Any], base: dict[str, Any]) -> None:
    """Note the base fields; the whole pack falls with one that is wrong (RFC 8428 §4.4, §4.5)."""
    for label, value in record.items():
        if label.endswith("_"):
            raise InvalidRecord(
                f"SenML record {line}: {label[:60]!r} must be understood, and is not here."
            )
        if label in _BASES:
            _check(_BASES[label], label, value, f"SenML record {line}: ")
            if label != "bver":
                base[label] = value
    version = record.get("bver", base.get("bver", _VERSION))
    if version not in _VERSIONS:
        raise InvalidRecord(f"SenML record {line}: the version (`bver`) is unknown here.")
    if version != base.setdefault("bver", version):
        raise InvalidRecord(f"SenML record {line}: a pack has one version (`bver`).")


def _check(check: _Check, label: str, value: object, where: str = "") -> None:
    is_good, words = check
    if not is_good(value):
        raise InvalidRecord(f"{where}`{label}` is {words}.", field=f"/{label}")


def _resolve(
    line: int, record: dict[str, Any], base: dict[str, Any], now: datetime
) -> Resolved | RefusedLine:
    try:
        name, at = _read_name(record, base), _read_time(record, base, now)
    except DomainError as error:
        return RefusedLine(line, error)
    try:
        unit = record.get("u", base.get("bu"))
        if unit is not None:
            _check(_TEXT, "u", unit)
        return Resolved(line, name, unit, at, *_read_value(record, base))
    except DomainError as error:
        return Resolved(line, name, None, at, "", "", error)


def _read_name(record: dict[str, Any], base: dict[str, Any]) -> str:
    """Base name and name as one (RFC 8428 §4.5.1)."""
    first, last = base.get("bn", ""), record.get("n", "")
    _check(_TEXT, "n", last)
    if len(first) + len(last) > _LONGEST_NAME:
        raise InvalidRecord(f"A name has at most {_LONGEST_NAME} characters.", field="/n")
    name: str = first + last
    if _NAME.fullmatch(name) is None:
        raise InvalidRecord(
            f"{name[:60]!r} is no SenML name: letters, digits and -:./_ after a letter or digit.",
            field="/n",
        )
    return name


def _read_time(record: dict[str, Any], base: dict[str, Any], now: datetime) -> datetime:
    """Base time and time as one, absolute (RFC 8428 §4.5.3)."""
    time = record.get("t", 0)
    _check(_NUMBER, "t", time)
    seconds = exact(base.get("bt", 0)) + exact(time)
    try:
        return (now if seconds < _ABSOLUTE else _EPOCH) + span(seconds)
    except OverflowError as error:
        raise InvalidRecord("`t` is no time that exists.", field="/t") from error


def exact(number: Number) -> int | Decimal:
    """The number as it was written."""
    return number if isinstance(number, int) else Decimal(repr(number))


def span(seconds: int | Decimal) -> timedelta:
    """So many seconds, to the nearest microsecond; OverflowError where there are too many."""
    return timedelta(microseconds=round(seconds * 1_000_000))


def _read_value(record: dict[str, Any], base: dict[str, Any]) -> tuple[str, Value]:
    """The label and the value (RFC 8428 §4.2, §4.5.4)."""
    labels = [label for label in _VALUES if label in record]
    if len(labels) != 1:
        raise InvalidRecord("A SenML record has one of v, vs, vb and vd; a sum is not enough.")
    label = labels[0]
    value: Value = record[label]
    _check(_VALUES[label], label, value)
    if label == "v" and "bv" in base:
        value = _add(record["v"], base["bv"])
    return label, value


def _add(value: Number, more: Number) -> Number:
    total = exact(value) + exact(more)
    number = total if isinstance(total, int) else float(total)
    if math.isinf(number) or (isinstance(number, int) and abs(number) > jsonio.MAX_INTEGER):
        raise InvalidRecord("`v` and `bv` add up to too much.", field="/v")
    return number
