"""What is given is what was ticked, and what was ticked is what was asked."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.consent.asked import Wish
from app.consent.limits import Frequency, Limits
from app.consent.models import GrantDetail
from app.consent.offer import choose, is_given, only_new, parts_of

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
JEANS, COAT, THEIRS = UUID(int=1), UUID(int=2), UUID(int=3)
NAMES = {UUID(int=101): JEANS, UUID(int=102): COAT}  # the vendor's ids of the owner's objects
KINDS = ("usage", "care", "body")


def wish(*kinds: str, of: int | None = None, **more: Any) -> Wish:
    return Wish(None if of is None else UUID(int=of), frozenset(kinds or ("usage",)), **more)


def detail(**more: Any) -> GrantDetail:
    told = {
        "object_id": JEANS,
        "category": "usage",
        "window_from": None,
        "window_to": None,
        "until": NOON + 90 * DAY,
        "terms": None,
        "action": "read",
        "precision_time": "exact",
        "precision_place": "exact",
    }
    return GrantDetail(**(told | more))


def test_what_names_a_thing_of_nobody_or_of_another_is_not_offered() -> None:
    parts = parts_of([wish(of=999), wish("care"), wish("body", of=102)], NAMES)
    assert [(part.number, part.object_id) for part in parts] == [(1, None), (2, COAT)]


@pytest.mark.parametrize(
    ("wishes", "kinds", "objects", "which"),
    [
        # Each alone.
        ([wish()], {(0, "usage")}, {JEANS, COAT}, {(JEANS, "usage"): 0, (COAT, "usage"): 0}),
        ([wish(of=101)], {(0, "usage")}, set(), {(JEANS, "usage"): 0}),
        ([wish("usage", "care")], {(0, "care")}, {JEANS}, {(JEANS, "care"): 0}),
        ([wish()], {(0, "usage")}, set(), {}),
        ([wish()], set(), {JEANS}, {}),
        # One that names the thing comes before one for any, and one without a border before both.
        (
            [wish(window_to=NOON), wish(of=101, window_to=NOON + DAY)],
            {(0, "usage"), (1, "usage")},
            {JEANS, COAT},
            {(JEANS, "usage"): 1, (COAT, "usage"): 0},
        ),
        (
            [wish(of=101, window_to=NOON), wish()],
            {(0, "usage"), (1, "usage")},
            {JEANS},
            {(JEANS, "usage"): 1},
        ),
        # What is not ticked gives way.
        (
            [wish(of=101, window_to=NOON), wish()],
            {(0, "usage")},
            {JEANS, COAT},
            {(JEANS, "usage"): 0},
        ),
        (
            [wish(window_to=NOON), wish(window_to=NOON + DAY)],
            {(0, "usage"), (1, "usage")},
            {JEANS},
            {(JEANS, "usage"): 0},
        ),
    ],
)
def test_what_is_chosen(
    wishes: list[Wish],
    kinds: set[tuple[int, str]],
    objects: set[UUID],
    which: dict[tuple[UUID, str], int],
) -> None:
    found = choose(parts_of(wishes, NAMES), kinds, objects)
    assert found == {key: wishes[number] for key, number in which.items()}


MOMENTS = st.none() | st.integers(0, 20).map(lambda n: NOON + n * DAY)
LIMITS = st.none() | st.builds(
    Limits, st.integers(1, 5), st.none() | st.builds(Frequency, st.integers(1, 5), st.just("day"))
)
WISHES = st.lists(
    st.builds(
        Wish,
        st.sampled_from([None, *NAMES, UUID(int=999)]),
        st.frozensets(st.sampled_from(KINDS), min_size=1),
        MOMENTS,
        MOMENTS,
        MOMENTS,
        st.none() | st.sampled_from(["P1D", "P30D"]),
        LIMITS,
    ),
    min_size=1,
    max_size=5,
)


@given(WISHES, st.data())
def test_given_lies_within_ticked_and_ticked_within_asked(wishes: list[Wish], data: Any) -> None:
    parts = parts_of(wishes, NAMES)
    every = sorted(kind for part in parts for kind in part.kinds)
    kinds = data.draw(st.sets(st.sampled_from(every)) if every else st.just(set()))
    objects = data.draw(st.sets(st.sampled_from([JEANS, COAT])))
    found = choose(parts, kinds, objects)
    for (object_id, category), one in found.items():
        numbers = [n for n, wished in enumerate(wishes) if wished == one and (n, category) in kinds]
        assert numbers, "something that was not ticked was given"
        assert one.identifier is None or NAMES[one.identifier] == object_id
        assert object_id in objects or one.identifier is not None
        assert category in one.categories
    ticked = {
        (object_id, category)
        for part in parts
        for number, category in kinds
        if number == part.number
        for object_id in (objects if part.object_id is None else {part.object_id})
    }
    assert found.keys() == ticked  # and all of it


@pytest.mark.parametrize(
    ("asked", "before", "given_already"),
    [
        (wish(), detail(), True),  # what is left open asks for no more
        (wish(), detail(window_from=NOON), True),
        (wish(), detail(window_to=NOON + DAY), False),
        (wish(), detail(terms={"limits": {"count": 3}}), False),
        (wish(), detail(terms={"retention": "P30D"}), False),
        (wish(), detail(until=NOON), True),
        (wish(window_from=NOON), detail(), True),
        (wish(window_from=NOON), detail(window_from=NOON + DAY), False),
        (wish(window_from=NOON), detail(window_from=NOON), True),
        (wish(window_to=NOON), detail(window_to=NOON - DAY), False),
        (wish(window_to=NOON), detail(window_to=NOON), True),
        (wish(until=NOON + 90 * DAY), detail(), True),
        (wish(until=NOON + 91 * DAY), detail(), False),
        (wish(retention="P30D"), detail(terms={"retention": "P30D"}), True),
        (wish(retention="P31D"), detail(terms={"retention": "P30D"}), False),
        (wish(limits=Limits(3)), detail(terms={"limits": {"count": 3}}), True),
        (wish(limits=Limits(4)), detail(terms={"limits": {"count": 3}}), False),
        (wish(limits=Limits(4)), detail(), True),
        (wish(), None, False),
    ],
)
def test_what_was_given_already(
    asked: Wish, before: GrantDetail | None, given_already: bool
) -> None:
    assert is_given(asked, before) is given_already


def test_only_what_is_new_is_asked() -> None:
    has = {JEANS: frozenset({"usage", "care"}), COAT: frozenset({"usage"})}
    parts = parts_of([wish("usage", "care", "body"), wish("usage", "care", of=101)], NAMES)
    before = [detail(), detail(object_id=COAT)]
    new = only_new(parts, before, has)
    # Nothing that either has is new of the use of them, and neither has anything of the body.
    assert [(part.number, part.categories) for part in new] == [(0, {"care"}), (1, {"care"})]
    assert [part.categories for part in only_new(parts, before[:1], has)] == [
        {"usage", "care"},
        {"care"},
    ]
    whole = [*before, detail(category="care")]
    assert only_new(parts, whole, has) == []


def test_what_the_named_thing_does_not_record_is_not_new() -> None:
    has = {JEANS: frozenset({"usage"})}
    parts = parts_of([wish("usage", "body", of=101), wish("usage", of=102)], NAMES)
    assert [part.categories for part in only_new(parts, [], has)] == [{"usage"}]
    assert only_new(parts, [detail()], has) == []
