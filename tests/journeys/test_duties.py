"""What a vendor owes when a permission has ended: it erases and says so, or its owner, and whoever
it asks next, sees that it does not."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app import worker
from tests.journeys.back_end import Back
from tests.journeys.story import Person, Story, bearer
from tests.journeys.test_pause import key

People = list[tuple[Person, dict[str, Any]]]
DAY = timedelta(days=1)


def read_and_end(story: Story, owner: Person, tokens: dict[str, Any], **form: str) -> str:
    """The vendor reads; then the owner takes the permission back. Its id."""
    (thing,) = story.objects(tokens["access_token"])
    assert story.records(tokens["access_token"], thing["id"]).json()["records"]
    path = f"/permissions/{tokens['grant_id']}/revoke"
    assert owner.post(path, form).status_code == 303
    return str(tokens["grant_id"])


def duties(back: Back, **query: Any) -> list[dict[str, Any]]:
    answer = back.get("/v1/data/duties", token=back.token("grants:read"), **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: list[dict[str, Any]] = answer.json()["duties"]
    return found


def answer(back: Back, grant_id: str, **body: Any) -> Any:
    headers = bearer(back.token("grants:read"))
    return back.story.api.post(f"/v1/data/duties/{grant_id}", json=body, headers=headers)


def test_the_vendor_erases_and_says_so(story: Story, back: Back, people: People) -> None:
    owner, tokens = people[0]
    grant_id = read_and_end(story, owner, tokens)
    (one,) = duties(back)
    assert (one["grant_id"], one["state"], one["is_ordered"]) == (grant_id, "open", False)
    page = owner.get(f"/permissions/{grant_id}").text
    assert "They have to erase what they read" in page
    said = answer(back, grant_id, answer="erased")
    assert (said.status_code, said.json()["state"]) == (200, "erased")
    assert duties(back) == []
    assert [one["state"] for one in duties(back, answered="true")] == ["erased"]
    assert answer(back, grant_id, answer="erased").status_code == 409
    assert answer(back, grant_id, answer="kept", statement="x").status_code == 409
    page = owner.get(f"/permissions/{grant_id}").text
    assert "They say that they have erased what they read" in page
    assert "says that it has erased what it read" in owner.get("/security/log").text
    own = bearer(key(story, owner, "own:read"))
    told = story.api.get(f"/v1/me/grants/{grant_id}", headers=own).json()
    assert told["erasure"]["state"] == "erased"


def test_what_is_kept_is_kept_by_a_law_that_is_named(
    story: Story, back: Back, people: People
) -> None:
    owner, tokens = people[0]
    grant_id = read_and_end(story, owner, tokens)
    for wrong in ({"answer": "kept"}, {"answer": "kept", "statement": "  "}):
        refused = answer(back, grant_id, **wrong)
        assert refused.status_code == 422, refused.text
    for wrong in ({}, {"answer": "no"}, {"answer": "erased", "x": 1}):
        assert answer(back, grant_id, **wrong).status_code == 422
    long = {"answer": "kept", "statement": "x" * 1001}
    assert answer(back, grant_id, **long).status_code == 422
    assert duties(back)[0]["state"] == "open"
    law = "Invoices, ten years, <b>by tax law</b>."
    assert answer(back, grant_id, answer="kept", statement=law).json()["state"] == "kept"
    page = owner.get(f"/permissions/{grant_id}").text
    assert "Invoices, ten years, &lt;b&gt;by tax law&lt;/b&gt;." in page
    assert answer(back, grant_id, answer="kept", statement="again").status_code == 409
    assert answer(back, grant_id, answer="erased").json()["state"] == "erased"


@pytest.mark.parametrize("by", ["the same press", "page", "api"])
def test_an_order_is_due_within_a_week(story: Story, back: Back, people: People, by: str) -> None:
    owner, tokens = people[0]
    at_once = {"erase": "yes"} if by == "the same press" else {}
    grant_id = read_and_end(story, owner, tokens, **at_once)
    if by == "page":
        assert owner.post(f"/permissions/{grant_id}/erasure").status_code == 303
    elif by == "api":
        own = bearer(key(story, owner, "own:grants"))
        told = story.api.post(f"/v1/me/grants/{grant_id}/erasure", headers=own)
        assert told.json()["erasure"]["is_ordered"] is True
    (one,) = duties(back)
    assert one["is_ordered"] is True
    due = datetime.fromisoformat(one["due_at"]) - story.clock.now()
    assert timedelta(days=6) < due <= timedelta(days=7)
    assert owner.post(f"/permissions/{grant_id}/erasure").status_code == 303  # twice is once
    assert duties(back) == [one]
    assert "You ordered Mend &amp; Co client to erase" in owner.get("/security/log").text
    assert answer(back, grant_id, answer="erased").status_code == 200
    assert owner.post(f"/permissions/{grant_id}/erasure").status_code == 409


def test_who_does_not_answer_is_seen_by_its_owner_and_by_whom_it_asks_next(
    story: Story, back: Back, people: People
) -> None:
    (owner, tokens), (next_one, _) = people
    grant_id = read_and_end(story, owner, tokens)
    asking = story.ask(back.client)
    warning = "1 owner took a permission back and"
    assert warning not in next_one.get(asking.page).text
    story.clock.advance(10 * DAY)
    grave = read_of(story, owner, grant_id)
    assert grave == "open"
    story.clock.advance(21 * DAY)
    fresh = story.person()
    asking = story.ask(back.client)
    page = " ".join(fresh.get(asking.page).text.split())
    assert warning in page
    stranger = Back(story, "Other & Co")
    assert warning not in fresh.get(story.ask(stranger.client).page).text
    assert duties(back)[0]["state"] == "overdue"
    assert answer(back, grant_id, answer="erased").status_code == 200
    assert warning not in fresh.get(asking.page).text


def read_of(story: Story, owner: Person, grant_id: str) -> str:
    """How the owner sees what is owed."""
    page = owner.get(f"/permissions/{grant_id}").text
    return "open" if "They have to erase what they read" in page else "other"


def test_every_end_that_lets_the_vendor_keep_something_makes_a_duty(
    story: Story, back: Back, people: People
) -> None:
    """Given back, and run out; not one under which nothing was read, and not one that a newer one
    took the place of."""
    (first, one), (second, other) = people
    (thing,) = story.objects(one["access_token"])
    assert story.records(one["access_token"], thing["id"]).status_code == 200
    path = f"/oauth/grants/{one['grant_id']}"
    assert story.api.delete(path, headers=bearer(back.token())).status_code == 204
    assert [duty["grant_id"] for duty in duties(back)] == [one["grant_id"]]
    second.post(f"/permissions/{other['grant_id']}/revoke")
    assert len(duties(back)) == 1  # it had read nothing
    assert second.post(f"/permissions/{other['grant_id']}/erasure").status_code == 404
    assert answer(back, other["grant_id"], answer="erased").status_code == 404
    object_id = first.get("/home").text.split('href="/objects/')[1].split('"')[0]
    tokens = story.connect(back.client, first, [object_id])
    (thing,) = story.objects(tokens["access_token"])
    story.clock.advance(timedelta(seconds=1))
    maker = story.later(next(iter({"Authorization": key} for key in story.makers)), timedelta())
    story.send(maker, object_id, story.wash())
    assert story.records(tokens["access_token"], thing["id"]).json()["records"]
    story.clock.advance(100 * DAY)
    with story.app.state.db.connection() as conn:
        worker.grants.mark_expired(conn, story.clock)
    assert {duty["grant_id"] for duty in duties(back)} == {one["grant_id"], tokens["grant_id"]}


def test_a_duty_is_its_own_clients_alone(story: Story, back: Back, people: People) -> None:
    owner, tokens = people[0]
    grant_id = read_and_end(story, owner, tokens)
    stranger = Back(story, "Other & Co")
    assert duties(stranger) == []
    foreign = answer(stranger, grant_id, answer="erased")
    unknown = answer(back, "0b9f2f5e-2c0e-4a5e-9f5b-6f1d2d7f4c11", answer="erased")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["detail"] == unknown.json()["detail"]
    weak = bearer(back.token("grant_management_query"))
    assert story.api.get("/v1/data/duties", headers=weak).status_code == 403
    assert story.api.get("/v1/data/duties").status_code == 401


def test_duties_come_by_pages(story: Story, back: Back, people: People) -> None:
    for owner, tokens in people:
        read_and_end(story, owner, tokens)
    token = back.token("grants:read")
    first = back.get("/v1/data/duties", token=token, limit=1).json()
    rest = back.get("/v1/data/duties", token=token, limit=1, after=first["next"]).json()
    assert rest["next"] is None
    found = {one["grant_id"] for one in first["duties"] + rest["duties"]}
    assert found == {tokens["grant_id"] for _, tokens in people}
    other = back.get("/v1/data/duties", token=token, after=first["next"], answered="true")
    assert other.status_code == 400  # a cursor is for its own question
