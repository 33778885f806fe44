"""Numbers as they are told: exact as long as any reader of JSON holds them."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.disclosure.precision.totals import Numbers, Truths, join_totals, number_told, total_of
from app.kit.jsonio import MAX_INTEGER
from tests.disclosure.precision.logs import field


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (Decimal("0.30"), 0.3),
        (Decimal("3.0"), 3),
        (Decimal("-0.0"), 0),
        (Fraction(1, 3), 1 / 3),
        (Decimal(MAX_INTEGER), MAX_INTEGER),
        (Decimal(MAX_INTEGER + 2), float(MAX_INTEGER + 2)),
        (Decimal("1e100"), 1e100),
        (Decimal("5e-324"), 5e-324),
    ],
)
def test_number_is_told_as_one_that_readers_keep(
    number: Decimal | Fraction, expected: int | float
) -> None:
    told = number_told(number)
    assert (told, type(told)) == (expected, type(expected))


@given(numbers=st.lists(st.floats(-1e100, 1e100) | st.integers(-(2**53), 2**53), min_size=1))
def test_sum_is_exact_in_any_order(numbers: list[float]) -> None:
    def total(values: list[float]) -> Numbers:
        parts = [total_of(Decimal(repr(one)), "instant", field("x")) for one in values]
        whole = parts[0]
        for part in parts[1:]:
            assert whole is not None
            assert part is not None
            whole = join_totals(whole, part)
        assert isinstance(whole, Numbers)
        return whole

    one, other = total(numbers), total(numbers[::-1])
    assert one == other
    assert Fraction(one.total) == sum(Fraction(Decimal(repr(number))) for number in numbers)


def test_totals_of_two_fields_do_not_join() -> None:
    with pytest.raises(TypeError, match="Truths and Numbers"):
        join_totals(Truths(1, 1), Numbers(1, Decimal(1), Decimal(1), Decimal(1)))
