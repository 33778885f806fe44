"""The story over HTTP, as each of its people would live it: operator, maker, owner, vendor."""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.kit.ids import new_id
from app.oauth.scopes import CLIENT_SCOPES, MAKER_SCOPES
from app.organizations.clients import create_client
from app.organizations.service import create_organization
from tests.conftest import ORIGIN
from tests.factories.objects import field_body, stream_body

REDIRECT = "https://mend.example/callback"
GTIN = "9506000134376"
SAME = {"Sec-Fetch-Site": "same-origin"}

PRODUCT = {
    "name": "Straight Leg, connected",
    "kind": "jeans",
    "gtin": GTIN,
    "passport": {"material": "Cotton", "origin": "Portugal", "care": "Wash at 30 °C."},
    "streams": [
        stream_body("wear", "usage", [field_body("steps"), field_body("minutes", "min")])
        | {"kind": "interval"},
        stream_body("wash", "care", [field_body("temperature", "Cel")]),
        stream_body("fit", "body", [field_body("waist_tension", "N")]),
        stream_body("place", "location", [field_body("lat", "lat"), field_body("lon", "lon")]),
    ],
}
PURPOSE = {
    "purpose": "RepairImpairments",
    "title": "We tell you what to mend before it tears.",
    "legal_basis": "Contract",
    "scopes": {
        "usage:read": {"needed": True, "why": "Wear tells where the cloth grows thin."},
        "care:read": {"needed": False, "why": ""},
        "body:read": {"needed": False, "why": ""},
        "identity:read": {"needed": False, "why": ""},
    },
}


def basic(client: tuple[str, str]) -> dict[str, str]:
    """Client credentials as a header (RFC 6749 §2.3.1)."""
    text = urlsafe_b64encode(":".join(client).encode()).decode()
    return {"Authorization": f"Basic {text.replace('-', '+').replace('_', '/')}"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Person:
    """A browser with its cookies."""

    http: TestClient

    def post(self, path: str, data: dict[str, Any] | None = None) -> Response:
        return self.http.post(path, data=data or {}, headers=SAME)

    def get(self, path: str, **query: Any) -> Response:
        return self.http.get(path, params=query or None)


@dataclass
class Story:
    """The service and everybody in it. `api` is a caller without cookies."""

    app: FastAPI
    clock: FixedClock
    api: TestClient
    people: list[TestClient] = field(default_factory=list)
    makers: dict[str, tuple[str, str]] = field(default_factory=dict)

    def organization(self, name: str, **more: Any) -> Any:
        with self.app.state.db.session() as db:
            return create_organization(db, self.clock, name, **more)

    def client(self, organization: Any, *scopes: str, **more: Any) -> tuple[str, str]:
        """Register a client as the operator does; its id and secret."""
        values: dict[str, Any] = {
            "is_public": False,
            "redirect_uris": [],
            "grant_types": ["client_credentials"],
            "purposes": [],
        }
        with self.app.state.db.session() as db:
            made, secret = create_client(
                db,
                self.clock,
                organization,
                f"{organization.name} client",
                scopes=list(scopes),
                known_scopes=list(CLIENT_SCOPES),
                **(values | more),
            )
            return made.client_id, secret or ""

    def maker(self, name: str = "Big Denim") -> dict[str, str]:
        """A maker with a token; the header that shows it."""
        prefixes = ["950600"] if name == "Big Denim" else []
        made = self.organization(name, gs1_prefixes=prefixes, any_gtin=True)
        client = self.client(made, *MAKER_SCOPES)
        header = bearer(self.token(client))
        self.makers[header["Authorization"]] = client
        return header

    def later(self, maker: dict[str, str], step: timedelta) -> dict[str, str]:
        """Some time passes; the maker, with a fresh token."""
        self.clock.advance(step)
        return bearer(self.token(self.makers[maker["Authorization"]]))

    def token(self, client: tuple[str, str]) -> str:
        response = self.api.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, headers=basic(client)
        )
        assert response.status_code == 200, response.text
        return str(response.json()["access_token"])

    def vendor(self, name: str = "Mend & Co") -> tuple[str, str]:
        organization = self.organization(name)
        return self.client(
            organization,
            *PURPOSE["scopes"],  # type: ignore[misc]
            redirect_uris=[REDIRECT],
            grant_types=["authorization_code", "refresh_token", "client_credentials"],
            purposes=[PURPOSE],
        )

    def product(self, maker: dict[str, str], **changes: Any) -> str:
        response = self.api.post("/v1/products", json=PRODUCT | changes, headers=maker)
        assert response.status_code == 201, response.text
        return str(response.json()["product_id"])

    def mint(self, maker: dict[str, str], product_id: str, serial: str) -> dict[str, Any]:
        response = self.api.post(
            "/v1/objects",
            json={"product_id": product_id, "serial": serial},
            headers=maker | {"Idempotency-Key": str(new_id())},
        )
        assert response.status_code == 201, response.text
        minted: dict[str, Any] = response.json()
        return minted.get("objects", [minted])[0]

    def send(self, maker: dict[str, str], object_id: str, *records: dict[str, Any]) -> Response:
        path = f"/v1/objects/{object_id}/events"
        return self.api.post(path, json=list(records), headers=maker)

    def wear(self, back: timedelta = timedelta(0), minutes: int = 30) -> dict[str, Any]:
        """One record of wearing that began `back` before now."""
        at = self.clock.now() - back
        return {
            "stream": "wear",
            "at": at.isoformat(),
            "until": (at + timedelta(minutes=minutes)).isoformat(),
            "values": {"steps": 100 * minutes, "minutes": minutes},
        }

    def wash(self, back: timedelta = timedelta(0)) -> dict[str, Any]:
        at = (self.clock.now() - back).isoformat()
        return {"stream": "wash", "at": at, "values": {"temperature": 30}}

    def person(self, email: str | None = None) -> Person:
        """Somebody who makes an account by e-mail link."""
        http = TestClient(self.app, base_url=ORIGIN, follow_redirects=False)
        self.people.append(http)
        person = Person(http)
        email = email or f"owner-{secrets.token_hex(4)}@people.example"
        person.post("/create/email", {"email": email, "name": "An owner", "time_zone": "UTC"})
        (letter,) = [x for x in self.app.state.mailer.letters(500) if x.to == email]
        link = re.search(r"https?://\S+/sign-in/link/\S+", letter.text)
        assert link is not None, letter.text
        opened = person.post(urlsplit(link.group()).path)
        assert opened.status_code == 303, opened.text
        return person

    def confirm(self, person: Person, email: str) -> None:
        """The person signs in anew, as grave acts ask for."""
        known = {letter.name for letter in self.app.state.mailer.letters(500)}
        assert person.post("/confirm/email", {"next": "/home"}).status_code == 303
        (letter,) = [x for x in self.app.state.mailer.letters(500) if x.name not in known]
        assert letter.to == email
        link = re.search(r"https?://\S+/sign-in/link/\S+", letter.text)
        assert link is not None, letter.text
        assert person.post(urlsplit(link.group()).path).status_code == 303

    def claim(self, person: Person, code: str, since: str = "today", **more: Any) -> Response:
        looked = person.post("/claim", {"code": code})
        if looked.status_code != 303:
            return looked
        page = looked.headers["location"]
        assert person.get(page).status_code == 200
        return person.post(page, {"used_by": "me", "since": since, **more})

    def owned(self, maker: dict[str, str], product_id: str, person: Person, serial: str) -> str:
        minted = self.mint(maker, product_id, serial)
        done = self.claim(person, minted["claim_code"])
        assert done.headers["location"].endswith("/done"), done.text
        return str(minted["object_id"])

    def ask(self, vendor: tuple[str, str], *scopes: str, **changes: str) -> "Asking":
        """The vendor sends the owner's browser; the address it goes to."""
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": vendor[0],
            "redirect_uri": REDIRECT,
            "scope": " ".join(scopes or PURPOSE["scopes"]),  # type: ignore[arg-type]
            "state": secrets.token_urlsafe(8),
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        } | changes
        response = self.api.get("/oauth/authorize", params=query)
        return Asking(self, vendor, verifier, query["state"], response)

    def connect(
        self, vendor: tuple[str, str], person: Person, objects: list[str], **answer: Any
    ) -> dict[str, Any]:
        """The whole way from "connect" to tokens; the token answer."""
        asking = self.ask(vendor)
        return asking.redeem(asking.allow(person, objects, **answer))

    def objects(self, token: str) -> list[dict[str, Any]]:
        response = self.api.get("/v1/data/objects", headers=bearer(token))
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["objects"]
        return found

    def records(self, token: str, object_id: str, **query: Any) -> Response:
        path = f"/v1/data/objects/{object_id}/records"
        return self.api.get(path, params=query, headers=bearer(token))

    def history(self, person: Person) -> str:
        return person.get("/history").text


