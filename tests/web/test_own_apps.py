"""Pages of owners' own apps: registering one, its page, its end, the question every 90 days."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.settings import Settings
from tests.journeys.story import REDIRECT as CALLBACK
from tests.journeys.story import Asking, Person, Story, basic, bearer, refresh

FORM: dict[str, Any] = {
    "app_name": "Home",
    "app_redirects": f"{CALLBACK}\r\nhttp://localhost:8123/callback\r\n",
    "app_scope": ["usage:read", "care:read"],
    "app_kind": "confidential",
}
SCOPES = ("usage:read", "care:read")


@pytest.fixture
def story(app: Any, client: TestClient, clock: FixedClock) -> Iterator[Story]:
    told = Story(app, clock, client)
    yield told
    for person in told.people:
        person.close()


@pytest.fixture
def owner(story: Story) -> Person:
    return story.person("owner@mail.example")


def flat(page: str) -> str:
    """The words of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def register(person: Person, **changes: Any) -> tuple[str, str]:
    """An app; its id, and its secret or nothing."""
    made = person.post("/security/apps", FORM | changes)
    assert made.status_code == 303, made.text
    where = made.headers["location"]
    found = re.search(r"inseam_cs_[\w-]+", person.get(where).text)
    return where.rpartition("/")[2], found.group() if found else ""


def own_jeans(story: Story, person: Person) -> tuple[dict[str, str], str]:
    maker = story.maker()
    return maker, story.owned(maker, story.product(maker), person, "SL-1")


def ask(story: Story, app: tuple[str, str]) -> Asking:
    return story.ask(app, *SCOPES)


def connect(story: Story, app: tuple[str, str], person: Person, jeans: str) -> dict[str, Any]:
    """Allowed until its owner ends it."""
    asking = ask(story, app)
    return asking.redeem(asking.allow(person, [jeans], ends="open"))


def test_app_is_registered_and_its_secret_shown_once(owner: Person, settings: Settings) -> None:
    made = owner.post("/security/apps", FORM)
    where = made.headers["location"]
    client_id = where.rpartition("/")[2]
    page = owner.get(where)
    assert page.headers["cache-control"] == "no-store"
    for line in (
        f"INSEAM_CLIENT_ID={client_id}",
        "INSEAM_CLIENT_SECRET=inseam_cs_",
        f"INSEAM_AUTHORIZE_URL={settings.origin}/oauth/authorize",
        f"INSEAM_TOKEN_URL={settings.origin}/oauth/token",
    ):
        assert line in page.text
    again = owner.get(where).text
    assert "inseam_cs_" not in again
    assert "INSEAM_CLIENT_SECRET=YOUR_SECRET" in again
    listed = flat(owner.get("/security").text)
    assert "no permission yet; nothing read yet" in listed
    assert "inseam_cs_" not in listed


def test_new_secret_is_shown_once_and_stops_the_old_one(story: Story, owner: Person) -> None:
    client_id, old = register(owner)
    answer = owner.post(f"/security/apps/{client_id}/secret")
    page = owner.get(answer.headers["location"]).text
    fresh = re.search(r"inseam_cs_[\w-]+", page)
    assert fresh
    assert fresh.group() != old
    assert "inseam_cs_" not in owner.get(answer.headers["location"]).text
    data = {"grant_type": "refresh_token", "refresh_token": "x"}
    tried = [
        story.api.post("/oauth/token", data=data, headers=basic((client_id, secret))).json()
        for secret in (old, fresh.group())
    ]
    assert [answer["error"] for answer in tried] == ["invalid_client", "invalid_grant"]


def test_public_app_shows_no_secret(owner: Person) -> None:
    client_id, secret = register(owner, app_kind="public")
    assert secret == ""
    page = owner.get(f"/security/apps/{client_id}").text
    assert "CLIENT_SECRET" not in page
    assert "Make a new secret" not in page
    assert owner.post(f"/security/apps/{client_id}/secret").status_code == 422


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("app-name", {"app_name": ""}),
        ("app-name", {"app_name": "x" * 61}),
        ("app-redirects", {"app_redirects": ""}),
        ("app-redirects", {"app_redirects": "http://home.example/"}),
        ("app-scopes", {"app_scope": []}),
        ("app-scopes", {"app_scope": ["own:read"]}),
        ("app-kind", {"app_kind": ""}),
    ],
)
def test_mistake_is_shown_with_what_was_filled_in(
    owner: Person, place: str, wrong: dict[str, Any]
) -> None:
    answer = owner.post("/security/apps", FORM | {"app_name": "Hearth"} | wrong)
    assert answer.status_code == 422
    assert f'href="#{place}"' in answer.text
    assert f'id="{place}"' in answer.text
    if place != "app-name":
        assert 'value="Hearth"' in answer.text
    if place != "app-redirects":
        assert "http://localhost:8123/callback" in answer.text


def test_stale_sign_in_registers_nothing(
    owner: Person, clock: FixedClock, settings: Settings
) -> None:
    client_id, _ = register(owner)
    clock.advance(timedelta(minutes=settings.step_up_minutes))
    for path in ("/security/apps", f"/security/apps/{client_id}/secret"):
        assert owner.post(path, FORM).headers["location"].startswith("/confirm?"), path
    assert owner.post(f"/security/apps/{client_id}/end").headers["location"] == "/security"


