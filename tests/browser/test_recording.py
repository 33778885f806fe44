"""Pausing, keeping for less and erasing, on a phone without script and at a desk."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.accounts.demo import demo_owner_id
from app.objects.tenures import held_objects
from tests.browser.world import World
from tests.support.browser import PHONE, NewPage, Problems, assert_axe, assert_fits

pytestmark = pytest.mark.browser

PLACES = "Where you go"


@pytest.fixture
def jeans(world: World) -> str:
    with world.app.state.db.read() as db:
        held = held_objects(db, demo_owner_id(1))
    (found,) = [str(one.object_id) for one in held if one.product_kind == "jeans"]
    return found


def row(page: Page, title: str) -> Any:
    return page.locator("#recording .rows > li").filter(has_text=title)


def check(page: Page) -> None:
    assert_axe(page)
    assert_fits(page)


@pytest.mark.parametrize("javascript", [False, True])
def test_an_owner_decides_what_is_recorded(
    new_page: NewPage,
    world: World,
    owner_state: Any,
    jeans: str,
    page_problems: Problems,
    javascript: bool,
) -> None:
    page = new_page(
        size=PHONE if not javascript else (1280, 900),
        javascript=javascript,
        storage_state=owner_state,
    )
    page.goto(f"{world.url}/objects/{jeans}")
    row(page, PLACES).get_by_role("button", name="Pause").click()
    expect(page.get_by_text(f"“{PLACES}” is not recorded any more.")).to_be_visible()
    expect(row(page, PLACES).get_by_text("Paused since")).to_be_visible()
    page.get_by_role("button", name="Pause everything").click()
    expect(page.get_by_text("Nothing of it is recorded any more.")).to_be_visible()
    assert world.maker.send(jeans, world.wear()) == ["refused"]
    if javascript:
        check(page)
    page.get_by_role("button", name="Record again").click()
    expect(page.get_by_text("It records again.")).to_be_visible()
    assert world.maker.send(jeans, world.wear()) == ["stored"]
    keep_for_less(page, page_problems, javascript)
    erase_a_part(page, javascript)


def keep_for_less(page: Page, problems: Problems, javascript: bool) -> None:
    row(page, PLACES).get_by_role("link", name="How long").click()
    expect(page.get_by_role("heading", name="How long is it kept?")).to_be_visible()
    days = page.get_by_label("Days")
    if javascript:
        days.evaluate("field => field.removeAttribute('max')")
    days.fill("91" if javascript else "30")
    page.get_by_role("button", name="Look what goes").click()
    if javascript:
        expect(page.get_by_role("alert")).to_contain_text("90 days at most")
        problems.expect("422")
        page.get_by_label("Days").fill("30")
        page.get_by_role("button", name="Look what goes").click()
    expect(page.get_by_role("heading", name="Keep it for 30 days?")).to_be_visible()
    # Where both run on one world, the first has erased the places.
    expect(page.get_by_text(re.compile("nothing goes now|go now, for good"))).to_be_visible()
    page.get_by_role("button", name="Keep it for 30 days").click()
    expect(row(page, PLACES).get_by_text("Kept for 30 days, as you chose")).to_be_visible()
    row(page, PLACES).get_by_role("link", name="How long").click()
    page.get_by_role("button", name="As the maker says").click()
    expect(row(page, PLACES).get_by_text("Kept for 90 days, as the maker")).to_be_visible()


def erase_a_part(page: Page, javascript: bool) -> None:
    page.get_by_role("link", name="Erase a part").click()
    page.get_by_label("What").select_option(label=PLACES)
    if javascript:
        page.get_by_label("What").select_option(label="When you wear them")
    page.get_by_role("button", name="Look what goes").click()
    expect(page.get_by_text("It cannot be undone.")).to_be_visible()
    if javascript:
        check(page)
    page.get_by_role("button", name="Erase").click()
    removed = page.get_by_role("table", name="What was removed")
    expect(removed).to_contain_text("You erased it")
    if javascript:
        check(page)
