"""Every page in light and dark and at 320 pixels: axe, the console, the policy, no overflow."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from app.accounts.demo import demo_owner_id
from app.demo.products import JEANS
from app.objects.tenures import held_objects
from tests.browser.world import World, connect, sign_in_to_demo
from tests.support.browser import PHONE, NewPage, Problems, assert_axe, assert_fits, axe_violations

pytestmark = pytest.mark.browser

Places = dict[str, str]
SWAGGER_FAULTS = {"color-contrast", "heading-order", "nested-interactive", "target-size"}

SIGNED_OUT = {
    "start": "/",
    "sign in": "/sign-in",
    "create": "/create",
    "sent": "/sign-in/sent",
    "passport": "/o/{jeans}",
    "passport by link": "/01/{gtin}/21/SL-000001",
    "product": "/01/{gtin}",
    "problems": "/problems",
    "problem": "/problems/object-unclaimed",
    "mail": "/dev/mail",
    "sign-in link": "{link}",
    "code": "/claim",
    "about": "/about",
    "unknown": "/nowhere",
}
SIGNED_IN = {
    "home": "/home",
    "jeans, day": "/objects/{jeans}?period=day",
    "jeans, week": "/objects/{jeans}?period=week",
    "jeans, month": "/objects/{jeans}?period=month",
    "jeans, year": "/objects/{jeans}?period=year",
    "jacket, month": "/objects/{jacket}?period=month",
    "washing machine, month": "/objects/{washing machine}?period=month",
    "jeans, keep": "/objects/{jeans}/keep/place",
    "jeans, keep for less": "/objects/{jeans}/keep/place?days=30",
    "jeans, erase": "/objects/{jeans}/erase",
    "jeans, erase all": "/objects/{jeans}/erase?look=1",
    "claim": "{claim}",
    "claimed": "{claimed}",
    "requests": "/requests",
    "consent": "{consent}",
    "consent, answered": "{answered}",
    "permissions": "/permissions",
    "permission": "{active}",
    "permission, over": "{over}",
    "history": "/history",
    "exports": "/exports",
    "export, waiting": "{waiting}",
    "export, done": "{done}",
    "security": "/security",
    "unknown": "/nowhere",
}


@pytest.fixture(scope="module")
def places(browser: Browser, world: World) -> Places:
    """The addresses of pages that come to be by doing something."""
    with world.app.state.db.read() as db:
        held = held_objects(db, demo_owner_id(1))
    found: Places = {h.product_kind: str(h.object_id) for h in held} | {"gtin": JEANS["gtin"]}
    context = browser.new_context()
    page = context.new_page()
    found["link"] = leave_letter(page, world)
    sign_in_to_demo(page, world)
    found["claim"], found["claimed"] = leave_claims(page, world)
    found["answered"], found["consent"] = leave_requests(page, world)
    page.goto(f"{world.url}/permissions")
    ended = page.locator(".permission.over a").first
    live = page.locator(".permission:not(.over) a").first
    found["active"], found["over"] = (str(x.get_attribute("href")) for x in (live, ended))
    found["done"], found["waiting"] = leave_exports(page, world)
    context.close()
    return found


def leave_letter(page: Page, world: World) -> str:
    page.goto(f"{world.url}/create")
    page.get_by_label("Your e-mail address").fill("somebody@mail.example")
    page.get_by_role("button", name="Send me a link").click()
    page.goto(f"{world.url}/dev/mail")
    return str(page.get_by_role("link", name="Open the link").first.get_attribute("href"))


def leave_claims(page: Page, world: World) -> tuple[str, str]:
    """A page that looks at a thing, and one that says it was claimed."""
    looks = []
    for _ in range(2):
        page.goto(f"{world.url}/claim")
        page.get_by_label("Code on the label").fill(world.mint()["claim_code"])
        page.get_by_role("button", name="Look at it").click()
        looks.append(page.url)
    page.get_by_label("What do you call it?").fill("A pair for the garden")
    page.get_by_role("button", name="Claim it").click()
    page.wait_for_url("**/done")
    return looks[0], page.url


def leave_requests(page: Page, world: World) -> tuple[str, str]:
    """A request that was refused, and one that waits."""
    connect(page, world)
    answered = page.url
    page.get_by_role("button", name="Don’t allow").click()
    page.wait_for_url(f"{world.vendor_url}/callback*")
    connect(page, world)
    return answered, page.url


def leave_exports(page: Page, world: World) -> tuple[str, str]:
    """A copy that is ready, and one that waits for its worker."""
    made = []
    for _ in range(2):
        page.goto(f"{world.url}/exports")
        page.get_by_role("button", name="Make an export").click()
        page.wait_for_url("**/exports/*-*")
        made.append(page.url)
        if len(made) == 1:
            world.finish_jobs()
    return made[0], made[1]


def check(page: Page, world: World, address: str, problems: Problems) -> None:
    url = address if address.startswith("http") else f"{world.url}{address}"
    if url.endswith("/nowhere"):
        problems.expect("404")
    page.goto(url)
    expect(page.locator("h1")).to_be_visible()
    assert_axe(page)
    assert_fits(page)


@pytest.mark.parametrize("name", SIGNED_OUT)
def test_page_for_anyone(
    name: str, page: Page, world: World, places: Places, page_problems: Problems
) -> None:
    check(page, world, SIGNED_OUT[name].format(**places), page_problems)


@pytest.mark.parametrize("name", SIGNED_IN)
def test_page_of_an_owner(
    name: str, owner_page: Page, world: World, places: Places, page_problems: Problems
) -> None:
    check(owner_page, world, SIGNED_IN[name].format(**places), page_problems)


def test_menu_on_a_phone(new_page: NewPage, world: World, owner_state: Any) -> None:
    page = new_page(size=PHONE, storage_state=owner_state)
    page.goto(f"{world.url}/home")
    page.get_by_role("button", name=re.compile("^Menu")).click()
    expect(page.get_by_role("link", name="Security")).to_be_visible()
    assert_axe(page)
    assert_fits(page)


def test_documentation(page: Page, world: World) -> None:
    """Its frame is ours; the reader inside is Swagger UI, with faults of its own."""
    page.goto(f"{world.url}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    assert_fits(page)
    rules = {violation.partition(" ")[0] for violation in axe_violations(page)}
    assert rules <= SWAGGER_FAULTS
