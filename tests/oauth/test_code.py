"""Redeeming a code; numbers are those of the security checklist."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from httpx2 import Response
from sqlalchemy import select

from app.consent.models import Grant
from app.kit.clock import FixedClock
from app.kit.crypto import sha256
from app.oauth.models import AuthorizationCode
from tests.factories.oauth import make_public_vendor
from tests.oauth.conftest import VERIFIER, Vendor


def is_refused(answer: Response, error: str, status: int = 400) -> bool:
    """An OAuth error in JSON that nobody keeps and that is no redirect."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert "location" not in answer.headers
    assert answer.status_code == status, answer.text
    return bool(answer.json()["error"] == error)


def test_oauth_29_answer_says_what_was_granted(vendor: Vendor, clock: FixedClock) -> None:
    start = clock.now() - timedelta(days=3)
    answer = vendor.redeem(vendor.get_code(categories=["care"], window_from=start))
    said = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert said["token_type"] == "Bearer"
    assert said["scope"] == "care:read"
    assert said["iss"] == "https://testserver"
    assert said["expires_in"] == vendor.settings.access_token_seconds
    [detail] = said["authorization_details"]
    assert detail == {
        "type": "urn:inseam:object-data",
        "identifier": detail["identifier"],
        "actions": ["read"],
        "datatypes": ["care"],
        "window": {"from": "2026-10-30T09:00:00Z", "to": None},
        "until": "2027-05-01T09:00:00Z",
        "purpose": "RepairImpairments",
    }
    principal = vendor.principal(said["access_token"])
    assert principal is not None
    assert str(principal.grant_id) == said["grant_id"]
    assert principal.dead_reason is None


def test_oauth_29_every_answer_names_its_scope(vendor: Vendor, make: Callable[..., Vendor]) -> None:
    """And authorization_details where there are any: not for a client by itself."""
    first = vendor.get_tokens()
    answers = [
        vendor.refresh(first["refresh_token"]),
        vendor.credentials(scope="usage:read"),
        make(make_public_vendor).redeem("x"),
    ]
    answers.append(vendor.post("/oauth/introspect", {"token": first["access_token"]}))
    answers.append(vendor.revoke(first["access_token"]))
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "application/json"
    again, alone = answers[0].json(), answers[1].json()
    assert (again["token_type"], alone["token_type"]) == ("Bearer", "Bearer")
    assert (again["scope"], alone["scope"]) == ("usage:read care:read", "usage:read")
    assert again["authorization_details"] == first["authorization_details"]
    assert "authorization_details" not in alone


def test_oauth_18_code_replay_kills_family(vendor: Vendor) -> None:
    code = vendor.get_code()
    tokens = vendor.redeem(code).json()
    assert vendor.is_live(tokens["access_token"])
    assert is_refused(vendor.redeem(code), "invalid_grant")
    principal = vendor.principal(tokens["access_token"])
    assert principal is not None
    assert principal.dead_reason == "replayed"
    assert is_refused(vendor.refresh(tokens["refresh_token"]), "invalid_grant")


def test_oauth_18_code_of_another_client_changes_nothing(
    vendor: Vendor, make: Callable[..., Vendor]
) -> None:
    code, other = vendor.get_code(), make()
    assert is_refused(other.redeem(code), "invalid_grant")
    tokens = vendor.redeem(code).json()
    assert is_refused(other.redeem(code), "invalid_grant")
    assert vendor.is_live(tokens["access_token"])


def test_oauth_19_twenty_redemptions_at_once_give_one_token(twins: list[Vendor]) -> None:
    code = twins[0].get_code()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda i: twins[i % 2].redeem(code), range(20)))
    assert sorted(a.status_code for a in answers) == [200] + [400] * 19
    assert {a.json()["error"] for a in answers if a.status_code == 400} == {"invalid_grant"}


def test_oauth_20_code_lives_sixty_seconds(vendor: Vendor, clock: FixedClock) -> None:
    code, late = vendor.get_code(), vendor.get_code()
    clock.advance(59.9)
    assert vendor.redeem(code).status_code == 200
    clock.advance(0.1)
    assert is_refused(vendor.redeem(late), "invalid_grant")


WRONG_VERIFIERS = [None, "x" * 43, "short", VERIFIER + "\n", "é" * 43, VERIFIER.upper(), "x" * 129]


def test_oauth_21_wrong_verifier_is_an_invalid_grant(vendor: Vendor) -> None:
    for verifier in WRONG_VERIFIERS:
        answer = vendor.redeem(vendor.get_code(), code_verifier=verifier)
        assert is_refused(answer, "invalid_grant"), verifier


