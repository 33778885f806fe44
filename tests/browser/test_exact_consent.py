"""The consent page of a request whose parts have borders of their own, in a browser."""

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.consent.requests import open_request
from app.organizations.models import Client
from tests.browser.world import World
from tests.support.browser import PHONE, NewPage, assert_axe, assert_fits

pytestmark = pytest.mark.browser

TYPE = "urn:inseam:object-data"
JEANS = "Straight Leg, connected"


def ask(world: World, *entries: dict[str, Any]) -> str:
    """A request of the demo's vendor, as its server would have pushed it; the page's address."""
    state = world.app.state
    scopes = sorted({f"{kind}:read" for one in entries for kind in one["datatypes"]})
    with state.db.session() as db:
        query = select(Client).where(Client.redirect_uris != "[]", Client.name == "Mend & Co")
        client = db.scalars(query).one()
        ticket = open_request(
            db,
            state.clock,
            client=client,
            purpose=client.purposes[0],
            scopes=scopes,
            protocol={
                "redirect_uri": f"{world.vendor_url}/",
                "state": "s",
                "scopes": scopes,
                "code_challenge": "x" * 43,
            },
            redirect_host="127.0.0.1",
            life=timedelta(hours=1),
            open_scopes=[],
            entries=[{"type": TYPE} | one for one in entries],
        )
    return f"{world.url}/consent/{ticket}"


def summary(page: Page) -> str:
    return page.locator("consent-summary").inner_text()


def test_each_part_is_ticked_for_itself_and_the_summary_follows(
    owner_page: Page, world: World
) -> None:
    now = world.app.state.clock.now()
    past = {"from": (now - timedelta(days=30)).isoformat()}
    past["to"] = (now - timedelta(days=20)).isoformat()
    owner_page.goto(
        ask(
            world,
            {"datatypes": ["usage"], "limits": {"frequency": {"count": 4, "per": "day"}}},
            {"datatypes": ["care"], "window": past, "retention": "P30D"},
        )
    )
    page = owner_page
    expect(page.get_by_text("Read at most 4 times a day.")).to_be_visible()
    expect(page.get_by_text("They say that they keep it for 30 days.")).to_be_visible()
    assert_axe(page)
    assert_fits(page)
    page.get_by_role("checkbox", name=JEANS).check()
    use, care = page.locator("[name=kind]").all()
    for one in (use, care):
        one.uncheck()
    assert summary(page) == "No kind of data is ticked yet, so Mend & Co would get nothing."
    care.check()
    assert summary(page) == "What is ticked was recorded before, so Mend & Co would get nothing."
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("They ask for what was recorded before.")
    page.get_by_role("link", name="They ask for what was recorded before.").click()
    expect(page.locator("#history-from")).to_be_focused()
    page.get_by_role("radio", name="Also what was recorded before").check()
    use, care = page.locator("[name=kind]").all()
    expect(care).to_be_checked()
    expect(use).not_to_be_checked()
    assert f"may read the care of {JEANS} within the limits shown, from " in summary(page)
    page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url(f"{world.vendor_url}/?*")
    page.goto(f"{world.url}/permissions")
    page.locator("main .permission a").first.click()
    expect(page.get_by_text("What is recorded from").first).to_be_visible()
    assert_axe(page)


def test_a_permission_rests_and_goes_on_with_one_press(
    owner_page: Page, new_page: NewPage, owner_state: Any, world: World
) -> None:
    page = new_page(size=PHONE, storage_state=owner_state)
    page.goto(ask(world, {"datatypes": ["usage"]}))
    page.get_by_role("checkbox", name=JEANS).check()
    page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url(f"{world.vendor_url}/?*")
    page.goto(f"{world.url}/permissions")
    page.locator("main .permission a").first.click()
    address = page.url
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("can read nothing until you resume it")).to_be_visible()
    expect(page).to_have_url(address)
    assert_axe(page)
    assert_fits(page)
    page.goto(f"{world.url}/permissions")
    expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    assert_axe(page)
    page.goto(address)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("can read again what you gave")).to_be_visible()
