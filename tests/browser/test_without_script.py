"""The owner's whole way with JavaScript off: in by e-mail, claim, connect, take back, take out."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.world import World, connect
from tests.support.browser import PHONE, NewPage, Problems

pytestmark = pytest.mark.browser

OBJECT = "Work jeans"
RELOADED_MS = 8_000  # the page comes again every four seconds


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page(javascript=False, size=PHONE)


def type_code(page: Page, code: str) -> None:
    page.get_by_label("Code on the label").fill(code)
    page.get_by_role("button", name="Look at it").click()


def sign_in_by_mail(page: Page, world: World) -> None:
    """From the sign-in page that somebody was sent to; the link leads back to where they were."""
    expect(page.locator("noscript p")).to_be_visible()
    expect(page.get_by_role("button", name="passkey")).to_have_count(0)
    page.get_by_label("Your e-mail address").fill("no-script@mail.example")
    page.get_by_role("button", name="Send me a link").click()
    page.get_by_role("link", name="Read it here").click()
    page.get_by_role("link", name="Open the link").first.click()
    page.get_by_role("button", name="Create my account").click()


def test_everything_works_without_script(
    page: Page, world: World, tmp_path: Path, page_problems: Problems
) -> None:
    page_problems.expect("422.*/claim")  # a mistyped code
    label = world.mint()
    page.goto(f"{world.url}/claim")
    type_code(page, label["claim_code"])
    sign_in_by_mail(page, world)
    page.wait_for_url(f"{world.url}/claim")
    claim_by_typed_code(page, label["claim_code"])
    assert world.maker.send(label["object_id"], world.wear()) == ["stored"]

    allow_and_take_back(page, world)
    take_copy(page, world, tmp_path)


def claim_by_typed_code(page: Page, code: str) -> None:
    type_code(page, f"{code[:-1]}{'0' if code[-1] != '0' else '1'}")
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    type_code(page, f" {code.lower()} ")
    page.get_by_label("What do you call it?").fill(OBJECT)
    page.get_by_role("button", name="Claim it").click()
    expect(page.get_by_role("heading", name=f"{OBJECT} is yours")).to_be_visible()


def allow_and_take_back(page: Page, world: World) -> None:
    connect(page, world)
    page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url(f"{world.vendor_url}/jeans")
    expect(page.get_by_text("Minutes worn a day")).to_be_visible()
    page.goto(f"{world.url}/permissions")
    page.get_by_role("link", name="Mend & Co").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("Mend & Co can read nothing any more.")).to_be_visible()
    page.goto(f"{world.vendor_url}/jeans")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("heading", name="The owner has ended this permission")).to_be_visible()


def take_copy(page: Page, world: World, folder: Path) -> None:
    page.goto(f"{world.url}/exports")
    page.get_by_role("button", name="Make an export").click()
    expect(page.get_by_text("Waiting its turn")).to_be_visible()
    world.finish_jobs()
    link = page.get_by_role("link", name="Download")
    link.wait_for(timeout=RELOADED_MS)  # the page comes again by itself
    with page.expect_download() as started:
        link.click()
    started.value.save_as(folder / "copy.zip")
    with zipfile.ZipFile(folder / "copy.zip") as archive:
        assert archive.testzip() is None
        assert b'"steps":1234' in archive.read("records.ndjson").replace(b" ", b"")
