"""The consent page under pressure: other people, second answers, refusals, hostile text."""

import re
from dataclasses import asdict
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from app.kit import jsonio
from app.kit.ids import new_id
from app.web import consent_form
from app.web.words import KINDS
from tests.journeys.story import PURPOSE, REDIRECT, SAME, Story


def prepared(story: Story):  # type: ignore[no-untyped-def]  # four things of different kinds
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    return maker, owner, vendor, jeans


def test_the_page_says_who_asks_for_what(story: Story) -> None:
    _, owner, vendor, _ = prepared(story)
    page = owner.get(story.ask(vendor).page).text
    for said in (
        "Mend &amp; Co client",
        "mend.example",
        str(PURPOSE["title"]),
        "Wear tells where the cloth grows thin.",
        "Straight Leg, connected",
        "a contract with you",
    ):
        assert said in page, said
    assert "SD-BASE" not in page


def test_signing_in_in_the_middle_does_not_lose_the_request(story: Story) -> None:
    _, _, vendor, _ = prepared(story)
    asking = story.ask(vendor)
    sent = story.api.get(asking.page)
    assert sent.status_code == 303
    assert sent.headers["location"].startswith("/sign-in?next=%2Fconsent%2F")


def test_oauth_14_a_refusal_goes_back_with_state_and_issuer(story: Story) -> None:
    _, owner, vendor, _ = prepared(story)
    asking = story.ask(vendor)
    back = asking.back(asking.answer(owner, {"answer": "refuse"}))
    assert back["error"] == "access_denied"
    assert "code" not in back


def test_oauth_10_the_second_answer_gives_a_clear_page_and_no_second_grant(story: Story) -> None:
    _, owner, vendor, jeans = prepared(story)
    asking = story.ask(vendor)
    asking.allow(owner, [jeans])
    data = {"answer": "allow", "object": [jeans], "kind": ["usage"], "until": "2026-12-01"}
    again = owner.post(asking.page, data)
    assert again.status_code == 200
    assert "location" not in again.headers
    back_button = owner.get(asking.page)
    assert back_button.status_code == 200
    assert 'name="answer"' not in back_button.text
    assert owner.get("/permissions").text.count("/permissions/") == 1


def test_oauth_10_a_request_is_its_first_owners(story: Story) -> None:
    _, owner, vendor, jeans = prepared(story)
    other = story.person()
    asking = story.ask(vendor)
    owner.get(asking.page)
    assert other.get(asking.page).status_code == 404
    data = {"answer": "allow", "object": [jeans], "kind": ["usage"], "until": "2026-12-01"}
    assert other.post(asking.page, data).status_code == 404
    assert other.get("/consent/unknown").status_code == 404
    assert asking.allow(owner, [jeans])


def test_oauth_10_another_site_cannot_answer_for_the_owner(story: Story) -> None:
    _, owner, vendor, jeans = prepared(story)
    asking = story.ask(vendor)
    owner.get(asking.page)
    data = {"answer": "allow", "object": [jeans], "kind": ["usage"], "until": "2026-12-01"}
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {},
    ):
        assert owner.http.post(asking.page, data=data, headers=headers).status_code == 403
    assert owner.http.post(asking.page, data=data, headers=SAME).status_code == 303


def test_a_request_closes_by_itself(story: Story) -> None:
    _, owner, vendor, jeans = prepared(story)
    asking = story.ask(vendor)
    owner.get(asking.page)
    story.clock.advance(timedelta(hours=2))
    assert owner.get(asking.page).status_code == 410
    data = {"answer": "allow", "object": [jeans], "kind": ["usage"], "until": "2026-12-01"}
    assert owner.post(asking.page, data).status_code == 410


BAD_ANSWERS: list[dict[str, object]] = [
    {"object": []},
    {"kind": []},
    {"object": ["0b6e3a0e-0f2f-4a57-9f7a-9d1c2b3a4f50"]},
    {"object": ["nonsense"]},
    {"kind": ["location"]},
    {"kind": ["<script>"]},
    {"until": "2026-11-01"},
    {"until": "2036-11-01"},
    {"until": "soon"},
    {"until": ""},
    {"history": "from", "history_from": "long ago"},
]


