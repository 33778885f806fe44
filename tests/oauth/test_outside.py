"""Clients whose document or keys stand on a site of their own, as HTTP callers meet them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpcore2
import pytest
from fastapi import FastAPI
from httpx2 import Response
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.main import create_app
from app.settings import Settings
from tests.factories.oauth import REDIRECT, make_purpose, make_vendor
from tests.oauth.conftest import Vendor, is_page
from tests.oauth.test_code import is_refused
from tests.support.site import Site, served_site

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
def site() -> Iterator[Site]:
    with served_site() as site:
        yield site


@pytest.fixture
def app(settings: Settings, clock: FixedClock) -> FastAPI:
    """The service, which may ask this very machine."""
    return create_app(settings.model_copy(update={"fetch_local": True}), clock=clock)


class Signer:
    """A client that signs, and shows its keys at an address."""

    def __init__(self, vendor: Vendor, site: Site) -> None:
        self.vendor = vendor
        self.site = site
        self.count = 0
        self.keys: list[ECKey] = []
        self.renew("first")

    def renew(self, kid: str) -> None:
        """Another key in the place of all."""
        self.keys = [ECKey.generate_key("P-256", {"kid": kid})]
        shown = [key.as_dict(private=False) for key in self.keys]
        self.site.documents["/keys"] = {"keys": shown}

    def credentials(self, kid: str | None = None) -> Response:
        self.count += 1
        now = int(self.vendor.clock.now().timestamp())
        claims = {
            "iss": self.vendor.client_id,
            "sub": self.vendor.client_id,
            "aud": "https://testserver",
            "exp": now + 60,
            "jti": f"number {self.count}",
        }
        header = {"alg": "ES256", "kid": kid or self.keys[0].kid}
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": jwt.encode(header, claims, self.keys[0]),
        }
        return self.vendor.post("/oauth/token", form, auth=None)


@pytest.fixture
def signer(make: Callable[..., Vendor], site: Site) -> Signer:
    told = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": f"{site.origin}/keys"}
    vendor = make(make_vendor, registered=told)
    return Signer(vendor, site)


def test_oauth_26_keys_are_fetched_once_and_kept(signer: Signer) -> None:
    assert signer.credentials().is_success
    assert signer.credentials().is_success
    assert signer.site.asked == ["/keys"]


def test_oauth_26_a_new_key_is_found_by_its_kid(signer: Signer) -> None:
    assert signer.credentials().is_success
    signer.vendor.clock.advance(timedelta(seconds=61))
    signer.renew("second")
    assert signer.credentials().is_success
    assert signer.site.asked == ["/keys", "/keys"]


def test_oauth_26_unknown_kids_do_not_make_us_ask_again_and_again(signer: Signer) -> None:
    assert signer.credentials().is_success
    for number in range(5):
        assert is_refused(signer.credentials(kid=f"no such key {number}"), "invalid_client", 401)
    assert signer.site.asked == ["/keys"]
    assert signer.credentials().is_success


def test_oauth_26_a_site_that_is_away_shuts_nobody_in(signer: Signer) -> None:
    keys = signer.site.documents.pop("/keys")
    assert is_refused(signer.credentials(), "invalid_client", 401)
    assert is_refused(signer.credentials(), "invalid_client", 401)
    assert signer.site.asked == ["/keys"]
    signer.site.documents["/keys"] = keys
    signer.vendor.clock.advance(timedelta(seconds=31))
    assert signer.credentials().is_success


@pytest.fixture
def vendor(app: FastAPI, client: TestClient, clock: FixedClock, site: Site) -> Vendor:
    """A vendor that nobody registered: its id is the address of its document."""
    vendor = Vendor(app, client, clock, f"{site.origin}/client", None)
    site.documents["/client"] = document(vendor.client_id)
    return vendor


def document(client_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "client_name": "Mend & Co",
        "redirect_uris": ["http://127.0.0.1/back?from=inseam"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        "scope": "usage:read care:read",
        "purposes": [make_purpose()],
    } | changes


def ask(vendor: Vendor) -> Response:
    return vendor.ask(redirect_uri=REDIRECT.replace("https://mend.example", "http://127.0.0.1"))


def test_a_client_that_is_a_document_asks_and_redeems(vendor: Vendor, site: Site) -> None:
    asked = ask(vendor)
    assert asked.status_code == 303, asked.text
    assert "/consent/" in asked.headers["location"]
    location = vendor.allow(asked)
    code = location.partition("code=")[2].partition("&")[0]
    redirect = REDIRECT.replace("https://mend.example", "http://127.0.0.1")
    assert vendor.redeem(code, redirect_uri=redirect).is_success
    assert site.asked == ["/client"]


def test_a_document_that_is_gone_is_no_client(vendor: Vendor, site: Site) -> None:
    del site.documents["/client"]
    assert is_page(ask(vendor))
    assert is_refused(vendor.redeem("x"), "invalid_client", 401)
    assert site.asked == ["/client"]


def test_a_document_with_keys_elsewhere_on_its_site(vendor: Vendor, site: Site) -> None:
    keys = {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": f"{site.origin}/keys",
    }
    site.documents["/client"] |= keys
    signer = Signer(vendor, site)
    answer = signer.credentials()
    assert is_refused(answer, "unauthorized_client")  # known by its keys, not by this grant
    assert site.asked == ["/client", "/keys"]
    assert vendor.redeem("x").json()["error"] == "invalid_client"  # nor without them


OUTSIDE = "https://9.9.9.9/keys"  # nothing goes there: the connection is a double
INSIDE = (
    "https://127.0.0.1/keys",
    "https://localhost/keys",
    "https://10.0.0.1/keys",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/keys",
    "https://[::ffff:127.0.0.1]/keys",
    "https://192.168.0.1/keys",
    "https://0.0.0.0/keys",
    "https://2130706433/keys",
)


def test_oauth_26_keys_are_not_fetched_from_inside(
    settings: Settings, clock: FixedClock, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No connection to an address of our own network is begun, and the client stays unproven."""
    reached: list[str] = []

    def connect(_: Any, host: str, *__: Any, **___: Any) -> Any:
        reached.append(host)
        raise httpcore2.ConnectError

    monkeypatch.setattr("app.kit.fetch.httpcore2.SyncBackend.connect_tcp", connect)
    with TestClient(create_app(settings, clock=clock), base_url="https://testserver") as http:
        app: Any = http.app
        for where in (*INSIDE, OUTSIDE):
            assert reached == []
            told = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": where}
            with app.state.db.session() as db:
                client, _ = make_vendor(db, clock, registered=told)
                vendor = Vendor(app, http, clock, client.client_id, None)
            answer = Signer(vendor, site).credentials()
            assert is_refused(answer, "invalid_client", 401), where
    assert reached == ["9.9.9.9"], "what is not inside would be asked"
