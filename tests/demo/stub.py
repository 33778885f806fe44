"""A small authorization and data server that holds to the service's contract, for the vendor site.

It checks what a vendor must get right: exact redirect URI, PKCE S256, client authentication,
rotation of refresh tokens, and the bearer header.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "mend-client", "mend-secret"
GRANT = "0b0f2f39-54f7-4be4-9d6a-6f5a3b0e8a41"
OBJECT = "4f3d8a52-3c84-4c1b-9d5e-0a7f1f6f2b10"
MINUTES = {"name": "minutes", "title": "Minutes worn", "type": "number", "unit": "min"}
STEPS = {"name": "steps", "title": "Steps", "type": "integer", "unit": "count"}
WARM = {"name": "temperature", "title": "Temperature", "type": "number", "unit": "Cel"}
PROGRAMME = {"name": "programme", "title": "Programme", "type": "string", "unit": None}
WEAR = {"name": "wear", "title": "When they are worn", "category": "usage", "kind": "interval"}
WASH = {"name": "wash", "title": "Washes", "category": "care", "kind": "instant"}


@dataclass
class Stub:
    """The server's state; a test turns its screws."""

    origin: str
    redirect_uri: str
    scope: str = "usage:read care:read"
    life: int = 600
    reason: str | None = None  # why every token is dead
    failure: tuple[int, dict[str, Any], dict[str, str]] | None = None
    gone: bool = False
    by_day: bool = False
    deaf: bool = False  # to revocations
    records: list[dict[str, Any]] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    access: set[str] = field(default_factory=set)
    refresh: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self.metadata),
                Route("/oauth/authorize", self.authorize),
                Route("/oauth/token", self.token, methods=["POST"]),
                Route("/oauth/revoke", self.revoke, methods=["POST"]),
                Route("/v1/data/objects", self.objects),
                Route("/v1/data/objects/{object_id}/records", self.page),
            ]
        )

    async def metadata(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.origin,
                "authorization_endpoint": f"{self.origin}/oauth/authorize",
                "token_endpoint": f"{self.origin}/oauth/token",
                "revocation_endpoint": f"{self.origin}/oauth/revoke",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def authorize(self, request: Request) -> Response:
        return RedirectResponse(self.allow(dict(request.query_params)), 303)

    def allow(self, asked: dict[str, str], **changed: str) -> str:
        """The owner says yes: where the browser is sent back to."""
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["redirect_uri"] == self.redirect_uri
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked["code_challenge"]
        answer = {"code": code, "state": asked["state"], "iss": self.origin} | changed
        return f"{self.redirect_uri}?{urlencode(answer)}"

    async def token(self, request: Request) -> Response:
        form = dict(await request.form())
        if not _knows_client(request):
            return JSONResponse({"error": "invalid_client"}, 401)
        kind = form["grant_type"]
        self.calls.append(f"token {kind}")
        good = self._redeem(form) if kind == "authorization_code" else self._rotate(form)
        return self._tokens() if good else JSONResponse({"error": "invalid_grant"}, 400)

    def _redeem(self, form: dict[str, Any]) -> bool:
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        same_place = form["redirect_uri"] == self.redirect_uri
        return self.codes.pop(form["code"], None) == challenge and same_place

    def _rotate(self, form: dict[str, Any]) -> bool:
        known = form["refresh_token"] in self.refresh
        self.refresh.discard(form["refresh_token"])
        return known and self.reason is None and "scope" not in form

    def _tokens(self) -> Response:
        access, refresh = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self.access.add(access)
        self.refresh.add(refresh)
        detail = {
            "type": "urn:inseam:object-data",
            "identifier": OBJECT,
            "actions": ["read"],
            "datatypes": [one.partition(":")[0] for one in self.scope.split()],
            **({"precision": {"time": "day", "place": "exact"}} if self.by_day else {}),
            "window": {"from": "2026-08-01T00:00:00Z", "to": None},
            "until": "2099-05-02T22:59:59Z",
            "purpose": "RepairImpairments",
        }
        return JSONResponse(
            {
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": self.life,
                "refresh_token": refresh,
                "scope": self.scope,
                "grant_id": GRANT,
                "authorization_details": [detail],
            }
        )

    async def revoke(self, request: Request) -> Response:
        form = dict(await request.form())
        assert _knows_client(request)
        self.calls.append("revoke")
        if self.deaf:
            return Response(status_code=503)
        self.refresh.discard(str(form["token"]))
        return Response()

    async def objects(self, request: Request) -> Response:
        self.calls.append("objects")
        categories = [one.partition(":")[0] for one in self.scope.split()]
        streams = [WEAR | {"fields": [STEPS, MINUTES]}, WASH | {"fields": [WARM, PROGRAMME]}]
        product = {
            "name": "Straight Leg, connected",
            "maker": "Big Denim",
            "gtin": "09506000134376",
            "streams": [one for one in streams if one["category"] in categories],
        }
        one = {
            "id": OBJECT,
            "product": product,
            "categories": categories,
            "window": {"from": None, "to": None},
            "until": "2099-05-02T22:59:59Z",
        }
        if self.by_day:
            told = {"action": "read", "time": "day", "place": "exact", "zone": "Europe/Paris"}
            one["precision"] = dict.fromkeys(categories, told)
        body = {"objects": [] if self.gone else [one], "grant": {"id": GRANT, "version": 1}}
        return self._refusal(request) or JSONResponse(body)

    async def page(self, request: Request) -> Response:
        self.calls.append("records")
        start = int(request.query_params.get("after", 0))
        end = start + min(int(request.query_params["limit"]), 50)
        more = str(end) if end < len(self.records) else None
        body = {"records": self.records[start:end], "next": more, "grant": {"id": GRANT}}
        if self.by_day:
            return _problem(403, "above-precision", "This is more exact than the owner allows.", "")
        return self._refusal(request) or JSONResponse(body)

    def _refusal(self, request: Request) -> Response | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if self.reason is not None:
            return _problem(401, "invalid-token", "The owner has ended this.", self.reason)
        if scheme != "Bearer" or token not in self.access:
            return _problem(401, "invalid-token", "This token has expired.", "expired")
        if self.failure is not None:
            status, body, headers = self.failure
            return JSONResponse(body, status, headers)
        return None


def _knows_client(request: Request) -> bool:
    basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
    return request.headers.get("authorization") == f"Basic {basic}"


def _problem(status: int, slug: str, detail: str, reason: str) -> Response:
    headers = {
        "WWW-Authenticate": 'Bearer error="invalid_token"',
        "Date": "Mon, 23 Nov 2026 12:34:56 GMT",
    }
    body = {"type": f"/problems/{slug}", "title": slug, "detail": detail, "reason": reason}
    return JSONResponse(body, status, headers)


def story(days: int = 120, until: datetime | None = None) -> list[dict[str, Any]]:
    """Wear on weekdays, wash on Sundays: what a pair of jeans would have sent."""
    end = (until or datetime.now(UTC)).replace(hour=8, minute=10, second=0, microsecond=0)
    records: list[dict[str, Any]] = []
    for back in range(days, 0, -1):
        at = end - timedelta(days=back)
        if at.weekday() == 6 and at.day % 2:
            warm = 60 if at.day % 5 == 0 else 30 if at.day % 3 else 40
            values: dict[str, Any] = {"temperature": warm, "programme": "cotton"}
            records.append({"stream": "wash", "at": _wire(at), "values": values, "flags": []})
        if at.weekday() < 5 and at.day % 7:
            minutes = 90 + (at.day * 37) % 300
            values = {"minutes": minutes, "steps": minutes * 31}
            until_ = _wire(at + timedelta(minutes=minutes + 30))
            wear = {"stream": "wear", "at": _wire(at), "until": until_}
            records.append(wear | {"values": values, "flags": []})
    return records


def _wire(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
