"""Clients whose id is the address of a document about themselves."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import func, select
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from app.consent.models import AccessRequest
from app.kit.clock import FixedClock
from app.kit.crypto import sha256
from app.kit.db import Database
from app.oauth.documents import DocumentRefused, is_document_id, load, read_document
from app.organizations.clients import KnownClient, disable_client, find_client
from app.organizations.models import Client, Organization
from app.organizations.service import create_organization, find_organization
from app.settings import Settings
from tests.factories.oauth import REDIRECT, make_purpose, make_vendor
from tests.oauth.conftest import Vendor, is_page
from tests.oauth.test_registration import JUNK, KEY

URL = "https://mend.example/client.json"


class FetchFailed(Exception):
    """As the fetching of documents fails."""

    detail = "The host does not answer."


def document(**changes: Any) -> dict[str, Any]:
    """What a vendor publishes; None leaves a member out."""
    values: dict[str, Any] = {
        "client_id": URL,
        "client_name": "Mend & Co",
        "redirect_uris": [REDIRECT, "http://127.0.0.1/back"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        "scope": "usage:read care:read",
        "purposes": [make_purpose()],
    } | changes
    return {name: value for name, value in values.items() if value is not None}


@dataclass
class Web:
    """What stands where, and who asked for it."""

    documents: dict[str, Any] = field(default_factory=dict)
    max_age: int | None = None
    asked: list[str] = field(default_factory=list)

    def fetch(self, url: str) -> tuple[bytes, int | None]:
        self.asked.append(url)
        found = self.documents.get(url)
        if found is None:
            raise FetchFailed
        return found if isinstance(found, bytes) else json.dumps(found).encode(), self.max_age


class Site:
    """One document at its address, and the service that fetches it."""

    def __init__(self, app: FastAPI, http: TestClient, clock: FixedClock) -> None:
        self.app = app
        self.http = http
        self.clock = clock
        self.database: Database = app.state.db
        self.settings: Settings = app.state.settings
        self.web = Web({URL: document()})

    def load(self, client_id: str = URL) -> KnownClient | None:
        """The client as it is known when it has been looked for."""
        load(self.database, self.clock, self.settings, self.web.fetch, client_id, "203.0.113.9")
        with self.database.read() as db:
            return find_client(db, client_id)

    def put(self, **changes: Any) -> None:
        self.web.documents[URL] = document(**changes)

    def vendor(self) -> Vendor:
        return Vendor(self.app, self.http, self.clock, URL, None)

    def organization(self, client_id: str = URL) -> Organization:
        with self.database.read() as db:
            return db.get_one(Organization, db.get_one(Client, client_id).org_id)

    def count(self) -> int:
        with self.database.read() as db:
            return db.scalar(select(func.count()).select_from(Client)) or 0


@pytest.fixture
def site(app: FastAPI, client: TestClient, clock: FixedClock) -> Site:
    return Site(app, client, clock)


# Which ids are addresses of documents


@pytest.mark.parametrize(
    "client_id",
    [
        URL,
        "https://mend.example/",
        "https://mend.example:8443/a/b.json",
        "https://a-b.xn--mend-9ta.example/client?v=1",
        "https://mend.example/" + "a" * 79,
    ],
)
def test_an_address_names_a_document(client_id: str) -> None:
    assert is_document_id(Settings(), client_id)
    assert not is_document_id(Settings(client_documents=False), client_id)


NO_DOCUMENTS: list[Any] = [
    "",
    "mend-co-5f0c3a9be1d2",
    "https://mend.example",
    "https://mend.example?x",
    "http://mend.example/client.json",
    "https://mend.example/client.json#",
    "https://mend.example/client.json#x",
    "https://me@mend.example/client.json",
    "https://me:secret@mend.example/client.json",
    "https://@mend.example/client.json",
    "https://mend.example/../client.json",
    "https://mend.example/a/./client.json",
    "https://mend.example/a/..",
    "https://mend.example/%2e%2E/client.json",
    "https://mend.example/.%2e/client.json",
    "https://Mend.example/client.json",
    "HTTPS://mend.example/client.json",
    "https://mend.example./client.json",
    "https://mend/client.json",
    "https://localhost/client.json",
    "http://localhost/client.json",
    "https://127.0.0.1/client.json",
    "https://203.0.113.5/client.json",
    "https://0x7f.1/client.json",
    "https://[2001:db8::1]/client.json",
    "https://[::1/client.json",
    "https://mend.example:0/client.json",
    "https://mend.example:99999/client.json",
    "https://mend.example:x/client.json",
    "https:///client.json",
    "https:mend.example/client.json",
    "https://-mend.example/client.json",
    "https://mend..example/client.json",
    "https://mend_co.example/client.json",
    "https://mend.example\\@evil.example/client.json",
    "https://mend.example/client json",
    "https://mend.example/client\n.json",
    " https://mend.example/client.json",
    "https://mendé.example/client.json",
    "https://mend.example/é",
    "https://mend.example/\x00",
    "https://mend.example/" + "a" * 80,
    "https://" + "a" * 70 + ".example/client.json",
    "file:///etc/passwd",
    "javascript:alert(1)//mend.example/",
]


def test_an_id_that_names_no_document(site: Site) -> None:
    for client_id in NO_DOCUMENTS:
        assert not is_document_id(Settings(), client_id), client_id
        assert site.load(client_id) is None, client_id
        assert site.web.asked == [], client_id


@pytest.mark.parametrize(
    "client_id",
    [
        "http://localhost:8001/client.json",
        "http://127.0.0.1/c",
        "http://[::1]:80/c",
        "https://localhost/c",
    ],
)
def test_a_document_on_this_machine_where_the_setting_says_so(site: Site, client_id: str) -> None:
    site.settings = site.settings.model_copy(update={"fetch_local": True})
    assert is_document_id(site.settings, client_id)
    assert not is_document_id(site.settings, client_id.replace("//", "//me@"))
    assert not is_document_id(site.settings, "http://mend.example/client.json")
    uris = [f"{client_id}/back"]
    site.web.documents[client_id] = document(client_id=client_id, redirect_uris=uris)
    known = site.load(client_id)
    assert known is not None
    assert known.redirect_uris == uris
    assert site.organization(client_id).verified_domain is None, "everybody's is no company's"


# What is known of it


def test_a_vendor_with_a_document_asks_an_owner(site: Site) -> None:
    known = site.load()
    assert known is not None
    assert known.is_public
    assert known.scopes == ["usage:read", "care:read"]
    assert (known.registered or {})["door"] == "document"
    vendor = site.vendor()
    tokens = vendor.get_tokens()
    assert vendor.is_live(tokens["access_token"])
    assert vendor.refresh(tokens["refresh_token"]).status_code == 200


def test_the_organization_is_the_host_whose_name_is_proven(site: Site) -> None:
    other = "https://mend.example/other.json"
    site.web.documents[other] = document(client_id=other, client_name="Another")
    assert site.load()
    assert site.load(other)
    made = site.organization()
    assert (made.name, made.verified_domain) == ("mend.example", "mend.example")
    assert site.organization(other).org_id == made.org_id, "one for each host"


@pytest.mark.parametrize("name", ["mend.example", "Mend Example", "web:mend.example"])
def test_the_operators_organization_is_never_the_documents(site: Site, name: str) -> None:
    with site.database.session() as db:
        ours = create_organization(db, site.clock, name, verified_domain="mend.example")
    assert site.load()
    made = site.organization()
    assert made.org_id != ours.org_id
    with site.database.read() as db:
        assert find_organization(db, name).org_id in {ours.org_id, made.org_id}
        assert find_organization(db, made.slug).org_id == made.org_id


def test_a_document_with_keys(site: Site) -> None:
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY]}}
    site.put(**keys)
    known = site.load()
    assert known is not None
    assert (known.auth_method, known.secret_hash) == ("private_key_jwt", None)
    assert known.jwks == keys["jwks"]
    site.put(token_endpoint_auth_method="private_key_jwt", jwks_uri="https://mend.example/jwks")
    site.clock.advance(timedelta(minutes=5))
    known = site.load()
    assert known is not None
    assert (known.jwks, known.jwks_uri) == (None, "https://mend.example/jwks")


def test_without_a_method_it_is_public_and_without_a_name_its_host(site: Site) -> None:
    site.put(token_endpoint_auth_method=None, client_name=None)
    known = site.load()
    assert known is not None
    assert known.is_public
    assert known.name == "mend.example"


BAD_DOCUMENTS: list[Any] = [
    {"client_id": None},
    {"client_id": "https://evil.example/client.json"},
    {"client_id": URL + "/"},
    {"client_id": URL.upper()},
    {"client_id": [URL]},
    {"client_secret": "secret"},
    {"client_secret": ""},
    {"client_secret_expires_at": 0},
    {"token_endpoint_auth_method": "client_secret_basic"},
    {"token_endpoint_auth_method": "client_secret_post"},
    {"token_endpoint_auth_method": "private_key_jwt"},
    {"redirect_uris": ["https://evil.example/back"]},
    {"redirect_uris": [REDIRECT, "https://www.mend.example/back"]},
    {"redirect_uris": ["https://mend.example:8443/back"]},
    {"redirect_uris": ["http://mend.example/back"]},
    {"redirect_uris": ["https://mend.example.evil.example/back"]},
    {"redirect_uris": []},
    {"redirect_uris": None},
    {"purposes": None},
    {"purposes": [make_purpose(legal_basis="Because")]},
    {"scope": "log:write"},
    {"jwks": {"keys": [KEY | {"d": "AA"}]}},
    {"jwks_uri": "http://mend.example/jwks"},
    {"software_statement": "e30"},
    {"client_name": "a\nb"},
    {"logo_uri": "javascript:alert(1)"},
]


def test_a_document_is_refused(site: Site) -> None:
    for changes in BAD_DOCUMENTS:
        site.clock.advance(timedelta(hours=1))
        site.put(**changes)
        assert site.load() is None, changes
        assert site.count() == 0, changes
        assert is_page(site.vendor().ask()), changes


BAD_BODIES: list[Any] = [
    b"",
    b"[]",
    b'"x"',
    b"<html>",
    b"\xff",
    b'{"client_id": "a", "client_id": "b"}',
    json.dumps(document()).encode() + b" " * 65_536,
    json.dumps(document(x="\x00")).encode(),
    json.dumps(document(x=[[[]]])).replace("[[[]]]", "[" * 40 + "]" * 40).encode(),
]


def test_a_body_that_is_no_document_is_refused(site: Site) -> None:
    for body in BAD_BODIES:
        site.clock.advance(timedelta(hours=1))
        site.web.documents[URL] = body
        assert site.load() is None, body


@given(
    changes=st.dictionaries(st.sampled_from([*document(), "jwks", "jwks_uri"]), JUNK, min_size=1)
)
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_member_whatever_it_holds_is_a_fault_of_ours(
    site: Site, changes: dict[str, Any]
) -> None:
    body = json.dumps(document() | changes).encode()
    site.web.documents[URL] = body
    site.clock.advance(timedelta(hours=1))
    site.load()
    with suppress(DocumentRefused):
        read_document(site.settings, URL, body)


def test_a_fault_of_ours_is_not_taken_for_the_documents(site: Site) -> None:
    def broken(url: str) -> tuple[bytes, int | None]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        load(site.database, site.clock, site.settings, broken, URL, "")


# How long it is kept


@pytest.mark.parametrize(
    ("max_age", "seconds"),
    [(None, 300), (0, 300), (-1, 300), (10, 300), (3600, 3600), (10**12, 86_400)],
)
def test_it_is_fetched_again_when_its_time_is_over(
    site: Site, max_age: int | None, seconds: int
) -> None:
    site.web.max_age = max_age
    site.load()
    site.put(client_name="New")
    site.clock.advance(timedelta(seconds=seconds - 1))
    known = site.load()
    assert (known and known.name, len(site.web.asked)) == ("Mend & Co", 1)
    site.clock.advance(1)
    known = site.load()
    assert (known and known.name, len(site.web.asked)) == ("New", 2)
    assert site.count() == 1


@pytest.mark.parametrize("fault", [None, b"<html>", document(scope="log:write")])
def test_a_failure_keeps_the_last_good_copy_for_a_day(site: Site, fault: Any) -> None:
    site.load()
    tokens = site.vendor().get_tokens()
    site.web.documents[URL] = fault
    site.clock.advance(timedelta(days=1) - timedelta(seconds=1))
    assert site.load() is not None
    site.clock.advance(timedelta(minutes=1))
    assert site.load() is None
    assert not site.vendor().is_live(tokens["access_token"])
    assert is_page(site.vendor().ask())
    site.put()
    site.clock.advance(timedelta(minutes=1))
    assert site.load() is not None, "it is there again"
    assert site.vendor().ask().status_code == 303
    assert site.vendor().refresh(tokens["refresh_token"]).status_code == 200


def test_a_failure_is_not_tried_again_for_a_minute(site: Site) -> None:
    site.load()
    site.clock.advance(timedelta(hours=1))
    site.web.documents.clear()
    for step, times in ((0, 2), (59, 2), (1, 3), (59, 3), (1, 4)):
        site.clock.advance(step)
        assert site.load() is not None
        assert len(site.web.asked) == times


def test_an_unknown_document_that_fails_is_not_tried_again_for_a_minute(site: Site) -> None:
    site.web.documents.clear()
    assert site.load() is None
    site.put()
    site.clock.advance(59)
    assert site.load() is None
    assert len(site.web.asked) == 1
    site.clock.advance(1)
    assert site.load() is not None


def test_nobody_makes_us_knock_at_a_host_for_long(site: Site) -> None:
    site.load()
    start = site.clock.now()
    for number in range(100):
        assert site.load(f"https://mend.example/{number}.json") is None
    assert len(site.web.asked) == 60
    assert site.clock.now() == start
    assert site.load("https://other.example/client.json") is None
    assert len(site.web.asked) == 61, "another host is not held back"
    site.clock.advance(timedelta(minutes=10))
    site.put(client_name="New")
    known = site.load()
    assert known is not None
    assert known.name == "New", "nor is one that is known"


def test_why_it_was_not_taken_is_in_the_log(site: Site) -> None:
    site.web.documents.clear()
    with capture_logs() as said:
        site.load()
    assert [line["why"] for line in said] == ["The host does not answer."]


def test_ids_of_other_clients_cost_nothing(site: Site, make: Callable[..., Vendor]) -> None:
    known = site.load(make(make_vendor).client_id)
    assert known is not None
    assert site.web.asked == []


def test_whom_the_operator_shuts_out_stays_out(site: Site) -> None:
    site.load()
    with site.database.session() as db:
        disable_client(db, site.clock, URL)
    site.clock.advance(timedelta(days=2))
    assert site.load() is None
    assert len(site.web.asked) == 1


def test_whom_the_operator_shuts_out_while_it_was_away_stays_out(site: Site) -> None:
    site.load()
    site.web.documents.clear()
    site.clock.advance(timedelta(days=2))
    assert site.load() is None
    with site.database.session() as db:
        disable_client(db, site.clock, URL)
    site.put()
    site.clock.advance(timedelta(days=2))
    assert site.load() is None


def test_where_documents_are_not_taken_any_more_they_end(site: Site) -> None:
    site.load()
    allowed = site.settings
    site.settings = allowed.model_copy(update={"client_documents": False})
    assert site.load() is None
    assert len(site.web.asked) == 1
    site.settings = allowed
    assert site.load() is not None


def test_two_that_fetch_at_once_store_one(site: Site) -> None:
    def fetch(url: str) -> tuple[bytes, int | None]:
        if len(site.web.asked) == 0:
            answer = site.web.fetch(url)
            load(site.database, site.clock, site.settings, site.web.fetch, url, "")
            return answer
        return site.web.fetch(url)

    load(site.database, site.clock, site.settings, fetch, URL, "")
    assert site.count() == 1
    assert len(site.web.asked) == 2


# What owners have allowed


@pytest.mark.parametrize(
    "changes",
    [
        {
            "scope": "usage:read care:read location:read body:read",
            "purposes": [
                make_purpose(
                    scopes={f"{n}:read": {} for n in ("usage", "care", "location", "body")}
                )
            ],
        },
        {"purposes": [make_purpose(legal_basis="LegitimateInterest")]},
        {"purposes": [make_purpose(purpose="Marketing", title="Sell you things")]},
        {
            "purposes": [
                make_purpose(),
                make_purpose(purpose="SellDataToThirdParties", title="Sell the data"),
            ]
        },
        {
            "purposes": [
                make_purpose(scopes={"usage:read": {}, "care:read": {"needed": True, "why": "So."}})
            ]
        },
        {"redirect_uris": [REDIRECT, "https://mend.example/elsewhere", "http://localhost/back"]},
    ],
    ids=["scopes", "legal-basis", "purpose", "more-purposes", "needed", "redirect"],
)
def test_a_change_of_the_document_never_widens_a_permission(
    site: Site, changes: dict[str, Any]
) -> None:
    site.load()
    vendor = site.vendor()
    tokens = vendor.get_tokens(categories=["usage"])
    before = vendor.principal(tokens["access_token"])
    site.put(**changes)
    site.clock.advance(timedelta(minutes=5))
    assert site.load() is not None
    assert vendor.principal(tokens["access_token"]) == before
    again = vendor.refresh(tokens["refresh_token"]).json()
    assert again["scope"] == "usage:read"
    assert again["authorization_details"] == tokens["authorization_details"]
    wide = vendor.refresh(again["refresh_token"], scope="usage:read location:read")
    assert wide.status_code == 400 or wide.json()["scope"] == "usage:read"


def test_what_is_wider_is_asked_as_new(site: Site) -> None:
    site.load()
    assert "invalid_scope" in site.vendor().ask(scope="location:read").headers["location"]
    purpose = make_purpose(scopes={"location:read": {"needed": True, "why": "To find you."}})
    site.put(scope="location:read", purposes=[purpose])
    site.clock.advance(timedelta(minutes=5))
    site.load()
    asked = site.vendor().ask(scope="location:read")
    assert asked.headers["location"].startswith("https://testserver/consent/")


def test_a_request_that_waits_keeps_what_it_asked(site: Site) -> None:
    site.load()
    vendor = site.vendor()
    asked = vendor.ask(scope="usage:read")
    site.put(
        client_name="Big Denim", purposes=[make_purpose(scopes={"location:read": {}})], scope=None
    )
    site.clock.advance(timedelta(minutes=5))
    assert site.load() is not None
    ticket = asked.headers["location"].rpartition("/")[2]
    with site.database.read() as db:
        told = db.get_one(AccessRequest, sha256(ticket)).asked
    assert told["client_name"] == "Mend & Co"
    assert [detail["scope"] for detail in told["details"]] == ["usage:read"]
