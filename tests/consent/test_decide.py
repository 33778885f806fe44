"""The decision, by cases: pure, so every rule has a row."""

from datetime import UTC, datetime, timedelta

import pytest

from app.consent.decide import Allowed, Detail, GrantState, Refused, decide, live_status, narrow
from app.kit.ids import new_id

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
BEFORE = NOW - timedelta(days=1)
JEANS, JACKET, TENURE = new_id(), new_id(), new_id()
ALL = frozenset({"usage", "care", "body"})


def detail(category: str, object_id: object = JEANS, until: datetime = LATER) -> Detail:
    return Detail(
        object_id,
        TENURE,
        JEANS,
        category,
        "read",
        "exact",
        "exact",
        BEFORE,
        None,
        until,  # type: ignore[arg-type]
    )


def grant(status: str = "active", until: datetime = LATER, *details: Detail) -> GrantState:
    return GrantState(new_id(), 1, status, until, details or (detail("usage"), detail("care")))


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (None, "no-grant"),
        (grant("revoked"), "revoked"),
        (grant("ended"), "ended"),
        (grant("superseded"), "superseded"),
        (grant("expired"), "expired"),
        (grant("paused"), "paused"),
        (grant("active", NOW), "expired"),
        (grant("paused", NOW), "expired"),
        (grant("active", LATER, detail("usage", JACKET)), "not-granted"),
        (grant("active", LATER, detail("usage", JEANS, NOW)), "not-granted"),
        (grant("active", LATER, detail("location")), "not-granted"),
    ],
)
def test_what_is_refused_names_its_rule(given: GrantState | None, rule: str) -> None:
    assert decide(given, JEANS, ALL, NOW) == Refused(rule)


def test_what_is_allowed_is_what_grant_and_token_share() -> None:
    found = decide(grant(), JEANS, frozenset({"usage", "body"}), NOW)
    assert isinstance(found, Allowed)
    assert found.windows == {"usage": (BEFORE, None)}


def test_a_grant_ends_exactly_then() -> None:
    assert live_status("active", NOW, NOW - timedelta(microseconds=1)) == "active"
    assert live_status("active", NOW, NOW) == "expired"
    assert live_status("revoked", NOW, NOW) == "revoked"


@pytest.mark.parametrize(
    ("window", "wanted", "expected"),
    [
        ((None, None), (None, None), (None, None)),
        ((BEFORE, None), (None, LATER), (BEFORE, LATER)),
        ((BEFORE, LATER), (NOW, NOW), (NOW, NOW)),
        ((NOW, LATER), (BEFORE, LATER + timedelta(days=9)), (NOW, LATER)),
    ],
)
def test_a_query_never_widens_a_window(window: object, wanted: object, expected: object) -> None:
    assert narrow(window, *wanted) == expected  # type: ignore[arg-type,misc]
