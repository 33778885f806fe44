"""Every parameter of every address of the authorization server, left out, sent twice, or holding
what no client would send: never a fault of ours, never a token, never a way to a place that is not
registered, always an answer of the right form."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from httpx2 import Response

from app.kit import jsonio
from app.kit.ids import new_id
from app.oauth.registration import register
from app.organizations.client_rules import DEVICE_CODE
from app.settings import Settings
from tests.factories.oauth import make_purpose
from tests.journeys.story import PURPOSE, REDIRECT, SAME, Story, basic, bearer
from tests.oauth.conftest import CHALLENGE, VERIFIER
from tests.security.conftest import routes
from tests.support.rounds import rounds

MARK = "zq9echo"  # part of each text that could be repeated
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
STEP = rounds(5, 1)  # each so many values of a parameter, others for the next one
DEEP = 20_000
LONGEST_ADDRESS = 60_000  # a test's client sends no longer one, and the server reads none

# As they stand in a query or a form; None leaves the parameter out.
TEXTS: dict[str, str | None] = {
    "absent": None,
    "empty": "",
    "twice": "",
    "markup": quote(f'<script>{MARK}</script>"\\'),
    "long": MARK + "a" * 40_000,
    "too long": MARK + "a" * 100_000,
    "object": quote(f'{{"{MARK}": 1}}'),
    "list": quote(f'["{MARK}", 2]'),
    "number": "9" * 400,
    "boolean": "true",
    "no UTF-8": "%FF%FE" + MARK,
    "half of a pair": "%ED%A0%80" + MARK,
    "NUL": MARK + "%00",
    "controls": f"%01%7f%0d%0aX-Evil:%20{MARK}",
    "emoji": quote(f"{MARK} 👩‍🔧🧵"),
    "deep list": "[" * DEEP,
    "deep object": quote('{"a":') * 4000,
    "bad escape": MARK + "%zz%",
    "address": quote(f"https://evil.example/{MARK}"),
}
# As they stand in a JSON body.
VALUES: dict[str, str | None] = {
    "absent": None,
    "null": "null",
    "empty": '""',
    "twice": "",
    "markup": f'"<script>{MARK}</script>\\"\\\\"',
    "long": f'"{MARK}{"a" * 40_000}"',
    "too long": f'"{MARK}{"a" * 100_000}"',
    "object": f'{{"{MARK}": 1}}',
    "list": f'["{MARK}", 2]',
    "empty list": "[]",
    "number": "9" * 400,
    "no number": "NaN",
    "boolean": "true",
    "half of a pair": f'"\\ud800{MARK}"',
    "NUL": f'"{MARK}\\u0000"',
    "controls": f'"\\u0001\\u007f\\r\\nX-Evil: {MARK}"',
    "raw controls": f'"\x01{MARK}"',
    "emoji": f'"{MARK} 👩‍🔧"',
    "deep list": "[" * DEEP + "]" * DEEP,
    "deep object": '{"a":' * 4000 + "1" + "}" * 4000,
    "broken": '{"',
    "address": f'"https://evil.example/{MARK}"',
}
ASKING = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
    "prompt",
    "purpose",
    "resource",
    "dpop_jkt",
    "authorization_details",
    "grant_management_action",
    "grant_id",
    "request",
    "request_uri",
    "claims",
)
CLIENT = ("client_id", "client_secret", "client_assertion", "client_assertion_type")
NARROW = ("scope", "resource", "authorization_details")
METADATA = (
    "client_id",
    "client_secret",
    "client_name",
    "redirect_uris",
    "grant_types",
    "response_types",
    "token_endpoint_auth_method",
    "scope",
    "jwks",
    "jwks_uri",
    "require_pushed_authorization_requests",
    "dpop_bound_access_tokens",
    "authorization_details_types",
    "client_uri",
    "logo_uri",
    "tos_uri",
    "policy_uri",
    "contacts",
    "software_id",
    "software_version",
    "software_statement",
    "inseam_agreements",
    "purposes",
)
ANSWER = ("answer", "object", "kind", "history", "history_from", "until", "ends")


@dataclass(frozen=True)
class Door:
    """An address, its parameters and where they stand, and what a request has otherwise; `what`
    tells apart those that share one. With a value for one of `free`, or without one of `optional`,
    a request may still be good."""

    method: str
    path: str
    names: tuple[str, ...]
    place: str = "query"
    what: str = ""
    base: dict[str, str] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.method} {self.path} {self.what}".strip()


def _token(grant: str, *names: str, **base: str) -> Door:
    given = {"grant_type": grant} | base
    all_names = ("grant_type", *names, *NARROW, *CLIENT, "unknown")
    free = ("unknown",) if grant == "client_credentials" else ()
    optional = (*NARROW, *CLIENT[2:], "unknown") if grant == "client_credentials" else ()
    return Door("POST", "/oauth/token", all_names, "form", grant, given, free, optional)


REQUEST = {
    "response_type": "code",
    "redirect_uri": REDIRECT,
    "scope": "usage:read",
    "state": "xyz",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
OPEN = ("state", "claims", "nonce", "prompt")
NOT_NEEDED = ("scope", *OPEN, *ASKING[7:])
CODE = {"code": "x", "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DOORS = (
    Door("GET", "/oauth/authorize", ASKING, "query", "", REQUEST, OPEN, NOT_NEEDED),
    Door(
        "POST",
        "/oauth/par",
        (*ASKING, *CLIENT[1:]),
        "form",
        base=REQUEST,
        free=OPEN,
        optional=(*NOT_NEEDED, *CLIENT[2:]),
    ),
    _token("authorization_code", "code", "redirect_uri", "code_verifier", **CODE),
    _token("refresh_token", "refresh_token", refresh_token="x"),
    _token("client_credentials"),
    _token(DEVICE_CODE, "device_code", device_code="x"),
    _token(JWT_BEARER, "assertion", assertion="e30.e30."),
    Door(
        "POST",
        "/oauth/revoke",
        ("token", "token_type_hint", *CLIENT),
        "form",
        base={"token": "x"},
        free=("token", "token_type_hint"),
        optional=("token_type_hint", *CLIENT[2:]),
    ),
    Door(
        "POST",
        "/oauth/introspect",
        ("token", "token_type_hint", *CLIENT),
        "form",
        base={"token": "x"},
        free=("token", "token_type_hint"),
        optional=("token_type_hint", *CLIENT[2:]),
    ),
    Door(
        "POST",
        "/oauth/device_authorization",
        (*ASKING[2:], *CLIENT),
        "form",
        base={"scope": "usage:read"},
        free=(*OPEN, "redirect_uri", "code_challenge", "code_challenge_method", "response_mode"),
        optional=(*ASKING[2:], *CLIENT[2:]),
    ),
    Door("POST", "/oauth/register", METADATA, "json", free=METADATA, optional=METADATA),
    Door("PUT", "/oauth/register/{client_id}", METADATA, "json", free=METADATA, optional=METADATA),
    Door("GET", "/oauth/register/{client_id}", ("client_id",), "path"),
    Door("DELETE", "/oauth/register/{client_id}", ("client_id",), "path"),
    Door("GET", "/oauth/grants/{grant_id}", ("grant_id",), "path"),
    Door("DELETE", "/oauth/grants/{grant_id}", ("grant_id",), "path"),
    Door("GET", "/device", ("user_code",), free=("user_code",), optional=("user_code",)),
    Door("POST", "/device", ("user_code",), "form"),
    Door("GET", "/device/{request}", ("request",), "path"),
    Door("GET", "/consent/{ticket}", ("ticket",), "path"),
    Door("POST", "/consent/{ticket}", ANSWER, "form", "fields", free=ANSWER, optional=ANSWER),
    *(
        Door("GET", path, ("unknown",), free=("unknown",), optional=("unknown",))
        for path in (
            "/.well-known/oauth-authorization-server",
            "/.well-known/oauth-protected-resource",
            "/.well-known/oauth-protected-resource/v1/data",
            "/.well-known/jwks.json",
            "/oauth/jwks",
        )
    ),
)
STARTS = ("/oauth", "/.well-known/oauth", "/.well-known/jwks", "/device", "/consent")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    often = ("authorize", "token", "device")
    changes: dict[str, Any] = {f"rate_{name}_per_minute": 1_000_000 for name in often}
    changes |= {"rate_register_per_hour": 1_000_000, "registration": "open"}
    return settings.model_copy(update=changes)


class Caller:
    """Who sends the requests: a client of each kind, and an owner's browser."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.vendor = story.vendor()
        firm = story.organization("Tablets & Co")
        grants = [DEVICE_CODE, "refresh_token"]
        self.tablet = story.client(
            firm,
            *PURPOSE["scopes"],  # type: ignore[misc]
            grant_types=grants,
            purposes=[PURPOSE],
        )
        judge = story.client(firm, "grant_management_query", "grant_management_revoke")
        self.manager = bearer(story.token(judge))
        self.owner = story.person()
        told = {"redirect_uris": [REDIRECT], "purposes": [make_purpose()]}
        app = story.app.state
        with app.db.session() as db:
            self.made = register(db, story.clock, app.settings, None, told)
        self.metadata = {n: jsonio.dumps(v).decode() for n, v in told.items()}
        self.page = ""

    def send(self, door: Door, name: str, kind: str) -> Response:
        """The door's request with one parameter changed."""
        if door.place == "path":
            value = (TEXTS[kind] or "")[:LONGEST_ADDRESS]
            path = re.sub(r"{[^}]+}", value.replace("/", "%2F"), door.path)
            return self._call(door, path)
        if door.place == "json":
            return self._call(door, door.path, body_of(self.metadata, name, kind), JSON)
        fields = [(n, quote(v, safe="")) for n, v in self._base(door).items()]
        value = TEXTS[kind]
        if door.place == "query" and value is not None:
            value = value[:LONGEST_ADDRESS]
        given = [pair for pair in fields if pair[0] == name] or [(name, "x")]
        changed = [pair for pair in fields if pair[0] != name]
        if kind == "twice":
            changed += given * 2
        elif value is not None:
            changed.append((name, value))
        text = "&".join(f"{n}={v}" for n, v in changed)
        path = door.path
        if door.path.startswith("/consent/"):
            path = self._waiting()
        if door.place == "query":
            return self._call(door, f"{path}?{text}")
        return self._call(door, path, text.encode(), FORM)

    def _base(self, door: Door) -> dict[str, str]:
        if door.path.startswith("/consent/"):
            until = (self.story.clock.now() + timedelta(days=9)).date().isoformat()
            base = {"answer": "allow", "object": str(new_id()), "kind": "usage", "until": until}
            return base | {"history": "today"}
        if door.path == "/oauth/authorize":
            return {"client_id": self.vendor[0]} | door.base
        if door.what == JWT_BEARER or not door.path.startswith("/oauth"):
            return door.base
        is_tablet = door.path.endswith("device_authorization") or door.what == DEVICE_CODE
        client = self.tablet if is_tablet else self.vendor
        return {"client_id": client[0], "client_secret": client[1]} | door.base

    def _waiting(self) -> str:
        """The page of a request that nobody has answered."""
        if not self.page:
            self.page = urlsplit(self.story.ask(self.vendor).page).path
            assert self.owner.get(self.page).status_code == 200
        return self.page

    def _call(
        self, door: Door, path: str, body: bytes | None = None, kind: str | None = None
    ) -> Response:
        is_page = not door.path.startswith(("/oauth", "/.well-known"))
        headers = dict(SAME) if is_page else {}
        if door.path.startswith("/oauth/register/"):
            headers |= bearer(self.made["registration_access_token"])
            path = path.replace("{client_id}", self.made["client_id"])
        elif door.path.startswith("/oauth/grants"):
            headers |= self.manager
        headers |= {} if kind is None else {"Content-Type": kind}
        http = self.owner.http if is_page else self.story.api
        answer = http.request(door.method, path, content=body, headers=headers)
        if answer.headers.get("location", "").startswith(REDIRECT):
            self.page = ""
        return answer