def test_oauth_21_a_verifier_without_a_challenge_is_refused(vendor: Vendor) -> None:
    """No code is made without a challenge; were there one, no verifier would fit it."""
    code = vendor.get_code()
    with vendor.database.session() as db:
        db.get_one(AuthorizationCode, sha256(code)).challenge = ""
    assert is_refused(vendor.redeem(code), "invalid_grant")
    again = vendor.get_code()
    with vendor.database.session() as db:
        db.get_one(AuthorizationCode, sha256(again)).challenge = ""
    assert is_refused(vendor.redeem(again, code_verifier=None), "invalid_grant")


def test_oauth_22_wrong_verifier_burns_the_code_and_revokes_nothing(vendor: Vendor) -> None:
    before = vendor.get_tokens()
    for verifier in WRONG_VERIFIERS:
        code = vendor.get_code()
        assert is_refused(vendor.redeem(code, code_verifier=verifier), "invalid_grant")
        assert is_refused(vendor.redeem(code), "invalid_grant"), verifier
    assert vendor.is_live(before["access_token"])
    assert vendor.refresh(before["refresh_token"]).status_code == 200
    with vendor.database.read() as db:
        assert set(db.scalars(select(Grant.status))) == {"active"}


@pytest.mark.parametrize("uri", [None, "https://mend.example/back", "https://evil.example/"])
def test_oauth_21_other_redirect_uri_is_refused(vendor: Vendor, uri: str | None) -> None:
    code = vendor.get_code()
    assert is_refused(vendor.redeem(code, redirect_uri=uri), "invalid_grant")
    assert vendor.redeem(code).status_code == 200


def test_code_that_is_none_is_refused(vendor: Vendor) -> None:
    tokens = vendor.get_tokens()
    assert is_refused(vendor.redeem(""), "invalid_request")
    without = vendor.post("/oauth/token", {"grant_type": "authorization_code"})
    assert is_refused(without, "invalid_request")
    for code in ("x", "é" * 1000, tokens["access_token"], tokens["refresh_token"]):
        assert is_refused(vendor.redeem(code), "invalid_grant")


@pytest.mark.parametrize("status", ["revoked", "ended", "superseded"])
def test_code_dies_with_its_grant(vendor: Vendor, status: str) -> None:
    given = vendor.get_tokens()
    code = vendor.get_code()
    vendor.set_grant(given["grant_id"], status=status)
    assert vendor.redeem(code).status_code == 200, "another grant's code lives"
    principal = vendor.principal(given["access_token"])
    assert principal is not None
    assert principal.dead_reason == status


def test_code_of_an_ended_grant_is_refused(vendor: Vendor, clock: FixedClock) -> None:
    code = vendor.get_code(until=clock.now() + timedelta(seconds=30))
    clock.advance(30)
    assert is_refused(vendor.redeem(code), "invalid_grant")


def test_tokens_never_outlive_the_grant(vendor: Vendor, clock: FixedClock) -> None:
    tokens = vendor.get_tokens(until=clock.now() + timedelta(seconds=200))
    assert tokens["expires_in"] == 200
    clock.advance(200)
    principal = vendor.principal(tokens["access_token"])
    assert principal is not None
    assert principal.dead_reason == "expired"
    assert is_refused(vendor.refresh(tokens["refresh_token"]), "invalid_grant")


def test_scope_is_what_the_owner_left_of_it(vendor: Vendor) -> None:
    assert vendor.get_tokens(categories=["usage"])["scope"] == "usage:read"
    many = vendor.get_tokens(categories=["usage", "care"])
    assert many["scope"] == "usage:read care:read"
    assert [d["datatypes"] for d in many["authorization_details"]] == [["care", "usage"]]


def test_client_without_refresh_gets_none(make: Callable[..., Vendor]) -> None:
    vendor = make(grant_types=["authorization_code"])
    tokens = vendor.get_tokens()
    assert "refresh_token" not in tokens
    assert is_refused(vendor.refresh("x"), "unauthorized_client")


def test_public_client_redeems_with_its_verifier_alone(make: Callable[..., Vendor]) -> None:
    app = make(make_public_vendor)
    tokens = app.get_tokens()
    assert app.is_live(tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code == 200


def test_oauth_27_public_client_cannot_act_for_itself(make: Callable[..., Vendor]) -> None:
    assert is_refused(make(make_public_vendor).credentials(), "unauthorized_client")


def test_oauth_30_other_grant_types_are_refused(vendor: Vendor) -> None:
    """Passwords and the implicit grant are neither taken nor advertised."""
    for kind in ("password", "implicit", "urn:x", 'a"b\\', "é"):
        answer = vendor.post("/oauth/token", {"grant_type": kind, "username": "a", "password": "b"})
        assert is_refused(answer, "unsupported_grant_type"), kind
    metadata = vendor.http.get("/.well-known/oauth-authorization-server").json()
    assert not {"password", "implicit"} & set(metadata["grant_types_supported"])
    assert metadata["response_types_supported"] == ["code"]


def test_missing_grant_type_is_an_invalid_request(vendor: Vendor) -> None:
    assert is_refused(vendor.post("/oauth/token", {"scope": "usage:read"}), "invalid_request")
