"""An owner registers an app of their own and connects it, with and without script."""

import base64
import hashlib
import re
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from playwright.sync_api import Page, Route, expect

from app.organizations.client_rules import plain_name
from tests.browser.world import World, sign_in_to_demo
from tests.support.browser import PHONE, NewPage, Problems, assert_axe, assert_fits

pytestmark = pytest.mark.browser

JEANS = "Straight Leg, connected"
CALLBACK = "http://localhost:8123/auth/callback"


def register(page: Page, world: World, name: str) -> dict[str, str]:
    """Through the security page; what the app's page says to put into it."""
    page.goto(f"{world.url}/security")
    page.get_by_text("Register an app").click()
    page.get_by_label("What do you call it?").fill(name)
    page.get_by_label("Where may the answer go?").fill(CALLBACK)
    page.get_by_role("checkbox", name="How you use it").check()
    page.get_by_role("checkbox", name="How you look after it").check()
    page.get_by_role("button", name="Register the app").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    lines = [line.split("=", 1) for line in page.locator(".app-env .code").all_inner_texts()]
    return {key: value.strip('"') for key, value in lines}


def authorize(page: Page, told: dict[str, str], verifier: str) -> None:
    """As the app does: to the address it was told, with what it was told."""
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": told["INSEAM_CLIENT_ID"],
        "redirect_uri": CALLBACK,
        "scope": told["INSEAM_SCOPE"],
        "state": "s",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    page.goto(f"{told['INSEAM_AUTHORIZE_URL']}?{urlencode(query)}")


def answer_callback(page: Page) -> None:
    """The app that the browser comes back to."""

    def fulfill(route: Route) -> None:
        route.fulfill(body="<h1>Connected</h1>", content_type="text/html")

    page.context.route(f"{CALLBACK}*", fulfill)


def allow(page: Page) -> str:
    """Use and care of the jeans, until the owner ends it; the code."""
    expect(page.get_by_role("radio", name="Until you end it")).to_be_checked()
    expect(page.get_by_text("not verified")).to_have_count(0)
    for name in (JEANS, "How you use it", "How you look after it"):
        page.get_by_role("checkbox", name=name).check()
    page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url(f"{CALLBACK}?*")
    return parse_qs(urlsplit(page.url).query)["code"][0]


def post(told: dict[str, str], **form: str) -> dict[str, Any]:
    auth = (told["INSEAM_CLIENT_ID"], told["INSEAM_CLIENT_SECRET"])
    answer = httpx2.post(told["INSEAM_TOKEN_URL"], data=form, auth=auth)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read(told: dict[str, str], token: str) -> httpx2.Response:
    return httpx2.get(told["INSEAM_DATA_URL"], headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_own_app_is_registered_connected_reads_and_ends(
    new_page: NewPage, world: World, owner_state: Any, script: bool
) -> None:
    page = new_page(size=PHONE, javascript=script, storage_state=owner_state)
    name = "Hearth" if script else "Cron job"
    answer_callback(page)
    told = register(page, world, name)
    verifier = secrets.token_urlsafe(48)
    authorize(page, told, verifier)
    code = allow(page)
    tokens = post(
        told,
        grant_type="authorization_code",
        code=code,
        redirect_uri=CALLBACK,
        code_verifier=verifier,
    )
    for _ in range(2):
        again = post(told, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert again["refresh_token"] == tokens["refresh_token"]
    (thing,) = read(told, again["access_token"]).json()["objects"]
    assert thing["id"] == tokens["authorization_details"][0]["identifier"]

    page.goto(f"{world.url}/permissions")
    page.get_by_role("link", name=f"Yourself: {name}").click()
    expect(page.get_by_text("when you end it")).to_be_visible()
    page.goto(f"{world.url}/security")
    page.get_by_role("button", name=f"End it {name}").click()
    expect(page.get_by_text(f"{name} has ended.")).to_be_visible()
    assert read(told, again["access_token"]).status_code in (401, 403)


def test_summary_says_until_you_end_it(owner_page: Page, world: World) -> None:
    told = register(owner_page, world, "Summary")
    authorize(owner_page, told, "v" * 43)
    for name in (JEANS, "How you use it"):
        owner_page.get_by_role("checkbox", name=name).check()
    summary = owner_page.locator("consent-summary")
    expect(summary).to_contain_text(
        f"Yourself: Summary may read the use of {JEANS}, from today on, until you end it."
    )
    day = owner_page.get_by_label("ends on")
    day.fill(str(day.get_attribute("max")))
    expect(owner_page.get_by_role("radio", name="Until a day")).to_be_checked()
    expect(summary).not_to_contain_text("until you end it")


def test_stranger_finds_no_request_of_it(owner_page: Page, new_page: NewPage, world: World) -> None:
    told = register(owner_page, world, "Mine alone")
    stranger = new_page()
    sign_in_to_demo(stranger, world, 2)
    authorize(owner_page, told, "v" * 43)
    answer = stranger.request.get(owner_page.url)
    assert answer.status == 404
    assert "There is no such request" in answer.text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_of_own_apps_read_well(
    new_page: NewPage, world: World, owner_state: Any, page_problems: Problems, theme: str
) -> None:
    page = new_page(theme=theme, storage_state=owner_state)
    page_problems.expect("422.*/security/apps")  # an address that cannot be taken
    register(page, world, f"Well read, {theme}")
    assert_axe(page)
    assert_fits(page)
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator(".status").first).to_contain_text(re.compile("Copied|not allowed"))
    page.goto(f"{world.url}/security")
    page.get_by_text("Register an app").click()
    page.get_by_label("What do you call it?").fill("x")
    page.get_by_label("Where may the answer go?").fill("http://home.example/")
    page.get_by_role("button", name="Register the app").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be taken")
    assert_axe(page)
    assert_fits(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_consent_of_an_own_app_and_the_question_read_well(
    new_page: NewPage, world: World, owner_state: Any, theme: str
) -> None:
    page = new_page(theme=theme, storage_state=owner_state)
    answer_callback(page)
    told = register(page, world, f"Asked, {theme}")
    authorize(page, told, "v" * 43)
    assert_axe(page)
    assert_fits(page)
    allow(page)
    make_old(world, f"Asked, {theme}")
    for path in ("/home", "/permissions"):
        page.goto(f"{world.url}{path}")
        expect(page.get_by_text(f"Asked, {theme} has had your permission")).to_be_visible()
        assert_axe(page)
        assert_fits(page)
    page.get_by_role("button", name=f"Keep (the permission of Yourself: Asked, {theme})").click()
    expect(page.get_by_text("keeps your permission.")).to_be_visible()


def make_old(world: World, name: str) -> None:
    """As if its permission had been given 91 days ago."""
    from app.consent.models import Grant, GrantEvent
    from app.organizations.models import Client

    with world.app.state.db.session() as db:
        (client,) = [c for c in db.query(Client) if plain_name(c.name) == name]
        grant = db.query(Grant).filter(Grant.client_id == client.client_id).one()
        event = db.query(GrantEvent).filter(GrantEvent.grant_id == grant.grant_id).one()
        for row, column in ((grant, "created_at"), (event, "at")):
            setattr(row, column, getattr(row, column) - timedelta(days=91))