def body_of(told: dict[str, str], name: str, kind: str) -> bytes:
    """The members as JSON, one of them changed."""
    value = VALUES[kind]
    members = [f'"{n}":{v}' for n, v in told.items() if n != name]
    if kind == "twice":
        members += [f'"{name}":{told.get(name, 1)}'] * 2
    elif value is not None:
        members.append(f'"{name}":{value}')
    return ("{" + ",".join(members) + "}").encode()


def cases(door: Door, start: int) -> Iterator[tuple[str, str]]:
    """Each parameter, with each so many of the values."""
    kinds = list(VALUES if door.place == "json" else TEXTS)
    for number, name in enumerate(door.names):
        step = STEP if len(door.names) > 2 else 1
        yield from ((name, kind) for kind in kinds[(start + number) % step :: step])


SECRET = re.compile(
    r"inseam_(?!ia_)\w{2}_[\w-]{30}|access_token\"|\burn:ietf:params:oauth:request_uri"
)
SAID = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")


def check_form(answer: Response, place: Any) -> None:
    """No fault, an answer of a form that its reader knows, and nothing of the request in it."""
    assert answer.status_code < 500, place
    assert "x-evil" not in answer.headers, place
    if answer.status_code < 400:
        return
    kind = answer.headers["content-type"].partition(";")[0]
    text = answer.text
    assert not SECRET.search(text), place
    assert 'href="https://evil.example' not in text, place
    if kind == "application/problem+json":
        problem = answer.json()
        assert problem["status"] == answer.status_code, place
        assert problem["type"], place
        assert problem["title"], place
        assert MARK not in text, place
    elif kind == JSON:
        error = answer.json()
        assert error.keys() <= {"error", "error_description"}, place
        assert re.fullmatch("[a-z_]+", error["error"]), place
        assert SAID.fullmatch(error.get("error_description", "-")), place
        # Registration names what it does not know, in the characters above and no others.
        assert MARK not in text or "/register" in place[0], place
        assert answer.headers["cache-control"] == "no-store", place
    else:
        assert kind == "text/html", place
        assert text.lstrip().lower().startswith("<!doctype html"), place
        assert f"<script>{MARK}" not in text, place
        is_typed = place[0].startswith(("POST /device", "GET /device"))
        assert is_typed or MARK not in text, place


