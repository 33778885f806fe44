"""Promise P6: a refusal stands in the history with its rule, whatever was wrong with the call; and
so does every copy that is asked for or taken away."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import FileResponse

from app.accesses.models import Access
from app.kit.ids import NOBODY, new_id
from tests.journeys.story import MAKER_SCOPES, Person, Story, basic, bearer
from tests.journeys.test_p08_owner_gets_the_same import personal_token

FAULTS = [
    ("limit=0", 422, "invalid-request"),
    ("limit=1&limit=2", 422, "invalid-request"),
    ("stream=wash&stream=wear", 422, "invalid-request"),
    ("from=yesterday", 422, "invalid-request"),
    ("to=2026-11-02T08:00:00", 422, "invalid-request"),
    ("stream=" + "x" * 41, 422, "invalid-request"),
    ("stream=%00", 400, "malformed-request"),
    ("after=garbage", 400, "invalid-cursor"),
    ("after=" + "x" * 2001, 400, "invalid-cursor"),
]
MINE = "Your token “My script”"


class Shared:
    """An owner's jeans, shared with a vendor, and the owner's own token."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.maker, self.owner = story.maker(), story.person()
        self.product = story.product(self.maker)
        self.jeans = story.owned(self.maker, self.product, self.owner, "SL-1")
        self.vendor = story.vendor()
        self.tokens = story.connect(self.vendor, self.owner, [self.jeans])
        self.theirs = bearer(self.tokens["access_token"])
        self.mine = bearer(personal_token(story, self.owner))
        self.thing = story.objects(self.tokens["access_token"])[0]["id"]

    def read(self, query: str = "", thing: str = "", token: dict[str, str] | None = None) -> Any:
        path = f"/v1/data/objects/{thing or self.thing}/records?{query}"
        return self.story.api.get(path, headers=token or self.theirs)

    def read_own(self, query: str = "", token: dict[str, str] | None = None) -> Any:
        path = f"/v1/me/objects/{self.jeans}/records?{query}"
        return self.story.api.get(path, headers=token or self.mine)

    def rows(self, **wanted: Any) -> list[Access]:
        with self.story.app.state.db.read() as db:
            found = db.query(Access).filter(Access.owner_id != NOBODY).filter_by(**wanted)
            return list(found.order_by(Access.at))

    def writes(self) -> int:
        """How often refusals were written, under nobody's name too."""
        with self.story.app.state.db.read() as db:
            return sum(row.times for row in db.query(Access).filter_by(result="refused"))

    def refused(self) -> list[tuple[str, str, str | None, int]]:
        rows = self.rows(result="refused")
        return [(row.reader, row.action, row.rule, row.times) for row in rows]


@pytest.fixture
def shared(story: Story) -> Shared:
    return Shared(story)


def test_a_bad_query_is_refused_and_recorded(shared: Shared) -> None:
    for query, status, rule in FAULTS:
        answer = shared.read(query)
        assert answer.status_code == status, query
        assert answer.json()["type"].endswith(f"/problems/{rule}")
        assert answer.headers["cache-control"] == "no-store"
        own = shared.read_own(query)
        assert (own.status_code, own.json()["type"]) == (status, answer.json()["type"])
        rows = {row.reader: row for row in shared.rows(result="refused")[-2:]}
        assert {(row.action, row.rule) for row in rows.values()} == {("records", rule)}
        assert {str(row.object_id) for row in rows.values()} == {shared.jeans}
        assert str(rows["Mend & Co client"].grant_id) == shared.tokens["grant_id"]
        assert rows[MINE].grant_id is None
        shared.story.clock.advance(60)  # equal refusals of a minute share a row
    assert len(shared.rows(result="refused")) == 2 * len(FAULTS)
    told = shared.story.api.get("/v1/me/accesses", headers=shared.mine).text
    assert all(rule in told for _, _, rule in FAULTS)


def test_a_bad_query_is_no_news_of_an_object(shared: Shared) -> None:
    """The same answer and the same writing for what is another's and what is nobody's."""
    other = shared.story.person()
    foreign = shared.story.owned(shared.maker, shared.product, other, "SL-2")
    for query, status, _ in FAULTS:
        before = shared.writes()
        said = [shared.read(query, thing) for thing in (foreign, str(new_id()), "nonsense")]
        assert [answer.status_code for answer in said] == [status] * 3
        assert len({answer.json()["detail"] for answer in said}) == 1
        assert shared.writes() == before + 6
    theirs = [r for r in shared.rows(result="refused") if r.object_id is not None]
    assert [(str(r.object_id), r.rule, r.times) for r in theirs] == [
        (foreign, "no-grant", len(FAULTS))
    ]


