"""What another site, another name or a bent address can make the pages do: nothing."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from app.settings import Settings
from tests.conftest import ORIGIN
from tests.journeys.story import REDIRECT, SAME, Story
from tests.security.conftest import Stage, routes

FOREIGN: tuple[dict[str, str], ...] = (
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "https://["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
)
SOMEBODY = "0b6e3a0e-0f2f-4a57-9f7a-9d1c2b3a4f50"
ELSEWHERE = (
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "https://evil.example",
    "\t//evil.example",
    "/home\r\nX-Evil: 1",
    "javascript:alert(1)",
    "evil.example",
    "/" + "a" * 3000,
)
NAMES = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}


@pytest.fixture
def engine_kind() -> str:
    """None of this depends on the database."""
    return "sqlite"


def test_no_page_acts_for_another_site(stage: Stage) -> None:
    doors = [path for _, path, is_page in routes("POST", "PUT", "PATCH", "DELETE") if is_page]
    assert len(doors) > 20
    for path in doors:
        where = re.sub(r"{[^}]+}", SOMEBODY, path)
        for headers in FOREIGN:
            answer = stage.owner.http.post(where, headers=headers)
            assert answer.status_code == 403, (path, headers)
            assert "set-cookie" not in answer.headers
    end = f"/permissions/{stage.grant}/revoke"
    assert stage.owner.http.post(end, headers=FOREIGN[1]).status_code == 403
    listed = stage.story.api.get("/v1/data/objects", headers=stage.vendor)
    assert listed.status_code == 200


def test_no_get_changes_anything(stage: Stage) -> None:
    """A link or an image on another site sends the cookie along."""
    ticket = stage.story.ask(stage.story.vendor("Third")).page
    for path in (f"{ticket}?answer=allow&object={stage.jeans}", "/sign-out", "/exports"):
        stage.owner.http.get(path, headers={"Sec-Fetch-Site": "cross-site"})
    for _, path, is_page in routes("POST"):
        if is_page:
            where = re.sub(r"{[^}]+}", SOMEBODY, path)
            assert stage.owner.http.get(where).status_code < 500
    assert stage.owner.get("/home").status_code == 200
    assert stage.owner.get(urlsplit(ticket).path).status_code == 200, "the request still waits"


def test_no_sign_in_leads_elsewhere(story: Story) -> None:
    http = story.person().http
    stranger = TestClient(story.app, base_url=ORIGIN, follow_redirects=False)
    for number, target in enumerate(ELSEWHERE):
        for path in ("/sign-in", "/create", "/confirm"):
            answer = http.get(path, params={"next": target})
            assert answer.headers.get("location", "/home") == "/home" or answer.status_code == 422
        assert "evil.example" not in stranger.get("/sign-in", params={"next": target}).text
        form = {"email": f"somebody-{number}@people.example", "next": target}
        asked = stranger.post("/create/email", data=form, headers=SAME)
        if asked.status_code == 422:
            continue
        opened = stranger.post(link_of(story, form["email"]), headers=SAME)
        assert opened.headers["location"] == "/home", target
        stranger.post("/sign-out", headers=SAME)
    stranger.close()


def link_of(story: Story, email: str) -> str:
    (letter,) = [x for x in story.app.state.mailer.letters(99) if x.to == email]
    link = re.search(r"https?://\S+", letter.text)
    assert link
    return urlsplit(link.group()).path


def test_links_and_redirects_come_from_the_configured_origin_only(stage: Stage) -> None:
    vendor = stage.story.vendor("Third")
    asked = {"response_type": "code", "client_id": vendor[0], "redirect_uri": REDIRECT}
    asked |= {"code_challenge": "c" * 43, "code_challenge_method": "S256"}
    gone = stage.story.api.get("/oauth/authorize", params=asked, headers=NAMES)
    assert gone.headers["location"].startswith(f"{ORIGIN}/consent/")
    for path in (
        "/",
        "/sign-in",
        "/openapi.json",
        "/docs",
        "/problems/not-found",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource",
        f"/o/{stage.jeans}",
        f"/o/{stage.jeans}/did.json",
        f"/v1/public/objects/{stage.jeans}",
        f"/v1/data/objects/{stage.thing}/records?limit=1",
        "/v1/data/objects",
        "/v1/nowhere",
        "/nowhere",
    ):
        for token in ({}, stage.vendor):
            answer = stage.story.api.get(path, headers=NAMES | token)
            assert "evil" not in answer.text + str(answer.headers), path
    form = {"email": "host@people.example"}
    headers = SAME | NAMES
    assert stage.story.api.post("/create/email", data=form, headers=headers).status_code == 303
    (letter,) = [x for x in stage.story.app.state.mailer.letters(99) if x.to == form["email"]]
    assert "evil" not in letter.text
    assert f"{ORIGIN}/sign-in/link/" in letter.text


def test_a_slash_too_many_is_no_redirect_to_whoever_asks(stage: Stage) -> None:
    for _, path, _ in routes("GET"):
        where = re.sub(r"{[^}]+}", SOMEBODY, path)
        if path == "/" or path.endswith(":path}"):
            continue
        answer = stage.owner.http.get(f"{where}/", headers=NAMES)
        assert "evil" not in answer.headers.get("location", ""), path
        assert answer.status_code in (401, 404), (path, answer.status_code)


def test_no_path_leads_out_of_the_folders(stage: Stage, export: str) -> None:
    assets = re.search(r"/static/(\w+)/", stage.owner.get("/home").text)
    assert assets
    for start in (
        f"/static/{assets.group(1)}/",
        "/docs/files/",
        f"/exports/{export}/",
        "/exports/",
    ):
        for path in ("../../../settings.py", "..%2f..%2fsettings.py", "%2e%2e/%2e%2e/inseam.db"):
            for end in ("", "%00.css", "/"):
                answer = stage.owner.http.request("GET", f"{ORIGIN}{start}{path}{end}")
                assert answer.status_code == 404, (start, path, end)


def test_a_wrong_method_does_nothing(stage: Stage) -> None:
    methods = ("HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE")
    known = {(method, path) for method, path, _ in routes(*methods)}
    for _, path, is_page in routes("GET", "POST"):
        where = re.sub(r"{[^}]+}", SOMEBODY, path)
        for method in methods:
            if (method, path) not in known:
                token = {} if is_page else stage.maker
                answer = stage.owner.http.request(method, where, headers=token)
                assert answer.status_code in (403, 404, 405), (method, path)
                assert stage.maker["Authorization"] not in answer.text


def test_every_cookie_is_of_this_host_alone(story: Story) -> None:
    stranger = TestClient(story.app, base_url=ORIGIN, follow_redirects=False)
    cookies: list[str] = []
    stranger.event_hooks = {"response": [lambda r: cookies.extend(_set_cookies(r))]}
    form = {"email": "cookies@people.example"}
    stranger.post("/create/email", data=form, headers=SAME)
    stranger.post(link_of(story, form["email"]), headers=SAME)
    stranger.post("/sign-in/passkey/options", json={}, headers=SAME)
    stranger.post("/security/recovery", headers=SAME)
    stranger.get("/security/recovery")
    stranger.post("/sign-out", headers=SAME)
    stranger.close()
    assert {one.partition("=")[0] for one in cookies} == {
        "__Host-session",
        "__Host-link",
        "__Host-ceremony",
        "__Host-once",
    }
    for one in cookies:
        flags = {flag.strip().lower() for flag in one.split(";")[1:]}
        assert {"secure", "httponly", "path=/"} <= flags, one
        assert not any(flag.startswith("domain") for flag in flags), one
        assert "samesite=lax" in flags or "samesite=strict" in flags, one


def _set_cookies(response: Any) -> list[str]:
    found: list[str] = response.headers.get_list("set-cookie")
    return found


def test_nobody_signs_in_as_a_demo_owner_outside_of_the_demo(stage: Stage) -> None:
    for form in ({}, {"owner_id": SOMEBODY}):
        answer = stage.story.api.post("/demo/sign-in", data=form, headers=SAME)
        assert answer.status_code == 404
        assert "set-cookie" not in answer.headers


def test_letters_are_shown_under_this_machines_own_name_only(settings: Settings) -> None:
    from app.main import create_app

    local = settings.model_copy(update={"public_url": "http://localhost:8000"})
    for shown, told in ((local, 200), (settings, 404)):
        with TestClient(create_app(shown), base_url="http://localhost:8000") as http:
            assert http.get("/dev/mail").status_code == told
            for name in ("evil.example", "localhost.evil.example", "[", ""):
                assert http.get("/dev/mail", headers={"Host": name}).status_code == 404