@dataclass
class Asking:
    """One authorization request on its way."""

    story: Story
    vendor: tuple[str, str]
    verifier: str
    state: str
    response: Response

    @property
    def page(self) -> str:
        assert self.response.status_code == 303, self.response.text
        return str(self.response.headers["location"])

    def answer(self, person: Person, data: dict[str, Any]) -> Response:
        assert person.get(self.page).status_code == 200
        return person.post(self.page, data)

    def allow(
        self,
        person: Person,
        objects: list[str],
        kinds: tuple[str, ...] = ("usage", "care"),
        until: datetime | None = None,
        **more: Any,
    ) -> str:
        """Say yes; the code in the redirect, whose state and issuer are checked."""
        end = until or self.story.clock.now() + timedelta(days=90)
        data = {"answer": "allow", "object": objects, "kind": list(kinds), "history": "today"}
        response = self.answer(person, data | {"until": end.date().isoformat()} | more)
        back = self.back(response)
        return back["code"]

    def back(self, response: Response) -> dict[str, str]:
        assert response.status_code == 303, response.text
        parts = urlsplit(response.headers["location"])
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == REDIRECT
        found = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert (found["state"], found["iss"]) == (self.state, ORIGIN)
        return found

    def redeem(self, code: str) -> dict[str, Any]:
        data = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": self.verifier,
        }
        response = self.story.api.post("/oauth/token", data=data, headers=basic(self.vendor))
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found


def refresh(story: Story, vendor: tuple[str, str], token: str) -> Response:
    data = {"grant_type": "refresh_token", "refresh_token": token}
    return story.api.post("/oauth/token", data=data, headers=basic(vendor))
