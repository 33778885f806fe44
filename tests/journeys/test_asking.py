"""The owner's browser between a vendor's request and its answer; numbers are those of the security
checklist."""

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import delete
from starlette.testclient import TestClient

from app.consent.models import GrantDetail
from tests.conftest import ORIGIN
from tests.journeys.story import REDIRECT, SAME, Person, Story, bearer, refresh
from tests.journeys.tablet import Tablet

YES: dict[str, Any] = {"answer": "allow", "kind": ["usage"], "until": "2026-12-01"}
EVIL = "<script>alert(1)</script>'\"&"


def prepared(story: Story) -> tuple[Person, tuple[str, str], str]:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    return owner, vendor, story.owned(maker, story.product(maker), owner, "SL-1")


def nobody(story: Story) -> Person:
    """A browser without a session."""
    stranger = Person(TestClient(story.app, base_url=ORIGIN, follow_redirects=False))
    story.people.append(stranger.http)
    return stranger


def grants(owner: Person) -> int:
    return owner.get("/permissions").text.count('href="/permissions/')


def test_oauth_10_no_other_session_and_no_get_answers(story: Story) -> None:
    """Nor another method; whoever tries gets nothing, and the request still waits."""
    owner, vendor, jeans = prepared(story)
    asking = story.ask(vendor)
    assert owner.get(asking.page).status_code == 200
    form = YES | {"object": [jeans]}
    for person in (nobody(story), story.person()):
        answer = person.post(asking.page, form)
        assert answer.status_code in (303, 401, 403, 404)
        assert REDIRECT not in answer.headers.get("location", "")
    assert owner.get(asking.page, **form).status_code == 200
    for method in ("PUT", "PATCH", "DELETE"):
        answer = owner.http.request(method, asking.page, headers=SAME)
        assert answer.status_code == 405
    assert grants(owner) == 0
    assert asking.allow(owner, [jeans])


def test_oauth_10_an_answer_cannot_be_wider_than_what_was_asked(story: Story) -> None:
    """Another kind, another's object, a later end than asked; and no field of the request's own
    comes back from the browser."""
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    product = story.product(maker)
    jeans = story.owned(maker, product, owner, "SL-1")
    theirs = story.owned(maker, product, story.person(), "SL-2")
    entry = {"type": "urn:inseam:object-data", "datatypes": ["usage"]}
    entry["until"] = "2026-12-01T12:00:00Z"
    asking = story.ask(vendor, "usage:read", authorization_details=json.dumps([entry]))
    form = YES | {"object": [jeans]}
    for change in (
        {"kind": ["usage", "care"]},
        {"kind": ["location"]},
        {"object": [jeans, theirs]},
        {"until": "2029-01-01"},
    ):
        answer = asking.answer(owner, form | change)
        assert answer.headers.get("location") == urlsplit(asking.page).path, change
    assert grants(owner) == 0
    smuggled = {"redirect_uri": "https://evil.example/", "state": "other", "scope": "body:read"}
    back = asking.back(asking.answer(owner, form | smuggled | {"client_id": "x"}))
    given = asking.redeem(back["code"])
    assert given["scope"] == "usage:read"
    assert [d["datatypes"] for d in given["authorization_details"]] == [["usage"]]


def test_oauth_11_pages_on_the_way_are_framed_and_kept_by_nobody(
    story: Story, tablet: Tablet
) -> None:
    """Only the page that ends at the vendor lets its form go there, and that one names no
    referrer; others tell theirs to our own origin alone."""
    owner, vendor, _ = prepared(story)
    asking = story.ask(vendor)
    code = tablet.start().json()["user_code"]
    pages = {
        "consent": owner.get(asking.page),
        "sign in": nobody(story).get("/sign-in", next=urlsplit(asking.page).path),
        "create": nobody(story).get("/create"),
        "device": owner.get("/device", user_code=code),
        "error": owner.get("/oauth/authorize", client_id="x"),
        "unknown": owner.get("/consent/unknown"),
    }
    for name, page in pages.items():
        policy = dict(
            part.strip().partition(" ")[::2]
            for part in page.headers["content-security-policy"].split(";")
        )
        assert policy["frame-ancestors"] == "'none'", name
        assert policy["default-src"] == "'none'", name
        assert "unsafe" not in page.headers["content-security-policy"], name
        assert page.headers["x-frame-options"] == "DENY", name
        assert page.headers["cache-control"] == "no-store", name
        assert page.headers["x-content-type-options"] == "nosniff", name
        assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", page.text), name
        ends_there = name == "consent"
        assert policy["form-action"] == "'self'" + " https://mend.example" * ends_there, name
        alone = "no-referrer" if name in ("consent", "error") else "same-origin"
        assert page.headers["referrer-policy"] == alone, name


def test_oauth_12_each_redirect_is_a_303(story: Story) -> None:
    """A browser never sends an answer, or a way in, on to somebody else."""
    owner, vendor, jeans = prepared(story)
    asking, other = story.ask(vendor), story.ask(story.vendor("Hearth Insurance"))
    answers = [
        asking.response,
        nobody(story).get(asking.page),
        asking.answer(owner, YES | {"object": [jeans]}),
        other.answer(owner, YES | {"object": []}),
        other.answer(owner, {"answer": "refuse"}),
        story.ask(vendor, "no:such").response,
        nobody(story).post("/create/email", {"email": "new@people.example"}),
        owner.post("/sign-out"),
    ]
    assert {answer.status_code for answer in answers} == {303}


