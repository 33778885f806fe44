"""Item 36 of the security checklist: codes of devices (RFC 8628), from tablet to owner and back."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from math import log2

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from app.kit.crypto import sha256
from app.main import create_app
from app.organizations.client_rules import DEVICE_CODE
from app.tables import metadata
from tests.conftest import ORIGIN
from tests.journeys.story import Person, Story
from tests.journeys.tablet import SCOPES, VISIT, Home, Tablet, allow, answered, error_of, type_code


def test_oauth_36_a_device_code_works_once(story: Story, tablet: Tablet, home: Home) -> None:
    code = answered(story, tablet, home)
    assert tablet.poll(code).status_code == 200
    assert error_of(tablet.poll(code)) == "invalid_grant"


def test_oauth_36_twenty_at_once_give_one_token(story: Story, tablet: Tablet, home: Home) -> None:
    code = answered(story, tablet, home)
    other = create_app(story.app.state.settings, story.clock)
    with TestClient(other, base_url=ORIGIN) as http, ThreadPoolExecutor(20) as pool:
        ways = [story.api, http]
        answers = list(pool.map(lambda n: tablet.poll(code, ways[n % 2]), range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    assert {a.json()["error"] for a in answers if a.status_code == 400} == {"invalid_grant"}


def test_oauth_36_polling_too_fast_slows_down(story: Story, tablet: Tablet) -> None:
    """Each time by five seconds, which stay."""
    code = tablet.start().json()["device_code"]
    assert error_of(tablet.poll(code)) == "authorization_pending"
    assert error_of(tablet.poll(code)) == "slow_down"  # ten from here on
    story.clock.advance(timedelta(seconds=9))
    assert error_of(tablet.poll(code)) == "slow_down"  # fifteen
    story.clock.advance(timedelta(seconds=15))
    assert error_of(tablet.poll(code)) == "authorization_pending"
    story.clock.advance(timedelta(seconds=14))
    assert error_of(tablet.poll(code)) == "slow_down"


def test_oauth_36_of_many_polls_at_once_one_is_in_time(story: Story, tablet: Tablet) -> None:
    code = tablet.start().json()["device_code"]
    other = create_app(story.app.state.settings, story.clock)
    with TestClient(other, base_url=ORIGIN) as http, ThreadPoolExecutor(8) as pool:
        ways = [story.api, http]
        told = [error_of(a) for a in pool.map(lambda n: tablet.poll(code, ways[n % 2]), range(8))]
    assert sorted(told) == ["authorization_pending"] + ["slow_down"] * 7
    story.clock.advance(timedelta(seconds=5 + 7 * 5 - 1))  # none of the seven was lost
    assert error_of(tablet.poll(code)) == "slow_down"


def test_oauth_36_a_code_may_be_typed_in_any_way(story: Story, tablet: Tablet, home: Home) -> None:
    code = tablet.start().json()["user_code"]
    half, rest = code.split("-")
    assert len(half) == len(rest) == 4
    first = type_code(home[0], f" {half.lower()} {rest.lower()} ")
    again = type_code(home[0], half + rest)
    assert first.headers["location"] == again.headers["location"]


def test_oauth_36_a_code_has_many_more_than_twenty_bits(tablet: Tablet) -> None:
    """Eight of twenty letters: 34 bits, of which nobody tries more than five in a quarter."""
    codes = [tablet.start().json()["user_code"] for _ in range(20)]
    assert len(set(codes)) == 20
    assert all(
        re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", c) for c in codes
    )
    assert log2(20**8) - log2(5) > 32


def test_oauth_36_five_wrong_codes_lock_the_session_and_the_address(
    story: Story, tablet: Tablet, home: Home
) -> None:
    code = tablet.start().json()["user_code"]
    for wrong in ("", "BBBB-BBBB", "x" * 90, "AAAA-AAAA", "<b>"):
        answer = type_code(home[0], wrong)
        assert answer.status_code == 422
        assert "no such code" in answer.text
    locked = type_code(home[0], code)
    assert locked.status_code == 429
    assert "several wrong codes" in locked.text
    assert type_code(story.person(), code).status_code == 429  # from the same address
    assert type_code(elsewhere(story, home[0]), code).status_code == 429  # in the same session
    assert type_code(elsewhere(story, story.person()), code).status_code == 303
    story.clock.advance(timedelta(minutes=15))
    fresh = tablet.start().json()["user_code"]
    assert type_code(home[0], fresh).status_code == 303


def elsewhere(story: Story, person: Person) -> Person:
    """The person with the same browser at another address."""
    away = TestClient(
        story.app,
        base_url=ORIGIN,
        follow_redirects=False,
        cookies=dict(person.http.cookies),
        client=("203.0.113.7", 50000),
    )
    story.people.append(away)
    return Person(away)


def test_oauth_36_guessing_at_once_is_no_way_round(story: Story, tablet: Tablet) -> None:
    person = story.person()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: type_code(person, f"BBBB-BBB{'BCDF'[n % 4]}"), range(20)))
    assert sorted(answer.status_code for answer in answers) == [422] * 5 + [429] * 15


def test_codes_that_are_right_are_not_counted(tablet: Tablet, home: Home) -> None:
    for _ in range(7):
        assert type_code(home[0], tablet.start().json()["user_code"]).status_code == 303


def test_oauth_36_the_page_fills_in_and_the_person_confirms(
    story: Story, tablet: Tablet, home: Home
) -> None:
    """A link with the code decides nothing (phishing): a POST of our own page is needed."""
    told = tablet.start().json()
    page = home[0].get("/device", user_code=told["user_code"])
    assert page.status_code == 200
    assert (
        f"Go on only if the device in front of you shows <strong>{told['user_code']}" in page.text
    )
    foreign = home[0].http.post(
        "/device", data={"user_code": told["user_code"]}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code == 403
    assert "alert(1)" not in home[0].get("/device", user_code="<script>alert(1)").text
    asked = home[0].get(type_code(home[0], told["user_code"]).headers["location"])
    assert "Warm &amp; Co client asks" in asked.text, "who asks is seen before anything is allowed"
    assert error_of(tablet.poll(told["device_code"])) == "authorization_pending"


def test_oauth_36_denied(tablet: Tablet, home: Home) -> None:
    told = tablet.start().json()
    page = type_code(home[0], told["user_code"]).headers["location"]
    refused = home[0].post(page, {"answer": "refuse"})
    done = home[0].get(refused.headers["location"])
    assert "You said no" in done.text
    assert "You can go back to your device" in done.text
    assert error_of(tablet.poll(told["device_code"])) == "access_denied"
    again = type_code(home[0], told["user_code"])  # leads to the answer that was given
    assert again.headers["location"] == refused.headers["location"]


def test_oauth_36_expired(story: Story, tablet: Tablet, home: Home) -> None:
    never, late = tablet.start().json(), tablet.start().json()
    waits = type_code(home[0], late["user_code"]).headers["location"]
    granted = answered(story, tablet, home)
    story.clock.advance(timedelta(minutes=15))
    for told in (never, late):
        assert error_of(tablet.poll(told["device_code"])) == "expired_token"
        for _ in range(4):  # nobody guessed, so nobody is locked out
            said = type_code(home[0], told["user_code"])
            assert said.status_code == 422
            assert "This code has run out" in said.text
    assert home[0].get(waits).status_code == 410
    assert error_of(tablet.poll(granted)) == "expired_token"


def test_a_code_whose_question_was_asked_again_has_run_out(tablet: Tablet, home: Home) -> None:
    """The firm has one question waiting: the newest."""
    first, second = tablet.start().json(), tablet.start().json()
    assert type_code(home[0], first["user_code"]).status_code == 303
    assert type_code(home[0], second["user_code"]).status_code == 303
    assert "This code has run out" in type_code(home[0], first["user_code"]).text


def test_the_page_after_the_answer_is_its_owners(story: Story, tablet: Tablet, home: Home) -> None:
    """Nobody can be led to a page that says that they allowed something."""
    owner, boiler, _ = home
    told = tablet.start().json()
    page = type_code(owner, told["user_code"]).headers["location"]
    waiting = f"/device/{sha256(page.rpartition('/')[2]).hex()}"
    assert owner.get(waiting).status_code == 404
    text = allow(story, owner, page, [boiler]).text
    assert text == owner.get(waiting).text
    assert "You allowed it" in text
    assert "You can go back to your device" in text
    assert "Warm &amp; Co client" in text
    assert "/permissions/" in text
    assert story.person().get(waiting).status_code == 404
    asking = story.ask(story.vendor())
    asking.allow(owner, [boiler], kinds=("care",))
    other = sha256(asking.page.rpartition("/")[2]).hex()
    for unknown in (other, "allowed", "refused", "zz", "00" * 32, "é"):
        assert owner.get(f"/device/{unknown}").status_code == 404


def test_oauth_36_the_code_is_one_owners_and_one_clients(
    story: Story, tablet: Tablet, home: Home
) -> None:
    told = tablet.start().json()
    page = type_code(home[0], told["user_code"]).headers["location"]
    stranger = story.person()
    assert type_code(stranger, told["user_code"]).status_code == 422
    assert stranger.get(page).status_code == 404
    firm = story.organization("Other & Co")
    other = Tablet(story, story.client(firm, *SCOPES, grant_types=[DEVICE_CODE], purposes=[VISIT]))
    assert error_of(other.poll(told["device_code"])) == "invalid_grant"
    for unknown in ("x", "inseam_dc_" + "a" * 43, "é" * 50):
        assert error_of(tablet.poll(unknown)) == "invalid_grant"
    assert error_of(tablet.poll(told["device_code"])) == "authorization_pending"


def test_oauth_36_signing_in_in_the_middle_loses_nothing(story: Story, tablet: Tablet) -> None:
    """Neither a code that came in the address nor one that was typed."""
    code = tablet.start().json()["user_code"]
    back = f"/sign-in?next=%2Fdevice%3Fuser_code%3D{code}"
    signed_out = Person(TestClient(story.app, base_url=ORIGIN, follow_redirects=False))
    story.people.append(signed_out.http)
    for answer in (signed_out.get("/device", user_code=code), type_code(signed_out, code.lower())):
        assert (answer.status_code, answer.headers["location"]) == (303, back)
    assert f'value="{code}"' in story.person().get("/device", user_code=code).text


def test_oauth_36_no_code_stands_in_the_database(story: Story, tablet: Tablet, home: Home) -> None:
    """Nor the plain hash of the one that is short enough to be found by trying."""
    told = tablet.start().json()
    assert type_code(home[0], told["user_code"]).status_code == 303
    with story.app.state.db.read() as db:
        dump = "".join(
            repr(row) for table in metadata.sorted_tables for row in db.execute(select(table))
        )
    short = told["user_code"]
    shown = [told["device_code"], short, short.replace("-", "")]
    shown += [repr(sha256(text)) for text in (short, f"user code\0{short}")]
    assert repr(sha256(told["device_code"])) in dump
    assert [one for one in shown if one in dump] == []


def test_a_code_outlives_a_new_key(story: Story, tablet: Tablet, home: Home) -> None:
    code = tablet.start().json()["user_code"]
    story.app.state.keyring.rotate("cursor")
    assert type_code(home[0], code).status_code == 303
    assert type_code(home[0], tablet.start().json()["user_code"]).status_code == 303


def test_no_two_devices_show_the_same_code(
    story: Story, tablet: Tablet, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where chance says so; once it has run out, a code may come again."""
    drawn = [letter for letter in "BBBC" for _ in range(8)]
    monkeypatch.setattr("app.oauth.device.secrets.choice", lambda _: drawn.pop(0))
    assert tablet.start().json()["user_code"] == "BBBB-BBBB"
    assert tablet.start().json()["user_code"] == "CCCC-CCCC"
    story.clock.advance(timedelta(minutes=15))
    drawn += "B" * 8
    assert tablet.start().json()["user_code"] == "BBBB-BBBB"
    assert type_code(home[0], "bbbbbbbb").status_code == 303
