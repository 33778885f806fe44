"""Client authentication and the form; numbers are those of the security checklist."""

import hmac
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.main import create_app
from app.organizations.clients import disable_client, rotate_secret
from tests.factories.oauth import make_maker_client, make_public_vendor
from tests.oauth.conftest import Vendor
from tests.oauth.test_code import is_refused
from tests.oauth.test_metadata import assertion, keys_of

GRANT = {"grant_type": "client_credentials"}
FORM = "application/x-www-form-urlencoded"
FORMS = (
    "/oauth/token",
    "/oauth/par",
    "/oauth/revoke",
    "/oauth/introspect",
    "/oauth/device_authorization",
)


def basic(text: str | bytes) -> dict[str, str]:
    plain = text if isinstance(text, bytes) else text.encode()
    return {"Authorization": "Basic " + b64encode(plain).decode()}


def test_client_acts_for_itself_without_any_grant(make: Callable[..., Vendor]) -> None:
    maker = make(make_maker_client)
    said = maker.credentials().json()
    assert said["scope"] == "products:write objects:write log:write"
    assert said.keys() == {"access_token", "token_type", "expires_in", "scope", "iss"}
    principal = maker.principal(said["access_token"])
    assert principal is not None
    assert (principal.owner_id, principal.grant_id, principal.objects) == (None, None, None)
    assert maker.credentials(scope="log:write").json()["scope"] == "log:write"


def test_scope_not_registered_is_refused_not_dropped(make: Callable[..., Vendor]) -> None:
    maker = make(make_maker_client)
    for scope in ("log:write usage:read", "own:read", "x", 'a"'):
        assert is_refused(maker.credentials(scope=scope), "invalid_scope")


def test_vendor_scopes_of_a_client_alone_carry_no_grant(vendor: Vendor) -> None:
    said = vendor.credentials(scope="usage:read").json()
    assert "grant_id" not in said
    principal = vendor.principal(said["access_token"])
    assert principal is not None
    assert principal.grant_id is None


def test_oauth_25_all_failures_look_alike(vendor: Vendor, make: Callable[..., Vendor]) -> None:
    shut, public = make(), make(make_public_vendor)
    with vendor.database.session() as db:
        disable_client(db, vendor.clock, shut.client_id)
    answers = [
        vendor.post("/oauth/token", GRANT, auth=auth)
        for auth in [
            (vendor.client_id, "wrong"),
            (vendor.client_id, ""),
            ("nobody", "wrong"),
            (shut.client_id, shut.secret),
            (public.client_id, "x"),
        ]
    ]
    answers += [
        vendor.post("/oauth/token", GRANT | form, auth=None)
        for form in [
            {},
            {"client_id": vendor.client_id},
            {"client_id": vendor.client_id, "client_secret": "wrong"},
            {"client_id": "nobody", "client_secret": "wrong"},
            {"client_id": "x" * 1000},
            {"client_assertion": "e30.e30.", "client_assertion_type": "x"},
        ]
    ]
    assert {a.status_code for a in answers} == {401}
    assert len({a.content for a in answers}) == 1
    assert {a.headers["www-authenticate"] for a in answers} == {
        'Basic realm="oauth", charset="UTF-8"'
    }


def test_secret_in_the_form_works_as_well(vendor: Vendor) -> None:
    form = GRANT | {"client_id": vendor.client_id, "client_secret": vendor.secret}
    assert vendor.post("/oauth/token", form, auth=None).status_code == 200


def test_oauth_25_two_methods_or_two_clients_are_refused(
    vendor: Vendor, make: Callable[..., Vendor]
) -> None:
    """Also where each of them would do by itself."""
    other, signer = make(), make(keys_of("ES256"))
    own = {"client_id": vendor.client_id, "client_secret": vendor.secret or ""}
    shown = assertion(signer, "ES256")
    for form, auth in (
        ({"client_secret": "x"}, ...),
        ({"client_assertion": "e30.e30."}, ...),
        ({"client_assertion_type": "x"}, ...),
        ({"client_id": "another"}, ...),
        ({"client_id": other.client_id}, ...),
        (own, ...),
        (shown, ...),
        (own | shown, None),
        (shown | {"client_id": vendor.client_id}, None),
    ):
        answer = vendor.post("/oauth/token", GRANT | form, auth=auth)
        assert is_refused(answer, "invalid_request"), form
    assert signer.post("/oauth/token", GRANT | shown, auth=None).status_code == 200


