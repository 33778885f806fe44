"""GS1 keys, by the General Specifications' own rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.objects.gs1 import check_digit, has_prefix, is_serial, normalise_gtin


@pytest.mark.parametrize(
    ("text", "gtin"),
    [
        ("09506000134376", "09506000134376"),
        ("9506000134376", "09506000134376"),
        ("614141007349", "00614141007349"),
        ("95012346", "00000095012346"),
        ("19506000134373", "19506000134373"),
    ],
)
def test_gtin_of_any_length_becomes_14_digits(text: str, gtin: str) -> None:
    assert normalise_gtin(text) == gtin


@pytest.mark.parametrize(
    "text",
    ["09506000134377", "950600013437", "", "0950600013437x", "٠٩٥٠٦٠٠٠١٣٤٣٧٦", " 9506000134376"],
)
def test_what_is_no_gtin_is_refused(text: str) -> None:
    assert normalise_gtin(text) is None


@given(st.text("0123456789", min_size=13, max_size=13), st.integers(0, 12))
def test_check_digit_finds_each_single_error(digits: str, place: int) -> None:
    other = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]
    assert check_digit(digits) != check_digit(other)


def test_prefix_is_compared_after_the_indicator_digit() -> None:
    assert has_prefix("09506000134376", ["9506000"])
    assert has_prefix("19506000134373", ["9506000"])
    assert not has_prefix("09506000134376", ["0950"])
    assert not has_prefix("09506000134376", ["9506001", "506"])
    assert not has_prefix("09506000134376", [])


@pytest.mark.parametrize("serial", ["1", "SL-000001", "a/b?c=d%", "x" * 20, "!\"&'()*+,:;<=>_"])
def test_serial_of_character_set_82_is_taken(serial: str) -> None:
    assert is_serial(serial)


@pytest.mark.parametrize("serial", ["", "x" * 21, "a b", "a#b", "ä", "a\n", "a@b", ".", ".."])
def test_other_serials_are_refused(serial: str) -> None:
    assert not is_serial(serial)
