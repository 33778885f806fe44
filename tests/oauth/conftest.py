"""A vendor at work: asks over HTTP, while the owner's answer is written straight into the rows."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import update
from starlette.testclient import TestClient

from app.consent.models import AccessRequest, Grant
from app.kit.clock import FixedClock
from app.kit.crypto import sha256
from app.kit.db import Database
from app.main import create_app
from app.oauth.answer import redirect_allowed
from app.oauth.protect import Credential, Principal, principal_of
from app.organizations.models import Client
from app.settings import Settings
from tests.factories.oauth import REDIRECT, make_grant, make_vendor

VERIFIER = "a-verifier-that-is-long-enough-to-be-one-4321"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:-1]


class Vendor:
    """One OAuth client with everything it needs to ask, redeem, refresh and revoke."""

    def __init__(
        self, app: FastAPI, http: TestClient, clock: FixedClock, client_id: str, secret: str | None
    ) -> None:
        self.app = app
        self.http = http
        self.clock = clock
        self.client_id = client_id
        self.secret = secret
        self.database: Database = app.state.db
        self.settings: Settings = app.state.settings

    def ask(self, **changes: Any) -> Response:
        """A request at the authorization endpoint; None leaves a parameter out."""
        values = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "scope": "usage:read care:read",
            "state": "xyz",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | changes
        present = {name: value for name, value in values.items() if value is not None}
        return self.http.get("/oauth/authorize", params=present)

    def allow(
        self, asked: Response, categories: Sequence[str] = ("usage", "care"), **grant: Any
    ) -> str:
        """The owner allows what was asked; the address the browser is sent to."""
        ticket = urlsplit(asked.headers["location"]).path.rpartition("/")[2]
        with self.database.session() as db:
            row = db.get_one(AccessRequest, sha256(ticket))
            client = db.get_one(Client, self.client_id)
            given = make_grant(db, self.clock, client, categories=categories, **grant)
            return redirect_allowed(db, self.clock, self.settings, row, given)

    def get_code(self, **grant: Any) -> str:
        """A fresh code."""
        return answer_of(self.allow(self.ask(), **grant))["code"]

    def post(self, path: str, form: dict[str, Any], *, auth: Any = ...) -> Response:
        """A form, with Basic for a confidential client and client_id for a public one."""
        if auth is ... and self.secret is None:
            auth, form = None, {"client_id": self.client_id} | form
        elif auth is ...:
            auth = (self.client_id, self.secret)
        return self.http.post(path, data=form, auth=auth)

    def redeem(self, code: str, **changes: Any) -> Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        } | changes
        return self.post("/oauth/token", {n: v for n, v in form.items() if v is not None})

    def get_tokens(self, **grant: Any) -> dict[str, Any]:
        """Tokens of a fresh authorization."""
        answer = self.redeem(self.get_code(**grant))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refresh(self, token: str, **more: Any) -> Response:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return self.post("/oauth/token", form | more)

    def credentials(self, **more: Any) -> Response:
        return self.post("/oauth/token", {"grant_type": "client_credentials"} | more)

    def revoke(self, token: str, **more: Any) -> Response:
        return self.post("/oauth/revoke", {"token": token} | more)

    def principal(self, token: str) -> Principal | None:
        """Whom the service takes the token for."""
        with self.database.read() as db:
            return principal_of(db.connection(), self.clock, Credential(token, ""))

    def is_live(self, token: str) -> bool:
        principal = self.principal(token)
        return principal is not None and principal.dead_reason is None

    def set_grant(self, grant_id: str, **values: Any) -> None:
        """Change a grant behind everybody's back."""
        with self.database.session() as db:
            db.execute(update(Grant).where(Grant.grant_id == UUID(grant_id)).values(**values))


def answer_of(location: str) -> dict[str, str]:
    """The parameters that a redirect carries to the vendor, each once."""
    pairs = parse_qsl(urlsplit(location).query, keep_blank_values=True, strict_parsing=True)
    assert all(len(v) == 1 for v in parse_qs(urlsplit(location).query).values())
    return dict(pairs)


def is_sent_back(response: Response, error: str, state: str | None = "xyz") -> bool:
    """Whether the vendor is told, with its state as it came and our name."""
    assert response.status_code == 303, response.text
    assert response.headers["location"].startswith(REDIRECT + "&")
    said = answer_of(response.headers["location"])
    assert said["iss"] == "https://testserver"
    assert said.get("state") == state
    return said["error"] == error


def is_page(response: Response) -> bool:
    """Whether the browser stays, so that nobody untrusted learns anything."""
    return response.status_code == 400 and "location" not in response.headers


@pytest.fixture
def make(app: FastAPI, client: TestClient, clock: FixedClock) -> Callable[..., Vendor]:
    """Registers a client by a factory and gives it hands."""

    def made(factory: Callable[..., Any] = make_vendor, **changes: Any) -> Vendor:
        with app.state.db.session() as db:
            row = factory(db, clock, **changes)
            found, secret = row if isinstance(row, tuple) else (row, None)
            return Vendor(app, client, clock, found.client_id, secret)

    return made


@pytest.fixture
def twins(app: FastAPI, vendor: Vendor) -> Iterator[list[Vendor]]:
    """One vendor at two workers of the same service: they share the database and nothing else."""
    other = create_app(vendor.settings, vendor.clock)
    with TestClient(other, base_url=vendor.settings.origin, follow_redirects=False) as http:
        yield [vendor, Vendor(other, http, vendor.clock, vendor.client_id, vendor.secret)]


@pytest.fixture
def vendor(make: Callable[..., Vendor]) -> Vendor:
    return make()
