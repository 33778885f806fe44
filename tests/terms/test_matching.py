"""What a vendor that accepts some agreements answers to an owner's: accept, alternative, reject."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.terms.matching import is_within, match
from app.terms.roster import SERVICE, find, newest

SERVICES = [one.id for one in newest(SERVICE)]
ALL = [one.id for one in newest()]


@pytest.mark.parametrize(
    ("own", "accepted", "outcome", "agreement", "is_above"),
    [
        ("SD-BASE-DP", ["SD-BASE-DP"], "accept", "SD-BASE-DP", False),
        ("SD-BASE-DP", ["SD-BASE-ATP", "SD-BASE-DP"], "accept", "SD-BASE-DP", False),
        ("SD-BASE-DP", ["SD-BASE"], "alternative", "SD-BASE", True),
        ("SD-BASE", ["SD-BASE-DP"], "alternative", "SD-BASE-DP", False),
        ("SD-BASE-DP", ["SD-BASE-ATP-DP", "SD-BASE-A-DP"], "alternative", "SD-BASE-A-DP", True),
        ("SD-BASE-ATP-DP", ["SD-BASE-DP", "SD-BASE-AT-DP"], "alternative", "SD-BASE-AT-DP", False),
        ("SD-BASE-AT-DP", ["SD-BASE-ATP-DP", "SD-BASE-DP"], "alternative", "SD-BASE-DP", False),
        ("SD-BASE-ATP-S3P-DP", ["SD-BASE-ATP"], "alternative", "SD-BASE-ATP", True),
        ("SD-BASE-ATP", ["SD-BASE-ATP-S3P"], "alternative", "SD-BASE-ATP-S3P", True),
        ("SD-BASE-DP", [], "reject", None, False),
        ("SD-BASE-DP", ["SD-BY", "sd-base-dp", "TPR", ""], "reject", None, False),
        ("SD-BASE-DP", ["PDC-AI"], "reject", None, False),
        ("PDC-AI", ["PDC-GOOD"], "alternative", "PDC-GOOD", True),
    ],
)
def test_match(
    own: str, accepted: list[str], outcome: str, agreement: str | None, is_above: bool
) -> None:
    found = match(find(own), accepted)
    told = found.agreement.id if found.agreement else None
    assert (found.outcome, told, found.is_above) == (outcome, agreement, is_above)


@given(st.sampled_from(ALL), st.frozensets(st.sampled_from([*ALL, "TPR", "SD-BASE "])))
def test_answers_are_of_the_roster_and_say_what_is_above(own: str, accepted: set[str]) -> None:
    mine, found = find(own), match(find(own), accepted)
    assert (found.outcome == "accept") == (own in accepted)
    assert (found.outcome == "reject") == (found.agreement is None)
    if found.agreement is None:
        assert not any(one.id in accepted for one in newest(mine.kind))
        return
    assert found.agreement.id in accepted
    assert found.is_above is not is_within(found.agreement, mine)
    if found.is_above:
        assert not any(is_within(find(one), mine) for one in accepted & set(ALL))


@given(*[st.sampled_from(ALL)] * 3)
def test_order_is_one(one: str, other: str, third: str) -> None:
    a, b, c = find(one), find(other), find(third)
    assert is_within(a, a)
    if is_within(a, b) and is_within(b, a):
        assert a == b
    if is_within(a, b) and is_within(b, c):
        assert is_within(a, c)
