"""Signing in and out by e-mail link, recovery code and demo button."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from app.accounts.demo import demo_owner_id
from app.accounts.models import Owner
from app.accounts.owners import create_owner
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.main import create_app
from app.settings import Settings
from tests.support.visitor import SESSION, Visitor

EMAIL = "owner@mail.example"
NewVisitor = Callable[[], Visitor]


def count_owners(visitor: Visitor) -> int:
    database: Database = visitor.app.state.db
    with database.read() as db:
        return db.scalar(select(func.count()).select_from(Owner)) or 0


def make_codes(owner: Visitor) -> list[str]:
    answer = owner.post("/security/recovery")
    assert answer.headers["location"] == "/security/recovery"
    page = owner.get("/security/recovery").text
    return [part.split("<")[0] for part in page.split('<li class="code">')[1:]]


def test_link_by_mail_makes_an_account_and_signs_in(visitor: Visitor) -> None:
    asked = visitor.post("/create/email", {"email": EMAIL, "name": "Ana", "next": "/security"})
    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in/sent")
    assert count_owners(visitor) == 0
    used = visitor.post(visitor.newest_link())
    assert (used.status_code, used.headers["location"]) == (303, "/security")
    cookie = used.headers.get_list("set-cookie")[0]
    assert cookie.startswith(f"{SESSION}=")
    for part in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "domain" not in cookie.lower()
    assert EMAIL in visitor.get("/security").text


def test_opening_a_link_consumes_nothing(visitor: Visitor) -> None:
    visitor.post("/create/email", {"email": EMAIL})
    link = visitor.newest_link()
    for _ in range(3):
        page = visitor.get(link)
        assert page.status_code == 200
        assert "Create my account" in page.text
        assert visitor.session is None
    assert count_owners(visitor) == 0
    assert visitor.post(link).status_code == 303


def test_second_use_of_a_link_is_refused(visitor: Visitor, new_visitor: NewVisitor) -> None:
    visitor.sign_in()
    link = visitor.newest_link()
    again = new_visitor()
    assert "It was used already" in again.get(link).text
    answer = again.post(link)
    assert answer.status_code == 410
    assert "no longer works" in answer.text
    assert again.session is None


def test_link_opens_in_another_browser_that_asked_for_none(
    visitor: Visitor, new_visitor: NewVisitor
) -> None:
    visitor.post("/sign-in/email", {"email": EMAIL})
    phone = new_visitor()
    assert phone.post(visitor.newest_link()).status_code == 303
    assert phone.session


def test_planted_link_does_not_open_in_a_browser_that_waits_for_its_own(
    visitor: Visitor, new_visitor: NewVisitor
) -> None:
    attacker = new_visitor()
    attacker.post("/sign-in/email", {"email": "attacker@mail.example"})
    planted = attacker.newest_link()
    visitor.post("/sign-in/email", {"email": EMAIL})
    own = visitor.newest_link()
    assert visitor.post(planted).status_code == 403
    assert visitor.session is None
    assert visitor.post(own).status_code == 303


def test_answer_is_the_same_for_known_and_unknown_addresses(
    owner: Visitor, new_visitor: NewVisitor
) -> None:
    answers = []
    for email in (EMAIL, "nobody@mail.example"):
        visitor = new_visitor()
        answer = visitor.post("/sign-in/email", {"email": email})
        cookies = [c.split("=")[0] for c in answer.headers.get_list("set-cookie")]
        told = {name: answer.headers.get(name) for name in ("location", "content-length")}
        answers.append((answer.status_code, told, cookies, answer.content))
        assert visitor.newest_link()
    assert answers[0] == answers[1]


@pytest.mark.parametrize("path", ["/sign-in/email", "/create/email"])
@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b.example\r\nBcc: c@d.example", "a@b\0.example"]
)
def test_what_is_no_address_is_told_beside_the_field(
    visitor: Visitor, path: str, email: str
) -> None:
    answer = visitor.post(path, {"email": email})
    assert answer.status_code == 422
    assert visitor.app.state.mailer.letters() == []


def test_mails_to_one_address_are_limited(
    visitor: Visitor, settings: Settings, clock: FixedClock
) -> None:
    for _ in range(settings.rate_sign_in_per_hour):
        assert visitor.post("/sign-in/email", {"email": EMAIL}).status_code == 303
    refused = visitor.post("/sign-in/email", {"email": EMAIL.upper()})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert visitor.post("/sign-in/email", {"email": "other@mail.example"}).status_code == 303
    clock.advance(timedelta(hours=1))
    assert visitor.post("/sign-in/email", {"email": EMAIL}).status_code == 303


def test_session_changes_at_every_sign_in_and_the_old_one_is_dead(owner: Visitor) -> None:
    old = owner.session
    owner.sign_in()
    assert owner.session != old
    thief = Visitor(owner.http)
    thief.http.cookies.set(SESSION, old or "", domain="testserver.local")
    assert thief.get("/security").status_code == 303


def test_sign_out_ends_the_session_itself(owner: Visitor, new_visitor: NewVisitor) -> None:
    kept = owner.session
    answer = owner.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert owner.session is None
    thief = new_visitor()
    thief.http.cookies.set(SESSION, kept or "", domain="testserver.local")
    assert thief.get("/security").headers["location"] == "/sign-in?next=%2Fsecurity"


def test_session_runs_out(owner: Visitor, clock: FixedClock, settings: Settings) -> None:
    assert owner.get("/security").status_code == 200
    clock.advance(timedelta(days=settings.session_idle_days))
    assert owner.get("/security").status_code == 303


def test_a_visit_keeps_the_session_alive(
    owner: Visitor, clock: FixedClock, settings: Settings
) -> None:
    database: Database = owner.app.state.db
    for _ in range(2):
        clock.advance(timedelta(days=settings.session_idle_days - 1))
        assert owner.get("/security").status_code == 200
        database.submit(lambda _: None).result(10)


def test_sign_out_everywhere_else(owner: Visitor, new_visitor: NewVisitor) -> None:
    phone = new_visitor().sign_in()
    assert phone.get("/security").status_code == 200
    assert owner.post("/security/sessions/end-others").status_code == 303
    assert phone.get("/security").status_code == 303
    page = owner.get("/security").text
    assert "You are signed in here only." in page
    assert "You are signed in here only." not in owner.get("/security").text


def test_recovery_code_opens_the_account_once(owner: Visitor, new_visitor: NewVisitor) -> None:
    codes = make_codes(owner)
    assert len(codes) == 10
    lost = new_visitor()
    data = {"recovery_code": codes[0].lower(), "next": "/security"}
    answer = lost.post("/sign-in/recovery", data)
    assert (answer.status_code, answer.headers["location"]) == (303, "/security")
    assert EMAIL in lost.get("/security").text
    again = new_visitor()
    refused = again.post("/sign-in/recovery", data)
    assert refused.status_code == 422
    assert "This recovery code does not work." in refused.text
    assert again.session is None


def test_recovery_codes_are_shown_once_and_to_their_session(
    owner: Visitor, new_visitor: NewVisitor
) -> None:
    owner.post("/security/recovery")
    stolen = owner.http.cookies.get("__Host-once")
    other = new_visitor().sign_in("other@mail.example")
    other.http.cookies.set("__Host-once", stolen or "", domain="testserver.local")
    assert other.get("/security/recovery").headers["location"] == "/security"
    assert owner.get("/security/recovery").status_code == 200
    assert owner.get("/security/recovery").headers["location"] == "/security"


def test_tries_are_limited_by_host(visitor: Visitor) -> None:
    answers = {
        visitor.post("/sign-in/recovery", {"recovery_code": "X"}).status_code for _ in range(301)
    }
    assert answers == {422, 429}


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "home",
        "/" + "x" * 600,
        "",
    ],
)
def test_next_leads_nowhere_else(visitor: Visitor, target: str) -> None:
    page = visitor.get("/sign-in", params={"next": target}).text
    assert 'name="next" value="/home"' in page
    visitor.post("/create/email", {"email": EMAIL, "next": target})
    assert visitor.post(visitor.newest_link()).headers["location"] == "/home"
    assert visitor.get("/sign-in", params={"next": target}).headers["location"] == "/home"


def test_page_of_an_owner_leads_to_sign_in_and_back(visitor: Visitor) -> None:
    answer = visitor.get("/history?vendor=x&object=y")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fhistory%3Fvendor%3Dx%26object%3Dy"


def test_act_of_an_owner_without_session_is_refused_with_a_way_in(visitor: Visitor) -> None:
    answer = visitor.post("/security/zone", headers={"referer": "https://testserver/security"})
    assert answer.status_code == 401
    assert "/sign-in?next=%2Fsecurity" in answer.text
    assert visitor.send("/security/passkeys/options", {}).status_code == 401


def test_confirm_by_link_makes_the_session_fresh(
    owner: Visitor, clock: FixedClock, settings: Settings
) -> None:
    clock.advance(timedelta(minutes=settings.step_up_minutes))
    refused = owner.post("/security/recovery", headers={"referer": "https://testserver/security"})
    assert refused.headers["location"] == "/confirm?next=%2Fsecurity"
    page = owner.get(refused.headers["location"]).text
    assert "Before you change how you get in" in page
    assert "o…@mail.example" in page
    before = owner.session
    owner.post("/confirm/email", {"next": "/security"})
    assert owner.post(owner.newest_link()).headers["location"] == "/security"
    assert owner.session != before
    assert owner.get("/confirm?next=/security").headers["location"] == "/security"
    assert len(make_codes(owner)) == 10


@pytest.fixture
def demo(settings: Settings, clock: FixedClock, database: Database) -> Any:
    """A visitor of a service in demo mode with one seeded owner."""
    with database.session() as db:
        create_owner(db, clock, "Seeded", owner_id=demo_owner_id(1))
        create_owner(db, clock, "Stranger")
    chosen = settings.model_copy(update={"demo": True})
    with TestClient(create_app(chosen, clock), base_url=settings.origin) as client:
        yield Visitor(client)


def test_demo_owner_steps_in_with_one_click(demo: Visitor) -> None:
    assert "Seeded" in demo.get("/").text
    assert "Stranger" not in demo.get("/sign-in").text
    answer = demo.post("/demo/sign-in", {"owner_id": str(demo_owner_id(1)), "next": "/security"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/security")
    assert "demo button" in demo.get("/security").text


def test_nobody_else_can_be_entered_by_the_demo_button(demo: Visitor) -> None:
    owner = Visitor(demo.http).sign_in()
    database: Database = owner.app.state.db
    with database.read() as db:
        ids = [str(one) for one in db.scalars(select(Owner.owner_id))]
    ids.remove(str(demo_owner_id(1)))
    for owner_id in [*ids, str(demo_owner_id(2))]:
        assert demo.post("/demo/sign-in", {"owner_id": owner_id}).status_code == 404
    assert demo.session is None


def test_demo_button_does_not_exist_outside_the_demo(visitor: Visitor, clock: FixedClock) -> None:
    database: Database = visitor.app.state.db
    with database.session() as db:
        create_owner(db, clock, "Seeded", owner_id=demo_owner_id(1))
    for data in ({}, {"owner_id": str(demo_owner_id(1))}):
        assert visitor.post("/demo/sign-in", data).status_code == 404
    assert visitor.session is None
    assert "/demo/sign-in" not in visitor.get("/").text + visitor.get("/sign-in").text


def test_demo_owner_confirms_with_the_demo_button(demo: Visitor, clock: FixedClock) -> None:
    owner_id = str(demo_owner_id(1))
    demo.post("/demo/sign-in", {"owner_id": owner_id})
    clock.advance(timedelta(minutes=6))
    refused = demo.post("/security/recovery", headers={"referer": "https://testserver/security"})
    assert refused.headers["location"] == "/confirm?next=%2Fsecurity"
    page = demo.get(refused.headers["location"]).text
    assert 'action="/demo/sign-in"' in page
    assert '<input type="hidden" name="next" value="/security">' in page
    assert f'name="owner_id" value="{owner_id}"' in page
    assert page.count('name="owner_id"') == 1  # nobody else's account is offered here
    before = demo.session
    answer = demo.post("/demo/sign-in", {"owner_id": owner_id, "next": "/security"})
    assert answer.headers["location"] == "/security"
    assert demo.session != before
    assert len(make_codes(demo)) == 10


def test_nobody_else_confirms_with_the_demo_button(
    demo: Visitor, visitor: Visitor, clock: FixedClock, settings: Settings
) -> None:
    """Neither another owner of the demo's service, nor anybody at all outside of demo mode: not
    even a seeded owner whose session is left from the time before."""
    someone = Visitor(demo.http).sign_in()
    demo.post("/demo/sign-in", {"owner_id": str(demo_owner_id(1))})
    assert demo.session is not None
    visitor.http.cookies.set(SESSION, demo.session, domain="testserver.local")
    clock.advance(timedelta(minutes=6))
    for one in (someone, visitor):
        page = one.get("/confirm?next=/security")
        assert page.status_code == 200
        assert "/demo/sign-in" not in page.text
    answer = visitor.post("/demo/sign-in", {"owner_id": str(demo_owner_id(1))})
    assert answer.status_code == 404
    assert "confirm?next=" in visitor.post("/security/recovery").headers["location"]


def test_code_typed_while_signed_out_leads_through_sign_in(visitor: Visitor) -> None:
    answer = visitor.post("/claim", {"code": "ABC"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fclaim")
