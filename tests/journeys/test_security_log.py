"""An owner's security log: every change of a permission, every new client, every sign of theft."""

import re
from datetime import timedelta
from typing import Any

import pytest

from app import worker
from app.accounts.security_log import KINDS
from app.web import words
from tests.journeys.back_end import Back
from tests.journeys.story import REDIRECT, Person, Story, basic, bearer, refresh
from tests.journeys.test_pause import key

MINUTE = timedelta(minutes=1)


class Log:
    """The log of one owner, by page and by API."""

    def __init__(self, story: Story, owner: Person, objects: list[str] | None = None) -> None:
        self.story, self.owner = story, owner
        self.token = key(story, owner, "own:read", objects=objects)
        story.clock.advance(MINUTE)

    def read(self, **query: Any) -> dict[str, Any]:
        path = "/v1/me/security-log"
        answer = self.story.api.get(path, params=query, headers=bearer(self.token))
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        found: dict[str, Any] = answer.json()
        return found

    def told(self) -> list[tuple[str, str]]:
        """Kind and name, newest first, without the key that reads it."""
        events = [(one["kind"], one["name"]) for one in self.read()["events"]]
        return [one for one in events if one != ("key-made", "script")]


@pytest.fixture
def owner(people: list[tuple[Person, dict[str, Any]]]) -> Person:
    return people[0][0]


@pytest.fixture
def tokens(people: list[tuple[Person, dict[str, Any]]]) -> dict[str, Any]:
    return people[0][1]


CLIENT = "Mend & Co client"
FIRST = [("grant-given", CLIENT), ("new-client", CLIENT)]


def test_a_first_permission_is_a_new_client_and_a_second_is_not(
    story: Story, back: Back, owner: Person, tokens: dict[str, Any]
) -> None:
    log = Log(story, owner)
    assert sorted(log.told()) == sorted(FIRST)
    (object_id,) = [one["object_id"] for one in _details(log, tokens)]
    story.connect(back.client, owner, [object_id])
    assert sorted(log.told()[:2]) == [("grant-given", CLIENT), ("grant-superseded", CLIENT)]
    assert log.told().count(("new-client", CLIENT)) == 1
    events = {one["kind"]: one for one in log.read()["events"]}
    assert events["grant-superseded"]["grant_id"] == tokens["grant_id"]
    assert events["grant-given"]["client_id"] == back.client[0]