def test_a_dead_token_is_judged_before_its_query(shared: Shared) -> None:
    queries = ["", *(query for query, _, _ in FAULTS)]
    shared.owner.post(f"/permissions/{shared.tokens['grant_id']}/revoke")
    for query in queries:
        answer = shared.read(query)
        assert (answer.status_code, answer.json().get("reason")) == (401, "revoked"), query
    assert shared.refused() == [("Mend & Co client", "records", "revoked", len(queries))]
    shared.story.clock.advance(timedelta(days=31))
    for query in queries:
        for path in (f"/objects/{shared.jeans}/records", "/objects", "/accesses", "/grants"):
            answer = shared.story.api.get(f"/v1/me{path}?{query}", headers=shared.mine)
            said = (answer.status_code, answer.json().get("reason"))
            assert said == (401, "token-expired"), (path, query)
    rows = [row for row in shared.refused() if row[0] == MINE]
    assert sorted(rows) == [
        (MINE, "history", "token-expired", 2 * len(queries)),
        (MINE, "objects", "token-expired", len(queries)),
        (MINE, "records", "token-expired", len(queries)),
    ]


def test_an_unknown_token_and_none_are_401_and_nobodys(shared: Shared) -> None:
    for query in ("", *(query for query, _, _ in FAULTS)):
        for headers in ({}, bearer("nonsense")):
            for path in (f"data/objects/{shared.thing}", f"me/objects/{shared.jeans}"):
                answer = shared.story.api.get(f"/v1/{path}/records?{query}", headers=headers)
                assert answer.status_code == 401, query
    assert shared.refused() == []


def test_a_vendors_token_tried_as_an_owners_is_recorded(shared: Shared) -> None:
    assert shared.read_own(token=shared.theirs).status_code == 403
    assert shared.story.api.get("/v1/me/objects", headers=shared.theirs).status_code == 403
    assert shared.story.api.get("/v1/me/grants", headers=shared.theirs).status_code == 403
    rows = shared.rows(result="refused")
    assert {(r.client_id, r.rule) for r in rows} == {(shared.vendor[0], "insufficient-scope")}
    assert {row.action for row in rows} == {"records", "objects", "history"}


def test_a_token_that_names_no_owner_leaves_no_row(shared: Shared) -> None:
    client = shared.story.client(shared.story.organization("Drum Works"), *MAKER_SCOPES)
    form = {"grant_type": "client_credentials"}
    token = shared.story.api.post("/oauth/token", data=form, headers=basic(client)).json()
    headers = bearer(token["access_token"])
    assert shared.read_own(token=headers).status_code == 403
    assert shared.refused() == []


def test_a_personal_token_never_passes_for_a_vendor(story: Story) -> None:
    """However an owner, or who talked them into it, has named it."""
    maker, owner = story.maker(), story.person()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    named = {
        "token_name": "Mend & Co",
        "scope": ["own:read"],
        "token_until": (story.clock.now() + timedelta(days=30)).date().isoformat(),
    }
    shown = owner.get(owner.post("/security/tokens", named).headers["location"]).text
    token = bearer(shown[shown.index("inseam_pat_") :].partition("<")[0].split('"')[0].strip())
    for path in ("/v1/data/objects", f"/v1/data/objects/{jeans}/records", "/v1/me/objects"):
        story.api.get(path, headers=token)
    with story.app.state.db.read() as db:
        rows = list(db.query(Access).filter(Access.owner_id != NOBODY))
    assert {row.reader for row in rows} == {"Your token “Mend & Co”"}
    assert {(row.action, row.result) for row in rows} == {
        ("objects", "refused"),
        ("records", "refused"),
        ("objects", "given"),
    }


def test_the_history_takes_a_query_once_and_whole(shared: Shared) -> None:
    for query, status in (
        ("limit=1&limit=2", 422),
        ("result=given&result=refused", 422),
        ("limit=0", 422),
        ("object_id=x", 422),
        ("client_id=" + "x" * 101, 422),
        ("client_id=%00", 400),
        ("after=" + "x" * 2001, 400),
        ("after=x", 400),
    ):
        answer = shared.story.api.get(f"/v1/me/accesses?{query}", headers=shared.mine)
        assert answer.status_code == status, query
        if status == 422:
            pointer = f"query:{query.partition('=')[0]}"
            assert [e["pointer"] for e in answer.json()["errors"]] == [pointer]