def test_consent_page_shows_it_as_the_owners_own(story: Story, owner: Person) -> None:
    own_jeans(story, owner)
    page = owner.get(ask(story, register(owner)).page).text
    said = flat(page)
    assert "Yourself: Home asks to read data from your things" in said
    assert "An app you registered" in said
    assert "not verified" not in said
    assert "says about the law" not in said
    assert re.search(r'id="ends-open"[^>]* checked', page)
    assert "Until you end it" in said


def test_foreign_owner_sees_the_closed_page_and_its_owner_can_still_answer(
    story: Story, owner: Person
) -> None:
    _, jeans = own_jeans(story, owner)
    asking, stranger = ask(story, register(owner)), story.person()
    for answer in (stranger.get(asking.page), stranger.post(asking.page, {"answer": "refuse"})):
        assert answer.status_code == 404
        assert "There is no such request" in answer.text
    assert asking.redeem(asking.allow(owner, [jeans], ends="open"))["scope"]


def test_company_cannot_be_allowed_without_an_end(story: Story, owner: Person) -> None:
    _, jeans = own_jeans(story, owner)
    asking = story.ask(story.vendor())
    answer = asking.answer(
        owner, {"answer": "allow", "object": [jeans], "kind": ["usage"], "ends": "open"}
    )
    assert answer.headers["location"] == f"/consent/{asking.page.rpartition('/')[2]}"
    assert "There is a problem" in owner.get(asking.page).text


def test_permission_pages_name_it_and_say_until_you_end_it(story: Story, owner: Person) -> None:
    maker, jeans = own_jeans(story, owner)
    app = register(owner)
    tokens = connect(story, app, owner, jeans)
    story.send(maker, jeans, story.wash())
    assert story.objects(tokens["access_token"])
    page = flat(owner.get(f"/permissions/{tokens['grant_id']}").text)
    assert "Yourself: Home" in page
    assert "Ends when you end it" in page
    assert "not verified" not in page
    assert "2126" not in page
    assert "Until you end it" in flat(owner.get("/permissions").text)
    assert "Until you end it" in flat(owner.get(f"/objects/{jeans}").text)
    home = flat(owner.get("/home").text)
    assert "“Home” (your own app) can read some of your data." in home
    assert "The next permission to end" not in home
    assert "Yourself: Home" in flat(owner.get("/history").text)
    assert "Until you end it" in flat(owner.get(f"/security/apps/{app[0]}").text)


def test_ended_on_a_chosen_day_where_its_owner_wants_one(story: Story, owner: Person) -> None:
    _, jeans = own_jeans(story, owner)
    asking = ask(story, register(owner))
    tokens = asking.redeem(asking.allow(owner, [jeans], ends="day"))
    page = flat(owner.get(f"/permissions/{tokens['grant_id']}").text)
    assert "when you end it" not in page


def test_question_after_ninety_days_and_the_answer(
    story: Story, owner: Person, clock: FixedClock
) -> None:
    _, jeans = own_jeans(story, owner)
    app = register(owner)
    grant = connect(story, app, owner, jeans)["grant_id"]
    question = "Yourself: Home has had your permission for 90 days"
    pages = ("/home", "/permissions", f"/permissions/{grant}")
    assert not any(question in flat(owner.get(path).text) for path in pages)
    clock.advance(timedelta(days=90))
    owner = sign_in_again(story, owner)
    assert all(question in flat(owner.get(path).text) for path in pages)
    stranger = story.person()
    assert stranger.post(f"/permissions/{grant}/keep").status_code == 404
    assert owner.post(f"/permissions/{grant}/keep").headers["location"] == "/permissions"
    assert "Yourself: Home keeps your permission." in flat(owner.get("/permissions").text)
    assert not any("has had your permission" in flat(owner.get(path).text) for path in pages)
    assert "You said that you still want it" in owner.get(pages[2]).text


def sign_in_again(story: Story, owner: Person) -> Person:
    """The session has ended of age."""
    known = {letter.name for letter in story.app.state.mailer.letters(500)}
    owner.post("/sign-in/email", {"email": "owner@mail.example"})
    (letter,) = [x for x in story.app.state.mailer.letters(500) if x.name not in known]
    link = re.search(r"/sign-in/link/\S+", letter.text)
    assert link
    assert owner.post(link.group()).status_code == 303
    return owner


def test_ended_app_and_its_tokens_are_dead_at_once(story: Story, owner: Person) -> None:
    _, jeans = own_jeans(story, owner)
    app = register(owner)
    tokens = connect(story, app, owner, jeans)
    waiting = ask(story, app)
    assert owner.get(waiting.page).status_code == 200
    owner.post(f"/security/apps/{app[0]}/end")
    assert "Home has ended." in flat(owner.get("/security").text)
    read = story.api.get("/v1/data/objects", headers=bearer(tokens["access_token"]))
    assert read.status_code in (401, 403)
    assert refresh(story, app, tokens["refresh_token"]).status_code == 401
    assert owner.get(f"/security/apps/{app[0]}").status_code == 404
    assert owner.post(f"/security/apps/{app[0]}/end").status_code == 404
    assert "This request has closed" in owner.get(waiting.page).text
    assert owner.get("/home").status_code == 200
    assert "You took it back" in owner.get(f"/permissions/{tokens['grant_id']}").text


def test_pages_of_a_foreign_app_are_not_there(story: Story, owner: Person) -> None:
    client_id, _ = register(owner)
    stranger = story.person()
    assert stranger.get(f"/security/apps/{client_id}").status_code == 404
    for act in ("secret", "end"):
        assert stranger.post(f"/security/apps/{client_id}/{act}").status_code == 404
    assert "Home" in owner.get(f"/security/apps/{client_id}").text
