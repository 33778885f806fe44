"""The consent page as a browser shows it: its first view, its warning, its summary, its answers."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.accounts.demo import demo_owner_id
from tests.browser.world import World, connect, sign_in_to_demo
from tests.support.browser import PHONE, NewPage

pytestmark = pytest.mark.browser

JEANS, WASHER = "Straight Leg, connected", "Drum 7, connected"
MOST_SENTENCES = 6
FEWEST_WORDS = 4  # what is shorter is a label, not a sentence
SIZES = ["width", "height"]
STYLES = ["fontWeight", "fontSize", "color", "backgroundColor", "borderColor", "opacity"]

# The texts that can be read without scrolling: in the window, and not below anything else.
IN_VIEW = """() => {
  const blocks = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, range = document.createRange();
    range.selectNodeContents(node);
    const seen = [...range.getClientRects()].some((box) => {
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      return box.width > 2 && node.parentElement.contains(document.elementFromPoint(x, y));
    });
    if (!seen || !node.data.trim()) continue;
    const block = node.parentElement.closest('p, h1, h2, li, label, legend, footer, button, div');
    blocks.set(block, (blocks.get(block) ?? '') + node.data);
  }
  return [...blocks.values()];
}"""
LOOK = """(button, [sizes, styles]) => {
  const style = getComputedStyle(button), box = button.getBoundingClientRect();
  return [...sizes.map((name) => box[name]), ...styles.map((name) => style[name])];
}"""


@pytest.fixture
def asked(owner_page: Page, world: World) -> Page:
    """The consent page at a desk."""
    connect(owner_page, world)
    return owner_page


def box(page: Page, name: str) -> Any:
    return page.get_by_role("checkbox", name=name)


def allow(page: Page) -> None:
    page.get_by_role("button", name="Allow", exact=True).click()


def summary(page: Page) -> str:
    return page.locator("consent-summary").inner_text()


def sentences(texts: list[str]) -> list[str]:
    """Every run of words between full stops that is long enough to be one."""
    lines = [" ".join(text.split()) + " " for text in texts]
    parts = [part for line in lines for part in re.split(r"[.?!]”?\s", line)]
    return [part for part in parts if len(part.split()) >= FEWEST_WORDS]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_first_view_on_a_phone(
    new_page: NewPage, world: World, owner_state: Any, theme: str
) -> None:
    page = new_page(size=PHONE, theme=theme, storage_state=owner_state)
    connect(page, world)
    said = sentences(page.evaluate(IN_VIEW))
    assert any("asks to read data from your things" in one for one in said)
    assert len(said) <= MOST_SENTENCES, said
    buttons = [page.locator(f"button[value={value}]") for value in ("refuse", "allow")]
    for button in buttons:
        expect(button).to_be_in_viewport(ratio=1)
    refuse, allow = (button.evaluate(LOOK, [SIZES, STYLES]) for button in buttons)
    assert refuse == allow


def test_a_needed_kind_can_be_left_out(asked: Page, world: World) -> None:
    """It warns, and does not stand in the way."""
    box(asked, WASHER).check()
    warnings = asked.get_by_text("says it needs this. You can still leave it out")
    visible = asked.locator(".dropped:visible")
    expect(visible).to_have_count(0)
    for count, kind in enumerate(("How you use it", "How you look after it"), 1):
        box(asked, kind).uncheck()
        expect(visible).to_have_count(count)
    expect(warnings.first).to_be_visible()
    assert summary(asked) == "No kind of data is ticked yet, so Mend & Co would get nothing."
    box(asked, WASHER).uncheck()
    assert summary(asked) == "Nothing is ticked yet, so Mend & Co would get nothing."
    box(asked, WASHER).check()
    box(asked, "Its condition").check()
    allow(asked)
    asked.wait_for_url(f"{world.vendor_url}/jeans")
    expect(asked.get_by_text("What you kept")).to_be_visible()


def test_first_view_says_that_no_object_is_ticked(asked: Page) -> None:
    expect(box(asked, "How you use it")).to_be_checked()
    assert summary(asked) == "No object is ticked yet, so Mend & Co would get nothing."


def test_summary_without_script_is_true_whatever_is_ticked(
    new_page: NewPage, world: World, owner_state: Any
) -> None:
    page = new_page(javascript=False, storage_state=owner_state)
    connect(page, world)
    said = summary(page)
    assert said == "Mend & Co gets what is ticked when you press Allow."
    box(page, JEANS).check()
    assert summary(page) == said


def test_way_back_after_a_mistake_that_was_mended(asked: Page, world: World) -> None:
    """No page of the way is the answer to a POST, which a browser would not show again."""
    address = asked.url
    box(asked, "Its condition").check()
    allow(asked)
    expect(asked.get_by_role("alert")).to_be_visible()
    asked.reload()
    expect(box(asked, "Its condition")).to_be_checked()
    expect(asked.get_by_role("alert")).to_be_visible()
    box(asked, JEANS).check()
    allow(asked)
    asked.wait_for_url(f"{world.vendor_url}/jeans")
    asked.go_back()
    expect(asked).to_have_url(address)
    expect(asked.get_by_role("heading", name="You allowed it")).to_be_visible()


def test_a_no_leaves_what_was_given_before(asked: Page, world: World) -> None:
    box(asked, JEANS).check()
    allow(asked)
    asked.wait_for_url(f"{world.vendor_url}/jeans")
    connect(asked, world)
    address = asked.url
    expect(asked.get_by_text("gets nothing new")).to_be_visible()
    asked.get_by_role("button", name="Don’t allow").click()
    asked.wait_for_url(f"{world.vendor_url}/callback?*")
    asked.goto(address)
    expect(asked.get_by_text("It keeps what you gave on")).to_be_visible()
    asked.locator("main a[href^='/permissions/']").first.click()
    expect(asked.get_by_role("button", name="Take it back")).to_be_visible()


def test_nothing_ticked_is_said_and_nothing_is_lost(asked: Page) -> None:
    box(asked, "Its condition").check()
    allow(asked)
    expect(asked.get_by_role("alert")).to_be_visible()
    expect(asked.get_by_role("alert")).to_be_focused()
    expect(box(asked, "Its condition")).to_be_checked()


def test_summary_follows_what_is_ticked(asked: Page) -> None:
    box(asked, JEANS).check()
    box(asked, WASHER).check()
    box(asked, "Your body").check()
    box(asked, "How you look after it").uncheck()
    today = date.fromisoformat(str(asked.get_by_label("ends on").get_attribute("min")))
    asked.get_by_label("ends on").fill((today + timedelta(days=900)).isoformat())
    since = today - timedelta(days=40)
    asked.get_by_label("Since", exact=True).fill(since.isoformat())
    expect(asked.get_by_role("radio", name="Also what was recorded before")).to_be_checked()
    end = today + timedelta(days=900)
    listed = asked.locator("#objects label").all_inner_texts()
    first, second = [name for name in listed if name in (JEANS, WASHER)]
    assert summary(asked) == (
        f"Mend & Co may read the use and body data by the day of {first} and {second}, "
        f"from {since.day} {since:%b %Y} on, until {end.day} {end:%b %Y}."
    )
    asked.get_by_label("Told (Your body)").select_option(label="By the week")
    asked.get_by_label("Told (How you use it)").select_option(label="By the month")
    assert "the use by the month and body data by the week of" in summary(asked)


def test_history_from_an_earlier_day_is_granted(asked: Page, world: World) -> None:
    box(asked, JEANS).check()
    today = date.fromisoformat(str(asked.get_by_label("ends on").get_attribute("min")))
    since = today - timedelta(days=20)
    asked.get_by_label("Since", exact=True).fill(since.isoformat())
    allow(asked)
    asked.wait_for_url(f"{world.vendor_url}/jeans")
    asked.go_back()
    asked.get_by_role("link", name="See the permission").click()
    expect(asked.get_by_text(f"Recorded since {since.day} {since:%b %Y}")).to_be_visible()


def test_without_script_end_to_end(new_page: NewPage, world: World) -> None:
    """Signed out at first; the answer leads to another site, which the page's policy allows."""
    page = new_page(javascript=False, size=PHONE)
    page.goto(world.vendor_url)
    page.get_by_role("link", name="Connect your jeans").click()
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    page.locator(f"button[value='{demo_owner_id(2)}']").click()
    page.wait_for_url(f"{world.url}/consent/*")
    expect(box(page, JEANS)).to_be_checked()  # the only thing there is
    box(page, "How you use it").uncheck()
    expect(page.locator(".dropped:visible")).to_have_count(1)
    allow(page)
    page.wait_for_url(f"{world.vendor_url}/jeans")
    expect(page.get_by_role("heading", name=JEANS)).to_be_visible()


