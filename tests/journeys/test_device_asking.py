"""What a device may ask, how often, and with which key in hand (RFC 8628 §3.1, RFC 9449)."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.kit.crypto import sha256
from app.kit.ids import new_id
from app.main import create_app
from app.oauth.models import Token
from app.organizations.client_rules import DEVICE_CODE
from app.settings import Settings
from tests.conftest import ORIGIN
from tests.journeys.story import Story, basic, bearer, refresh
from tests.journeys.tablet import SCOPES, VISIT, Home, Tablet, allow, answered, error_of, type_code
from tests.oauth.test_metadata import KEYS, sign

PATH, TOKEN = "/oauth/device_authorization", "/oauth/token"


def proof(story: Story, alg: str, path: str, nonce: str) -> dict[str, str]:
    """The header DPoP, by one of the keys that tests have."""
    claims: dict[str, Any] = {
        "jti": str(new_id()),
        "htm": "POST",
        "htu": f"{ORIGIN}{path}",
        "iat": int(story.clock.now().timestamp()),
        "nonce": nonce,
    }
    header = {"typ": "dpop+jwt", "jwk": KEYS[alg].as_dict(private=False)}
    return {"DPoP": sign(alg, header, claims)}


def nonce_of(story: Story) -> str:
    return str(story.app.state.authority.nonces.current())


def allowed(story: Story, home: Home, started: Response, *kinds: str) -> str:
    """The device code once the owner has said yes."""
    assert started.status_code == 200, started.text
    page = type_code(home[0], started.json()["user_code"]).headers["location"]
    allow(story, home[0], page, [home[1]], *[kinds] if kinds else [])
    return str(started.json()["device_code"])


def public(story: Story, **more: Any) -> "Public":
    firm = story.organization("Hub & Co")
    grants = [DEVICE_CODE, "refresh_token"]
    told = {"is_public": True, "grant_types": grants, "purposes": [VISIT]}
    return Public(story, story.client(firm, *SCOPES, **(told | more)))


class Public(Tablet):
    """A device that keeps no secret of its client."""

    def post(self, path: str, form: dict[str, str], **headers: str) -> Response:
        told = {"client_id": self.client[0]} | form
        return self.story.api.post(path, data=told, headers=headers)


def test_oauth_36_the_key_of_the_request_is_the_key_of_the_token(
    story: Story, tablet: Tablet, home: Home
) -> None:
    def start(nonce: str) -> Response:
        headers = basic(tablet.client) | proof(story, "ES256", PATH, nonce)
        return story.api.post(PATH, data={"scope": " ".join(SCOPES)}, headers=headers)

    refused = start("old")
    assert error_of(refused) == "use_dpop_nonce"
    nonce = refused.headers["dpop-nonce"]
    code = allowed(story, home, start(nonce))
    assert error_of(tablet.poll(code)) == "invalid_grant"
    other = proof(story, "Ed25519", TOKEN, nonce)
    assert error_of(tablet.poll(code, **other)) == "invalid_grant"
    bound = tablet.poll(code, **proof(story, "ES256", TOKEN, nonce)).json()
    assert bound["token_type"] == "DPoP"


def test_oauth_36_a_key_may_be_named_without_a_proof(
    story: Story, tablet: Tablet, home: Home
) -> None:
    """dpop_jkt, as at the authorization endpoint; never in another's place."""
    jkt = KEYS["ES256"].thumbprint()
    code = allowed(story, home, tablet.start(dpop_jkt=jkt))
    assert error_of(tablet.poll(code)) == "invalid_grant"
    assert tablet.poll(code, **proof(story, "ES256", TOKEN, nonce_of(story))).status_code == 200
    headers = basic(tablet.client) | proof(story, "Ed25519", PATH, nonce_of(story))
    both = story.api.post(PATH, data={"dpop_jkt": jkt}, headers=headers)
    assert error_of(both) == "invalid_request"
    assert error_of(tablet.start(dpop_jkt="short")) == "invalid_request"


def test_oauth_31_a_bound_clients_device_shows_its_key_with_the_token(
    story: Story, home: Home
) -> None:
    """RFC 9449 knows no proof at the endpoint where a device starts, and no library sends one."""
    firm = story.organization("Bound & Co")
    told = {"grant_types": [DEVICE_CODE, "refresh_token"], "purposes": [VISIT]}
    told |= {"registered": {"dpop_bound_access_tokens": True}}
    tablet = Tablet(story, story.client(firm, *SCOPES, **told))
    code = answered(story, tablet, home)
    assert error_of(tablet.poll(code)) == "invalid_dpop_proof"
    shown = proof(story, "ES256", TOKEN, nonce_of(story))
    assert tablet.poll(code, **shown).json()["token_type"] == "DPoP"