def _details(log: Log, tokens: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"/v1/me/grants/{tokens['grant_id']}"
    answer = log.story.api.get(path, headers=bearer(log.token))
    return list({one["object_id"]: one for one in answer.json()["details"]}.values())


def test_every_end_of_a_permission_stands_there(
    story: Story, back: Back, people: list[tuple[Person, dict[str, Any]]]
) -> None:
    (first, one), (second, other) = people
    logs = Log(story, first), Log(story, second)
    assert first.post(f"/permissions/{one['grant_id']}/revoke").status_code == 303
    assert logs[0].told()[0] == ("grant-revoked", CLIENT)
    path = f"/oauth/grants/{other['grant_id']}"
    assert story.api.delete(path, headers=bearer(back.token())).status_code == 204
    assert logs[1].told()[0] == ("grant-ended", CLIENT)
    assert ("grant-revoked", CLIENT) not in logs[1].told()  # each has a log of their own


def test_what_ran_out_stands_there_from_when_it_did(
    story: Story, owner: Person, tokens: dict[str, Any]
) -> None:
    log, until = Log(story, owner), story.clock.now() + timedelta(days=91)
    story.clock.advance(timedelta(days=100))
    with story.app.state.db.connection() as conn:
        assert worker.grants.mark_expired(conn, story.clock) == 2
        assert worker.grants.mark_expired(conn, story.clock) == 0
    ran_out = [one for one in log.read()["events"] if one["kind"] == "grant-expired"]
    assert [(one["name"], one["grant_id"]) for one in ran_out] == [(CLIENT, tokens["grant_id"])]
    assert ran_out[0]["at"] < until.isoformat()


@pytest.mark.parametrize("is_code", [True, False])
def test_what_comes_twice_is_told_once(
    story: Story, back: Back, owner: Person, tokens: dict[str, Any], is_code: bool
) -> None:
    log = Log(story, owner)
    if is_code:
        asking = story.ask(back.client)
        (object_id,) = [one["object_id"] for one in _details(log, tokens)]
        code = asking.allow(owner, [object_id])
        tokens = asking.redeem(code)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        form |= {"code_verifier": asking.verifier}
        story.clock.advance(MINUTE / 2)

        def again() -> str:
            answer = story.api.post("/oauth/token", data=form, headers=basic(back.client))
            return str(answer.json()["error"])
    else:
        first = tokens["refresh_token"]
        assert refresh(story, back.client, first).status_code == 200
        story.clock.advance(MINUTE)  # past the moment in which it could be the same client

        def again() -> str:
            return str(refresh(story, back.client, first).json()["error"])

    assert [again() for _ in range(3)] == ["invalid_grant"] * 3
    assert log.told()[0] == ("token-reused", CLIENT)
    assert log.told().count(("token-reused", CLIENT)) == 1
    page = owner.get("/security/log").text
    assert "A key of Mend &amp; Co client was used twice" in page
    assert f'href="/permissions/{tokens["grant_id"]}"' in page
    assert (
        story.api.get("/v1/data/objects", headers=bearer(tokens["access_token"])).status_code == 401
    )


def test_another_clients_attempt_tells_nothing(
    story: Story, back: Back, owner: Person, tokens: dict[str, Any]
) -> None:
    log, before = Log(story, owner), refresh(story, back.client, tokens["refresh_token"])
    story.clock.advance(MINUTE)
    stranger = Back(story, "Other & Co")
    assert refresh(story, stranger.client, tokens["refresh_token"]).status_code == 400
    assert sorted(log.told()) == sorted(FIRST)
    token = before.json()["access_token"]
    assert story.api.get("/v1/data/objects", headers=bearer(token)).status_code == 200


def test_keys_ways_in_and_own_apps_stand_there(story: Story, owner: Person) -> None:
    log = Log(story, owner)
    assert owner.post("/security/recovery").status_code == 303
    form = {"app_name": "Shelf", "app_redirects": "http://localhost:8123/callback"}
    form |= {"app_scope": "usage:read", "app_kind": "confidential"}
    made = owner.post("/security/apps", form)
    assert made.status_code == 303, made.text
    story.clock.advance(MINUTE)
    assert owner.post(f"{made.headers['location']}/end").status_code == 303
    assert log.told()[0] == ("app-ended", "Yourself: Shelf")
    assert {("recovery-codes-made", ""), ("app-registered", "Yourself: Shelf")} <= set(log.told())
    page = owner.get("/security/log").text
    for said in (
        "You ended your app Shelf",
        "New recovery codes",
        "You made the access key script",
    ):
        assert said in page
    (made_key,) = re.findall(r"/security/tokens/([\w-]+)/revoke", owner.get("/security").text)
    assert owner.post(f"/security/tokens/{made_key}/revoke").status_code == 303
    assert "You ended the access key script" in owner.get("/security/log").text


def test_pages_hold_together(story: Story, owner: Person, tokens: dict[str, Any]) -> None:
    log = Log(story, owner)
    for _ in range(60):
        owner.post("/security/recovery")
    whole = log.read(limit=1000)
    assert whole["next"] is None
    found, after = [], None
    while True:
        page = log.read(limit=7, **({"after": after} if after else {}))
        found += page["events"]
        after = page["next"]
        if after is None:
            break
    assert found == whole["events"]
    assert len(found) == len({one["event_id"] for one in found})
    first = owner.get("/security/log").text
    older = first.split('href="/security/log?after=')[1].split('"')[0]
    second = owner.get(f"/security/log?after={older}").text
    assert "You gave Mend &amp; Co client a permission" not in first
    assert "You gave Mend &amp; Co client a permission" in second
    assert story.api.get("/v1/me/security-log").status_code == 401
    wrong = {"after": "x"}, {"limit": 0}, {"limit": 1001}
    for query in wrong:
        path = "/v1/me/security-log"
        answer = story.api.get(path, params=query, headers=bearer(log.token))
        assert answer.status_code in (400, 422), query


def test_a_key_for_some_objects_sees_what_became_of_these(
    story: Story, back: Back, owner: Person, tokens: dict[str, Any]
) -> None:
    maker = story.maker("Small Denim")
    product = story.product(maker, gtin=None, article_number="M-1")
    other = story.owned(maker, product, owner, "SL-9")
    narrow = Log(story, owner, [other])
    assert narrow.read() == {"events": [], "next": None}
    vendor = Back(story, "Sew & Co")
    story.connect(vendor.client, owner, [other])
    assert [one["kind"] for one in narrow.read()["events"]] == ["grant-given"]


def test_every_kind_has_its_words() -> None:
    assert tuple(words.SECURITY_EVENTS) == KINDS
    for kind in KINDS:
        said = words.security_event(kind, "Mend & Co")
        assert said.title
        assert "{" not in said.title + said.note
