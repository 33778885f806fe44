"""A vendor's back end follows what is new under all its permissions."""

from datetime import timedelta
from typing import Any

import pytest

from tests.journeys.back_end import Back
from tests.journeys.story import PURPOSE, Person, Story, bearer

PATH = "/v1/data/changes"
SETTLED = timedelta(seconds=3)  # more than what clocks of several servers may differ by
People = list[tuple[Person, dict[str, Any]]]


class Follower:
    """Follows the changes page by page, as far as there are any."""

    def __init__(self, back: Back, **first: Any) -> None:
        self.back = back
        self.query = first

    def page(self, limit: int = 1000) -> dict[str, Any]:
        answer = self.back.get(PATH, limit=limit, **self.query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        page: dict[str, Any] = answer.json()
        self.query = {"after": page["next"]}
        return page

    def all(self, limit: int = 1000) -> list[dict[str, Any]]:
        self.back.story.clock.advance(SETTLED)
        found: list[dict[str, Any]] = []
        for _ in range(50):
            page = self.page(limit)
            found += page["changes"]
            if not page["more"]:
                return found
        raise AssertionError("the changes have no end")


def records_of(changes: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (one["object"], one["stream"], record["at"])
        for one in changes
        if one["type"] == "records"
        for record in one["records"]
    ]


def events_of(changes: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {
        one["grant"]["grant_id"]: [event["what"] for event in one["events"]]
        for one in changes
        if one["type"] == "grant"
    }


@pytest.fixture
def sender(story: Story, people: People) -> dict[str, str]:
    (header,) = story.makers
    return {"Authorization": header}


def things_of(story: Story, people: People) -> list[str]:
    """The objects' ids as their maker knows them."""
    found = []
    for person, _ in people:
        page = person.get("/home").text
        found += [part.split('"')[0] for part in page.split("/objects/")[1:2]]
    return found


def test_all_of_it_comes_once(
    story: Story, back: Back, people: People, sender: dict[str, str]
) -> None:
    follower = Follower(back)
    changes = follower.all()
    assert events_of(changes) == {tokens["grant_id"]: ["given"] for _, tokens in people}
    assert len(records_of(changes)) == 1 + 2
    for one in changes:
        if one["type"] == "grant":
            tokens = next(t for _, t in people if t["grant_id"] == one["grant"]["grant_id"])
            assert one["grant"]["authorization_details"] == tokens["authorization_details"]
    assert follower.all() == []
    first, second = things_of(story, people)
    sender = story.later(sender, timedelta(minutes=5))
    late, new = story.wash(timedelta(hours=1)), story.wear()
    assert story.send(sender, second, new, late).json()["results"][1]["status"] == "stored"
    changes = follower.all()
    mine = people[1][1]["authorization_details"][0]["identifier"]
    assert {(thing, stream) for thing, stream, _ in records_of(changes)} == {
        (mine, "wear"),
        (mine, "wash"),
    }
    assert follower.all() == []
    story.send(sender, first, story.wash())
    assert [stream for _, stream, _ in records_of(follower.all())] == ["wash"]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_tell_the_same_as_one(
    story: Story, back: Back, people: People, sender: dict[str, str], limit: int
) -> None:
    first, second = things_of(story, people)
    sender = story.later(sender, timedelta(hours=2))
    for thing in (first, second):
        records = [story.wash(timedelta(minutes=n)) for n in range(3)]
        story.send(sender, thing, *records, story.wear(timedelta(hours=1)))
        story.send(sender, thing, story.wash(timedelta(minutes=30)))
    whole = Follower(back).all()
    paged = Follower(back).all(limit)
    assert len(records_of(whole)) == 1 + 2 + 2 * 5
    assert records_of(paged) == records_of(whole)
    assert events_of(paged) == events_of(whole)
    follower = Follower(back)
    page = follower.page(limit)
    again = back.get(PATH, limit=limit, after=follower.query["after"]).json()
    once_more = back.get(PATH, limit=limit, after=follower.query["after"]).json()
    assert again["changes"] == once_more["changes"] != page["changes"]


def test_it_begins_when_the_client_likes(
    story: Story, back: Back, people: People, sender: dict[str, str]
) -> None:
    follower = Follower(back, since=story.clock.now().isoformat())
    assert follower.all() == []
    future = Follower(back, since=(story.clock.now() + timedelta(days=1)).isoformat())
    assert future.all() == []
    sender = story.later(sender, timedelta(minutes=5))
    story.send(sender, things_of(story, people)[0], story.wash())
    assert len(records_of(follower.all())) == 1
    assert future.all() == []


def test_what_became_of_a_permission_is_told(
    story: Story, back: Back, people: People, sender: dict[str, str]
) -> None:
    follower = Follower(back)
    follower.all()
    owner, tokens = people[0]
    sender = story.later(sender, timedelta(minutes=5))
    story.send(sender, things_of(story, people)[0], story.wash())
    owner.post(f"/permissions/{tokens['grant_id']}/revoke")
    changes = follower.all()
    assert events_of(changes) == {tokens["grant_id"]: ["revoked"]}
    assert records_of(changes) == []  # it came before the end, and is told no more
    (one,) = changes
    assert (one["grant"]["status"], one["grant"]["authorization_details"]) == ("revoked", [])
    story.clock.advance(timedelta(days=100))
    over = follower.all()
    assert events_of(over) == {people[1][1]["grant_id"]: ["expired"]}
    assert over[0]["grant"]["status"] == "expired"
    assert follower.all() == []


def test_each_owner_sees_what_was_told(story: Story, back: Back, people: People) -> None:
    for owner, _ in people:
        assert story.history(owner).count("Mend &amp; Co") == 0
    Follower(back).all()
    for owner, _ in people:
        assert story.history(owner).count("Mend &amp; Co") >= 1
    before = [story.history(owner) for owner, _ in people]
    follower = Follower(back, since=story.clock.now().isoformat())
    assert follower.all() == []
    assert [story.history(owner) for owner, _ in people] == before  # nothing was read


def test_what_is_not_granted_is_not_told(
    story: Story, back: Back, people: People, sender: dict[str, str]
) -> None:
    owner, _ = people[0]
    thing = things_of(story, people)[0]
    asking = story.ask(back.client)
    narrow = asking.redeem(asking.allow(owner, [thing], kinds=("care",)))
    follower = Follower(back)
    changes = follower.all()
    events = events_of(changes)
    assert events[people[0][1]["grant_id"]] == ["given", "superseded"]
    sender = story.later(sender, timedelta(minutes=5))
    story.send(sender, thing, story.wash(), story.wear(timedelta(minutes=40)))
    told = records_of(follower.all())
    mine = narrow["authorization_details"][0]["identifier"]
    assert [(one, stream) for one, stream, _ in told] == [(mine, "wash")]


def test_nobody_else_follows(story: Story, back: Back, people: People) -> None:
    follower = Follower(back)
    cursor = follower.page()["next"]
    other = Back(story, "Other & Co")
    assert Follower(other).all() == []
    assert other.get(PATH, after=cursor).status_code == 400
    assert back.get(PATH, after="x").status_code == 400
    assert back.get(PATH, after=cursor, since="2026-11-01T00:00:00Z").status_code == 400
    assert back.get(PATH, since="2026-11-01T00:00:00").status_code == 422
    assert back.get(PATH, limit=1001).status_code == 422
    assert back.get(PATH, token=people[0][1]["access_token"]).status_code == 403
    assert back.get(PATH, token=back.token("grant_management_query")).status_code == 403
    assert story.api.get(PATH).status_code == 401
    assert story.api.get(PATH, headers=bearer("x")).status_code == 401
    assert PURPOSE["scopes"]
