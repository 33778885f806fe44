"""What a newcomer with a small phone meets: everything is within reach, nothing is cut off."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app.accounts.demo import demo_owner_id
from app.demo.products import JEANS
from app.objects.tenures import held_objects
from tests.browser.world import World
from tests.support.browser import NewPage, assert_axe, assert_fits

pytestmark = pytest.mark.browser

SMALL = (360, 780)
HEIGHT = SMALL[1]


@pytest.fixture
def phone(new_page: NewPage, owner_state: Any) -> Page:
    return new_page(size=SMALL, storage_state=owner_state)


@pytest.fixture(scope="module")
def things(world: World) -> dict[str, str]:
    """The demo owner's things by their kind."""
    with world.app.state.db.read() as db:
        return {h.product_kind: str(h.object_id) for h in held_objects(db, demo_owner_id(1))}


def top(place: Locator) -> float:
    return float(place.evaluate("(e) => e.getBoundingClientRect().top + scrollY"))


def lines(place: Locator) -> int:
    """In how many lines a text stands."""
    script = """(e) => {
      const range = document.createRange();
      range.selectNodeContents(e);
      return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
    }"""
    return int(place.evaluate(script))


@pytest.mark.parametrize("width", [320, 360, 390])
def test_the_doors_stand_in_one_line(new_page: NewPage, world: World, width: int) -> None:
    page = new_page(size=(width, HEIGHT))
    page.goto(f"{world.url}/sign-in")
    for name in ("Sign in", "Create account"):
        door = page.locator(".doors a", has_text=name)
        assert lines(door) == 1
        box = door.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width - 15  # the page's margin
        assert box["height"] >= 44
    assert_fits(page, width)


def test_claiming_is_within_reach(phone: Page, world: World) -> None:
    phone.goto(f"{world.url}/claim")
    phone.get_by_label("Code on the label").fill(world.mint()["claim_code"])
    phone.get_by_role("button", name="Look at it").click()
    assert top(phone.get_by_role("button", name="Claim it")) < 3 * HEIGHT
    facts = phone.get_by_text("Where it is stored").first
    expect(facts).to_be_hidden()
    for title in ("When you wear them", "Where you go"):
        expect(phone.get_by_role("heading", name=title)).to_be_visible()
    expect(phone.get_by_text("What the maker keeps:")).to_have_count(4)
    phone.locator("summary", has_text="When you wear them").click()
    expect(facts).to_be_visible()
    expect(phone.get_by_text("on the device and on a server").first).to_be_visible()
    assert_axe(phone)
    assert_fits(phone, SMALL[0])


def test_the_label_leads_to_the_field_for_its_code(new_page: NewPage, world: World) -> None:
    page = new_page(size=SMALL)
    page.goto(f"{world.url}/01/{JEANS['gtin']}/21/{world.mint()['serial']}")
    button = page.get_by_role("button", name="Look at it")
    expect(button).to_be_in_viewport(ratio=1)
    for heading in ("About this one", "Its identity"):
        assert top(page.get_by_role("heading", name=heading)) > top(button)


@pytest.mark.parametrize("size", [SMALL, (700, 900), (1280, 900)])
@pytest.mark.parametrize("kind", ["jeans", "washing machine"])
def test_the_latest_records_are_shown_whole(
    new_page: NewPage,
    owner_state: Any,
    world: World,
    things: dict[str, str],
    size: tuple[int, int],
    kind: str,
) -> None:
    page = new_page(size=size, storage_state=owner_state)
    page.goto(f"{world.url}/objects/{things[kind]}")
    table = page.get_by_role("table", name="Latest records")
    expect(table.get_by_role("row")).to_have_count(13)
    expect(table.get_by_role("rowheader")).to_have_count(12)
    frame = table.locator("xpath=..").bounding_box()
    assert frame is not None
    for cell in table.locator("tbody th, tbody td").all():
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
        assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 1
        assert cell.evaluate("(e) => e.scrollWidth <= e.clientWidth + 1")


@pytest.mark.parametrize("size", [SMALL, (1280, 900)])
def test_text_in_a_year_has_the_size_of_text(
    new_page: NewPage,
    owner_state: Any,
    world: World,
    things: dict[str, str],
    size: tuple[int, int],
) -> None:
    page = new_page(size=size, storage_state=owner_state)
    page.goto(f"{world.url}/objects/{things['jeans']}?period=year")
    heights = page.locator("svg.plot-year text:visible").evaluate_all(
        "(texts) => texts.map((text) => text.getBoundingClientRect().height)"
    )
    assert heights
    assert max(heights) < 20
    assert min(heights) > 10
    expect(page.get_by_text("nothing recorded").first).to_be_visible()


def test_an_icon_stands_in_the_line_of_its_link(
    owner_page: Page, world: World, things: dict[str, str]
) -> None:
    owner_page.goto(f"{world.url}/objects/{things['jeans']}?period=month")
    owner_page.get_by_text("As a table").first.click()
    link = owner_page.get_by_role("link", name="Take it as CSV").first
    icon, text = link.locator("svg").bounding_box(), link.bounding_box()
    assert icon is not None
    assert text is not None
    assert text["height"] <= 48
    assert link.evaluate(
        """(e) => {
          const range = document.createRange();
          range.selectNodeContents(e.lastChild);
          const icon = e.querySelector("svg").getBoundingClientRect();
          const text = range.getBoundingClientRect();
          return icon.top < text.bottom && text.top < icon.bottom && icon.right <= text.left;
        }"""
    )
