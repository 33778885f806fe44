"""What is advertised is so: every entry of the metadata is tried."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from fastapi import FastAPI
from httpx2 import Response
from joserfc import jws
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey
from starlette.testclient import TestClient

from app.kit import jsonio
from app.kit.ids import new_id
from app.oauth.grants.code import CodeGrant
from app.oauth.registration import invite
from app.oauth.scopes import ALL_SCOPES, CLIENT_SCOPES, VENDOR_SCOPES
from app.oauth.signatures import REGISTRY
from tests.factories.oauth import (
    REDIRECT,
    make_maker_client,
    make_public_vendor,
    make_purpose,
    make_vendor,
)
from tests.oauth.conftest import CHALLENGE, Vendor, is_sent_back
from tests.oauth.test_code import is_refused


@pytest.fixture
def metadata(client: TestClient) -> dict[str, Any]:
    answer = client.get("/.well-known/oauth-authorization-server")
    assert answer.headers["content-type"] == "application/json"
    return dict(answer.json())


def path_of(url: str) -> str:
    assert url.startswith("https://testserver/")
    return url.removeprefix("https://testserver")


def test_oauth_41_document_is_valid(metadata: dict[str, Any]) -> None:
    AuthorizationServerMetadata(metadata).validate()
    assert metadata["issuer"] == "https://testserver"


def test_oauth_41_nothing_is_advertised_that_has_no_test_here(metadata: dict[str, Any]) -> None:
    assert metadata.keys() == {
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
        "jwks_uri",
        "scopes_supported",
        "response_types_supported",
        "response_modes_supported",
        "grant_types_supported",
        "pushed_authorization_request_endpoint",
        "require_pushed_authorization_requests",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "revocation_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_signing_alg_values_supported",
        "device_authorization_endpoint",
        "introspection_endpoint",
        "introspection_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_signing_alg_values_supported",
        "introspection_signing_alg_values_supported",
        "code_challenge_methods_supported",
        "authorization_response_iss_parameter_supported",
        "authorization_details_types_supported",
        "dpop_signing_alg_values_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "request_object_signing_alg_values_supported",
        "grant_management_endpoint",
        "grant_management_actions_supported",
        "grant_management_action_required",
        "protected_resources",
        "inseam_agreements_supported",
        "inseam_accepted_agreements_endpoint",
        "registration_endpoint",
        "client_id_metadata_document_supported",
    }


def test_oauth_41_endpoints_answer(vendor: Vendor, metadata: dict[str, Any]) -> None:
    assert is_sent_back(vendor.ask(scope="x"), "invalid_scope")
    assert path_of(metadata["authorization_endpoint"]) == "/oauth/authorize"
    for name in ("token_endpoint", "revocation_endpoint", "introspection_endpoint"):
        answer = vendor.post(path_of(metadata[name]), {"x": "1"})
        assert is_refused(answer, "invalid_request")
    for place in metadata["protected_resources"]:
        path = place.removeprefix("https://testserver")
        document = vendor.http.get(f"/.well-known/oauth-protected-resource{path}").json()
        assert document["resource"] == place
        assert document["authorization_servers"] == [metadata["issuer"]]
        assert document["bearer_methods_supported"] == ["header"]
        assert set(document["scopes_supported"]) <= set(ALL_SCOPES)


def test_r_02_agreements_that_are_listed_can_be_accepted(
    make: Callable[..., Vendor], metadata: dict[str, Any]
) -> None:
    ids = metadata["inseam_agreements_supported"]
    vendor = make(registered={"inseam_agreements": ids, "door": "operator"})
    assert ids
    for one in ids:
        assert vendor.http.get(f"/v1/agreements/{one}").json()["id"] == one
    path = path_of(metadata["inseam_accepted_agreements_endpoint"])
    told = vendor.http.get(path, params={"client_id": vendor.client_id}).json()
    assert sorted(one["id"] for one in told["agreements"]) == ids


def test_oauth_41_jwks_verifies_what_is_signed(app: FastAPI, metadata: dict[str, Any]) -> None:
    with TestClient(app, base_url="https://testserver") as http:
        answer = http.get(path_of(metadata["jwks_uri"]))
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert all("d" not in key for key in answer.json()["keys"])
    signed = app.state.keyring.sign(b"{}", "test+jwt")
    keys = KeySet.import_key_set(answer.json())
    algorithms = metadata["introspection_signing_alg_values_supported"]
    assert jws.deserialize_compact(signed, keys, algorithms=algorithms).payload == b"{}"


def test_oauth_41_scopes_can_be_had(make: Callable[..., Vendor], metadata: dict[str, Any]) -> None:
    assert metadata["scopes_supported"] == list(CLIENT_SCOPES)
    scopes = metadata["scopes_supported"]
    reads = list(VENDOR_SCOPES)
    purpose = make_purpose(scopes={s: {} for s in reads})
    vendor = make(scopes=scopes, purposes=[purpose])
    assert vendor.credentials(scope=" ".join(scopes)).json()["scope"] == " ".join(scopes)
    assert vendor.ask(scope=" ".join(reads)).status_code == 303


def test_oauth_41_grant_and_response_types(
    vendor: Vendor, make: Callable[..., Vendor], metadata: dict[str, Any]
) -> None:
    tablet = make(redirect_uris=[], grant_types=["urn:ietf:params:oauth:grant-type:device_code"])
    assert metadata["response_types_supported"] == sorted(CodeGrant.RESPONSE_TYPES) == ["code"]
    assert metadata["response_modes_supported"] == ["query"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    tokens = vendor.get_tokens()
    tried = {"authorization_code"}
    tried |= {"refresh_token"} if vendor.refresh(tokens["refresh_token"]).is_success else set()
    tried |= {"client_credentials"} if vendor.credentials().is_success else set()
    bearer = {"grant_type": (assertion := "urn:ietf:params:oauth:grant-type:jwt-bearer")}
    known = vendor.http.post("/oauth/token", data=bearer | {"assertion": "x"})
    device = {"grant_type": (device_code := "urn:ietf:params:oauth:grant-type:device_code")}
    asked = tablet.post(path_of(metadata["device_authorization_endpoint"]), {"scope": "usage:read"})
    assert asked.json()["verification_uri"] == "https://testserver/device", asked.text
    polled = tablet.post("/oauth/token", device | {"device_code": asked.json()["device_code"]})
    tried |= {device_code} if is_refused(polled, "authorization_pending") else set()
    tried |= {assertion} if is_refused(known, "invalid_grant") else set()
    assert set(metadata["grant_types_supported"]) == tried


def test_oauth_41_client_authentication(
    make: Callable[..., Vendor], metadata: dict[str, Any]
) -> None:
    maker, app = make(make_maker_client), make(make_public_vendor)
    body = {"client_id": maker.client_id, "client_secret": maker.secret}
    form = {"grant_type": "client_credentials"}
    tried = []
    if maker.post("/oauth/token", form).is_success:
        tried.append("client_secret_basic")
    if maker.post("/oauth/token", form | body, auth=None).is_success:
        tried.append("client_secret_post")
    if (signer := make(keys_of("ES256"))) and signer.post(
        "/oauth/token", form | assertion(signer, "ES256"), auth=None
    ).is_success:
        tried.append("private_key_jwt")
    if app.redeem(app.get_code()).is_success:
        tried.append("none")
    assert metadata["token_endpoint_auth_methods_supported"] == tried
    assert metadata["revocation_endpoint_auth_methods_supported"] == tried
    assert metadata["introspection_endpoint_auth_methods_supported"] == tried


def test_oauth_41_algorithms_of_clients(
    make: Callable[..., Vendor], metadata: dict[str, Any]
) -> None:
    """A client signs by each of them: its assertions, its request objects."""
    algorithms = metadata["token_endpoint_auth_signing_alg_values_supported"]
    assert set(algorithms) == set(KEYS)
    assert metadata["revocation_endpoint_auth_signing_alg_values_supported"] == algorithms
    assert metadata["introspection_endpoint_auth_signing_alg_values_supported"] == algorithms
    assert metadata["request_object_signing_alg_values_supported"] == algorithms
    assert metadata["request_parameter_supported"] is True
    assert metadata["request_uri_parameter_supported"] is False
    for alg in algorithms:
        vendor = make(keys_of(alg))
        form = {"grant_type": "client_credentials"} | assertion(vendor, alg)
        token = vendor.post("/oauth/token", form, auth=None).json()["access_token"]
        asked = {"token": token} | assertion(vendor, alg)
        found = vendor.post(path_of(metadata["introspection_endpoint"]), asked, auth=None)
        assert found.json()["active"] is True
        ended = {"token": token} | assertion(vendor, alg)
        assert vendor.post("/oauth/revoke", ended, auth=None).is_success
        assert not vendor.is_live(token)
        now = int(vendor.clock.now().timestamp())
        claims = {
            "iss": vendor.client_id,
            "aud": metadata["issuer"],
            "nbf": now,
            "exp": now + 60,
            "client_id": vendor.client_id,
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": "usage:read",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        text = sign(alg, {"typ": "oauth-authz-req+jwt"}, claims)
        asked = {"client_id": vendor.client_id, "request": text}
        answer = vendor.http.get("/oauth/authorize", params=asked)
        assert "/consent/" in answer.headers["location"], answer.headers["location"]


def test_oauth_41_tokens_bound_to_keys(vendor: Vendor, metadata: dict[str, Any]) -> None:
    url = metadata["token_endpoint"]
    assert set(metadata["dpop_signing_alg_values_supported"]) == set(KEYS)
    for alg in metadata["dpop_signing_alg_values_supported"]:
        proof = make_proof(alg, vendor, url, None)
        answer = credentials_with(vendor, proof)
        assert is_refused(answer, "use_dpop_nonce"), answer.text
        nonce = answer.headers["dpop-nonce"]
        bound = credentials_with(vendor, make_proof(alg, vendor, url, nonce))
        assert bound.json()["token_type"] == "DPoP"


def test_oauth_41_requests_are_pushed(vendor: Vendor, metadata: dict[str, Any]) -> None:
    path = path_of(metadata["pushed_authorization_request_endpoint"])
    assert metadata["require_pushed_authorization_requests"] is False
    pushed = vendor.post(path, request_of(vendor))
    assert pushed.status_code == 201, pushed.text
    where = {"client_id": vendor.client_id, "request_uri": pushed.json()["request_uri"]}
    answer = vendor.http.get("/oauth/authorize", params=where)
    assert "/consent/" in answer.headers["location"]


def test_oauth_41_types_of_authorization_details(vendor: Vendor, metadata: dict[str, Any]) -> None:
    for kind in metadata["authorization_details_types_supported"]:
        entry = {"type": kind, "datatypes": ["usage"]}
        asked = vendor.ask(scope=None, authorization_details=json.dumps([entry]))
        assert "/consent/" in asked.headers["location"], asked.headers["location"]


def test_oauth_41_grant_management(vendor: Vendor, metadata: dict[str, Any]) -> None:
    assert metadata["grant_management_action_required"] is False
    grant_id = vendor.get_tokens()["grant_id"]
    actions = metadata["grant_management_actions_supported"]
    for action in actions:
        changed = {} if action == "create" else {"grant_id": grant_id}
        asked = vendor.ask(grant_management_action=action, **changed)
        assert "/consent/" in asked.headers["location"], asked.headers["location"]
    assert is_sent_back(vendor.ask(grant_management_action="x"), "invalid_request")


def test_oauth_41_clients_register(vendor: Vendor, metadata: dict[str, Any]) -> None:
    told = {"redirect_uris": [REDIRECT], "scope": "usage:read", "purposes": [make_purpose()]}
    told |= {"scope": "usage:read care:read", "client_name": "Mend & Co"}
    with vendor.database.session() as db:
        invitation, _ = invite(db, vendor.clock, timedelta(hours=1))
    bearer = {"Authorization": f"Bearer {invitation}"}
    made = vendor.http.post(path_of(metadata["registration_endpoint"]), json=told, headers=bearer)
    assert made.status_code == 201, made.text
    assert metadata["client_id_metadata_document_supported"] is True  # tests/oauth/test_outside.py


KEYS: dict[str, Key] = {
    "PS256": RSAKey.generate_key(2048),
    "ES256": ECKey.generate_key("P-256"),
    "Ed25519": (curve := OKPKey.generate_key("Ed25519")),
    "EdDSA": curve,
}


def sign(alg: str, header: dict[str, Any], claims: dict[str, Any]) -> str:
    text = jsonio.dumps(claims)
    return jws.serialize_compact({"alg": alg} | header, text, KEYS[alg], registry=REGISTRY)


def keys_of(alg: str) -> Callable[..., Any]:
    """A factory of a vendor that authenticates by this key."""
    registered = {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [KEYS[alg].as_dict(private=False)]},
    }

    def factory(*told: Any, **changes: Any) -> Any:
        return make_vendor(*told, registered=registered, **changes)

    return factory


def assertion(vendor: Vendor, alg: str) -> dict[str, str]:
    now = int(vendor.clock.now().timestamp())
    claims = {
        "iss": vendor.client_id,
        "sub": vendor.client_id,
        "aud": "https://testserver",
        "exp": now + 60,
        "jti": str(new_id()),
    }
    return {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": sign(alg, {}, claims),
    }


def make_proof(alg: str, vendor: Vendor, url: str, nonce: str | None) -> str:
    claims = {
        "jti": str(new_id()),
        "htm": "POST",
        "htu": url,
        "iat": int(vendor.clock.now().timestamp()),
    }
    header = {"typ": "dpop+jwt", "jwk": KEYS[alg].as_dict(private=False)}
    return sign(alg, header, claims if nonce is None else claims | {"nonce": nonce})


def credentials_with(vendor: Vendor, proof: str) -> Response:
    auth = (vendor.client_id, vendor.secret or "")
    form = {"grant_type": "client_credentials"}
    return vendor.http.post("/oauth/token", data=form, auth=auth, headers={"DPoP": proof})


def request_of(vendor: Vendor) -> dict[str, str]:
    return {
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": "usage:read",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