def test_the_description_names_every_parameter(shared: Shared) -> None:
    paths = shared.story.app.openapi()["paths"]
    records = ["stream", "from", "to", "limit", "after", "history"]
    for path, wanted in (
        ("/v1/data/objects/{object_id}/records", records),
        ("/v1/me/objects/{object_id}/records", records),
        ("/v1/me/accesses", ["object_id", "client_id", "result", "limit", "after"]),
    ):
        told = paths[path]["get"]["parameters"]
        assert [one["name"] for one in told if one["in"] == "query"] == wanted
        (limit,) = [one["schema"] for one in told if one["name"] == "limit"]
        assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 1000, 100)


def ask_for_copy(shared: Shared, token: dict[str, str], **body: Any) -> Any:
    wish = {"object_id": shared.jeans} | body
    return shared.story.api.post("/v1/me/exports", json=wish, headers=token)


def test_a_copy_by_token_stands_in_the_history_before_it_leaves(
    shared: Shared, work_jobs: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.story.send(shared.maker, shared.jeans, shared.story.wear(), shared.story.wash())
    asked = ask_for_copy(shared, shared.mine)
    assert asked.status_code == 202
    place = asked.headers["location"]
    assert [(r.reader, r.result, r.count) for r in shared.rows(action="export")] == [
        (MINE, "given", 0)
    ]
    early = shared.story.api.get(f"{place}/file", headers=shared.mine)
    assert early.status_code == 409
    work_jobs()
    seen: list[int] = []
    send = FileResponse.__call__

    async def watch(self: Any, *args: Any) -> None:
        seen.append(len(shared.rows(action="export")))
        await send(self, *args)

    monkeypatch.setattr(FileResponse, "__call__", watch)
    for times in (2, 3):
        fetched = shared.story.api.get(f"{place}/file", headers=shared.mine)
        assert fetched.headers["cache-control"] == "no-store"
        assert fetched.content[:2] == b"PK"
        assert seen.pop() == times
    row = shared.rows(action="export")[-1]
    assert (row.reader, row.count, row.streams) == (MINE, 2, ["fit", "place", "wash", "wear"])
    assert (str(row.object_id), row.result, row.client_id) == (shared.jeans, "given", None)
    assert "My script" in shared.story.history(shared.owner)


def test_a_copy_by_the_page_stands_there_too(shared: Shared, work_jobs: Callable[[], None]) -> None:
    page = shared.owner.post("/exports", {"object_id": shared.jeans}).headers["location"]
    work_jobs()
    fetched = shared.owner.get(f"{page}/file")
    assert fetched.headers["cache-control"] == "no-store"
    rows = shared.rows(action="export")
    assert [(r.reader, r.result) for r in rows] == [("You, signed in here", "given")] * 2


def test_a_copy_that_a_token_does_not_reach_is_a_refusal(
    shared: Shared, work_jobs: Callable[[], None]
) -> None:
    story = shared.story
    place = ask_for_copy(shared, shared.mine).headers["location"]
    work_jobs()
    coat = story.owned(shared.maker, shared.product, shared.owner, "SL-2")
    narrow = bearer(personal_token(story, shared.owner, coat))
    assert ask_for_copy(shared, narrow).status_code == 404
    assert story.api.get(f"{place}/file", headers=narrow).status_code == 404
    assert ask_for_copy(shared, shared.mine, object_id=str(new_id())).status_code == 404
    assert shared.refused() == [(MINE, "export", "not-granted", 3)]
    story.clock.advance(timedelta(days=31))
    assert story.api.get(f"{place}/file", headers=shared.mine).status_code == 401
    assert shared.refused()[1:] == [(MINE, "export", "token-expired", 1)]


def test_what_is_an_owners_is_kept_in_no_cache(shared: Shared) -> None:
    place = ask_for_copy(shared, shared.mine).headers["location"]
    grant = f"/v1/me/grants/{shared.tokens['grant_id']}"
    for path in ("/v1/me/accesses", "/v1/me/grants", grant, "/v1/me/exports", place):
        answer = shared.story.api.get(path, headers=shared.mine)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), path
    assert ask_for_copy(shared, shared.mine).headers["cache-control"] == "no-store"


def test_a_wish_for_a_copy_has_no_unknown_members(shared: Shared) -> None:
    answer = ask_for_copy(shared, shared.mine, everything=True)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/everything"
    assert shared.rows(action="export") == []


def test_another_owner_sees_nothing_of_a_copy(shared: Shared) -> None:
    ask_for_copy(shared, shared.mine)
    other: Person = shared.story.person()
    assert "My script" not in shared.story.history(other)