def check_way(answer: Response, place: Any) -> None:
    """Whereto a browser is sent: to a page of ours, or to the client with an error."""
    location = answer.headers.get("location")
    if location is None:
        return
    assert answer.status_code == 303, place
    if location.startswith(f"{REDIRECT}?"):
        said = dict(parse_qsl(urlsplit(location).query, keep_blank_values=True))
        assert "code" not in said, place
        assert re.fullmatch("[a-z_]+", said["error"]), place
        assert SAID.fullmatch(said.get("error_description", "-")), place
        assert said["iss"] == "https://testserver", place
    else:
        path = location.removeprefix("https://testserver")
        assert path.startswith(("/consent/", "/device", "/sign-in")), place
        assert not path.startswith("//"), place


def is_good(door: Door, answer: Response) -> bool:
    """Whether what was asked was given, or is asked of the owner."""
    goes_on = door.path.startswith("/oauth") and "/consent/" in answer.headers.get("location", "")
    return answer.status_code < 300 or goes_on


def may_be_good(door: Door, name: str, kind: str) -> bool:
    if kind == "twice":
        return name in ("resource", "user_code") or door.names == ("unknown",)
    if kind in ("absent", "empty", "null"):
        return name in door.optional
    return name in door.free


@pytest.fixture
def caller(story: Story) -> Caller:
    return Caller(story)


