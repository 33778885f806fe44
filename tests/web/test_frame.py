"""What stands around every page: headers, CSRF check, error pages, static files, local name."""

import gzip
import json
from collections.abc import Callable

import pytest
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.main import create_app
from app.settings import Settings
from app.web.headers import allow_form_to
from tests.support.visitor import Visitor

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


def check_headers(headers: MutableHeaders) -> None:
    assert {name: headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("path", ["/", "/sign-in", "/create", "/problems", "/nowhere", "/security"])
def test_every_page_has_the_headers(visitor: Visitor, path: str) -> None:
    check_headers(visitor.get(path).headers)


def test_refusals_and_redirects_have_them_too(visitor: Visitor) -> None:
    check_headers(visitor.http.post("/sign-out").headers)
    check_headers(visitor.post("/sign-in/email", {"email": "x"}).headers)


def test_page_may_name_one_more_place_for_its_form() -> None:
    response = allow_form_to(Response(), "https://vendor.example")
    told = response.headers["content-security-policy"]
    assert "form-action 'self' https://vendor.example;" in told
    assert told.replace(" https://vendor.example", "") == POLICY
    assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "https://testserver"},
        {"sec-fetch-site": "none", "origin": "https://evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://testserver.evil.example"},
    ],
)
def test_post_from_elsewhere_is_refused_with_a_page(
    owner: Visitor, headers: dict[str, str]
) -> None:
    answer = owner.http.post("/sign-out", headers=headers)
    assert answer.status_code == 403
    assert "This request came from another site." in answer.text
    assert owner.get("/security").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": "https://testserver"},
    ],
)
def test_post_from_our_own_pages_passes(owner: Visitor, headers: dict[str, str]) -> None:
    assert owner.http.post("/sign-out", headers=headers).status_code == 303


def test_unknown_page_says_so_in_the_frame(owner: Visitor) -> None:
    answer = owner.get("/nowhere")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert "Sign out" in answer.text


def test_wrong_method_is_a_page(visitor: Visitor) -> None:
    assert visitor.get("/sign-out").status_code == 405


def test_api_paths_stay_with_the_api(client: TestClient) -> None:
    for path in ("/v1/nowhere", "/v1", "/oauth/nowhere", "/.well-known/nowhere"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/v1/products").status_code in (401, 405)


def test_own_fault_is_a_calm_page(settings: Settings, clock: FixedClock) -> None:
    app = create_app(settings, clock)
    web = app.router.routes[-1].app  # type: ignore[attr-defined]

    def fail(request: Request) -> None:
        raise RuntimeError("secret detail")

    web.get("/fail")(fail)
    with TestClient(app, base_url=settings.origin, raise_server_exceptions=False) as client:
        answer = client.get("/fail")
    assert answer.status_code == 500
    assert "Something broke here" in answer.text
    assert "secret detail" not in answer.text
    check_headers(answer.headers)


def test_static_files_are_kept_by_browsers_and_compressed(visitor: Visitor) -> None:
    page = visitor.get("/").text
    path = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = visitor.get(path)
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert visitor.get(path.replace("/static/", "/static/0")).status_code == 404
    assert visitor.get("/static/../app.py").status_code == 404


def test_page_is_compressed_for_who_can_read_it(client: TestClient) -> None:
    with client.stream("GET", "/", headers={"accept-encoding": "gzip"}) as answer:
        assert b"<!doctype html>" in gzip.decompress(b"".join(answer.iter_raw()))
    assert "content-encoding" not in client.get("/", headers={"accept-encoding": ""}).headers


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000"])
def test_bare_address_leads_to_localhost(settings: Settings, clock: FixedClock, host: str) -> None:
    local = settings.model_copy(update={"public_url": "http://localhost:8000"})
    with TestClient(create_app(local, clock), base_url=f"http://{host}") as client:
        answer = client.get("/sign-in?next=/a%2Fb", follow_redirects=False)
        assert answer.status_code == 307
        assert answer.headers["location"] == "http://localhost:8000/sign-in?next=/a%2Fb"
        assert client.get("/.well-known/openid", follow_redirects=False).status_code == 404


def test_public_service_never_redirects_by_name(client: TestClient) -> None:
    assert client.get("/", headers={"host": "127.0.0.1"}).status_code == 200


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", "' OR 1=1 --", "{{ 7*7 }}"])
def test_text_is_inert(new_visitor: Callable[[], Visitor], evil: str) -> None:
    owner = new_visitor().sign_in(name=evil)
    page = owner.get("/security").text
    assert "<script>alert" not in page
    assert "49" not in page.split("What we call you")[1][:400]


def test_nul_in_a_form_is_refused(owner: Visitor) -> None:
    assert owner.post("/security/name", {"name": "a\0b"}).status_code == 422
    assert owner.post("/sign-in/recovery", {"recovery_code": "a\0b"}).status_code == 422
    assert owner.get("/sign-in/link/%00").status_code == 200


def test_script_gets_a_problem_document(visitor: Visitor) -> None:
    answer = visitor.send("/sign-in/passkey/verify", {"credential": {}})
    assert answer.status_code == 410
    problem = json.loads(answer.content)
    assert problem["type"].endswith("/problems/passkey-try-ended")
    broken = visitor.post(
        "/sign-in/passkey/verify",
        content=b'{"credential": NaN}',
        headers={"content-type": "application/json"},
    )
    assert broken.status_code == 422


def test_oauth_refusal_is_a_page_without_a_way_on(visitor: Visitor) -> None:
    answer = visitor.get("/oauth/authorize?client_id=x&redirect_uri=https://evil.example/")
    assert answer.status_code == 400
    assert "evil.example" not in answer.text
    assert "location" not in answer.headers
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"] == POLICY
