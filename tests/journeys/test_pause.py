"""An owner pauses a permission, and resumes it: promise P5 holds for a pause as for an end."""

from datetime import timedelta
from typing import Any

import pytest

from tests.journeys.back_end import Back
from tests.journeys.story import Person, Story, bearer, refresh

People = list[tuple[Person, dict[str, Any]]]


def key(story: Story, owner: Person, *scopes: str, objects: list[str] | None = None) -> str:
    """An access key of the owner's own."""
    until = (story.clock.now() + timedelta(days=200)).date().isoformat()
    form = {"token_name": "script", "scope": list(scopes), "token_until": until}
    made = owner.post("/security/tokens", form | ({"object": objects} if objects else {}))
    page = owner.get(made.headers["location"]).text
    return "inseam_pat_" + page.split("inseam_pat_")[1][:43]


@pytest.mark.parametrize("by", ["page", "api"])
def test_one_press_holds_everything_and_one_lets_it_go_on(
    story: Story, back: Back, people: People, by: str
) -> None:
    (owner, tokens), (_, other) = people
    grant_id, token = tokens["grant_id"], tokens["access_token"]
    own = key(story, owner, "own:grants", "own:read")

    def press(act: str) -> None:
        if by == "page":
            done = owner.post(f"/permissions/{grant_id}/{act}")
            assert (done.status_code, done.headers["location"]) == (303, f"/permissions/{grant_id}")
        else:
            told = story.api.post(f"/v1/me/grants/{grant_id}/{act}", headers=bearer(own))
            assert told.status_code == 200, told.text
            assert told.json()["status"] == {"pause": "paused", "resume": "active"}[act]

    (thing,) = story.objects(token)
    assert story.records(token, thing["id"]).status_code == 200
    read_at = story.clock.now()
    press("pause")
    assert story.clock.now() >= read_at + timedelta(seconds=2)  # what was on its way has left
    for refused in (
        story.records(token, thing["id"]),
        back.get("/v1/data/objects", grant_id),
        back.get(f"/v1/data/objects/{thing['id']}/records", grant_id),
    ):
        assert refused.status_code == 403, refused.text
        assert refused.json()["type"].endswith("/problems/grant-paused")
    assert "The permission was paused." in story.history(owner)
    page = owner.get(f"/permissions/{grant_id}").text
    assert "You paused it" in page
    assert f'action="/permissions/{grant_id}/resume"' in page
    assert "Paused" in owner.get("/permissions").text
    # The vendor keeps what it holds, and is told.
    fresh = refresh(story, back.client, tokens["refresh_token"])
    assert fresh.status_code == 200, fresh.text
    assert story.records(fresh.json()["access_token"], thing["id"]).status_code == 403
    (listed,) = [
        one for one in back.get("/v1/data/grants").json()["grants"] if one["grant_id"] == grant_id
    ]
    assert listed["status"] == "paused"
    assert story.objects(other["access_token"])  # somebody else's stays as it was

    press("pause")  # twice is once
    press("resume")
    token = fresh.json()["access_token"]
    if story.records(token, thing["id"]).status_code == 401:  # ten minutes may have passed
        token = refresh(story, back.client, fresh.json()["refresh_token"]).json()["access_token"]
    assert story.records(token, thing["id"]).status_code == 200
    press("resume")
    versions = owner.get(f"/permissions/{grant_id}").text
    assert versions.count("You paused it") == versions.count("You resumed it") == 1
    log = owner.get("/security/log").text
    assert "You paused the permission of Mend &amp; Co client" in log
    assert "You resumed the permission of Mend &amp; Co client" in log


def test_the_vendor_follows_a_pause(story: Story, back: Back, people: People) -> None:
    owner, tokens = people[0]
    story.clock.advance(timedelta(seconds=3))
    after = back.get("/v1/data/changes").json()["next"]
    for act in ("pause", "resume"):
        owner.post(f"/permissions/{tokens['grant_id']}/{act}")
        story.clock.advance(timedelta(seconds=3))
    told = back.get("/v1/data/changes", after=after).json()["changes"]
    (one,) = [change for change in told if change["type"] == "grant"]
    assert [event["what"] for event in one["events"]] == ["paused", "resumed"]
    assert one["grant"]["status"] == "active"


def test_what_is_over_stays_over(story: Story, people: People) -> None:
    owner, tokens = people[0]
    path = f"/permissions/{tokens['grant_id']}"
    own = key(story, owner, "own:grants")
    api = f"/v1/me/grants/{tokens['grant_id']}"
    ended = story.api.post(f"{api}/revoke", headers=bearer(own))
    assert (ended.status_code, ended.json()["status"]) == (200, "revoked")
    assert story.api.post(f"{api}/revoke", headers=bearer(own)).status_code == 200
    for act in ("pause", "resume"):
        assert owner.post(f"{path}/{act}").status_code == 409
        refused = story.api.post(f"{api}/{act}", headers=bearer(own))
        assert refused.status_code == 409
        assert refused.json()["type"].endswith("/problems/permission-over")
    page = owner.get(path).text
    assert f'action="{path}/pause"' not in page


def test_who_may_hold_it(story: Story, people: People) -> None:
    (owner, tokens), (other, _) = people
    path = f"/permissions/{tokens['grant_id']}"
    api = f"/v1/me/grants/{tokens['grant_id']}"
    for act in ("pause", "resume", "revoke"):
        assert other.post(f"{path}/{act}").status_code == 404
        foreign = key(story, other, "own:grants")
        assert story.api.post(f"{api}/{act}", headers=bearer(foreign)).status_code == 404
        weak = key(story, owner, "own:read", "own:manage", "own:export")
        assert story.api.post(f"{api}/{act}", headers=bearer(weak)).status_code == 403
        assert story.api.post(f"{api}/{act}").status_code == 401
        vendor = bearer(tokens["access_token"])
        assert story.api.post(f"{api}/{act}", headers=vendor).status_code == 403
    assert story.objects(tokens["access_token"])
