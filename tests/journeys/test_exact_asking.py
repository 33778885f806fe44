"""A vendor asks exactly, and to change what it has; the owner sees each part, narrows it, and gives
what was ticked (RFC 9396; OpenID Grant Management, draft 03)."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.organizations.clients import disable_client
from tests.journeys.back_end import Back
from tests.journeys.story import Asking, Person, Story, bearer, refresh
from tests.journeys.test_pause import key

People = list[tuple[Person, dict[str, Any]]]
TYPE = "urn:inseam:object-data"
UNTIL = "2026-12-01"


@pytest.fixture
def owner(people: People) -> Person:
    return people[0][0]


@pytest.fixture
def tokens(people: People) -> dict[str, Any]:
    return people[0][1]


def entry(*kinds: str, **more: Any) -> dict[str, Any]:
    return {"type": TYPE, "datatypes": list(kinds)} | more


def ask(story: Story, back: Back, *entries: dict[str, Any], **more: str) -> Asking:
    return story.ask(back.client, scope="", authorization_details=json.dumps(entries), **more)


def page_of(owner: Person, asking: Asking) -> str:
    shown = owner.get(asking.page)
    assert shown.status_code == 200, shown.text
    return " ".join(shown.text.split())


def given(asking: Asking, answer: Any) -> list[dict[str, Any]]:
    told = asking.redeem(asking.back(answer)["code"])
    return [dict(one) for one in told["authorization_details"]]


def say_yes(owner: Person, asking: Asking, kinds: list[str], **more: Any) -> Any:
    form = {"answer": "allow", "kind": kinds, "until": UNTIL, "history": "from"}
    form |= {"history_from": "2026-11-01"}
    return owner.post(asking.page, form | more)


def other_thing(story: Story, owner: Person) -> str:
    maker = story.maker("Small Denim")
    return story.owned(maker, story.product(maker, gtin=None, article_number="A"), owner, "SL-9")


def test_each_part_is_shown_with_its_borders_and_ticked_apart(
    story: Story, back: Back, owner: Person, tokens: dict[str, Any]
) -> None:
    jeans = tokens["authorization_details"][0]["identifier"]
    coat = other_thing(story, owner)
    now = story.clock.now()
    start, end = (now - timedelta(days=2)).isoformat(), (now + timedelta(days=7)).isoformat()
    exact = entry(
        "usage",
        identifier=jeans,
        window={"from": start, "to": end},
        limits={"single_use": True},
        retention="P30D",
    )
    asking = ask(story, back, exact, entry("usage", "care"))
    page = page_of(owner, asking)
    assert "Which kinds of data of Straight Leg, connected?" in page
    assert "Which kinds of data of the objects you tick?" in page
    for said in ("What is recorded from", "Read once, and not again.", "keep it for 30 days"):
        assert page.count(said) == 1, said
    for name in ("usage", "1.usage", "1.care"):
        assert f'name="kind" value="{name}"' in page
    # The first part alone; the thing that another part would be about is not in it.
    (one,) = given(asking, say_yes(owner, asking, ["usage"]))
    assert (one["identifier"], one["datatypes"]) == (jeans, ["usage"])
    assert one["limits"] == {"single_use": True}
    assert one["retention"] == "P30D"
    assert one["window"]["to"] == end.replace("+00:00", "Z")
    # The second alone, of the other thing.
    asking = ask(story, back, exact, entry("usage", "care"))
    page_of(owner, asking)
    (one,) = given(asking, say_yes(owner, asking, ["1.care"], object=[coat]))
    assert (one["identifier"] != jeans, one["datatypes"]) == (True, ["care"])
    assert "limits" not in one


@pytest.mark.parametrize(
    "change",
    [
        {"kind": ["usage", "care"]},
        {"kind": ["1.usage"]},
        {"kind": ["7.usage"]},
        {"kind": ["-1.usage"]},
        {"kind": ["0x1.usage"]},
        {"kind": ["9999999999999999999999.usage"]},
        {"kind": ["."]},
        {"kind": ["١.usage"]},
        {"kind": []},
        {"object": ["another of mine"]},
        {"object": ["theirs"]},
    ],
)
def test_nothing_wider_than_the_parts_is_taken(
    story: Story, back: Back, people: People, change: dict[str, Any]
) -> None:
    """The request waits, and nothing was given."""
    owner, tokens = people[0]
    jeans = tokens["authorization_details"][0]["identifier"]
    if "object" in change:
        mine = change["object"] == ["another of mine"]
        theirs = people[1][1]["authorization_details"][0]["identifier"]
        change = {"object": [other_thing(story, owner) if mine else theirs]}
    asking = ask(story, back, entry("usage", identifier=jeans), entry("care", identifier=jeans))
    page_of(owner, asking)
    before = owner.get("/permissions").text.count('href="/permissions/')
    answer = say_yes(owner, asking, **({"kinds": ["usage"]} | _named(change)))
    assert answer.headers.get("location") == urlsplit(asking.page).path, answer.text
    assert "There is a problem" in page_of(owner, asking)
    assert owner.get("/permissions").text.count('href="/permissions/') == before
    assert len(given(asking, say_yes(owner, asking, ["usage", "1.care"]))) == 1


def _named(change: dict[str, Any]) -> dict[str, Any]:
    return {"kinds" if name == "kind" else name: value for name, value in change.items()}


def test_a_window_that_lies_before_the_chosen_day_is_told_apart(
    story: Story, back: Back, owner: Person, tokens: dict[str, Any]
) -> None:
    now = story.clock.now()
    end = (now - timedelta(days=1)).isoformat()
    asking = ask(story, back, entry("usage", window={"from": None, "to": end}))
    page_of(owner, asking)
    object_id = _own_id(owner)
    form = {"object": [object_id], "history": "today"}
    assert say_yes(owner, asking, ["usage"], **form).status_code == 303
    assert "They ask for what was recorded before." in page_of(owner, asking)


def _own_id(owner: Person) -> str:
    return owner.get("/home").text.split('href="/objects/')[1].split('"')[0]


def test_an_addition_asks_for_what_is_new_alone(
    story: Story, back: Back, owner: Person, tokens: dict[str, Any]
) -> None:
    action = {"grant_management_action": "merge", "grant_id": tokens["grant_id"]}
    asking = ask(story, back, entry("usage", "care", "body"), **action)
    page = page_of(owner, asking)
    assert "asks to add to what you gave on" in page
    assert "This stays, whatever you answer." in page
    assert 'value="body"' in page
    assert 'value="usage"' not in page
    assert 'value="care"' not in page
    assert "New: you have not given this before." in page
    forged = say_yes(owner, asking, ["usage", "body"], object=[_own_id(owner)])
    assert forged.headers["location"] == urlsplit(asking.page).path
    answer = say_yes(owner, asking, ["body"], object=[_own_id(owner)])
    told = asking.redeem(asking.back(answer)["code"])
    assert told["grant_id"] == tokens["grant_id"]
    kinds = {kind for one in told["authorization_details"] for kind in one["datatypes"]}
    assert kinds == {"usage", "care", "body"}


def test_an_addition_without_anything_new_changes_nothing(
    story: Story, back: Back, owner: Person, tokens: dict[str, Any]
) -> None:
    action = {"grant_management_action": "merge", "grant_id": tokens["grant_id"]}
    asking = ask(story, back, entry("usage", "care"), **action)
    page = page_of(owner, asking)
    assert "There is nothing new to give" in page
    assert 'name="kind"' not in page
    answer = owner.post(asking.page, {"answer": "allow", "until": UNTIL})
    told = asking.redeem(asking.back(answer)["code"])
    assert told["grant_id"] == tokens["grant_id"]
    assert told["authorization_details"] == tokens["authorization_details"]
    assert "You changed" not in owner.get("/security/log").text


def test_a_change_shows_what_it_takes_the_place_of(
    story: Story, back: Back, owner: Person, tokens: dict[str, Any]
) -> None:
    action = {"grant_management_action": "replace", "grant_id": tokens["grant_id"]}
    asking = ask(story, back, entry("care", "body"), **action)
    page = page_of(owner, asking)
    assert "asks to change what you gave on" in page
    assert "it takes the place of this" in page
    assert "As you gave it before." in page
    assert "<strong>How you use it</strong> of Straight Leg, connected" in page
    answer = say_yes(owner, asking, ["care"], object=[_own_id(owner)])
    told = asking.redeem(asking.back(answer)["code"])
    assert told["grant_id"] == tokens["grant_id"]
    assert [one["datatypes"] for one in told["authorization_details"]] == [["care"]]


def test_what_rests_stays_at_rest_when_it_is_changed(
    story: Story, back: Back, owner: Person, tokens: dict[str, Any]
) -> None:
    owner.post(f"/permissions/{tokens['grant_id']}/pause")
    action = {"grant_management_action": "merge", "grant_id": tokens["grant_id"]}
    asking = ask(story, back, entry("body"), **action)
    page_of(owner, asking)
    answer = say_yes(owner, asking, ["body"], object=[_own_id(owner)])
    asking.redeem(asking.back(answer)["code"])
    assert back.get("/v1/data/objects", tokens["grant_id"]).status_code == 403
    owner.post(f"/permissions/{tokens['grant_id']}/resume")
    assert back.get("/v1/data/objects", tokens["grant_id"]).status_code == 200


@pytest.mark.parametrize("is_opened", [True, False])
@pytest.mark.parametrize("what", ["permission", "client", "time"])
def test_a_request_that_has_lost_its_ground_says_so(
    story: Story, back: Back, people: People, what: str, is_opened: bool
) -> None:
    (owner, tokens), (other, _) = people
    action = {"grant_management_action": "merge", "grant_id": tokens["grant_id"]}
    asking = ask(story, back, entry("body"), **(action if what == "permission" else {}))
    if is_opened:
        page_of(owner, asking)
    if what == "permission":
        owner.post(f"/permissions/{tokens['grant_id']}/revoke")
    elif what == "client":
        with story.app.state.db.session() as db:
            disable_client(db, story.clock, back.client[0])
    else:
        story.clock.advance(timedelta(hours=2))
    said = {"time": "This request has closed"}.get(what, "This request has lost its ground")
    for answer in (
        owner.get(asking.page),
        owner.get(asking.page),  # and again
        say_yes(owner, asking, ["body"], object=[_own_id(owner)]),
    ):
        assert answer.status_code == 410, answer.text
        assert said in answer.text
    assert owner.get("/requests").status_code == 200
    if is_opened or what == "permission":
        assert other.get(asking.page).status_code == 404
        assert said not in other.get(asking.page).text
    if what != "time" and is_opened:
        assert "Mend &amp; Co" in owner.get("/requests").text
        closed = owner.post(asking.page, {"answer": "close"})
        assert (closed.status_code, closed.headers["location"]) == (303, "/requests")
        assert owner.get(asking.page).status_code == 200
        assert "You said no" in owner.get(asking.page).text


def test_a_thing_that_is_the_owners_no_more_is_left_out(
    story: Story, back: Back, people: People
) -> None:
    """The vendor names what another owner gave it: that is nobody's here, and nothing is told."""
    (owner, _), (_, theirs) = people
    named = theirs["authorization_details"][0]["identifier"]
    asking = ask(story, back, entry("usage", identifier=named))
    page = page_of(owner, asking)
    assert "You have nothing of this" in page
    assert 'value="allow"' not in page
    assert 'value="refuse"' in page
    assert say_yes(owner, asking, ["usage"]).headers["location"] == urlsplit(asking.page).path
    back_to = asking.back(owner.post(asking.page, {"answer": "refuse"}))
    assert back_to["error"] == "access_denied"


