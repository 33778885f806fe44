"""Negative controls: what the browser tests rely on does find what it is there to find."""

import pytest
from playwright.sync_api import Page

from tests.support.browser import (
    Problems,
    assert_axe,
    assert_fits,
    axe_violations,
    virtual_authenticator,
)

pytestmark = pytest.mark.browser

ORIGIN = "http://localhost:9"
BAD = """<!doctype html><html><title></title><body>
<img src="data:,"><button></button><input><p style="color:#ccc;background:#fff">Faint</p>
<div style="width:900px">Wide</div></body></html>"""
GOOD = """<!doctype html><html lang="en"><title>Good</title><meta name="viewport"
content="width=device-width"><body><main><h1>Good</h1><p>Plain.</p></main></body></html>"""
NOISY = """<!doctype html><html lang="en"><title>Noisy</title><body><h1>Noisy</h1>
<script>throw new Error("inline")</script></body></html>"""


def show(page: Page, html: str, policy: str | None = None) -> None:
    headers = {"content-security-policy": policy} if policy else {}
    page.route(
        "**/*",
        lambda route: route.fulfill(body=html, content_type="text/html", headers=headers),
    )
    page.goto(ORIGIN)


def test_axe_finds_the_faults_of_a_bad_page(page: Page) -> None:
    show(page, BAD)
    rules = {line.split(" ")[0] for line in axe_violations(page)}
    assert {"button-name", "color-contrast", "html-has-lang", "image-alt", "label"} <= rules


def test_axe_accepts_a_good_page(page: Page) -> None:
    show(page, GOOD)
    assert_axe(page)
    assert_fits(page)


def test_fit_refuses_a_wide_page(page: Page) -> None:
    show(page, BAD)
    with pytest.raises(AssertionError, match="wider than 320"):
        assert_fits(page)


def test_problems_hear_script_errors(page: Page, page_problems: Problems) -> None:
    show(page, NOISY)
    assert any("script: inline" in one for one in page_problems.seen)
    page_problems.expect("script: inline")


def test_problems_hear_policy_violations(page: Page, page_problems: Problems) -> None:
    show(page, NOISY, policy="default-src 'none'")
    page.wait_for_function("() => document.readyState === 'complete'")
    assert any("CSP: script-src-elem" in one for one in page_problems.seen)
    page_problems.expect("CSP|Content Security Policy")


def test_authenticator_makes_a_passkey(page: Page) -> None:
    show(page, GOOD)
    virtual_authenticator(page)
    made = page.evaluate(
        """async () => {
          const made = await navigator.credentials.create({publicKey: {
            rp: {id: "localhost", name: "Test"}, challenge: new Uint8Array(32),
            user: {id: new Uint8Array(16), name: "owner", displayName: "owner"},
            pubKeyCredParams: [{type: "public-key", alg: -7}],
            authenticatorSelection: {residentKey: "required", userVerification: "required"}}});
          return made.type;
        }"""
    )
    assert made == "public-key"