def test_oauth_12_cookies_are_the_hosts_alone_and_the_session_changes(story: Story) -> None:
    stranger = nobody(story)
    stranger.http.cookies.set("__Host-session", "planted", domain="testserver.local")
    set_before = stranger.post("/create/email", {"email": "new@people.example", "name": "N"})
    (letter,) = story.app.state.mailer.letters(500)
    link = re.search(r"/sign-in/link/\S+", letter.text)
    assert link
    opened = stranger.post(link.group())
    first = session_of(opened)
    story.clock.advance(timedelta(minutes=1))
    known = {one.name for one in story.app.state.mailer.letters(500)}
    asked = stranger.post("/sign-in/email", {"email": "new@people.example"})
    (again,) = [x for x in story.app.state.mailer.letters(500) if x.name not in known]
    link = re.search(r"/sign-in/link/\S+", again.text)
    assert link
    second = session_of(other := stranger.post(link.group()))
    assert first != second
    old = TestClient(story.app, base_url=ORIGIN, cookies={"__Host-session": first})
    assert old.get("/home", follow_redirects=False).status_code == 303, "the old one is dead"
    old.close()
    cookies = [c for a in (set_before, opened, asked, other) for c in all_cookies(a)]
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-"), cookie
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "path=/"} <= parts, cookie
        assert {"samesite=lax", "samesite=strict"} & parts, cookie
        assert not any(part.startswith("domain=") for part in parts), cookie


def all_cookies(answer: Any) -> list[str]:
    return list(answer.headers.get_list("set-cookie"))


def session_of(answer: Any) -> str:
    (found,) = [c for c in all_cookies(answer) if c.startswith("__Host-session=")]
    assert "samesite=lax" in found.lower()
    return str(found.partition("=")[2].partition(";")[0])


def test_oauth_13_no_way_in_leads_elsewhere(story: Story) -> None:
    """The vendor's address stands in no page that it was refused on."""
    stranger = nobody(story)
    targets = ("//evil.example", "/\\evil.example", "https://evil.example", "javascript:x")
    for number, target in enumerate(targets):
        page = stranger.get("/sign-in", next=target)
        assert "evil.example" not in page.text
        assert "javascript:x" not in page.text
        told = {"email": f"new-{number}@people.example", "next": target}
        assert stranger.post("/create/email", told).status_code == 303
        (letter,) = [x for x in story.app.state.mailer.letters(500) if x.to == told["email"]]
        link = re.search(r"/sign-in/link/\S+", letter.text)
        assert link
        assert stranger.post(link.group()).headers["location"] == "/home", target
        stranger.post("/sign-out")
    owner, vendor, _ = prepared(story)
    for change in ({"redirect_uri": "https://evil.example/x"}, {"client_id": EVIL}):
        page = story.ask(vendor, **change).response
        assert page.status_code == 400
        assert "evil.example" not in page.text
        assert "alert(1)" not in page.text
    assert owner.get("/consent/" + "%3Cscript%3Ealert(1)").status_code == 404


def test_oauth_13_what_an_entry_says_is_text(story: Story) -> None:
    """Strings of authorization_details, of state and of purpose are markup nowhere."""
    owner, vendor, _ = prepared(story)
    entry = {"type": "urn:inseam:object-data", "datatypes": ["usage"]}
    for change in ({"purpose": EVIL}, {"type": EVIL}, {EVIL: 1}, {"datatypes": [EVIL]}):
        details = json.dumps([entry | change])
        refused = story.ask(vendor, "usage:read", authorization_details=details).response
        assert "error=invalid_" in refused.headers["location"], change
        assert "alert" not in refused.headers["location"]
    asking = story.ask(vendor, "usage:read", state=EVIL)
    page = owner.get(asking.page)
    assert page.status_code == 200
    assert "<script>alert" not in page.text


def test_oauth_14_a_no_to_a_request_that_was_pushed(story: Story) -> None:
    owner, vendor, _ = prepared(story)
    query = story.ask(vendor).response.request.url.params
    pushed = story.api.post("/oauth/par", data=dict(query), auth=vendor).json()
    where = {"client_id": vendor[0], "request_uri": pushed["request_uri"]}
    page = story.api.get("/oauth/authorize", params=where).headers["location"]
    assert owner.get(page).status_code == 200
    back = owner.post(page, {"answer": "refuse"})
    assert back.status_code == 303
    told = dict(part.split("=") for part in urlsplit(back.headers["location"]).query.split("&"))
    assert (told["error"], told["state"]) == ("access_denied", query["state"])
    assert told["iss"] == "https%3A%2F%2Ftestserver"
    assert "code" not in told


def test_oauth_24_the_owners_no_ends_the_refresh_token(story: Story) -> None:
    owner, vendor, jeans = prepared(story)
    tokens = story.connect(vendor, owner, [jeans])
    ended = owner.post(f"/permissions/{tokens['grant_id']}/revoke")
    assert ended.status_code == 303
    answer = refresh(story, vendor, tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert story.api.get("/v1/data/objects", headers=bearer(tokens["access_token"])).is_error


def test_oauth_34_what_was_taken_out_of_a_permission_is_not_read_any_more(story: Story) -> None:
    """By tokens that were given before, with the next request."""
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    tokens = story.connect(vendor, owner, [jeans])
    story.clock.advance(timedelta(seconds=1))
    story.send(maker, jeans, story.wash(), story.wear())
    story.clock.advance(timedelta(seconds=1))
    (thing,) = story.objects(tokens["access_token"])

    def streams() -> set[str]:
        answer = story.records(tokens["access_token"], thing["id"])
        assert answer.status_code == 200, answer.text
        return {record["stream"] for record in answer.json()["records"]}

    assert streams() == {"wash", "wear"}
    gone = delete(GrantDetail).where(
        GrantDetail.grant_id == UUID(tokens["grant_id"]), GrantDetail.category == "care"
    )
    with story.app.state.db.session() as db:
        db.execute(gone)
    assert streams() == {"wear"}