def test_a_public_device_refreshes_with_its_key_alone(story: Story, home: Home) -> None:
    device = public(story)
    shown = proof(story, "ES256", PATH, nonce_of(story))
    code = allowed(story, home, device.post(PATH, {"scope": " ".join(SCOPES)}, **shown))
    form = {"grant_type": DEVICE_CODE, "device_code": code}
    tokens = device.post(TOKEN, form, **proof(story, "ES256", TOKEN, nonce_of(story))).json()
    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert error_of(device.post(TOKEN, again)) == "invalid_grant"
    fresh = device.post(TOKEN, again, **proof(story, "ES256", TOKEN, nonce_of(story)))
    assert fresh.json()["token_type"] == "DPoP"


def test_refresh_tokens_are_those_of_any_authorization(
    story: Story, tablet: Tablet, home: Home
) -> None:
    """Each works once; one that comes again later ends the family."""
    tokens = tablet.poll(answered(story, tablet, home)).json()
    assert set(tokens["scope"].split()) == set(SCOPES)
    fresh = refresh(story, tablet.client, tokens["refresh_token"]).json()
    story.clock.advance(60)
    replayed = refresh(story, tablet.client, tokens["refresh_token"])
    assert error_of(replayed) == "invalid_grant"
    dead = story.api.get("/v1/data/objects", headers=bearer(fresh["access_token"]))
    assert (dead.status_code, dead.json()["reason"]) == (401, "replayed")
    firm = story.organization("Once & Co")
    once = Tablet(story, story.client(firm, *SCOPES, grant_types=[DEVICE_CODE], purposes=[VISIT]))
    assert "refresh_token" not in once.poll(answered(story, once, home)).json()


BAD_QUESTIONS: list[tuple[Any, ...]] = [
    ({"scope": "body:read"}, "invalid_scope"),
    ({"scope": "nothing"}, "invalid_scope"),
    ({"authorization_details": "[]x"}, "invalid_authorization_details"),
    ({"authorization_details": '[{"type": "x"}]'}, "invalid_authorization_details"),
    ({"resource": "https://other.example"}, "invalid_target"),
    ({"purpose": "Nothing"}, "invalid_request"),
    ({"request": "e30.e30."}, "invalid_request"),
    ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
    ({"grant_id": str(new_id())}, "invalid_request"),
    ({"client_secret": "x"}, "invalid_request"),
]


def test_what_a_device_asks_is_checked_at_once(tablet: Tablet) -> None:
    for more, error in BAD_QUESTIONS:
        answer = tablet.start(**more)
        assert error_of(answer) == error, more
        assert answer.headers["cache-control"] == "no-store", more


def test_what_was_asked_is_what_the_token_is_for(story: Story, tablet: Tablet, home: Home) -> None:
    """The resource of the request (RFC 8707), and no kind beside those asked for."""
    entry = {"type": "urn:inseam:object-data", "datatypes": ["care"]}
    asked = {"scope": "", "authorization_details": json.dumps([entry])}
    code = allowed(story, home, tablet.start(**asked, resource=f"{ORIGIN}/v1/data"), "care")
    tokens = tablet.poll(code).json()
    assert tokens["scope"] == "care:read"
    (thing,) = story.objects(tokens["access_token"])
    assert {stream["category"] for stream in thing["product"]["streams"]} == {"care"}
    with story.app.state.db.read() as db:
        kept = db.scalars(select(Token).where(Token.token_hash == sha256(tokens["access_token"])))
        assert kept.one().binding == {"resources": [f"{ORIGIN}/v1/data"]}


def test_clients_that_may_not_ask_so_are_refused(story: Story, tablet: Tablet) -> None:
    vendor = Tablet(story, story.vendor())
    assert error_of(vendor.start(scope="usage:read")) == "unauthorized_client"
    nobody = story.api.post(PATH, data={"client_id": "nobody"})
    assert nobody.status_code == 401
    code = tablet.start().json()["device_code"]
    assert error_of(vendor.poll(code)) == "unauthorized_client"
    assert error_of(tablet.poll("")) == "invalid_request"


@pytest.fixture
def few(settings: Settings, clock: FixedClock, app: FastAPI) -> Settings:
    """A service that gives three codes a minute, with the database of the other."""
    return settings.model_copy(update={"rate_device_per_minute": 3})


def test_codes_are_counted_by_client_and_by_address(
    few: Settings, story: Story, tablet: Tablet
) -> None:
    other = public(story)
    at = [("203.0.113.1", 1), ("203.0.113.2", 1)]
    ours, theirs = (
        TestClient(create_app(few, story.clock), base_url=ORIGIN, client=one) for one in at
    )
    told = {"scope": " ".join(SCOPES)}

    def start(http: TestClient, client: Tablet) -> int:
        if isinstance(client, Public):
            answer = http.post(PATH, data=told | {"client_id": client.client[0]})
        else:
            answer = http.post(PATH, data=told, headers=basic(client.client))
        if answer.status_code == 429:
            assert answer.json()["error"] == "temporarily_unavailable"
            assert int(answer.headers["retry-after"]) > 0
        return answer.status_code

    with ours, theirs:
        assert [start(ours, tablet) for _ in range(4)] == [200, 200, 200, 429]
        assert start(ours, other) == 429  # from the same address
        assert start(theirs, tablet) == 429  # of the same client
        assert start(theirs, other) == 200
        story.clock.advance(60)
        assert start(ours, tablet) == 200
