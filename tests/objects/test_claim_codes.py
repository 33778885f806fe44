"""Claim codes: random enough, and forgiving to whoever types one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.objects.claim_codes import hash_code, new_code, normalise

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def test_code_has_128_random_bits_in_groups_of_five() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    for code in codes:
        bare = code.replace("-", "")
        assert (len(bare), len(code)) == (27, 32)
        assert all(len(group) == 5 for group in code.split("-")[:-1])
        assert normalise(code) == bare


def test_code_is_read_as_people_type_it() -> None:
    code = new_code()
    bare = normalise(code)
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert normalise(f"  {typed}\n") == bare
    assert hash_code(typed) == hash_code(code)


@given(st.integers(0, 26), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_found(place: int, other: str) -> None:
    bare = new_code().replace("-", "")
    wrong = bare[:place] + other + bare[place + 1 :]
    is_told_apart = {bare[place], other} != {"0", "Z"} and bare[place] != other
    if is_told_apart:
        assert normalise(wrong) is None


@given(st.integers(0, 24))
def test_two_swapped_neighbours_are_found(place: int) -> None:
    bare = new_code().replace("-", "")
    first, second = bare[place], bare[place + 1]
    if first != second and {first, second} != {"0", "Z"}:
        assert normalise(bare[:place] + second + first + bare[place + 2 :]) is None


@pytest.mark.parametrize(
    "text", ["", "AAAAA", "U" * 27, "A" * 1_000, "<script>", "ß" * 27, "٣" * 27]
)
def test_what_is_no_code_is_none_and_still_has_a_hash(text: str) -> None:
    assert normalise(text) is None
    assert len(hash_code(text)) == 32
