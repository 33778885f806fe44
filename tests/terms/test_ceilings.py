"""Limits against what is asked: tables of cases, and what must hold for any of them."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.consent.limits import PERIODS as READ_PERIODS
from app.objects.categories import CATEGORIES
from app.organizations.purposes import PURPOSES
from app.terms.ceilings import (
    CLOSED,
    DEFAULT_CEILINGS,
    OPEN,
    PERIODS,
    Asked,
    Ceiling,
    Ceilings,
    Excess,
    Frequency,
    check,
    check_all,
)
from app.terms.errors import TermsInvalid
from app.terms.purposes import GROUP_OF, GROUPS
from app.terms.service import read_ceilings
from tests.terms.limits import (
    DAY,
    NOW,
    any_asked,
    any_ceiling,
    any_ceilings,
    asked,
    ceiling,
    ceilings,
    closed,
    narrower,
    wider,
)

WEEKLY = Frequency(count=2, per="week")
MINUTE = timedelta(minutes=1)


def names(found: list[Excess]) -> list[str]:
    return [one.attribute for one in found]


@pytest.mark.parametrize(
    ("limit", "wish", "excess"),
    [
        ({"precision": "day"}, {"precision": "day"}, None),
        ({"precision": "day"}, {"precision": "month"}, None),
        ({"precision": "day"}, {"precision": "hour"}, ("hour", "day")),
        ({"precision": "exact"}, {"precision": "exact"}, None),
        ({"precision": "month"}, {"precision": "exact"}, ("exact", "month")),
        ({"precision": "exact"}, {"precision": "second"}, ("second", "exact")),
        ({"place": "1 km"}, {"place": "exact"}, ("exact", "1 km")),
        ({"place": "1 km"}, {"place": "10 km"}, None),
        ({"history_days": 0}, {"window_from": NOW}, None),
        ({"history_days": 0}, {"window_from": NOW + DAY}, None),
        ({"history_days": 0}, {"window_from": NOW - DAY}, None),  # the day began then, at most
        ({"history_days": 0}, {"window_from": NOW - DAY - MINUTE}, (1, 0)),
        ({"history_days": 30}, {"window_from": NOW - 31 * DAY}, None),
        ({"history_days": 30}, {"window_from": NOW - 31 * DAY - MINUTE}, (31, 30)),
        ({"history_days": 30}, {"window_from": None}, (None, 30)),
        ({"history_days": None}, {"window_from": None}, None),
        ({"duration_days": 90}, {"until": NOW + 90 * DAY}, None),
        ({"duration_days": 90}, {"until": NOW + 90 * DAY + MINUTE}, (91, 90)),
        ({"duration_days": 90}, {"until": None}, (None, 90)),
        ({"duration_days": 90}, {"until": NOW - DAY}, None),
        ({"frequency": WEEKLY}, {}, (None, WEEKLY.model_dump())),
        ({"frequency": WEEKLY}, {"frequency": WEEKLY}, None),
        ({"frequency": WEEKLY}, {"frequency": Frequency(count=1, per="week")}, None),
        ({"frequency": WEEKLY}, {"frequency": Frequency(count=2, per="month")}, None),
        (
            {"frequency": WEEKLY},
            {"frequency": Frequency(count=1, per="day")},
            ({"frequency": {"count": 1, "per": "day"}}, WEEKLY.model_dump()),
        ),
        ({"frequency": WEEKLY}, {"count": 2}, None),
        ({"frequency": WEEKLY}, {"count": 3}, ({"count": 3}, WEEKLY.model_dump())),
        ({"onward": False}, {"onward": True}, (True, False)),
        ({"onward": True}, {"onward": True}, None),
        ({"onward": False}, {"purpose": "SellDataToThirdParties"}, (True, False)),
        ({"ai_training": False}, {"ai_training": True}, (True, False)),
        ({"ai_training": True}, {"ai_training": True}, None),
        ({"countries": ("DE", "FR")}, {"countries": frozenset({"DE"})}, None),
        (
            {"countries": ("DE", "FR")},
            {"countries": frozenset({"DE", "US"})},
            (["US"], ["DE", "FR"]),
        ),
        ({"countries": ("DE",)}, {"countries": None}, (None, ["DE"])),
        ({"countries": None}, {"countries": None}, None),
    ],
)
def test_one_part(limit: dict[str, Any], wish: dict[str, Any], excess: Any) -> None:
    (attribute,) = limit
    kind = "location" if attribute == "place" else "usage"
    found = check(ceilings(**{kind: ceiling(**limit)}), asked(category=kind, **wish))
    assert found == ([] if excess is None else [Excess(attribute, kind, *excess)])


def test_only_what_means_something_for_a_kind_counts() -> None:
    closed_to_all = ceilings(**dict.fromkeys(CATEGORIES, closed()))
    bare = {"window_from": None, "until": None}
    found = {kind: names(check(closed_to_all, asked(category=kind, **bare))) for kind in CATEGORIES}
    time = ["precision", "history_days", "duration_days"]
    assert found.pop("location") == ["precision", "place", "history_days", "duration_days"]
    assert found.pop("identity") == ["duration_days"]
    assert found == dict.fromkeys(found, time)


def test_what_limits_do_not_speak_of_is_above_them() -> None:
    assert check(DEFAULT_CEILINGS, asked(category="mood")) == [
        Excess("category", "mood", "mood", None)
    ]
    assert check(DEFAULT_CEILINGS, asked(purpose="Mischief")) == [
        Excess("purpose", "usage", "Mischief", None)
    ]


def test_the_particular_limit_counts() -> None:
    told = ceilings(exceptions={"marketing": {"usage": closed()}}, usage=ceiling())
    far = {"window_from": None}
    assert check(told, asked(**far)) == []
    found = names(check(told, asked(purpose="DirectMarketing", **far)))
    assert found == ["precision", "history_days"]
    assert check(told, asked(purpose="DirectMarketing", category="care", **far)) == []
    loose = ceilings(exceptions={"service": {"body": OPEN}}, body=CLOSED)
    assert check(loose, asked(category="body", **far)) == []
    assert check(loose, asked(category="body", purpose="ScientificResearch", **far)) != []


def test_everybody_begins_with_location_and_body_closed() -> None:
    for category in CATEGORIES:
        bare = Asked(category, "RepairImpairments", NOW, until=NOW + 365 * DAY)
        found = check(DEFAULT_CEILINGS, bare)
        if category in ("location", "body"):
            assert {one.attribute: one.allowed for one in found if one.attribute != "place"} == {
                "precision": "day",
                "history_days": 0,
                "duration_days": 90,
            }
            places = [one.allowed for one in found if one.attribute == "place"]
            assert places == (["10 km"] if category == "location" else [])
        else:
            assert found == []
    onward = asked(onward=True, ai_training=True)
    assert names(check(DEFAULT_CEILINGS, onward)) == ["onward", "ai_training"]


def test_each_excess_of_a_request_is_told_once() -> None:
    limits = ceilings(usage=ceiling(history_days=0))
    twice = [asked(window_from=None), asked(window_from=None), asked(category="care")]
    assert check_all(limits, twice) == [Excess("history_days", "usage", None, 0)]


def test_every_purpose_is_in_one_group() -> None:
    listed = [purpose for purposes in GROUPS.values() for purpose in purposes]
    assert sorted(listed) == sorted(PURPOSES)
    assert len(GROUP_OF) == len(PURPOSES)


def test_periods_are_those_of_readings() -> None:
    assert PERIODS == READ_PERIODS


@given(any_ceilings, any_asked, st.data())
def test_who_asks_for_less_is_never_further_above(
    limits: Ceilings, more: Asked, data: st.DataObject
) -> None:
    less = narrower(data.draw, more)
    assert set(names(check(limits, less))) <= set(names(check(limits, more)))


@given(any_ceilings, any_asked, st.data())
def test_wider_limits_never_find_more(limits: Ceilings, wish: Asked, data: st.DataObject) -> None:
    wide = Ceilings(
        categories={name: wider(data.draw, one) for name, one in limits.categories.items()},
        exceptions={
            group: {name: wider(data.draw, one) for name, one in some.items()}
            for group, some in limits.exceptions.items()
        },
    )
    assert set(names(check(wide, wish))) <= set(names(check(limits, wish)))
    for name, one in wide.categories.items():
        assert one.covers(limits.categories[name])


@given(any_ceiling, any_ceiling, any_asked)
def test_what_covers_lets_pass_what_the_other_does(
    one: Ceiling, other: Ceiling, wish: Asked
) -> None:
    if one.covers(other):
        found = check(ceilings(**dict.fromkeys(CATEGORIES, one)), wish)
        others = check(ceilings(**dict.fromkeys(CATEGORIES, other)), wish)
        assert set(names(found)) <= set(names(others))


@given(any_ceilings)
def test_limits_are_read_back_as_they_were_written(limits: Ceilings) -> None:
    assert Ceilings.model_validate(limits.written()) == limits


BASE = DEFAULT_CEILINGS.written()
USAGE = BASE["categories"]["usage"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"precision": "second"}, "precision"),
        ({"precision": None}, "precision"),
        ({"place": "100 m"}, "place"),
        ({"history_days": -1}, "history_days"),
        ({"history_days": 1.5}, "history_days"),
        ({"history_days": "30"}, "history_days"),
        ({"history_days": True}, "history_days"),
        ({"history_days": 36_501}, "history_days"),
        ({"duration_days": 0}, "duration_days"),
        ({"duration_days": None}, "duration_days"),
        ({"duration_days": 2**53}, "duration_days"),
        ({"frequency": {"count": 0, "per": "day"}}, "frequency/count"),
        ({"frequency": {"count": 101, "per": "day"}}, "frequency/count"),
        ({"frequency": {"count": 1, "per": "year"}}, "frequency/per"),
        ({"frequency": {"count": 1}}, "frequency/per"),
        ({"frequency": "daily"}, "frequency"),
        ({"onward": "no"}, "onward"),
        ({"ai_training": 1}, "ai_training"),
        ({"countries": []}, "countries"),
        ({"countries": ["de"]}, "countries"),
        ({"countries": ["XX"]}, "countries"),
        ({"countries": ["DE\0"]}, "countries"),
        ({"countries": "DE"}, "countries"),
        ({"countries": ["DE"] * 251}, "countries"),
        ({"mood": 1}, "mood"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_named(change: dict[str, Any], field: str) -> None:
    told = {**BASE, "categories": BASE["categories"] | {"usage": USAGE | change}}
    with pytest.raises(TermsInvalid) as refused:
        read_ceilings(told)
    assert refused.value.field == f"/ceilings/categories/usage/{field}"


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({}, "/categories"),
        ({"categories": {}}, "/categories"),
        ({"categories": BASE["categories"] | {"mood": USAGE}}, "/categories"),
        ({"categories": {"usage": USAGE}}, "/categories"),
        (BASE | {"exceptions": {"fun": {"usage": USAGE}}}, "/exceptions"),
        (BASE | {"exceptions": {"marketing": {"mood": USAGE}}}, "/exceptions"),
        (BASE | {"exceptions": {"marketing": {}}}, "/exceptions"),
        (BASE | {"exceptions": []}, "/exceptions"),
        (BASE | {"more": 1}, "/more"),
        ([], ""),
        (None, ""),
    ],
)
def test_limits_that_cannot_be_meant_are_named(told: Any, field: str) -> None:
    with pytest.raises(TermsInvalid) as refused:
        read_ceilings(told)
    assert refused.value.field == f"/ceilings{field}"


def test_limits_are_not_changed_by_hand() -> None:
    with pytest.raises(ValidationError):
        OPEN.onward = True  # type: ignore[misc]  # what must fail
