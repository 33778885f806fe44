"""The owner answers a device on another screen: the code, the question, the way back."""

import httpx2
import pytest
from playwright.sync_api import Page, expect

from app.kit.clock import SystemClock
from app.organizations.client_rules import DEVICE_CODE
from app.organizations.clients import create_client
from app.organizations.service import create_organization
from tests.browser.world import World
from tests.factories.oauth import make_purpose
from tests.support.browser import Problems, assert_axe

pytestmark = pytest.mark.browser

SCOPES = ("usage:read", "care:read")


@pytest.fixture(scope="module")
def tablet(world: World) -> tuple[str, str]:
    """A repair firm's client that shows codes."""
    clock = SystemClock()
    with world.app.state.db.session() as db:
        firm = create_organization(db, clock, "Door & Co")
        made, secret = create_client(
            db,
            clock,
            firm,
            "Door & Co",
            is_public=False,
            redirect_uris=[],
            grant_types=[DEVICE_CODE, "refresh_token"],
            scopes=SCOPES,
            purposes=[make_purpose()],
            known_scopes=SCOPES,
        )
        return made.client_id, secret or ""


def start(world: World, tablet: tuple[str, str]) -> dict[str, str]:
    form = {"scope": " ".join(SCOPES)}
    answer = httpx2.post(f"{world.url}/oauth/device_authorization", data=form, auth=tablet)
    assert answer.status_code == 200, answer.text
    told: dict[str, str] = answer.json()
    return told


def poll(world: World, tablet: tuple[str, str], code: str) -> httpx2.Response:
    form = {"grant_type": DEVICE_CODE, "device_code": code}
    return httpx2.post(f"{world.url}/oauth/token", data=form, auth=tablet)


def test_a_code_is_typed_and_answered_by_keyboard(
    world: World, tablet: tuple[str, str], owner_page: Page, page_problems: Problems
) -> None:
    page_problems.expect("422")  # the wrong code
    told = start(world, tablet)
    owner_page.goto(f"{world.url}/device")
    assert_axe(owner_page)
    owner_page.get_by_label("The code").fill("bbbb bbbb")
    owner_page.keyboard.press("Enter")
    expect(owner_page.get_by_role("alert")).to_contain_text("no such code")
    assert_axe(owner_page)
    owner_page.get_by_label("The code").fill(told["user_code"].lower().replace("-", " "))
    owner_page.keyboard.press("Enter")
    expect(owner_page.get_by_role("heading", level=1)).to_contain_text("Door & Co asks")
    expect(owner_page.get_by_text("asked on another device")).to_be_visible()
    assert_axe(owner_page)
    owner_page.get_by_role("group", name="Of which objects?").get_by_role("checkbox").first.check()
    owner_page.get_by_role("button", name="Allow", exact=True).click()
    expect(owner_page.get_by_role("heading", level=1)).to_have_text("You allowed it")
    assert_axe(owner_page)
    tokens = poll(world, tablet, told["device_code"])
    assert tokens.status_code == 200, tokens.text
    assert tokens.json()["authorization_details"]


def test_a_link_fills_the_code_in_and_no_ends_it(
    world: World, tablet: tuple[str, str], owner_page: Page
) -> None:
    told = start(world, tablet)
    owner_page.goto(told["verification_uri_complete"])
    expect(owner_page.get_by_label("The code")).to_have_value(told["user_code"])
    expect(owner_page.get_by_text("Go on only if the device")).to_be_visible()
    owner_page.get_by_role("button", name="Go on").click()
    owner_page.get_by_role("button", name="Don’t allow").click()
    expect(owner_page.get_by_role("heading", level=1)).to_have_text("You said no")
    assert poll(world, tablet, told["device_code"]).json()["error"] == "access_denied"
