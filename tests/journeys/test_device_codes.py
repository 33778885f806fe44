"""Item 36 of the security checklist: codes of devices (RFC 8628), from tablet to owner and back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from app.main import create_app
from app.organizations.clients import DEVICE_CODE
from tests.conftest import ORIGIN
from tests.journeys.story import SAME, Person, Story, basic
from tests.journeys.tablet import SCOPES, VISIT, Tablet, allow, answered, error_of, type_code

Home = tuple[Person, str, str]


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
