"""The whole story in one browser: from the label to the last reading, and out with a copy."""

import hashlib
import json
import re
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.kit.ids import parse_id
from app.objects.tenures import find_open_tenure
from tests.browser.world import MINUTES_WORN, World, connect
from tests.support.browser import NewPage, virtual_authenticator

pytestmark = pytest.mark.browser

JEANS, JACKET = "Everyday jeans", "Field Jacket, connected"
# Without the browser's own list of passkeys, from which the virtual device chooses by itself.
NO_OFFER = "PublicKeyCredential.isConditionalMediationAvailable = async () => false;"


def test_the_jeans_their_log_and_the_person_who_holds_the_key(
    new_page: NewPage, world: World, tmp_path: Path
) -> None:
    page = new_page(timezone_id="Europe/Paris")
    virtual_authenticator(page)
    label = world.mint()
    object_id = label["object_id"]
    assert world.maker.send(object_id, world.wear()) == ["refused"]  # no owner, no log

    open_label(page, label["claim_link"], label["claim_code"])
    make_account(page)
    claim(page, world)
    assert world.maker.send(object_id, world.wear(), world.wash()) == ["stored", "stored"]
    see_records(page, world, object_id)
    give_a_jacket_too(world, object_id)

    connect(page, world)
    last_day = narrow_and_allow(page, world)
    see_data_at_the_vendor(page, last_day)
    end_permission(page, world, last_day)
    look_again_in_vain(page, world)
    see_history(page, world)

    take_copy(page, world, object_id, tmp_path)
    come_back_by_passkey(page, world)


