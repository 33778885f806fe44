"""Requests that are pushed (RFC 9126); numbers are those of the security checklist."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from httpx2 import Response

from app.consent.models import AccessRequest
from app.consent.request_views import view_request
from app.consent.requests import refuse
from app.kit.clock import FixedClock
from app.kit.crypto import sha256
from app.settings import Settings
from tests.factories.accounts import make_owner
from tests.factories.oauth import REDIRECT, make_public_vendor, make_vendor
from tests.oauth.conftest import CHALLENGE, VERIFIER, Vendor, answer_of, is_page, is_sent_back
from tests.oauth.signing import jkt, proof, send
from tests.oauth.test_code import is_refused
from tests.oauth.test_metadata import keys_of, sign
from tests.support.rounds import rounds
from tests.support.served import at_once

PATH = "/oauth/par"
PUSHED = {
    "response_type": "code",
    "redirect_uri": REDIRECT,
    "scope": "usage:read care:read",
    "state": "xyz",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
ONLY_PUSHED = {"require_pushed_authorization_requests": True}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """One address may ask as often as tests do."""
    return settings.model_copy(update={"rate_authorize_per_minute": 1_000_000})


def push(vendor: Vendor, **changes: Any) -> Response:
    """Push a request; None leaves a parameter out."""
    form = PUSHED | changes
    return vendor.post(PATH, {name: one for name, one in form.items() if one is not None})


def uri_of(answer: Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json()["request_uri"])


def visit(vendor: Vendor, uri: str, more: str = "", client_id: str = "") -> Response:
    where = {"client_id": client_id or vendor.client_id, "request_uri": uri}
    return vendor.http.get(f"/oauth/authorize?{urlencode(where)}{more}")


def kept(vendor: Vendor, answer: Response) -> AccessRequest:
    """What is kept of a request whose page the browser is sent to."""
    assert "/consent/" in answer.headers["location"], answer.headers
    ticket = urlsplit(answer.headers["location"]).path.rpartition("/")[2]
    with vendor.database.read() as db:
        return db.get_one(AccessRequest, sha256(ticket))


def test_oauth_08_who_pushes_asks_in_no_other_way(make: Callable[..., Vendor]) -> None:
    """Neither in the address nor by a request object in it; another client may."""
    vendor = make(registered=ONLY_PUSHED)
    assert is_sent_back(vendor.ask(), "invalid_request")
    assert kept(vendor, visit(vendor, uri_of(push(vendor))))
    signer = make(keys_of("ES256"))
    strict = keys_of("ES256")

    def factory(*told: Any, **changes: Any) -> Any:
        row, secret = strict(*told, **changes)
        row.registered = row.registered | ONLY_PUSHED
        return row, secret

    both = {False: signer, True: make(factory)}
    for is_strict, client in both.items():
        now = int(client.clock.now().timestamp())
        claims = PUSHED | {"iss": client.client_id, "client_id": client.client_id}
        claims |= {"aud": "https://testserver", "nbf": now, "exp": now + 60}
        text = sign("ES256", {"typ": "oauth-authz-req+jwt"}, claims)
        asked = client.http.get(
            "/oauth/authorize", params={"client_id": client.client_id, "request": text}
        )
        assert ("error=invalid_request&" in asked.headers["location"]) == is_strict


def test_oauth_08_what_stands_beside_a_pushed_request_is_ignored(vendor: Vendor) -> None:
    more = "&scope=location:read&state=other&redirect_uri=https://evil.example/&response_type=token"
    more += "&code_challenge=x&prompt=none&dpop_jkt=x&resource=https://evil.example&scope=twice"
    row = kept(vendor, visit(vendor, uri_of(push(vendor)), more))
    assert row.protocol["state"] == "xyz"
    assert row.protocol["redirect_uri"] == REDIRECT
    assert row.protocol["scopes"] == ["usage:read", "care:read"]
    assert row.protocol["code_challenge"] == CHALLENGE


def test_oauth_09_an_address_is_its_clients(vendor: Vendor, make: Callable[..., Vendor]) -> None:
    uri, other = uri_of(push(vendor)), make()
    assert is_page(visit(vendor, uri, client_id=other.client_id))
    assert is_page(vendor.http.get("/oauth/authorize", params={"request_uri": uri}))
    assert is_page(visit(vendor, uri, f"&client_id={other.client_id}"))
    assert is_page(visit(vendor, uri, f"&request_uri={uri}"))
    assert is_page(visit(vendor, uri, "&request=e30.e30."))
    assert kept(vendor, visit(vendor, uri))


UNKNOWN = [
    "urn:ietf:params:oauth:request_uri:",
    "urn:ietf:params:oauth:request_uri:" + "a" * 43,
    "urn:ietf:params:oauth:request_uri:é",
    "https://mend.example/request",
    "x" * 5000,
]


def test_oauth_09_an_unknown_address_leads_nowhere(vendor: Vendor) -> None:
    for uri in UNKNOWN:
        assert is_page(visit(vendor, uri)), uri


def test_oauth_09_an_address_lives_about_a_minute(vendor: Vendor, clock: FixedClock) -> None:
    told = push(vendor)
    life = told.json()["expires_in"]
    assert 60 <= life <= 600
    clock.advance(life - 0.1)
    assert kept(vendor, visit(vendor, uri_of(told)))
    clock.advance(0.1)
    assert is_page(visit(vendor, uri_of(told)))


def test_oauth_09_visits_at_once_lead_to_one_page(twins: list[Vendor]) -> None:
    """On whichever worker the browser arrives."""
    for _ in range(rounds(3, 60)):
        uri = uri_of(push(twins[0]))
        visits = at_once(12, lambda n, uri=uri: visit(twins[n % 2], uri))  # type: ignore[misc]
        assert {one.status_code for one in visits} == {303}
        (page,) = {one.headers["location"] for one in visits}
        assert "/consent/" in page


@pytest.mark.parametrize("is_yes", [True, False])
def test_oauth_09_an_address_is_used_when_it_is_answered(vendor: Vendor, is_yes: bool) -> None:
    """A reload finds the same page; the answer, whatever it is, uses the address up."""
    uri = uri_of(push(vendor))
    first, again = visit(vendor, uri), visit(vendor, uri)
    assert first.headers["location"] == again.headers["location"]
    ticket = first.headers["location"].rpartition("/")[2]
    if is_yes:
        assert "code" in answer_of(vendor.allow(first))
        with vendor.database.session() as db:
            row = db.get_one(AccessRequest, sha256(ticket))
            row.status = "granted"
    else:
        with vendor.database.session() as db:
            owner = make_owner(db, vendor.clock).owner_id
            view_request(db, vendor.clock, owner, ticket)
            refuse(db, vendor.clock, owner, ticket)
    assert is_page(visit(vendor, uri))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
    ({"redirect_uri": None}, "invalid_request"),
    ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": None}, "unsupported_response_type"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"scope": "no:such"}, "invalid_scope"),
    ({"authorization_details": "{"}, "invalid_authorization_details"),
    ({"resource": "https://evil.example"}, "invalid_target"),
    ({"client_id": "another"}, "invalid_request"),
    ({"request": "e30.e30."}, "invalid_request_object"),
]


def test_oauth_16_what_cannot_be_asked_cannot_be_pushed(vendor: Vendor) -> None:
    for changes, error in WRONG:
        assert is_refused(push(vendor, **changes), error), changes


def test_oauth_16_who_pushes_authenticates(vendor: Vendor, make: Callable[..., Vendor]) -> None:
    assert is_refused(vendor.post(PATH, PUSHED, auth=None), "invalid_client", 401)
    named = PUSHED | {"client_id": vendor.client_id}
    assert is_refused(vendor.post(PATH, named, auth=None), "invalid_client", 401)
    wrong = vendor.post(PATH, PUSHED, auth=(vendor.client_id, "wrong"))
    assert is_refused(wrong, "invalid_client", 401)
    app = make(make_public_vendor)
    assert app.post(PATH, PUSHED).status_code == 201, "a public client names itself"


def test_oauth_16_only_a_post_pushes(vendor: Vendor) -> None:
    auth = (vendor.client_id, vendor.secret or "")
    for path in (PATH, "/oauth/token"):
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = vendor.http.request(method, path, auth=auth)
            assert answer.status_code == 405
            assert "json" in answer.headers["content-type"]
            assert "location" not in answer.headers


def test_oauth_16_only_a_form_is_pushed(vendor: Vendor) -> None:
    auth = (vendor.client_id, vendor.secret or "")
    for kind in ("application/json", "multipart/form-data; boundary=x", "", "x"):
        headers = {"Content-Type": kind} if kind else {}
        for path in (PATH, "/oauth/token"):
            answer = vendor.http.post(path, content=b"scope=usage:read", headers=headers, auth=auth)
            assert is_refused(answer, "invalid_request"), kind


def test_oauth_16_a_parameter_stands_once(vendor: Vendor) -> None:
    form = [*PUSHED.items(), ("purpose", "RepairImpairments"), ("nobody_knows_this", "1")]
    auth, headers = (vendor.client_id, vendor.secret or ""), {"Content-Type": FORM}
    for again in form:
        body = urlencode([*form, again])
        answer = vendor.http.post(PATH, content=body, headers=headers, auth=auth)
        assert is_refused(answer, "invalid_request"), again
    assert vendor.http.post(PATH, data=dict(form), auth=auth).status_code == 201


def test_oauth_17_the_key_that_is_named_is_the_key_of_the_proof(vendor: Vendor) -> None:
    where = f"https://testserver{PATH}"
    named = PUSHED | {"dpop_jkt": jkt("Ed25519")}
    assert is_refused(send(vendor, PATH, named, proof(vendor, where)), "invalid_request")
    good = send(vendor, PATH, PUSHED | {"dpop_jkt": jkt()}, proof(vendor, where))
    assert good.status_code == 201, good.text
    for wrong in ("short", "a" * 44, "!" * 43):
        assert is_refused(push(vendor, dpop_jkt=wrong), "invalid_request")


@pytest.mark.parametrize("way", ["named", "proven", "in the address"])
def test_oauth_17_a_code_is_redeemed_with_the_key_that_was_named(vendor: Vendor, way: str) -> None:
    if way == "in the address":
        asked = vendor.ask(dpop_jkt=jkt())
    elif way == "named":
        asked = visit(vendor, uri_of(push(vendor, dpop_jkt=jkt())))
    else:
        shown = proof(vendor, f"https://testserver{PATH}")
        asked = visit(vendor, uri_of(send(vendor, PATH, PUSHED, shown)))
    code = answer_of(vendor.allow(asked))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    form["code_verifier"] = VERIFIER
    assert is_refused(send(vendor, "/oauth/token", form), "invalid_grant")
    other = send(vendor, "/oauth/token", form, proof(vendor, alg="Ed25519"))
    assert is_refused(other, "invalid_grant")
    bound = send(vendor, "/oauth/token", form, proof(vendor))
    assert bound.json()["token_type"] == "DPoP", "a refusal uses nothing up"


def test_oauth_17_a_client_that_pushes_and_binds_goes_the_whole_way(
    make: Callable[..., Vendor],
) -> None:
    """Without a proof its code gives nothing."""
    registered = ONLY_PUSHED | {"dpop_bound_access_tokens": True}
    vendor = make(make_vendor, registered=registered)
    code = answer_of(vendor.allow(visit(vendor, uri_of(push(vendor)))))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    form["code_verifier"] = VERIFIER
    assert is_refused(send(vendor, "/oauth/token", form), "invalid_dpop_proof")
    assert send(vendor, "/oauth/token", form, proof(vendor)).json()["token_type"] == "DPoP"