def test_oauth_10_a_bad_answer_is_shown_and_nothing_is_lost(story: Story) -> None:
    _, owner, vendor, jeans = prepared(story)
    asking = story.ask(vendor)
    data = {
        "answer": "allow",
        "object": [jeans],
        "kind": ["usage"],
        "history": "today",
        "until": "2026-12-01",
    }
    for change in BAD_ANSWERS:
        wrong = asking.answer(owner, data | change)
        where = (303, urlsplit(asking.page).path)
        assert (wrong.status_code, wrong.headers["location"]) == where, change
        shown = owner.get(asking.page)
        assert shown.status_code == 200
        assert "There is a problem" in shown.text
        ticked = re.findall(r'name="(?:object|kind)" value="([^"]+)" checked', shown.text)
        sent = data | change
        known = [one for one in (*sent["object"], *sent["kind"]) if one in (jeans, "usage")]
        assert ticked == known, change
    assert asking.allow(owner, [jeans])


def test_a_wrong_answer_waits_for_its_own_page_only(story: Story) -> None:
    """What was ticked is shown again to who ticked it, on the page where they did."""
    _, owner, vendor, jeans = prepared(story)
    asking, other = story.ask(vendor), story.ask(story.vendor("Hearth Insurance"))
    wrong = {"answer": "allow", "object": [jeans], "kind": [], "until": "2026-12-01"}
    assert asking.answer(owner, wrong).status_code == 303
    kept = owner.http.cookies["__Host-choice"]
    assert jeans not in kept
    assert "There is a problem" not in owner.get(other.page).text
    assert "There is a problem" in owner.get(asking.page).text
    stranger = story.person()
    stranger.http.cookies.set("__Host-choice", kept)
    assert "There is a problem" not in stranger.get(asking.page).text
    assert stranger.get(asking.page).status_code == 404
    asking.allow(owner, [jeans])
    assert not owner.http.cookies.get("__Host-choice")


def test_more_than_a_cookie_holds_is_shown_at_once(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, owner, vendor, jeans = prepared(story)
    monkeypatch.setattr("app.web.consent_form._MOST", 0)
    asking = story.ask(vendor)
    wrong = {"answer": "allow", "object": [jeans], "kind": [], "until": "2026-12-01"}
    shown = asking.answer(owner, wrong)
    assert shown.status_code == 422
    assert "There is a problem" in shown.text
    assert f'value="{jeans}" checked' in shown.text


def test_the_largest_kept_choice_fits_into_a_cookie() -> None:
    """A browser drops a cookie of more than 4096 bytes without a word."""
    ids = [str(new_id()) for _ in range(consent_form._MOST)]
    form = consent_form.ConsentForm(ids, sorted(KINDS), "from", "2026-12-01", "2026-12-01")
    errors = {"history-from": "x" * 100}
    length = len(jsonio.dumps([0, [asdict(form), errors]])) + 28
    assert length * 4 / 3 + 300 < 4096


def test_a_no_leaves_an_earlier_yes_and_says_so(story: Story) -> None:
    _, owner, vendor, jeans = prepared(story)
    story.connect(vendor, owner, [jeans])
    given = re.search(r"/permissions/[0-9a-f-]{36}", owner.get("/permissions").text)
    assert given is not None
    asking = story.ask(vendor)
    kept = f'keeps what you gave on <a href="{given.group()}">'
    assert kept in owner.get(asking.page).text
    assert asking.answer(owner, {"answer": "refuse"}).status_code == 303
    page = owner.get(asking.page).text
    assert "You said no" in page
    assert kept in page
    assert "gets nothing." not in page
    owner.post(f"{given.group()}/revoke")
    page = owner.get(asking.page).text
    assert "gets nothing." in page
    assert "keeps" not in page


def test_oauth_13_hostile_text_is_inert(story: Story) -> None:
    evil = "<script>alert(1)</script>'\"; DROP TABLE owners;--"
    maker = story.maker(evil[:60])
    owner = story.person()
    product = story.product(
        maker, name=evil, passport={"material": evil, "origin": evil, "care": evil}
    )
    jeans = story.owned(maker, product, owner, "SL-1")
    vendor = story.client(
        story.organization(f"V {evil}"),
        "usage:read",
        redirect_uris=[REDIRECT],
        grant_types=["authorization_code"],
        purposes=[
            PURPOSE | {"title": evil, "scopes": {"usage:read": {"needed": True, "why": evil}}}
        ],
    )
    asking = story.ask(vendor, "usage:read")
    pages = [owner.get(asking.page), owner.get(f"/p/{product}"), owner.get(f"/o/{jeans}")]
    token = asking.redeem(asking.allow(owner, [jeans], kinds=("usage",)))["access_token"]
    (thing,) = story.objects(token)
    story.records(token, thing["id"])
    pages += [
        owner.get(path) for path in ("/home", "/permissions", "/history", f"/objects/{jeans}")
    ]
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;" in page.text or "alert" not in page.text
