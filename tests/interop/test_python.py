"""OAuth clients for Python that nobody here wrote: requests-oauthlib, and Authlib's own."""

from typing import Any

import httpx2
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError
from requests_oauthlib import OAuth2Session

from tests.interop.house import KINDS, RECORDED, REDIRECT, SCOPES, House

MACHINE: dict[str, Any] = {"scopes": ("grants:read",), "redirect_uris": [], "purposes": []}
ALLOWED = {"care:read", "condition:read"}


@pytest.fixture
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback has no TLS, which oauthlib takes in no other way. The owner allows less than was
    asked, which is said in `scope`; oauthlib would warn of it."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "1")


def metadata_of(house: House) -> dict[str, Any]:
    told: dict[str, Any] = httpx2.get(f"{house.url}/.well-known/oauth-authorization-server").json()
    assert told["issuer"] == house.url
    return told


def check_tokens(token: dict[str, Any]) -> None:
    """The answer says what was allowed: two of three kinds, of one of two things."""
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 600
    scope = token["scope"]
    assert set(scope.split() if isinstance(scope, str) else scope) == ALLOWED
    (detail,) = token["authorization_details"]
    assert detail["type"] == "urn:inseam:object-data"
    assert set(detail["datatypes"]) == set(KINDS)


def check_reading(http: Any, house: House, token: dict[str, Any]) -> None:
    """What was allowed is read by the id that the token answer names."""
    (thing,) = http.get(f"{house.url}/v1/data/objects").json()["objects"]
    assert [thing["id"]] == [entry["identifier"] for entry in token["authorization_details"]]
    answer = http.get(f"{house.url}/v1/data/objects/{thing['id']}/records")
    assert answer.status_code == 200
    found = {record["stream"]: record["values"] for record in answer.json()["records"]}
    assert found == {name: RECORDED[name] for name in ("wash", "wear")}


@pytest.mark.parametrize("is_public", [True, False], ids=["public", "secret"])
@pytest.mark.usefixtures("plain_http")
def test_requests_oauthlib_goes_the_whole_way(house: House, is_public: bool) -> None:
    client_id, secret = house.client(is_public=is_public)
    told = metadata_of(house)
    more = {"include_client_id": True} if is_public else {"client_secret": secret}
    with OAuth2Session(client_id, redirect_uri=REDIRECT, scope=SCOPES, pkce="S256") as http:
        address, _ = http.authorization_url(told["authorization_endpoint"])
        back = house.visit(address)
        place = told["token_endpoint"]
        token = http.fetch_token(place, authorization_response=back, **more)
        check_tokens(token)
        check_reading(http, house, token)

        http.scope = token["scope"]  # it is sent with each refresh, and may not be more than given
        auth = None if is_public else (client_id, secret)
        who = {"client_id": client_id} if is_public else {}
        fresh = http.refresh_token(place, auth=auth, **who)
        assert fresh["refresh_token"] != token["refresh_token"]
        check_tokens(fresh)
        check_reading(http, house, fresh)

        form = {"token": fresh["refresh_token"]} | who
        answer = http.post(told["revocation_endpoint"], form, auth=auth, withhold_token=True)
        assert answer.status_code == 200
        dead = http.get(f"{house.url}/v1/data/objects")
        assert (dead.status_code, dead.json()["reason"]) == (401, "token-revoked")
        with pytest.raises(InvalidGrantError):
            http.refresh_token(place, auth=auth, **who)


@pytest.mark.usefixtures("plain_http")
def test_requests_oauthlib_gets_a_token_for_itself(house: House) -> None:
    client_id, secret = house.client(grant_types=["client_credentials"], **MACHINE)
    place = metadata_of(house)["token_endpoint"]
    with OAuth2Session(client=BackendApplicationClient(client_id)) as http:
        token = http.fetch_token(place, client_id=client_id, client_secret=secret)
        assert (token["token_type"], token["scope"]) == ("Bearer", ["grants:read"])
        listed = http.get(f"{house.url}/v1/data/grants")
        assert (listed.status_code, listed.json()["grants"]) == (200, [])


@pytest.mark.parametrize("kind", ["public", "secret", "key"])
def test_authlib_goes_the_whole_way(house: House, kind: str) -> None:
    key = ECKey.generate_key("P-256", {"kid": "mine"})
    registered = {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key.as_dict(private=False)]},
    }
    more = {"registered": registered} if kind == "key" else {}
    client_id, secret = house.client(is_public=kind == "public", **more)
    told = metadata_of(house)
    place = told["token_endpoint"]
    method = {"public": "none", "secret": "client_secret_basic", "key": "private_key_jwt"}[kind]
    with OAuth2Client(
        client_id,
        key if kind == "key" else secret or None,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        scope=" ".join(SCOPES),
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
    ) as http:
        signs = PrivateKeyJWT(told["issuer"], alg="ES256", headers={"kid": "mine"})
        http.register_client_auth_method(signs)
        verifier = "a-verifier-that-is-long-enough-to-be-one-1234"
        address, state = http.create_authorization_url(
            told["authorization_endpoint"], code_verifier=verifier
        )
        back = house.visit(address)
        token = http.fetch_token(
            place, authorization_response=back, state=state, code_verifier=verifier
        )
        check_tokens(token)
        check_reading(http, house, token)

        shown = http.introspect_token(told["introspection_endpoint"], token["access_token"]).json()
        assert (shown["active"], shown["iss"]) == (True, house.url)
        assert shown["authorization_details"] == token["authorization_details"]

        with pytest.raises(OAuthError, match="invalid_scope"):  # it sends what it once asked for
            http.refresh_token(place)
        http.scope = token["scope"]
        fresh = http.refresh_token(place)
        assert fresh["refresh_token"] != token["refresh_token"]
        check_tokens(fresh)
        check_reading(http, house, fresh)

        ended = http.revoke_token(told["revocation_endpoint"], fresh["refresh_token"])
        assert ended.status_code == 200
        dead = http.get(f"{house.url}/v1/data/objects")
        assert (dead.status_code, dead.json()["reason"]) == (401, "token-revoked")
        with pytest.raises(OAuthError, match="invalid_grant"):
            http.refresh_token(place)