def test_the_permission_shows_how_far_it_goes(
    story: Story, back: Back, owner: Person, tokens: dict[str, Any]
) -> None:
    now = story.clock.now()
    end = (now + timedelta(days=7)).isoformat()
    asking = ask(story, back, entry("usage", window={"from": None, "to": end}, retention="P30D"))
    page_of(owner, asking)
    answer = say_yes(owner, asking, ["usage"], object=[_own_id(owner)])
    told = asking.redeem(asking.back(answer)["code"])
    page = " ".join(owner.get(f"/permissions/{told['grant_id']}").text.split())
    assert "What is recorded from" in page
    assert "They say that they keep it for 30 days." in page
    assert refresh(story, back.client, told["refresh_token"]).status_code == 200


def test_what_lies_above_the_owners_limits_is_named_and_not_ticked(
    story: Story, back: Back, owner: Person
) -> None:
    """Out of the box of what tells of a body; and of what the owner limits, needed or not."""
    page = page_of(owner, story.ask(back.client))
    assert page.count('Asks for more than <a href="/terms">your limits</a>') == 1
    assert "as exactly as it is recorded. Your limit: by the day." in page
    assert _is_ticked(page, "usage")
    own = bearer(key(story, owner, "own:read", "own:terms"))
    terms = story.api.get("/v1/me/terms", headers=own).json()
    limits = terms["ceilings"]
    limits["categories"]["usage"]["history_days"] = 30
    change = {"version": terms["version"], "ceilings": limits, "refuses_unasked": False}
    change["agreement"] = terms["agreement"]["id"]
    answer = story.api.put("/v1/me/terms", json=change, headers=own)
    assert answer.status_code == 200, answer.text
    asking = story.ask(back.client)
    page = page_of(owner, asking)
    assert "as far back as it goes. Your limit: 30 days back." in page
    assert not _is_ticked(page, "usage")
    # A person is there and may give it all the same.
    assert asking.redeem(asking.allow(owner, [_own_id(owner)], ("usage",)))["scope"] == "usage:read"
    recent = (story.clock.now() - timedelta(days=20)).isoformat()
    entries = entry("usage", window={"from": recent, "to": None})
    page = page_of(owner, ask(story, back, entries))
    assert "your limits" not in page


def _is_ticked(page: str, kind: str) -> bool:
    box = page.split(f'value="{kind}"')[1].split(">")[0]
    return "checked" in box


def test_a_change_that_offers_nothing_cannot_be_allowed(
    story: Story, back: Back, people: People
) -> None:
    (owner, tokens), (_, theirs) = people
    named = theirs["authorization_details"][0]["identifier"]
    action = {"grant_management_action": "replace", "grant_id": tokens["grant_id"]}
    asking = ask(story, back, entry("usage", identifier=named), **action)
    page = page_of(owner, asking)
    assert "You have nothing of this" in page
    assert 'value="allow"' not in page
    forged = owner.post(asking.page, {"answer": "allow", "until": UNTIL})
    assert forged.headers["location"] == urlsplit(asking.page).path
    assert story.objects(tokens["access_token"])  # what was given stays as it was
