"""Signing up and in, in a real browser: passkeys with a virtual device, links, no script at all."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import (
    LiveServer,
    NewPage,
    Problems,
    assert_axe,
    assert_fits,
    virtual_authenticator,
)

pytestmark = pytest.mark.browser

HOME = re.compile(r":\d+/home$")
# Without the browser's own list of passkeys, from which the virtual device chooses by itself.
NO_OFFER = "PublicKeyCredential.isConditionalMediationAvailable = async () => false;"
SECURITY = re.compile(r":\d+/security$")


def create_by_passkey(page: Page, url: str, name: str = "Ana") -> str:
    """An account made at the page; the id of the device."""
    page.goto(f"{url}/create")
    device = virtual_authenticator(page)
    page.get_by_label("What should we call you?").fill(name)
    page.get_by_role("button", name="Create a passkey").click()
    page.wait_for_url(HOME)
    return device


def forget_sign_in(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile(r"/$"))


def sign_in_by_link(page: Page, url: str, email: str = "owner@mail.example") -> None:
    page.goto(f"{url}/sign-in?next=/security")
    page.get_by_label("Your e-mail address").fill(email)
    page.get_by_role("button", name="Send me a link").click()
    page.goto(f"{url}/dev/mail")
    page.get_by_role("link", name="Open the link").first.click()
    page.get_by_role("button", name=re.compile("Create my account|Sign in")).click()
    page.wait_for_url(SECURITY)


def test_passkey_makes_an_account_and_opens_it_again(page: Page, live_server: LiveServer) -> None:
    create_by_passkey(page, live_server.url)
    page.goto(f"{live_server.url}/security")
    expect(page.get_by_text("Chromium on Linux").first).to_be_visible()
    forget_sign_in(page)
    page.add_init_script(NO_OFFER)
    page.goto(f"{live_server.url}/sign-in?next=/security")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(SECURITY)
    expect(page.get_by_label("What we call you")).to_have_value("Ana")


def test_browser_offers_the_passkey_by_itself(page: Page, live_server: LiveServer) -> None:
    create_by_passkey(page, live_server.url)
    forget_sign_in(page)
    page.goto(f"{live_server.url}/sign-in?next=/security")
    page.wait_for_url(SECURITY)


def test_person_who_is_not_verified_stays_out(
    page: Page, live_server: LiveServer, page_problems: Problems
) -> None:
    device = create_by_passkey(page, live_server.url)
    forget_sign_in(page)
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    told = {"authenticatorId": device, "isUserVerified": False}
    session.send("WebAuthn.setUserVerified", told)
    page.add_init_script(NO_OFFER)
    page.goto(f"{live_server.url}/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("status")).to_contain_text(re.compile("cancelled|not accepted"))
    page.goto(f"{live_server.url}/security")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_second_passkey_and_the_zone_of_the_browser(
    new_page: NewPage, live_server: LiveServer
) -> None:
    page = new_page(timezone_id="Asia/Tokyo")
    page.goto(f"{live_server.url}/create")
    page.get_by_label("Your e-mail address").fill("owner@mail.example")
    page.get_by_role("button", name="Send me a link").click()
    page.goto(f"{live_server.url}/dev/mail")
    page.get_by_role("link", name="Open the link").click()
    page.get_by_role("button", name="Create my account").click()
    page.wait_for_url(HOME)
    page.goto(f"{live_server.url}/security")
    expect(page.get_by_label("Days and times are shown in")).to_have_value("Asia/Tokyo")
    virtual_authenticator(page)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey works from now on.")).to_be_visible()


def test_link_signs_in_without_any_script(new_page: NewPage, live_server: LiveServer) -> None:
    page = new_page(javascript=False)
    sign_in_by_link(page, live_server.url)
    expect(page.get_by_text("owner@mail.example")).to_be_visible()
    page.get_by_role("button", name="Make new codes").click()
    expect(page.locator("li.code")).to_have_count(10)
    page.reload()
    expect(page.get_by_role("heading", name="Security")).to_be_visible()


def test_pages_of_the_account_read_well(
    page: Page, live_server: LiveServer, page_problems: Problems
) -> None:
    page_problems.expect("404")  # one of the pages is the one for unknown addresses
    url = live_server.url
    for path in ("/", "/sign-in", "/create", "/sign-in/sent", "/problems", "/about", "/nowhere"):
        page.goto(f"{url}{path}")
        assert_axe(page)
        assert_fits(page)
    sign_in_by_link(page, url)
    assert_axe(page)
    assert_fits(page)


def test_documentation_opens_offline(page: Page, live_server: LiveServer) -> None:
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.goto(f"{live_server.url}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    ours = (live_server.url, "data:", "blob:")
    assert [url for url in seen if not url.startswith(ours)] == []


def test_bare_address_becomes_localhost(page: Page, serve: Callable[..., LiveServer]) -> None:
    url = serve().url
    page.goto(url.replace("localhost", "127.0.0.1") + "/create")
    assert page.url == f"{url}/create"
