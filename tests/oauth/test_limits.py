"""How often, as a request says it (RFC 9396): read strictly, and granted as it was read."""

import json
from typing import Any

import pytest

from app.oauth.details import BadDetails, covers, read_details
from tests.oauth.conftest import Vendor, is_sent_back

TYPE = "urn:inseam:object-data"


def entry(**more: Any) -> dict[str, Any]:
    return {"type": TYPE, "datatypes": ["usage"]} | more


UNCLEAR: list[Any] = [
    {},
    {"count": 0},
    {"count": "3"},
    {"count": True},
    {"count": 1.5},
    {"count": 1_000_001},
    {"count": None},
    {"frequency": {"count": 2}},
    {"frequency": {"count": 0, "per": "day"}},
    {"frequency": {"count": 101, "per": "day"}},
    {"frequency": {"count": 2, "per": "P1D"}},
    {"frequency": {"count": 2, "per": "day", "from": "today"}},
    {"single_use": False},
    {"single_use": 1},
    {"single_use": True, "count": 1},
    {"single_use": True, "frequency": {"count": 2, "per": "day"}},
    {"times": 3},
    3,
    [],
]


def test_limits_that_say_nothing_clear_are_refused(vendor: Vendor) -> None:
    for limits in UNCLEAR:
        details = json.dumps([entry(limits=limits)])
        with pytest.raises(BadDetails):
            read_details(details, [])
        asked = vendor.ask(scope=None, authorization_details=details)
        assert is_sent_back(asked, "invalid_authorization_details"), limits


def test_token_has_no_limits_of_its_own() -> None:
    """Readings are counted for the whole grant."""
    once, granted, other, free = read_details(
        json.dumps(
            [
                entry(limits={"count": 1}),
                entry(datatypes=["care"], limits={"count": 4}),
                entry(datatypes=["body"], limits={"count": 3}),
                entry(datatypes=["location"]),
            ]
        ),
        [],
    )
    assert covers([granted], granted)
    for limits in (other.limits, once.limits):
        assert not covers([granted], granted.model_copy(update={"limits": limits}))
    assert not covers([free], free.model_copy(update={"limits": granted.limits}))
    assert covers([granted], granted.model_copy(update={"limits": None}))
    (single,) = read_details(json.dumps([entry(limits={"single_use": True})]), [])
    assert covers([single], once)