def test_refusal_without_script(new_page: NewPage, world: World, owner_state: Any) -> None:
    page = new_page(javascript=False, storage_state=owner_state)
    connect(page, world)
    page.get_by_role("button", name="Don’t allow").click()
    page.wait_for_url(f"{world.vendor_url}/callback?*")
    expect(page.get_by_role("heading", name="You said no, and that is fine")).to_be_visible()


def test_reload_and_the_way_back(asked: Page, world: World) -> None:
    """A request that waits can be looked at again; one that was answered says so."""
    address = asked.url
    asked.reload()
    expect(asked.get_by_role("button", name="Allow", exact=True)).to_be_visible()
    box(asked, JEANS).check()
    allow(asked)
    asked.wait_for_url(f"{world.vendor_url}/jeans")
    asked.go_back()
    expect(asked).to_have_url(address)
    expect(asked.get_by_role("heading", name="You allowed it")).to_be_visible()
    expect(asked.locator("button[name=answer]")).to_have_count(0)
    asked.reload()
    asked.get_by_role("link", name="See the permission").click()
    expect(asked.get_by_role("heading", name="Mend & Co", exact=True)).to_be_visible()


def test_an_answer_in_another_tab_counts_once(asked: Page, world: World) -> None:
    other = asked.context.new_page()
    other.goto(asked.url)
    box(other, JEANS).check()
    allow(other)
    other.wait_for_url(f"{world.vendor_url}/jeans")
    box(asked, WASHER).check()
    allow(asked)
    expect(asked.get_by_role("heading", name="You have answered already")).to_be_visible()


def test_somebody_else_finds_no_request(asked: Page, new_page: NewPage, world: World) -> None:
    stranger = new_page()
    sign_in_to_demo(stranger, world, 2)
    answer = stranger.request.get(asked.url)
    assert answer.status == 404
    assert "There is no such request" in answer.text()
