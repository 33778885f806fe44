"""Makers that call over HTTP with a token of their own."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.organizations.models import Client, Organization
from tests.factories.oauth import make_maker_client
from tests.factories.objects import make_maker, product_body

SCOPES = "products:write objects:write"


@dataclass
class Caller:
    """A maker's client with a token."""

    http: TestClient
    org_id: UUID
    token: str

    def call(self, method: str, path: str, key: str | None = None, **more: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.http.request(method, path, headers=headers, **more)

    def get(self, path: str, key: str | None = None, **params: Any) -> Response:
        return self.call("GET", path, key, params=params)

    def post(self, path: str, body: Any = None, key: str | None = None) -> Response:
        return self.call("POST", path, key, json=body)

    def product(self, **changes: Any) -> str:
        """Register a product; its id."""
        answer = self.post("/v1/products", product_body(**changes))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["product_id"])

    def mint(self, product_id: str, *serials: str, key: str | None = None) -> Response:
        body = {"product_id": product_id, "serials": list(serials)}
        return self.post("/v1/objects", body, key or str(uuid4()))


@dataclass
class Makers:
    """Makes callers: makers over HTTP."""

    http: TestClient
    database: Database
    clock: FixedClock

    def add(self, name: str, scopes: str = SCOPES, **organization: Any) -> Caller:
        with self.database.session() as db:
            maker = make_maker(db, self.clock, name, **organization)
            client, secret = make_maker_client(db, self.clock, maker)
        return self._call(client, secret, scopes)

    def join(self, caller: Caller, scopes: str = SCOPES) -> Caller:
        """Another client of the same organization."""
        with self.database.session() as db:
            maker = db.get_one(Organization, caller.org_id)
            client, secret = make_maker_client(db, self.clock, maker)
        return self._call(client, secret, scopes)

    def _call(self, client: Client, secret: str | None, scopes: str) -> Caller:
        assert secret is not None
        form = {"grant_type": "client_credentials", "scope": scopes}
        answer = self.http.post("/oauth/token", data=form, auth=(client.client_id, secret))
        assert answer.status_code == 200, answer.text
        return Caller(self.http, client.org_id, answer.json()["access_token"])


@pytest.fixture
def makers(client: TestClient, app: FastAPI, clock: FixedClock) -> Makers:
    return Makers(client, app.state.db, clock)


@pytest.fixture
def maker(makers: Makers) -> Caller:
    return makers.add("Big Denim")


@pytest.fixture
def other(makers: Makers) -> Caller:
    return makers.add("Other", any_gtin=True)
