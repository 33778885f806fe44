"""Refreshing; numbers are those of the security checklist."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import delete

from app.consent.models import GrantDetail
from app.kit.clock import FixedClock
from app.kit.ids import new_id
from tests.factories.oauth import make_public_vendor
from tests.oauth.conftest import Vendor
from tests.oauth.test_code import is_refused


def test_refresh_rotates_and_names_the_grant_again(vendor: Vendor, clock: FixedClock) -> None:
    first = vendor.get_tokens()
    clock.advance(1)
    second = vendor.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    for name in ("grant_id", "authorization_details", "scope", "iss"):
        assert second[name] == first[name]
    assert vendor.is_live(second["access_token"])
    assert vendor.refresh(second["refresh_token"]).status_code == 200


BEYOND = timedelta(seconds=11)  # the moment in which a lost answer may be asked for again


def test_oauth_23_reuse_kills_the_family_and_it_stays_dead(vendor: Vendor) -> None:
    first = vendor.get_tokens()
    second = vendor.refresh(first["refresh_token"]).json()
    vendor.clock.advance(BEYOND)
    assert is_refused(vendor.refresh(first["refresh_token"]), "invalid_grant")
    for token in (first["access_token"], second["access_token"]):
        principal = vendor.principal(token)
        assert principal is not None
        assert principal.dead_reason == "replayed"
    assert is_refused(vendor.refresh(second["refresh_token"]), "invalid_grant")


def test_oauth_23_reuse_spares_other_authorizations(vendor: Vendor) -> None:
    first, other = vendor.get_tokens(), vendor.get_tokens()
    vendor.refresh(first["refresh_token"])
    vendor.clock.advance(BEYOND)
    assert is_refused(vendor.refresh(first["refresh_token"]), "invalid_grant")
    assert vendor.is_live(other["access_token"])


def test_oauth_23_a_lost_answer_is_given_again_for_a_moment(vendor: Vendor) -> None:
    """The same next token, with an access token of its own; not once that next one was used."""
    first = vendor.get_tokens()["refresh_token"]
    second = vendor.refresh(first).json()
    vendor.clock.advance(timedelta(seconds=10))
    again = vendor.refresh(first).json()
    assert again["refresh_token"] == second["refresh_token"]
    assert again["access_token"] != second["access_token"]
    assert vendor.is_live(second["access_token"])
    assert vendor.is_live(again["access_token"])
    third = vendor.refresh(second["refresh_token"]).json()
    assert third["refresh_token"] not in (first, second["refresh_token"])
    assert is_refused(vendor.refresh(first), "invalid_grant")
    assert not vendor.is_live(third["access_token"])


def test_oauth_23_the_moment_lasts_through_a_rotation_of_keys(vendor: Vendor, app: FastAPI) -> None:
    first = vendor.get_tokens()["refresh_token"]
    second = vendor.refresh(first).json()
    app.state.keyring.rotate("cursor")
    assert vendor.refresh(first).json()["refresh_token"] == second["refresh_token"]


def test_oauth_23_without_a_secret_there_is_no_such_moment(make: Callable[..., Vendor]) -> None:
    vendor = make(make_public_vendor)
    first = vendor.get_tokens()
    second = vendor.refresh(first["refresh_token"]).json()
    assert is_refused(vendor.refresh(first["refresh_token"]), "invalid_grant")
    assert not vendor.is_live(second["access_token"])


def test_oauth_23_token_of_another_client_changes_nothing(
    vendor: Vendor, make: Callable[..., Vendor]
) -> None:
    first, other = vendor.get_tokens(), make()
    assert is_refused(other.refresh(first["refresh_token"]), "invalid_grant")
    second = vendor.refresh(first["refresh_token"]).json()
    vendor.clock.advance(BEYOND)
    assert is_refused(other.refresh(first["refresh_token"]), "invalid_grant")
    assert vendor.is_live(second["access_token"])


def test_oauth_23_refreshes_at_once_give_one_successor(twins: list[Vendor]) -> None:
    token = twins[0].get_tokens()["refresh_token"]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda i: twins[i % 2].refresh(token), range(20)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.json()["refresh_token"] for a in answers}) == 1


def test_oauth_23_without_a_secret_refreshes_at_once_give_one_token(
    make: Callable[..., Vendor], twins: list[Vendor]
) -> None:
    vendor = make(make_public_vendor)
    other = Vendor(twins[1].app, twins[1].http, vendor.clock, vendor.client_id, None)
    token = vendor.get_tokens()["refresh_token"]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda i: (vendor, other)[i % 2].refresh(token), range(20)))
    assert sorted(a.status_code for a in answers) == [200] + [400] * 19


def test_oauth_24_widening_is_refused_and_consumes_nothing(vendor: Vendor) -> None:
    token = vendor.get_tokens(categories=["usage"])["refresh_token"]
    for scope in ("usage:read care:read", "body:read", "log:write", "x"):
        assert is_refused(vendor.refresh(token, scope=scope), "invalid_scope")
    assert vendor.refresh(token).status_code == 200


def test_oauth_24_wider_details_are_refused_and_consume_nothing(vendor: Vendor) -> None:
    """Another kind, another object, another purpose, an end further away; and what is none."""
    given = vendor.get_tokens(categories=["usage"])
    token, (entry,) = given["refresh_token"], given["authorization_details"]
    wider: list[dict[str, Any]] = [
        {"datatypes": ["usage", "care"]},
        {"datatypes": ["body"]},
        {"identifier": str(new_id())},
        {"until": "2029-01-01T00:00:00Z"},
        {"purpose": "Marketing"},
        {"actions": ["write"]},
        {"type": "payment_initiation"},
        {"limits": {"count": 1_000_000}},
        {"unknown": 1},
    ]
    for change in wider:
        details = json.dumps([entry | change])
        answer = vendor.refresh(token, authorization_details=details)
        assert is_refused(answer, "invalid_authorization_details"), change
    for text in ("{", "[]", "{}", "1", "[1]", '"x"', "[" * 5000):
        answer = vendor.refresh(token, authorization_details=text)
        assert is_refused(answer, "invalid_authorization_details"), text[:20]
    for resource in ("https://evil.example", "x"):
        assert is_refused(vendor.refresh(token, resource=resource), "invalid_target")
    assert vendor.refresh(token).status_code == 200


def test_oauth_24_narrower_details_are_for_one_access_token(vendor: Vendor) -> None:
    """The next refresh without them gives the whole permission again."""
    first = vendor.get_tokens()
    (entry,) = first["authorization_details"]
    part = json.dumps([{"type": entry["type"], "datatypes": ["care"]}])
    narrow = vendor.refresh(first["refresh_token"], authorization_details=part).json()
    assert narrow["scope"] == "care:read"
    assert [d["datatypes"] for d in narrow["authorization_details"]] == [["care"]]
    principal = vendor.principal(narrow["access_token"])
    assert principal is not None
    assert principal.scopes == {"care:read"}
    again = vendor.refresh(narrow["refresh_token"]).json()
    assert again["scope"] == first["scope"]
    assert again["authorization_details"] == first["authorization_details"]


def test_oauth_24_narrowing_is_for_one_access_token(vendor: Vendor) -> None:
    first = vendor.get_tokens()
    narrow = vendor.refresh(first["refresh_token"], scope="care:read").json()
    assert narrow["scope"] == "care:read"
    assert [d["datatypes"] for d in narrow["authorization_details"]] == [["care"]]
    principal = vendor.principal(narrow["access_token"])
    assert principal is not None
    assert principal.scopes == {"care:read"}
    assert vendor.refresh(narrow["refresh_token"]).json()["scope"] == "usage:read care:read"


def test_oauth_24_refresh_life_slides_but_ends_with_the_grant(
    vendor: Vendor, clock: FixedClock
) -> None:
    days = vendor.settings.refresh_token_days
    tokens = vendor.get_tokens(until=clock.now() + timedelta(days=days + 10))
    clock.advance(timedelta(days=days - 1))
    tokens = vendor.refresh(tokens["refresh_token"]).json()
    clock.advance(timedelta(days=10))
    tokens = vendor.refresh(tokens["refresh_token"]).json()
    clock.advance(timedelta(days=1))
    assert is_refused(vendor.refresh(tokens["refresh_token"]), "invalid_grant")


def test_refresh_token_left_alone_runs_out(vendor: Vendor, clock: FixedClock) -> None:
    token = vendor.get_tokens()["refresh_token"]
    clock.advance(timedelta(days=vendor.settings.refresh_token_days))
    assert is_refused(vendor.refresh(token), "invalid_grant")


def test_oauth_24_withdrawn_grant_refuses_the_refresh(vendor: Vendor) -> None:
    tokens = vendor.get_tokens()
    vendor.set_grant(tokens["grant_id"], status="revoked")
    assert is_refused(vendor.refresh(tokens["refresh_token"]), "invalid_grant")
    vendor.set_grant(tokens["grant_id"], status="active")
    assert vendor.refresh(tokens["refresh_token"]).status_code == 200, "refused, not consumed"


def test_paused_grant_refreshes_but_reads_nothing(vendor: Vendor) -> None:
    tokens = vendor.get_tokens()
    vendor.set_grant(tokens["grant_id"], status="paused")
    fresh = vendor.refresh(tokens["refresh_token"]).json()
    principal = vendor.principal(fresh["access_token"])
    assert principal is not None
    assert principal.dead_reason == "paused"


def test_refresh_gives_what_the_grant_has_now(vendor: Vendor) -> None:
    first = vendor.get_tokens()
    gone = delete(GrantDetail).where(
        GrantDetail.grant_id == UUID(first["grant_id"]), GrantDetail.category == "care"
    )
    with vendor.database.session() as db:
        db.execute(gone)
    second = vendor.refresh(first["refresh_token"]).json()
    assert second["scope"] == "usage:read"
    assert is_refused(vendor.refresh(second["refresh_token"], scope="care:read"), "invalid_scope")


def test_access_token_is_no_refresh_token(vendor: Vendor) -> None:
    tokens = vendor.get_tokens()
    for text in (tokens["access_token"], "x", "é" * 500):
        assert is_refused(vendor.refresh(text), "invalid_grant")
    assert is_refused(vendor.refresh(""), "invalid_request")
    assert vendor.is_live(tokens["access_token"])