def test_oauth_25_an_unknown_client_costs_as_much(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret is hashed and compared for whoever is named; so time tells of no client."""
    with vendor.database.session() as db:
        disable_client(db, vendor.clock, vendor.client_id)
    compared: list[bytes] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return real(one, other)

    monkeypatch.setattr("app.organizations.clients.hmac.compare_digest", compare)
    for client_id in ("nobody", vendor.client_id, "x" * 5000):
        compared.clear()
        answer = vendor.post("/oauth/token", GRANT, auth=(client_id, "wrong"))
        assert is_refused(answer, "invalid_client", 401)
        assert len(compared) == 1, client_id


def test_oauth_25_a_secret_in_the_address_is_refused(vendor: Vendor) -> None:
    own = {"client_id": vendor.client_id, "client_secret": vendor.secret or ""}
    for path in FORMS:
        answer = vendor.http.post(path, params=own, data=GRANT)
        assert is_refused(answer, "invalid_request"), path
        assert vendor.secret not in answer.text


def test_same_client_id_beside_basic_is_fine(vendor: Vendor) -> None:
    assert vendor.credentials(client_id=vendor.client_id).status_code == 200


def test_oauth_25_broken_basic_is_never_our_fault(vendor: Vendor) -> None:
    broken: list[dict[str, str]] = [
        basic(b"\xff\xfe:x"),
        basic("no colon"),
        basic(":secret"),
        basic("%ff%fe:x"),
        basic("a\x00b:x"),
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer x"},
        {"Authorization": ""},
    ]
    for headers in broken:
        answer = vendor.http.post("/oauth/token", data=GRANT, headers=headers)
        assert answer.status_code in (400, 401), headers
        assert answer.json()["error"] in ("invalid_request", "invalid_client")
    encoded = vendor.client_id.replace("-", "%2D")
    answer = vendor.http.post(
        "/oauth/token", data=GRANT, headers=basic(f"{encoded}:{vendor.secret}")
    )
    assert answer.status_code == 200


def test_rotated_secret_stops_the_old_one(vendor: Vendor) -> None:
    with vendor.database.session() as db:
        fresh = rotate_secret(db, vendor.client_id)
    assert is_refused(vendor.credentials(), "invalid_client", 401)
    vendor.secret = fresh
    assert vendor.credentials().status_code == 200


def test_disabled_client_has_dead_tokens(vendor: Vendor) -> None:
    tokens = vendor.get_tokens()
    with vendor.database.session() as db:
        disable_client(db, vendor.clock, vendor.client_id)
    principal = vendor.principal(tokens["access_token"])
    assert principal is not None
    assert principal.dead_reason == "client-disabled"
    assert is_refused(vendor.refresh(tokens["refresh_token"]), "invalid_client", 401)


EMPTY = {
    "/oauth/par": "unsupported_response_type",
    "/oauth/device_authorization": "unauthorized_client",
}
BODIES = [
    ("application/json", b'{"grant_type":"client_credentials"}'),
    ("multipart/form-data; boundary=x", b"--x--"),
    ("", b"grant_type=client_credentials"),
    (FORM, b"grant_type=client_credentials&grant_type=client_credentials"),
    (FORM, b"grant_type=client_credentials&x=1&x=2"),
    (FORM, b"grant_type=client_credentials&x=%00"),
    (FORM, b"grant_type=client_credentials&x=%ff"),
    (FORM, b"grant_type=client_credentials&x=\xff"),
    (FORM, b"&".join(b"a%d=1" % i for i in range(61))),
    (FORM, b"grant_type=client_credentials&x=" + b"y" * 65_536),
    (FORM, b""),
]


def test_oauth_28_form_is_read_strictly(vendor: Vendor) -> None:
    """At each address that takes one."""
    auth: Any = (vendor.client_id, vendor.secret)
    for path in FORMS:
        for kind, body in BODIES:
            headers = {"Content-Type": kind} if kind else {}
            answer = vendor.http.post(path, content=body, headers=headers, auth=auth)
            error = EMPTY.get(path, "invalid_request") if not body else "invalid_request"
            assert is_refused(answer, error), (path, kind, body[:60])


def test_oauth_28_parameters_in_the_address_and_get_are_refused(vendor: Vendor) -> None:
    auth: Any = (vendor.client_id, vendor.secret)
    for path in FORMS:
        for query in ("grant_type=client_credentials", "x", "="):
            answer = vendor.http.post(f"{path}?{query}", data=GRANT, auth=auth)
            assert is_refused(answer, "invalid_request"), (path, query)
        assert vendor.http.get(path, auth=auth).status_code == 405


def test_rate_limit_counts_the_client_not_who_uses_its_name(app: FastAPI, vendor: Vendor) -> None:
    few = app.state.settings.model_copy(update={"rate_token_per_minute": 3})
    with TestClient(create_app(few, vendor.clock), base_url=few.origin) as http:
        vendor.http = http
        for _ in range(5):
            answer = vendor.post("/oauth/token", GRANT, auth=(vendor.client_id, "wrong"))
        assert answer.status_code == 429
        assert [vendor.credentials().status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = vendor.credentials()
        assert answer.json()["error"] == "temporarily_unavailable"
        assert 0 < int(answer.headers["retry-after"]) <= 60
        vendor.clock.advance(60)
        assert vendor.credentials().status_code == 200
