"""A visit: a technician at the door asks by a code on a tablet, for a day (RFC 8628).

Numbers are those of the security checklist.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from app.main import create_app
from app.organizations.clients import DEVICE_CODE
from tests.conftest import ORIGIN
from tests.factories.objects import field_body, stream_body
from tests.journeys.story import PRODUCT, SAME, Person, Story, basic

SCOPES = ("condition:read", "care:read", "identity:read")
VISIT = {
    "purpose": "RepairImpairments",
    "title": "Our technician looks at it at your home.",
    "legal_basis": "Contract",
    "scopes": {scope: {"needed": True, "why": "To see what is wrong."} for scope in SCOPES},
}
BOILER = PRODUCT | {
    "streams": [
        stream_body("run", "usage", [field_body("minutes", "min")]),
        stream_body("wash", "care", [field_body("temperature", "Cel")]),
        stream_body("wear", "condition", [field_body("minutes", "min"), field_body("steps")]),
    ]
}


class Tablet:
    """What the technician carries: a client of the repair firm that shows codes."""

    def __init__(self, story: Story, client: tuple[str, str]) -> None:
        self.story, self.client = story, client

    def start(self, **more: str) -> Response:
        told = {"scope": " ".join(SCOPES)} | more
        return self.story.api.post(
            "/oauth/device_authorization", data=told, headers=basic(self.client)
        )

    def poll(self, code: str, http: TestClient | None = None, **headers: str) -> Response:
        form = {"grant_type": DEVICE_CODE, "device_code": code}
        return (http or self.story.api).post(
            "/oauth/token", data=form, headers=basic(self.client) | headers
        )


@pytest.fixture
def tablet(story: Story) -> Tablet:
    firm = story.organization("Warm & Co")
    grants = [DEVICE_CODE, "refresh_token", "client_credentials"]
    return Tablet(story, story.client(firm, *SCOPES, grant_types=grants, purposes=[VISIT]))


@pytest.fixture
def home(story: Story) -> tuple[Person, str, str]:
    """An owner with two things that have recorded something."""
    maker, owner = story.maker(), story.person()
    product = story.product(maker, **BOILER)
    things = [story.owned(maker, product, owner, f"SL-{n}") for n in (1, 2)]
    maker = story.later(maker, timedelta(hours=1))
    for thing in things:
        told = story.send(maker, thing, story.wash(), *[story.wear() | {"until": None}])
        assert told.status_code == 200, told.text
    return owner, things[0], things[1]


def type_code(person: Person, code: str) -> Response:
    return person.post("/device", {"user_code": code})


def allow(person: Person, page: str, objects: list[str], **more: Any) -> Response:
    story_day = more.pop("until", None)
    data = {
        "answer": "allow",
        "object": objects,
        "kind": ["condition", "care", "identity"],
        "history": "today",
        "until": story_day,
    }
    return person.post(page, data | more)


def error_of(answer: Response) -> str:
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"])


def test_a_visit(story: Story, tablet: Tablet, home: tuple[Person, str, str]) -> None:
    owner, boiler, _ = home
    ends = story.clock.now() + timedelta(hours=24)
    entry = {
        "type": "urn:inseam:object-data",
        "datatypes": ["condition", "care", "identity"],
        "until": ends.isoformat(),
    }
    started = tablet.start(scope="", authorization_details=json.dumps([entry]))
    assert started.status_code == 200, started.text
    told = started.json()
    assert told["verification_uri"] == f"{ORIGIN}/device"
    assert told["verification_uri_complete"] == f"{ORIGIN}/device?user_code={told['user_code']}"
    assert (told["expires_in"], told["interval"]) == (900, 5)
    assert error_of(tablet.poll(told["device_code"])) == "authorization_pending"
    page = owner.get("/device", user_code=told["user_code"])
    assert told["user_code"] in page.text
    sent = type_code(owner, told["user_code"])
    assert sent.status_code == 303, sent.text
    consent = owner.get(sent.headers["location"])
    assert "Warm &amp; Co" in consent.text
    assert "another device" in consent.text
    day = (story.clock.now() + timedelta(days=30)).date().isoformat()
    done = allow(owner, sent.headers["location"], [boiler], until=day)
    assert done.headers["location"] == "/device/allowed", done.text
    assert owner.get("/device/allowed").status_code == 200
    story.clock.advance(timedelta(seconds=5))
    tokens = tablet.poll(told["device_code"]).json()
    assert set(tokens["scope"].split()) == set(SCOPES)
    (detail,) = tokens["authorization_details"]
    assert set(detail["datatypes"]) == {"condition", "care", "identity"}
    (thing,) = story.objects(tokens["access_token"])
    assert thing["product"]["name"] == PRODUCT["name"]
    records = story.records(tokens["access_token"], thing["id"]).json()["records"]
    assert {record["stream"] for record in records} <= {"wash", "wear"}
    assert records
    assert "Warm &amp; Co" in story.history(owner)
    # It ends by itself, to the second, and nothing brings it back.
    story.clock.set(ends - timedelta(seconds=1))
    fresh = story.api.post(
        "/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        headers=basic(tablet.client),
    ).json()
    assert fresh["expires_in"] == 1
    assert story.records(fresh["access_token"], thing["id"]).status_code == 200
    story.clock.set(ends)
    assert story.records(fresh["access_token"], thing["id"]).status_code == 401
    again = story.api.post(
        "/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": fresh["refresh_token"]},
        headers=basic(tablet.client),
    )
    assert error_of(again) == "invalid_grant"


def answered(story: Story, tablet: Tablet, home: tuple[Person, str, str], **more: str) -> str:
    """The device code of a request that the owner has allowed."""
    told = tablet.start(**more).json()
    page = type_code(home[0], told["user_code"]).headers["location"]
    day = (story.clock.now() + timedelta(days=30)).date().isoformat()
    assert allow(home[0], page, [home[1]], until=day).status_code == 303
    return str(told["device_code"])


def test_oauth_36_a_device_code_works_once(
    story: Story, tablet: Tablet, home: tuple[Person, str, str]
) -> None:
    code = answered(story, tablet, home)
    assert tablet.poll(code).status_code == 200
    assert error_of(tablet.poll(code)) == "invalid_grant"


def test_oauth_36_twenty_at_once_give_one_token(
    story: Story, tablet: Tablet, home: tuple[Person, str, str]
) -> None:
    code = answered(story, tablet, home)
    other = create_app(story.app.state.settings, story.clock)
    with TestClient(other, base_url=ORIGIN) as http, ThreadPoolExecutor(20) as pool:
        ways = [story.api, http]
        answers = list(pool.map(lambda n: tablet.poll(code, ways[n % 2]), range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    assert {a.json()["error"] for a in answers if a.status_code == 400} == {"invalid_grant"}


def test_oauth_36_polling_too_fast_slows_down(story: Story, tablet: Tablet) -> None:
    code = tablet.start().json()["device_code"]
    assert error_of(tablet.poll(code)) == "authorization_pending"
    assert error_of(tablet.poll(code)) == "slow_down"
    story.clock.advance(timedelta(seconds=9))  # five more than the five of before
    assert error_of(tablet.poll(code)) == "slow_down"
    story.clock.advance(timedelta(seconds=15))
    assert error_of(tablet.poll(code)) == "authorization_pending"


def test_oauth_36_a_code_may_be_typed_in_any_way(
    story: Story, tablet: Tablet, home: tuple[Person, str, str]
) -> None:
    code = tablet.start().json()["user_code"]
    half, rest = code.split("-")
    assert len(half) == len(rest) == 4
    first = type_code(home[0], f" {half.lower()} {rest.lower()} ")
    again = type_code(home[0], half + rest)
    assert first.headers["location"] == again.headers["location"]


def test_oauth_36_five_wrong_codes_lock_the_session_and_the_address(
    story: Story, tablet: Tablet, home: tuple[Person, str, str]
) -> None:
    code = tablet.start().json()["user_code"]
    for wrong in ("", "BBBB-BBBB", "x" * 90, "AAAA-AAAA", "<b>"):
        answer = type_code(home[0], wrong)
        assert answer.status_code == 422
        assert "no such code" in answer.text
    locked = type_code(home[0], code)
    assert locked.status_code == 429
    assert "several wrong codes" in locked.text
    assert type_code(story.person(), code).status_code == 429  # from the same address
    story.clock.advance(timedelta(minutes=15))
    fresh = tablet.start().json()["user_code"]
    assert type_code(home[0], fresh).status_code == 303


def test_oauth_36_the_page_fills_in_and_the_person_confirms(
    story: Story, tablet: Tablet, home: tuple[Person, str, str]
) -> None:
    """A link with the code decides nothing (phishing): a POST of our own page is needed."""
    told = tablet.start().json()
    page = home[0].get("/device", user_code=told["user_code"])
    assert page.status_code == 200
    assert (
        f"Go on only if the device in front of you shows <strong>{told['user_code']}" in page.text
    )
    foreign = home[0].http.post(
        "/device", data={"user_code": told["user_code"]}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code == 403
    assert "<script" not in home[0].get("/device", user_code="<script>alert(1)").text.replace(
        '<script type="module"', ""
    ).replace("<script src", "")
    assert error_of(tablet.poll(told["device_code"])) == "authorization_pending"


def test_oauth_36_denied_and_expired(
    story: Story, tablet: Tablet, home: tuple[Person, str, str]
) -> None:
    told = tablet.start().json()
    page = type_code(home[0], told["user_code"]).headers["location"]
    refused = home[0].post(page, {"answer": "refuse"})
    assert refused.headers["location"] == "/device/refused"
    assert "You said no" in home[0].get("/device/refused").text
    assert error_of(tablet.poll(told["device_code"])) == "access_denied"
    assert type_code(home[0], told["user_code"]).status_code == 422
    late = tablet.start().json()
    waits = type_code(home[0], late["user_code"]).headers["location"]
    story.clock.advance(timedelta(minutes=15))
    assert error_of(tablet.poll(late["device_code"])) == "expired_token"
    assert type_code(home[0], late["user_code"]).status_code == 422
    assert home[0].get(waits).status_code == 410
    granted = answered(story, tablet, home)
    story.clock.advance(timedelta(minutes=15))
    assert error_of(tablet.poll(granted)) == "expired_token"


def test_oauth_36_the_code_is_one_owners_and_one_clients(
    story: Story, tablet: Tablet, home: tuple[Person, str, str]
) -> None:
    told = tablet.start().json()
    page = type_code(home[0], told["user_code"]).headers["location"]
    stranger = story.person()
    assert type_code(stranger, told["user_code"]).status_code == 422
    assert stranger.get(page).status_code == 404
    firm = story.organization("Other & Co")
    other = Tablet(story, story.client(firm, *SCOPES, grant_types=[DEVICE_CODE], purposes=[VISIT]))
    assert error_of(other.poll(told["device_code"])) == "invalid_grant"
    for unknown in ("x", "inseam_dc_" + "a" * 43, "é" * 50):
        assert error_of(tablet.poll(unknown)) == "invalid_grant"
    assert error_of(tablet.poll(told["device_code"])) == "authorization_pending"


def test_oauth_36_signing_in_in_the_middle_loses_nothing(story: Story, tablet: Tablet) -> None:
    code = tablet.start().json()["user_code"]
    with TestClient(story.app, base_url=ORIGIN, follow_redirects=False) as http:
        answer = http.get("/device", params={"user_code": code})
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=%2Fdevice%3Fuser_code%3D")
        assert http.post("/device", data={"user_code": code}, headers=SAME).status_code == 401


def test_oauth_36_the_key_of_the_request_is_the_key_of_the_token(
    story: Story, tablet: Tablet, home: tuple[Person, str, str]
) -> None:
    from tests.oauth.test_metadata import KEYS, sign

    def proof(alg: str, path: str, nonce: str | None) -> str:
        claims: dict[str, Any] = {
            "jti": story.clock.now().isoformat() + alg + path + str(nonce),
            "htm": "POST",
            "htu": f"{ORIGIN}{path}",
            "iat": int(story.clock.now().timestamp()),
        }
        header = {"typ": "dpop+jwt", "jwk": KEYS[alg].as_dict(private=False)}
        return sign(alg, header, claims | ({"nonce": nonce} if nonce else {}))

    path = "/oauth/device_authorization"

    def start(nonce: str | None) -> Response:
        headers = basic(tablet.client) | {"DPoP": proof("ES256", path, nonce)}
        return story.api.post(path, data={"scope": " ".join(SCOPES)}, headers=headers)

    nonce = start(None).headers["dpop-nonce"]
    told = start(nonce).json()
    page = type_code(home[0], told["user_code"]).headers["location"]
    day = (story.clock.now() + timedelta(days=30)).date().isoformat()
    assert allow(home[0], page, [home[1]], until=day).status_code == 303
    code = told["device_code"]
    assert error_of(tablet.poll(code)) == "invalid_grant"
    assert error_of(tablet.poll(code, DPoP=proof("Ed25519", "/oauth/token", nonce))) == (
        "invalid_grant"
    )
    bound = tablet.poll(code, DPoP=proof("ES256", "/oauth/token", nonce)).json()
    assert bound["token_type"] == "DPoP"


def test_oauth_31_a_bound_clients_device_shows_its_key_with_the_token(
    story: Story, home: tuple[Person, str, str]
) -> None:
    """RFC 9449 knows no proof at the endpoint where a device starts, and no library sends one."""
    from tests.oauth.test_metadata import KEYS

    firm = story.organization("Bound & Co")
    grants = [DEVICE_CODE, "refresh_token"]
    registered = {"dpop_bound_access_tokens": True}
    client = story.client(
        firm, *SCOPES, grant_types=grants, purposes=[VISIT], registered=registered
    )
    tablet = Tablet(story, client)
    assert error_of(tablet.poll(answered(story, tablet, home))) == "invalid_dpop_proof"
    named = answered(story, tablet, home, dpop_jkt=KEYS["ES256"].thumbprint())
    assert error_of(tablet.poll(named)) == "invalid_grant"
    assert error_of(tablet.start(dpop_jkt="short")) == "invalid_request"


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"scope": "body:read"}, "invalid_scope"),
        ({"scope": "nothing"}, "invalid_scope"),
        ({"authorization_details": "[]x"}, "invalid_authorization_details"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"purpose": "Nothing"}, "invalid_request"),
    ],
)
def test_what_a_device_asks_is_checked_at_once(
    tablet: Tablet, more: dict[str, str], error: str
) -> None:
    assert error_of(tablet.start(**more)) == error


def test_clients_that_may_not_ask_so_are_refused(story: Story, tablet: Tablet) -> None:
    vendor = Tablet(story, story.vendor())
    assert error_of(vendor.start(scope="usage:read")) == "unauthorized_client"
    nobody = story.api.post("/oauth/device_authorization", data={"client_id": "nobody"})
    assert nobody.status_code == 401
    code = tablet.start().json()["device_code"]
    assert error_of(vendor.poll(code)) == "unauthorized_client"
