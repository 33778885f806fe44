"""What one field comes to over a stretch of time, so that two neighbouring stretches can be joined.

Numbers are added as they are written, 0.1 and 0.2 to 0.3, with as many digits as it takes: no order
of adding changes a sum, and the sum of a week is the sum of its days. Only what is told is rounded,
once, to the nearest number that every reader of JSON holds (RFC 8259 §6).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from typing import Any, TypeVar

from app.kit.jsonio import MAX_INTEGER

# Of 64-bit numbers the least and the greatest lie 632 decimal places apart, so nothing is rounded.
_EXACT = Context(prec=700, traps=[Inexact])
_Key = TypeVar("_Key")


@dataclass(frozen=True)
class Numbers:
    """A number field's values."""

    count: int
    total: Decimal
    least: Decimal
    most: Decimal


@dataclass(frozen=True)
class Steps:
    """A counter's values. `increase` is how far it went up from each to the next; where it falls
    it began anew, and its new value is what it went up since."""

    count: int
    increase: Decimal
    least: Decimal
    most: Decimal
    first: Decimal
    last: Decimal


@dataclass(frozen=True)
class Truths:
    """A truth field's values."""

    count: int
    true: int


@dataclass(frozen=True)
class Words:
    """How often each of a field's listed texts occurred."""

    counts: Mapping[str, int]


Total = Numbers | Steps | Truths | Words


def total_of(value: Any, kind: str, field: Mapping[str, Any]) -> Total | None:
    """What one value comes to in a stream of this kind; None for what is never told, a text that
    the field does not list. Numbers with a point come as Decimals."""
    match value:
        case bool():
            return Truths(1, int(value))
        case int() | Decimal():
            number = Decimal(value)
            if kind == "counter":
                return Steps(1, Decimal(), number, number, number, number)
            return Numbers(1, number, number, number)
        case str() if value in (field.get("enum") or ()):
            return Words({value: 1})
    return None


def join_totals(one: Total, later: Total) -> Total:
    """What a field comes to over two stretches, the first of which lies before the other."""
    match one, later:
        case Numbers(), Numbers():
            return Numbers(
                one.count + later.count,
                _EXACT.add(one.total, later.total),
                min(one.least, later.least),
                max(one.most, later.most),
            )
        case Steps(), Steps():
            step = _step(one.last, later.first)
            return Steps(
                one.count + later.count,
                _EXACT.add(_EXACT.add(one.increase, step), later.increase),
                min(one.least, later.least),
                max(one.most, later.most),
                one.first,
                later.last,
            )
        case Truths(), Truths():
            return Truths(one.count + later.count, one.true + later.true)
        case Words(), Words():
            return Words(add_counts(one.counts, later.counts))
    raise TypeError(f"{type(one).__name__} and {type(later).__name__} are not of one field")


def add_counts(one: Mapping[_Key, int], other: Mapping[_Key, int]) -> dict[_Key, int]:
    """How often each occurs in the two together."""
    return {key: one.get(key, 0) + other.get(key, 0) for key in [*one, *other]}


def total_told(total: Total, records: int) -> dict[str, Any]:
    """A field's part of an answer; with the count of its values where not all records had one."""
    match total:
        case Numbers():
            mean = Fraction(total.total) / total.count
            told = _numbers_told(sum=total.total, min=total.least, max=total.most, mean=mean)
            return told | _count_told(total.count, records)
        case Steps():
            told = _numbers_told(increase=total.increase, min=total.least, max=total.most)
            told |= _numbers_told(first=total.first, last=total.last)
            return told | _count_told(total.count, records)
        case Truths():
            return {"true": total.true} | _count_told(total.count, records)
        case Words():
            return {"counts": dict(sorted(total.counts.items()))}


def number_told(number: Decimal | Fraction) -> int | float:
    """A number for JSON: whole where it is and every reader keeps it, else the nearest float."""
    exact = Fraction(number)
    is_kept = exact.denominator == 1 and abs(exact) <= MAX_INTEGER
    return int(exact) if is_kept else float(exact)


def _numbers_told(**numbers: Decimal | Fraction) -> dict[str, Any]:
    return {name: number_told(number) for name, number in numbers.items()}


def _count_told(count: int, records: int) -> dict[str, Any]:
    return {} if count == records else {"count": count}


def _step(before: Decimal, after: Decimal) -> Decimal:
    return _EXACT.subtract(after, before) if after >= before else max(after, Decimal())
