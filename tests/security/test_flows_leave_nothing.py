"""Every flow of the authorization server with every log at its lowest level: nothing that was given
out or shown stands in a log, in a column, or in the file of the database, in any writing of it."""

import io
import json
import logging
import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import uvicorn
from httpx2 import Request, Response
from sqlalchemy import inspect, text
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app.cli import app as command
from app.kit.ids import new_id
from app.oauth.registration import invite
from app.organizations.client_rules import DEVICE_CODE
from app.settings import Settings
from tests.conftest import ORIGIN
from tests.factories.device_keys import Device
from tests.factories.oauth import make_purpose
from tests.journeys.story import PURPOSE, REDIRECT, Person, basic, bearer
from tests.oauth.signing import b64, jkt
from tests.oauth.signing import sign as compact
from tests.oauth.test_metadata import KEYS
from tests.security.conftest import Stage
from tests.security.test_secrets_stay import provoke

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN = f"{ORIGIN}/oauth/token"
# Members of forms, of answers and of addresses that are secrets.
SECRET = {
    "access_token",
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "recovery_code",
    "refresh_token",
    "registration_access_token",
    "request",
    "request_uri",
    "token",
    "user_code",
}
SHAPED = re.compile(r"inseam_[a-z]{2,3}_[\w-]{30,}")
AUTHORIZED = "/oauth/authorize: address"
TICKET = re.compile(r"/(?:consent|sign-in/link)/([\w-]{30,})")
OF_THE_TEST = ("httpx2", "asyncio", "hypothesis")  # the caller's own logs


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"log_level": "DEBUG"})


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What libraries say once all of them say everything."""
    found = io.StringIO()
    handler = logging.StreamHandler(found)
    handler.addFilter(lambda record: not record.name.startswith(OF_THE_TEST))
    root = logging.getLogger()
    names = ["", "authlib", "sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "uvicorn"]
    names += ["uvicorn.error", "uvicorn.access", *logging.root.manager.loggerDict]
    before = {name: logging.getLogger(name).level for name in names}
    root.addHandler(handler)
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield found
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Each secret that any caller sends or gets, and where it was seen first."""
    found: dict[str, str] = {}
    send = TestClient.send

    def note(where: str, secret: str) -> None:
        if len(secret) > 6 and "*" not in secret:
            found.setdefault(secret, where)

    def watched(self: TestClient, request: Request, **more: Any) -> Response:
        answer = send(self, request, **more)
        place = f"{request.method} {request.url.path}"
        for name, value in pairs_of(request, answer):
            if name in SECRET:
                note(f"{place}: {name}", value.removeprefix("urn:ietf:params:oauth:request_uri:"))
        for shaped in SHAPED.findall(answer.text):
            note(f"{place}: {shaped[:10]}", shaped)
        for ticket in TICKET.findall(f"{request.url} {answer.headers.get('location', '')}"):
            note(f"{place}: address", ticket)
        for cookie in answer.headers.get_list("set-cookie"):
            note(f"{place}: cookie", cookie.partition("=")[2].partition(";")[0])
        note(f"{place}: proof", request.headers.get("dpop", ""))
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            shown = unquote(b64decode(shown).decode().partition(":")[2])
        note(f"{place}: {scheme}", shown)
        return answer

    monkeypatch.setattr(TestClient, "send", watched)
    return found


def pairs_of(request: Request, answer: Response) -> list[tuple[str, str]]:
    """The parameters that went there and came back."""
    pairs = [*request.url.params.multi_items()]
    if "urlencoded" in request.headers.get("content-type", ""):
        pairs += parse_qsl(request.content.decode())
    pairs += parse_qsl(urlsplit(answer.headers.get("location", "")).query)
    if answer.headers.get("content-type", "") == "application/json":
        told = json.loads(answer.content)
        pairs += [(n, v) for n, v in told.items() if isinstance(v, str)] if told else []
    return pairs