@pytest.fixture
def start(engine_kind: str) -> int:
    """The two databases begin with other values."""
    return ["sqlite", "postgres"].index(engine_kind)


def test_nothing_that_is_sent_breaks_an_address_or_opens_one(caller: Caller, start: int) -> None:
    for door in DOORS:
        for name, kind in cases(door, start):
            answer = caller.send(door, name, kind)
            place = (door.key, name, kind, answer.status_code, answer.text[:300])
            check_form(answer, place)
            check_way(answer, place)
            assert not is_good(door, answer) or may_be_good(door, name, kind), place
    assert caller.owner.get("/permissions").text.count('href="/permissions/') == 0
    shown = caller.story.api.get(
        f"/oauth/register/{caller.made['client_id']}",
        headers=bearer(caller.made["registration_access_token"]),
    )
    assert shown.status_code == 200, "no case ended it"


def test_without_any_change_each_request_gets_through(caller: Caller) -> None:
    """So what is refused above is refused for what was changed."""
    good = {
        "GET /oauth/authorize": 303,
        "POST /oauth/par": 201,
        "POST /oauth/token client_credentials": 200,
        "POST /oauth/revoke": 200,
        "POST /oauth/introspect": 200,
        "POST /oauth/device_authorization": 200,
        "POST /oauth/register": 201,
        "PUT /oauth/register/{client_id}": 200,
        "GET /device": 200,
    }
    found = {
        door.key: caller.send(door, "nobody_knows_this", "absent").status_code
        for door in DOORS
        if door.key in good
    }
    assert found == good


def test_every_address_of_the_authorization_server_is_tried() -> None:
    tried = {(door.method, re.sub(r"{[^}]+}", "{}", door.path)) for door in DOORS}
    known = {
        (method, re.sub(r"{[^}]+}", "{}", path))
        for method, path, _ in routes("GET", "POST", "PUT", "PATCH", "DELETE")
        if path.startswith(STARTS)
    }
    assert known == tried


def test_a_header_that_is_none_breaks_no_address(caller: Caller) -> None:
    """Credentials and proofs of any kind, at each address that reads them."""
    form = {"grant_type": "client_credentials", "token": "x", "scope": "usage:read"}
    values = (
        b"\xff\xfe",
        b"Bearer \xff",
        b"Basic \xff",
        b"DPoP x",
        b"",
        b"Basic Og==",
        b"a" * 40_000,
    )
    for door in DOORS:
        if not door.path.startswith("/oauth"):
            continue
        path = re.sub(r"{[^}]+}", str(new_id()), door.path)
        sent: dict[str, Any] = {"data": form} if door.place == "form" else {}
        for name in ("Authorization", "DPoP", "Accept", "Content-Type"):
            for value in values:
                headers = {name: value} | (basic(caller.vendor) if name == "DPoP" else {})
                headers = {
                    n.encode(): v if isinstance(v, bytes) else v.encode()
                    for n, v in headers.items()
                }
                answer = caller.story.api.request(door.method, path, headers=headers, **sent)
                place = (door.key, name, value[:20], answer.status_code, answer.text[:300])
                assert answer.status_code < 500, place
                assert name == "Accept" or not SECRET.search(answer.text), place
