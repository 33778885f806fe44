"""What is advertised is so: every entry of the metadata is tried."""

from collections.abc import Callable
from typing import Any

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from fastapi import FastAPI
from joserfc import jws
from joserfc.jwk import KeySet
from starlette.testclient import TestClient

from app.oauth.grants.code import CodeGrant
from app.oauth.scopes import ALL_SCOPES, CLIENT_SCOPES
from tests.factories.oauth import make_maker_client, make_public_vendor, make_purpose
from tests.oauth.conftest import Vendor, is_sent_back
from tests.oauth.test_code import is_refused


@pytest.fixture
def metadata(client: TestClient) -> dict[str, Any]:
    answer = client.get("/.well-known/oauth-authorization-server")
    assert answer.headers["content-type"] == "application/json"
    return dict(answer.json())


def path_of(url: str) -> str:
    assert url.startswith("https://testserver/")
    return url.removeprefix("https://testserver")


def test_item_41_document_is_valid(metadata: dict[str, Any]) -> None:
    AuthorizationServerMetadata(metadata).validate()
    assert metadata["issuer"] == "https://testserver"


def test_item_41_nothing_is_advertised_that_has_no_test_here(metadata: dict[str, Any]) -> None:
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
        "token_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_methods_supported",
        "code_challenge_methods_supported",
        "authorization_response_iss_parameter_supported",
        "protected_resources",
        "registration_endpoint",
        "client_id_metadata_document_supported",
    }


def test_item_41_endpoints_answer(vendor: Vendor, metadata: dict[str, Any]) -> None:
    assert is_sent_back(vendor.ask(scope="x"), "invalid_scope")
    assert path_of(metadata["authorization_endpoint"]) == "/oauth/authorize"
    for name in ("token_endpoint", "revocation_endpoint"):
        answer = vendor.post(path_of(metadata[name]), {"x": "1"})
        assert is_refused(answer, "invalid_request")
    for place in metadata["protected_resources"]:
        path = place.removeprefix("https://testserver")
        document = vendor.http.get(f"/.well-known/oauth-protected-resource{path}").json()
        assert document["resource"] == place
        assert document["authorization_servers"] == [metadata["issuer"]]
        assert document["bearer_methods_supported"] == ["header"]
        assert set(document["scopes_supported"]) <= set(ALL_SCOPES)


def test_item_41_jwks_verifies_what_is_signed(app: FastAPI, metadata: dict[str, Any]) -> None:
    with TestClient(app, base_url="https://testserver") as http:
        answer = http.get(path_of(metadata["jwks_uri"]))
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert all("d" not in key for key in answer.json()["keys"])
    signed = app.state.keyring.sign(b"{}", "test+jwt")
    keys = KeySet.import_key_set(answer.json())
    assert jws.deserialize_compact(signed, keys, algorithms=["Ed25519"]).payload == b"{}"


def test_item_41_scopes_can_be_had(make: Callable[..., Vendor], metadata: dict[str, Any]) -> None:
    assert metadata["scopes_supported"] == list(CLIENT_SCOPES)
    scopes = metadata["scopes_supported"]
    reads = [s for s in scopes if s.endswith(":read")]
    purpose = make_purpose(scopes={s: {} for s in reads})
    vendor = make(scopes=scopes, purposes=[purpose])
    assert vendor.credentials(scope=" ".join(scopes)).json()["scope"] == " ".join(scopes)
    assert vendor.ask(scope=" ".join(reads)).status_code == 303


def test_item_30_41_grant_and_response_types(vendor: Vendor, metadata: dict[str, Any]) -> None:
    assert metadata["response_types_supported"] == sorted(CodeGrant.RESPONSE_TYPES) == ["code"]
    assert metadata["response_modes_supported"] == ["query"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    tokens = vendor.get_tokens()
    tried = {"authorization_code"}
    tried |= {"refresh_token"} if vendor.refresh(tokens["refresh_token"]).is_success else set()
    tried |= {"client_credentials"} if vendor.credentials().is_success else set()
    assert set(metadata["grant_types_supported"]) == tried


def test_item_41_client_authentication(
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
    if app.redeem(app.get_code()).is_success:
        tried.append("none")
    assert metadata["token_endpoint_auth_methods_supported"] == tried
    assert metadata["revocation_endpoint_auth_methods_supported"] == tried
