"""A vendor's back end: one token for all its permissions, and what becomes of each (OpenID Grant
Management, draft 03)."""

import json
from datetime import timedelta
from typing import Any

from tests.journeys.back_end import Back
from tests.journeys.story import Person, Story, basic, bearer


def test_one_token_reads_under_every_permission(
    story: Story, back: Back, people: list[tuple[Person, dict[str, Any]]]
) -> None:
    token = back.token()
    for number, (owner, tokens) in enumerate(people, 1):
        answer = back.get("/v1/data/objects", tokens["grant_id"], token)
        assert answer.status_code == 200, answer.text
        (thing,) = answer.json()["objects"]
        assert thing["id"] == tokens["authorization_details"][0]["identifier"]
        path = f"/v1/data/objects/{thing['id']}/records"
        by_header = back.get(path, tokens["grant_id"], token)
        by_token = story.records(tokens["access_token"], thing["id"])
        assert by_header.json()["records"] == by_token.json()["records"]
        assert len(by_header.json()["records"]) == number
        assert story.history(owner).count("Mend &amp; Co") >= 3  # each reading stands there
        for _, other in people:
            if other is not tokens:
                assert back.get(path, other["grant_id"], token).status_code == 404


def test_the_header_opens_nothing_else(
    story: Story, back: Back, people: list[tuple[Person, dict[str, Any]]]
) -> None:
    tokens = people[0][1]
    path = "/v1/data/objects"
    stranger = Back(story, "Other & Co")
    foreign = stranger.get(path, tokens["grant_id"])
    for unknown in ("0b9f2f5e-2c0e-4a5e-9f5b-6f1d2d7f4c11", "x", "", "a" * 4000):
        answer = back.get(path, unknown)
        assert answer.status_code == foreign.status_code == 404
        assert answer.json()["detail"] == foreign.json()["detail"]
    assert back.get(path).status_code == 403  # no permission is named
    plain = back.token("grant_management_query")
    assert back.get(path, tokens["grant_id"], plain).status_code == 403
    other = back.get(path, people[1][1]["grant_id"], tokens["access_token"])
    assert other.status_code == 400
    assert back.get(path, tokens["grant_id"], tokens["access_token"]).status_code == 200
    headers = [("Authorization", f"Bearer {back.token()}")]
    headers += [("Inseam-Grant", tokens["grant_id"])] * 2
    assert story.api.get(path, headers=headers).status_code == 400


def test_what_became_of_a_permission_counts_at_once(
    story: Story, back: Back, people: list[tuple[Person, dict[str, Any]]]
) -> None:
    owner, tokens = people[0]
    token, grant_id = back.token(), tokens["grant_id"]
    assert back.get("/v1/data/objects", grant_id, token).status_code == 200
    assert owner.post(f"/permissions/{grant_id}/revoke").status_code == 303
    over = back.get("/v1/data/objects", grant_id, token)
    assert over.status_code == 403
    assert over.json()["type"].endswith("/problems/grant-over")
    assert over.json()["reason"] == "revoked"
    assert "You had taken the permission back." in story.history(owner)
    assert back.get("/v1/data/objects", people[1][1]["grant_id"], token).status_code == 200


def test_all_permissions_are_listed_by_pages(
    story: Story, back: Back, people: list[tuple[Person, dict[str, Any]]]
) -> None:
    people[0][0].post(f"/permissions/{people[0][1]['grant_id']}/revoke")
    token = back.token()
    first = back.get("/v1/data/grants", token=token, limit=1).json()
    rest = back.get("/v1/data/grants", token=token, limit=1, after=first["next"]).json()
    assert rest["next"] is None
    found = {one["grant_id"]: one for one in first["grants"] + rest["grants"]}
    assert found.keys() == {tokens["grant_id"] for _, tokens in people}
    live = found[people[1][1]["grant_id"]]
    assert (live["status"], live["version"]) == ("active", 1)
    assert live["authorization_details"] == people[1][1]["authorization_details"]
    ended = found[people[0][1]["grant_id"]]
    assert (ended["status"], ended["authorization_details"]) == ("revoked", [])
    stranger = Back(story, "Other & Co")
    assert stranger.get("/v1/data/grants").json() == {"grants": [], "next": None}
    assert stranger.get("/v1/data/grants", after=first["next"]).status_code == 400
    assert back.get("/v1/data/grants", token=people[1][1]["access_token"]).status_code == 403


def test_a_client_looks_at_a_permission(
    story: Story, back: Back, people: list[tuple[Person, dict[str, Any]]]
) -> None:
    tokens = people[0][1]
    answer = back.get(f"/oauth/grants/{tokens['grant_id']}")
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told["authorization_details"] == tokens["authorization_details"]
    (scope,) = told["scopes"]
    assert set(scope["scope"].split()) == set(tokens["scope"].split())
    assert (told["status"], told["version"]) == ("active", 1)
    foreign = Back(story, "Other & Co").get(f"/oauth/grants/{tokens['grant_id']}")
    unknown = back.get("/oauth/grants/0b9f2f5e-2c0e-4a5e-9f5b-6f1d2d7f4c11")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["detail"] == unknown.json()["detail"]
    weak = back.token("grants:read")
    assert back.get(f"/oauth/grants/{tokens['grant_id']}", token=weak).status_code == 403
    assert story.api.get(f"/oauth/grants/{tokens['grant_id']}").status_code == 401


def test_a_client_gives_a_permission_back(
    story: Story, back: Back, people: list[tuple[Person, dict[str, Any]]]
) -> None:
    owner, tokens = people[0]
    path = f"/oauth/grants/{tokens['grant_id']}"
    stranger = Back(story, "Other & Co")
    assert story.api.delete(path, headers=bearer(stranger.token())).status_code == 404
    assert story.api.delete(path, headers=bearer(back.token("grants:read"))).status_code == 403
    story.records(tokens["access_token"], tokens["authorization_details"][0]["identifier"])
    read_at = story.clock.now()
    gone = story.api.delete(path, headers=bearer(back.token()))
    assert (gone.status_code, gone.content) == (204, b"")
    assert story.clock.now() >= read_at + timedelta(seconds=2)
    assert story.api.get(
        "/v1/data/objects", headers=bearer(tokens["access_token"])
    ).status_code in (
        401,
        403,
    )
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    again = story.api.post("/oauth/token", data=form, headers=basic(back.client))
    assert again.json()["error"] == "invalid_grant"
    assert story.api.delete(path, headers=bearer(back.token())).status_code == 404
    page = owner.get(f"/permissions/{tokens['grant_id']}").text
    assert "Ended by them" in page
    assert json.dumps(tokens["access_token"]) not in page
