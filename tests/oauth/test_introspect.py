"""What tokens are worth (RFC 7662, RFC 9701); numbers are those of the security checklist."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from joserfc import jws
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from app.kit import jsonio
from app.kit.clock import Clock
from app.organizations.models import Organization
from tests.factories.oauth import make_maker_client, make_public_vendor
from tests.oauth.conftest import Vendor
from tests.oauth.test_code import is_refused

JWT = "application/token-introspection+jwt"
DEAD = (200, {"active": False})


def ask(vendor: Vendor, token: str | None, accept: str | None = None, **more: str) -> Response:
    auth = (vendor.client_id, vendor.secret) if vendor.secret else None
    form = more | ({} if token is None else {"token": token})
    form |= {} if auth else {"client_id": vendor.client_id}
    headers = {} if accept is None else {"Accept": accept}
    return vendor.http.post("/oauth/introspect", data=form, auth=auth, headers=headers)


def told(answer: Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


@pytest.fixture
def gateways(make: Callable[..., Vendor], app: FastAPI) -> tuple[Vendor, Vendor]:
    """Two clients of one maker: one that may introspect, and one that sends."""
    judge = make(make_maker_client, scopes=["log:write", "tokens:introspect"])
    with app.state.db.read() as db:
        from app.organizations.models import Client

        org_id = db.get_one(Client, judge.client_id).org_id

    def second(db: Session, clock: Clock, **changes: Any) -> Any:
        return make_maker_client(db, clock, db.get_one(Organization, org_id), **changes)

    return judge, make(second)


@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "no_such_hint"])
def test_oauth_37_a_client_learns_of_its_own_token(vendor: Vendor, hint: str | None) -> None:
    tokens = vendor.get_tokens()
    more = {"token_type_hint": hint} if hint else {}
    answer = ask(vendor, tokens["access_token"], **more)
    assert answer.headers["cache-control"] == "no-store"
    now = int(vendor.clock.now().timestamp())
    assert told(answer) == (
        200,
        {
            "active": True,
            "scope": tokens["scope"],
            "client_id": vendor.client_id,
            "token_type": "Bearer",
            "exp": now + tokens["expires_in"],
            "iat": now,
            "iss": "https://testserver",
            "aud": ["https://testserver"],
            "grant_id": tokens["grant_id"],
            "authorization_details": tokens["authorization_details"],
        },
    )
    refresh = ask(vendor, tokens["refresh_token"], **more).json()
    assert refresh["active"] is True
    assert "token_type" not in refresh


def test_oauth_37_unknown_tokens_and_callers(vendor: Vendor, make: Callable[..., Vendor]) -> None:
    for token in ("x", "é" * 100, "inseam_at_" + "a" * 43, "x" * 5000):
        assert told(ask(vendor, token)) == DEAD
    assert is_refused(ask(vendor, None), "invalid_request")
    form = {"token": vendor.get_tokens()["access_token"]}
    assert vendor.http.post("/oauth/introspect", data=form).status_code == 401
    app = make(make_public_vendor)
    assert ask(app, app.get_tokens()["access_token"]).json()["active"] is True


def test_oauth_37_what_does_not_work_now_is_not_active(vendor: Vendor) -> None:
    tokens = vendor.get_tokens()
    grant_id = tokens["grant_id"]
    for status, is_active in (("paused", False), ("active", True), ("revoked", False)):
        vendor.set_grant(grant_id, status=status)
        assert ask(vendor, tokens["access_token"]).json()["active"] is is_active, status
    used = vendor.get_tokens()
    assert vendor.refresh(used["refresh_token"]).is_success
    assert told(ask(vendor, used["refresh_token"])) == DEAD
    ended = vendor.get_tokens()
    vendor.revoke(ended["access_token"])
    assert told(ask(vendor, ended["access_token"])) == DEAD
    old = vendor.get_tokens()
    vendor.clock.advance(timedelta(seconds=old["expires_in"]))
    assert told(ask(vendor, old["access_token"])) == DEAD


def test_oauth_38_of_anothers_token_nobody_learns(
    vendor: Vendor, make: Callable[..., Vendor], gateways: tuple[Vendor, Vendor]
) -> None:
    """Not another vendor, not a maker's gateway, and not one of another maker."""
    tokens, judge = vendor.get_tokens(), gateways[0]
    foreign = make(make_maker_client, scopes=["log:write", "tokens:introspect"])
    own = gateways[1].credentials().json()["access_token"]
    for caller in (make(), judge, foreign):
        assert told(ask(caller, tokens["access_token"])) == DEAD
        assert told(ask(caller, tokens["refresh_token"])) == DEAD
    assert told(ask(foreign, own)) == DEAD
    assert vendor.is_live(tokens["access_token"])


def test_oauth_38_a_gateway_judges_tokens_of_its_maker(gateways: tuple[Vendor, Vendor]) -> None:
    judge, sender = gateways
    token = sender.credentials(scope="log:write").json()["access_token"]
    found = ask(judge, token).json()
    assert (found["active"], found["scope"]) == (True, "log:write")
    assert found["client_id"] == sender.client_id
    own = judge.credentials().json()["access_token"]
    assert told(ask(sender, own)) == DEAD  # it does not have the scope


def test_an_answer_is_signed_where_that_is_asked(vendor: Vendor, app: FastAPI) -> None:
    token = vendor.get_tokens()["access_token"]
    plain = ask(vendor, token).json()
    signed = []
    for accept in (JWT, f"text/html, {JWT};q=0.9"):
        answer = ask(vendor, token, accept)
        assert answer.headers["content-type"] == JWT
        signed.append(answer.text)
        app.state.keyring.rotate("signing")
    keys = KeySet.import_key_set(vendor.http.get("/oauth/jwks").json())
    kids = set()
    for text in signed:
        opened = jws.deserialize_compact(text, keys, algorithms=["Ed25519"])
        header = opened.headers()
        kids.add(header["kid"])
        assert header["typ"] == "token-introspection+jwt"
        claims = jsonio.loads(opened.payload)
        assert claims == {
            "iss": "https://testserver",
            "aud": vendor.client_id,
            "iat": int(vendor.clock.now().timestamp()),
            "token_introspection": plain,
        }
    assert len(kids) == 2  # one before the rotation, one after it; both verify
    dead = ask(vendor, "x", JWT)
    opened = jws.deserialize_compact(dead.text, keys, algorithms=["Ed25519"])
    assert jsonio.loads(opened.payload)["token_introspection"] == {"active": False}
    assert ask(vendor, None, JWT).headers["content-type"] == "application/json"


def test_a_bound_token_shows_its_key(vendor: Vendor) -> None:
    from tests.oauth.test_metadata import credentials_with, make_proof

    url = "https://testserver/oauth/token"
    nonce = credentials_with(vendor, make_proof("ES256", vendor, url, None)).headers["dpop-nonce"]
    bound = credentials_with(vendor, make_proof("ES256", vendor, url, nonce)).json()
    found = ask(vendor, bound["access_token"]).json()
    assert found["token_type"] == "DPoP"
    assert len(found["cnf"]["jkt"]) == 43