def open_label(page: Page, link: str, code: str) -> None:
    """Signed out; the code comes with the link, and no server ever sees it there."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(link)
    expect(page.get_by_label("Code on the label")).to_have_value(code)
    assert code not in page.url
    page.get_by_role("link", name="What this product records").click()
    expect(page.get_by_role("heading", name="When you wear them")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Code on the label")).to_have_value(code)
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    assert not any(code in url for url in asked)


def make_account(page: Page) -> None:
    """From the sign-in page, by passkey; the way goes on where it was."""
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("What should we call you?").fill("An owner")
    page.get_by_role("button", name="Create a passkey").click()
    page.wait_for_url("**/claim")


def claim(page: Page, world: World) -> None:
    expect(page.get_by_text("The code came with the link you opened.")).to_be_visible()
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("What the maker keeps:").first).to_be_visible()
    for title in ("When you wear them", "When they are washed", "How they fit", "Where you go"):
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    page.get_by_label("What do you call it?").fill(JEANS)
    page.get_by_role("radio", name="Me", exact=True).check()
    page.get_by_role("radio", name="Since today").check()
    page.get_by_role("button", name="Claim it").click()
    expect(page.get_by_role("heading", name=f"{JEANS} is yours")).to_be_visible()
    page.get_by_role("link", name="Go to its page").click()
    expect(page.get_by_text("Not heard from yet.")).to_be_visible()
    page.goto(f"{world.url}/claim")
    expect(page.get_by_label("Code on the label")).to_have_value("")  # forgotten once it was used


def see_records(page: Page, world: World, object_id: str) -> None:
    page.goto(f"{world.url}/objects/{object_id}")
    latest = page.get_by_role("table", name="Latest records")
    expect(latest.get_by_role("row")).to_have_count(3)
    expect(latest).to_contain_text("Steps: 1,234")
    expect(latest).to_contain_text("delicate")
    worn = page.locator("figure").filter(has=page.get_by_role("heading", name="When you wear"))
    expect(worn.locator("svg.plot-wide")).to_be_visible()
    expect(page.get_by_text("Only you. Not even Big Denim.")).to_be_visible()


def give_a_jacket_too(world: World, object_id: str) -> None:
    """A second thing, so that there is something to leave out."""
    found = parse_id(object_id)
    assert found is not None
    with world.app.state.db.read() as db:
        tenure = find_open_tenure(db, found)
    assert tenure is not None
    world.give(tenure.owner_id)


def narrow_and_allow(page: Page, world: World) -> date:
    """One of two things, without the washes, for thirty days; the last of them."""
    jeans = page.get_by_role("checkbox", name=JEANS)
    expect(jeans).not_to_be_checked()
    jeans.check()
    page.get_by_role("checkbox", name="How you look after it").uncheck()
    until = page.get_by_label("The permission ends on")
    today = date.fromisoformat(str(until.get_attribute("min")))
    last_day = today + timedelta(days=30)
    until.fill(last_day.isoformat())
    said = f"Mend & Co may read the use of {JEANS}, from today on, until {words(last_day)}."
    expect(page.locator("consent-summary")).to_have_text(said)
    page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url(f"{world.vendor_url}/jeans")
    return last_day


def see_data_at_the_vendor(page: Page, last_day: date) -> None:
    expect(page.get_by_role("heading", name="Straight Leg, connected")).to_be_visible()
    expect(page.get_by_text(f"tallest: {MINUTES_WORN} minutes")).to_be_visible()
    expect(page.get_by_role("heading", name=JACKET)).to_have_count(0)
    expect(page.get_by_text("one stitch each")).to_have_count(0)  # the washes were left out
    ticket = page.locator("aside.ticket")
    expect(ticket.get_by_role("heading", name="What you kept")).to_be_visible()
    expect(ticket).to_contain_text(f"{last_day.day} {last_day:%B %Y}")


def end_permission(page: Page, world: World, last_day: date) -> None:
    page.goto(f"{world.url}/permissions")
    page.get_by_role("link", name="Mend & Co").click()
    expect(page.locator(".tape-ends")).to_contain_text(words(last_day))
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("status")).to_contain_text("Mend & Co can read nothing any more.")
    expect(page.get_by_role("button", name="Take it back")).to_have_count(0)


def look_again_in_vain(page: Page, world: World) -> None:
    page.goto(f"{world.vendor_url}/jeans")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("heading", name="The owner has ended this permission")).to_be_visible()
    expect(page.get_by_text("revoked", exact=True)).to_be_visible()
    expect(page.get_by_text("We have thrown away our keys")).to_be_visible()


def see_history(page: Page, world: World) -> None:
    """Newest first: the refusal, the reading, the look at what there is."""
    page.goto(f"{world.url}/history")
    entries = page.locator("ol.log > li")
    expect(entries).to_have_count(3)
    expect(entries.nth(0)).to_contain_text("Refused")
    expect(entries.nth(0)).to_contain_text("You had taken the permission back.")
    expect(entries.nth(1)).to_contain_text(f"read “When you wear them” of {JEANS}")
    expect(entries.nth(1)).to_contain_text("1 record")
    expect(entries.nth(2)).to_contain_text(f"looked at what it may read of {JEANS}")


def take_copy(page: Page, world: World, object_id: str, folder: Path) -> None:
    """The job is worked by hand, to be seen while it waits, while it runs, and when it is done."""
    page.goto(f"{world.url}/objects/{object_id}")
    page.get_by_role("button", name="Make an export").click()
    bar, status = page.get_by_role("progressbar"), page.get_by_role("status")
    expect(status).to_have_text("Waiting its turn")
    job_id = world.take_job()
    assert job_id is not None
    assert not world.step(job_id)
    expect(status).to_have_text("Writing records, 2 of 2")  # told, without a reload
    page.reload()
    expect(bar).to_have_attribute("value", "99")
    assert world.step(job_id)
    with page.expect_download() as started:
        page.get_by_role("link", name=re.compile("^Download")).click()
    file = folder / "copy.zip"
    started.value.save_as(file)
    expect(page.get_by_text(hashlib.sha256(file.read_bytes()).hexdigest())).to_be_visible()
    check_sums(file)


def check_sums(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        found = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in manifest["files"]}
        assert found == manifest["files"]
        assert set(archive.namelist()) == {*found, "manifest.json", "manifest.jws"}
        assert len(archive.read("records.ndjson").splitlines()) == 2
        lines = [json.loads(line) for line in archive.read("accesses.ndjson").splitlines()]
        # Those that name it: the vendor's look and its reading, and the asking for this copy.
        assert sorted(line["action"] for line in lines) == ["export", "objects", "records"], lines
        assert [g["status"] for g in json.loads(archive.read("grants.json"))] == ["revoked"]


def come_back_by_passkey(page: Page, world: World) -> None:
    """Out, and in again without a name: the passkey knows whose it is."""
    page.add_init_script(NO_OFFER)  # before the page opens: an offer once made may sign in at once
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{world.url}/")
    page.goto(f"{world.url}/security")
    page.wait_for_url(f"{world.url}/sign-in?*")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{world.url}/security")
    expect(page.get_by_label("What we call you")).to_have_value("An owner")
    expect(page.get_by_label("Days and times are shown in")).to_have_value("Europe/Paris")


def words(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
