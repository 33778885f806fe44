"""Sets of clauses: nothing is allowed that no clause allows, and a prohibition wins (R-06)."""

from hypothesis import given
from hypothesis import strategies as st

from app.terms.clauses import KNOWN, PERMITS, PROHIBITS, USES, permitted, prohibited, resolve

KNOWN_SETS = st.frozensets(st.sampled_from(sorted(KNOWN)))
STRANGE = st.sampled_from(["myterms:Tracking2PAllowed ", "myterms:TrackingWithPIIDisallowed", ""])
SETS = st.frozensets(st.sampled_from(sorted(KNOWN)) | STRANGE)


@given(SETS)
def test_only_what_is_permitted_and_not_prohibited_is_allowed(clauses: frozenset[str]) -> None:
    allowed = resolve(clauses)
    assert allowed <= permitted(clauses)
    assert not allowed & prohibited(clauses)
    for use in USES - allowed:
        no_clause = not any(use in PERMITS.get(one, ()) for one in clauses)
        assert no_clause or use in prohibited(clauses)


@given(SETS, st.sampled_from(sorted(PROHIBITS)))
def test_one_more_prohibition_never_allows_more(clauses: frozenset[str], one: str) -> None:
    assert resolve(clauses | {one}) <= resolve(clauses) - PROHIBITS[one]


@given(KNOWN_SETS, KNOWN_SETS)
def test_sets_together_allow_what_neither_forbids(
    one: frozenset[str], other: frozenset[str]
) -> None:
    together = resolve(one | other)
    assert together <= resolve(one) | resolve(other)
    assert not together & (prohibited(one) | prohibited(other))


def test_nothing_said_allows_nothing() -> None:
    assert resolve([]) == frozenset()


def test_an_unknown_clause_allows_nothing_and_might_forbid_anything() -> None:
    assert resolve(["myterms:Tracking2PAllowed"]) == {"tracking-2p"}
    assert resolve(["myterms:Tracking2PAllowed", "myterms:New"]) == frozenset()
    assert resolve(["myterms:Tracking2PAllowed "]) == frozenset()