class Flows:
    """Each way to a token, with what belongs to it."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.story = stage, stage.story
        self.api, self.owner = stage.story.api, stage.owner

    def post(self, path: str, form: dict[str, Any], **headers: str) -> Any:
        answer = self.api.post(path, data=form, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def proof(self, url: str, method: str = "POST", **claims: Any) -> dict[str, str]:
        told = {"jti": str(new_id()), "htm": method, "htu": url} | claims
        told["iat"] = int(self.story.clock.now().timestamp())
        told["nonce"] = self.story.app.state.authority.nonces.current()
        head = {"typ": "dpop+jwt", "jwk": KEYS["ES256"].as_dict(private=False)}
        return {"DPoP": compact("ES256", head, told)}

    def assertion(self, client_id: str) -> dict[str, str]:
        exp = int(self.story.clock.now().timestamp()) + 60
        told = {"iss": client_id, "sub": client_id, "aud": ORIGIN, "exp": exp}
        text = compact("ES256", {}, told | {"jti": str(new_id())})
        return {"client_assertion_type": ASSERTION, "client_assertion": text}

    def with_secret(self) -> None:
        """Pushed, allowed, redeemed, refreshed, looked at, ended; and used twice."""
        vendor = self.story.vendor("Pushing")
        self._pushed(vendor, basic(vendor), {}, {})

    def with_key(self) -> None:
        """The same by private_key_jwt and DPoP, with a reading."""
        registered = {
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [KEYS["ES256"].as_dict(private=False)]},
            "require_pushed_authorization_requests": True,
            "dpop_bound_access_tokens": True,
        }
        client = self.story.client(
            self.story.organization("Signing & Co"),
            *PURPOSE["scopes"],  # type: ignore[misc]
            registered=registered,
            redirect_uris=[REDIRECT],
            grant_types=["authorization_code", "refresh_token", "client_credentials"],
            purposes=[PURPOSE],
        )
        self._pushed(client, {}, {"dpop_jkt": jkt()}, {"is_bound": True})
        own = {"grant_type": "client_credentials"} | self.assertion(client[0])
        self.post("/oauth/token", own, **self.proof(TOKEN))

    def _pushed(
        self, client: tuple[str, str], auth: dict[str, str], more: dict[str, str], how: Any
    ) -> None:
        is_bound = bool(how)

        def ask(path: str, form: dict[str, Any]) -> Any:
            shown = self.assertion(client[0]) if is_bound else {}
            headers = self.proof(f"{ORIGIN}{path}") if is_bound else {}
            return self.api.post(path, data=form | shown, headers=auth | headers)

        asking = self.story.ask(client)
        form = dict(asking.response.request.url.params) | more
        told = ask("/oauth/par", form).json()
        where = {"client_id": client[0], "request_uri": told["request_uri"]}
        page = self.api.get("/oauth/authorize", params=where).headers["location"]
        until = (self.story.clock.now() + timedelta(days=30)).date().isoformat()
        answer = {"answer": "allow", "object": self.stage.jeans, "kind": "usage", "until": until}
        assert self.owner.get(page).status_code == 200
        back = self.owner.post(page, answer | {"history": "today"})
        code = dict(parse_qsl(urlsplit(back.headers["location"]).query))["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        form["code_verifier"] = asking.verifier
        tokens = ask("/oauth/token", form).json()
        shown = bearer(tokens["access_token"])
        if is_bound:
            path = f"{ORIGIN}/v1/data/objects"
            hashed = b64(sha256(tokens["access_token"].encode()).digest())
            shown = {"Authorization": f"DPoP {tokens['access_token']}"}
            shown |= self.proof(path, "GET", ath=hashed)
        assert self.api.get("/v1/data/objects", headers=shown).status_code == 200
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        fresh = ask("/oauth/token", form).json()
        assert ask("/oauth/introspect", {"token": fresh["access_token"]}).json()["active"]
        assert ask("/oauth/token", form | {"scope": "no:such"}).status_code == 400
        assert ask("/oauth/revoke", {"token": fresh["refresh_token"]}).status_code == 200
        self.story.clock.advance(timedelta(seconds=11))
        assert ask("/oauth/token", form).status_code == 400

    def of_a_device(self) -> None:
        firm = self.story.organization("Tablets & Co")
        told = {"grant_types": [DEVICE_CODE, "refresh_token"], "purposes": [PURPOSE]}
        client = self.story.client(firm, *PURPOSE["scopes"], **told)  # type: ignore[misc]
        asked = {"scope": "usage:read"}
        started = self.post("/oauth/device_authorization", asked, **basic(client))
        self.owner.get("/device", user_code=started["user_code"])
        page = self.owner.post("/device", {"user_code": started["user_code"]}).headers["location"]
        until = (self.story.clock.now() + timedelta(days=30)).date().isoformat()
        form = {"answer": "allow", "object": self.stage.jeans, "kind": "usage", "until": until}
        assert self.owner.get(page).status_code == 200
        assert self.owner.post(page, form).status_code == 303
        form = {"grant_type": DEVICE_CODE, "device_code": started["device_code"]}
        self.post("/oauth/token", form, **basic(client))
        assert self.api.post("/oauth/token", data=form, headers=basic(client)).status_code == 400

    def of_an_object(self) -> None:
        device = Device()
        path = f"/v1/objects/{self.stage.jeans}/keys"
        spec = device.spec(self.story.clock)
        assert self.api.post(path, json=spec, headers=self.stage.maker).status_code == 201
        subject, now = self.stage.jeans, int(self.story.clock.now().timestamp())
        told = {"iss": subject, "sub": subject, "aud": ORIGIN, "exp": now + 60}
        head = {"alg": device.alg, "kid": device.key.key_id}
        claims = json.dumps(told | {"jti": str(new_id())})
        signed = f"{b64(json.dumps(head).encode())}.{b64(claims.encode())}"
        shown = f"{signed}.{b64(device.raw_signature(signed.encode()))}"
        self.post("/oauth/token", {"grant_type": JWT_BEARER, "assertion": shown})

    def of_registration(self) -> None:
        with self.story.app.state.db.session() as db:
            invitation, _ = invite(db, self.story.clock, timedelta(hours=1))
        told = {"redirect_uris": [REDIRECT], "purposes": [make_purpose()]}
        made = self.api.post("/oauth/register", json=told, headers=bearer(invitation)).json()
        where = urlsplit(made["registration_client_uri"]).path
        shown = bearer(made["registration_access_token"])
        assert self.api.get(where, headers=shown).status_code == 200
        assert self.api.put(where, json=told, headers=shown).status_code == 200
        client = (made["client_id"], made["client_secret"])
        assert self.story.ask(client, "usage:read").page
        assert self.api.delete(where, headers=shown).status_code == 204

    def of_the_owner(self) -> None:
        """Access keys, an own app, recovery codes, signing in anew."""
        own = self.stage.personal()
        assert self.api.get("/v1/me/objects", headers=own).status_code == 200
        form = {"app_name": "Home", "app_redirects": REDIRECT, "app_kind": "confidential"}
        made = self.owner.post("/security/apps", form | {"app_scope": ["usage:read"]})
        where = made.headers["location"]
        secret = re.search(r"inseam_cs_[\w-]+", self.owner.get(where).text)
        assert secret
        client = (where.rpartition("/")[2], secret.group())
        asking = self.story.ask(client, "usage:read")
        code = asking.allow(self.owner, [self.stage.jeans], kinds=("usage",), ends="open")
        asking.redeem(code)

    def of_grants(self) -> None:
        scopes = ("grant_management_query", "grant_management_revoke", "grants:read")
        told = {"redirect_uris": [REDIRECT], "purposes": [PURPOSE]}
        grants = ["authorization_code", "refresh_token", "client_credentials"]
        client = self.story.client(
            self.story.organization("Managing & Co"),
            *PURPOSE["scopes"],  # type: ignore[misc]
            *scopes,
            grant_types=grants,
            **told,
        )
        tokens = self.story.connect(client, self.owner, [self.stage.jeans])
        own = bearer(self.story.token(client))
        path = f"/oauth/grants/{tokens['grant_id']}"
        assert self.api.get(path, headers=own).status_code == 200
        assert self.api.delete(path, headers=own).status_code == 204

    def recovery(self) -> list[str]:
        made = self.owner.post("/security/recovery")
        page = self.owner.get(made.headers["location"]).text
        return re.findall(r'<li class="code">([^<]+)<', page)


def writings(secret: str) -> Iterator[str]:
    """A secret as a log or a column may have it."""
    yield secret
    yield secret.replace("-", "") if len(secret) < 30 else secret
    random = secret.split("_", 2)[2] if secret.startswith("inseam_") else secret
    for raw in (secret.encode(), random.encode()):
        yield raw.hex()
        yield b64encode(raw).decode().rstrip("=")
        yield urlsafe_b64encode(raw).decode().rstrip("=")
    if len(random) == 43:
        raw = urlsafe_b64decode(random + "=")
        yield raw.hex()
        yield raw.decode("latin-1")
        yield b64encode(raw).decode().rstrip("=")


def dump_of(stage: Stage) -> str:
    """Every column of every table, bytes as they are and in hexadecimal."""
    found = []
    with stage.story.app.state.db.read() as db:
        for table in inspect(db.connection()).get_table_names():
            for row in db.execute(text(f'SELECT * FROM "{table}"')):
                for value in row:
                    is_bytes = isinstance(value, bytes | memoryview)
                    raw = bytes(value) if is_bytes else b""
                    found.append(f"{raw.hex()}\n{raw.decode('latin-1')}" if raw else repr(value))
    return "\n".join(found)


def test_oauth_39_no_flow_leaves_a_secret_behind(
    stage: Stage,
    settings: Settings,
    logged: io.StringIO,
    seen: dict[str, str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    flows = Flows(stage)
    codes = flows.recovery()
    person: Person = stage.story.person()
    for flow in (
        flows.with_secret,
        flows.with_key,
        flows.of_a_device,
        flows.of_an_object,
        flows.of_registration,
        flows.of_the_owner,
        flows.of_grants,
    ):
        flow()
    used = person.post("/sign-in/recovery", {"recovery_code": codes[0]})
    assert used.status_code == 303, used.text
    secrets = [*seen, *codes]
    kinds = {where.rpartition(": ")[2] for where in seen.values()}
    assert {*SECRET - {"request", "token"}, "proof", "cookie", "address", "Basic"} <= kinds
    for secret in secrets[:: max(1, len(secrets) // 12)]:
        if len(secret) < 200:
            provoke(stage, secret)
    said = logged.getvalue() + "".join(capfd.readouterr())
    assert "SELECT " in said, "the database spoke"
    assert "hide_parameters" in said
    assert "Validate token request" in said, "Authlib spoke"
    dump = dump_of(stage)
    assert "mend.example" in dump
    files = "".join(file.read_bytes().decode("latin-1") for file in settings.data_dir.glob("*.db*"))
    # The address of a question is no secret once its owner has opened it: it is nobody else's.
    opened = {s for s, where in seen.items() if where.endswith((AUTHORIZED, "/device: address"))}
    for place, others in ((said, opened), (dump, set[str]()), (files, opened)):
        left = {
            seen.get(secret, "a recovery code")
            for secret in secrets
            if secret not in others and any(one in place for one in writings(secret))
        }
        assert left == set()


def test_the_server_writes_no_addresses_down(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """They hold tickets and codes; so its log of calls is off whatever the level is."""
    told: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda *_, **given: told.update(given))
    for name in settings.model_fields_set:
        monkeypatch.setenv(f"INSEAM_{name.upper()}", str(getattr(settings, name)))
    ran = CliRunner().invoke(command, ["serve"])
    assert ran.exit_code == 0, ran.output
    assert (told["access_log"], told["log_level"]) == (False, "warning")
