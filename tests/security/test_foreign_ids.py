"""Every address with an id, tried by somebody whose it is not: the answer is that of an id that
does not exist, byte for byte but for the request's own name."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import Connection
from sqlalchemy.event import listen, remove

from app.kit import prepared
from app.kit.ids import new_id
from app.oauth.registration import invite, register
from app.organizations.client_rules import DEVICE_CODE
from tests.factories.device_keys import Device
from tests.factories.oauth import make_purpose
from tests.journeys.story import REDIRECT, SAME, bearer
from tests.journeys.tablet import Tablet
from tests.security.conftest import Stage, routes

# Anyone may see these, so nobody is a stranger to them.
PUBLIC = {
    "/v1/public/products/{product_id}",
    "/v1/public/objects/{object_id}",
    "/o/{object_id}/did.json",
    "/o/{object_id}",
    "/p/{product_id}",
    "/01/{gtin}",
    "/01/{gtin}/21/{serial:path}",
    "/problems/{slug}",
    "/agreements/{agreement_id}",
    "/agreements/{agreement_id}/legal",
    "/v1/agreements/{agreement_id}",
    "/docs/files/{name}",
    "/sign-in/link/{token}",  # a secret; in other browsers tried by the tests of signing in
}
OF_MINE = (
    ("GET", "records"),
    ("GET", "records.ndjson"),
    ("GET", "stats"),
    ("GET", "gaps"),
    ("GET", "recording"),
    ("POST", "pause"),
    ("POST", "resume"),
    ("PUT", "retention/{stream}"),
    ("POST", "erasures"),
    ("GET", "erasures"),
)
KEY = {"Idempotency-Key": "k" * 30}
EVENT = {"stream": "wash", "at": "2026-11-02T09:00:00Z", "values": {"temperature": 30}}
DEVICE = Device()
VENDOR = {"purposes": [make_purpose()]}


@pytest.fixture
def attempts(stage: Stage, export: str) -> dict[tuple[str, str], list[Any]]:
    """By method and route: who tries, with what, on whose id."""
    s = stage
    personal, for_coat = s.personal(), s.personal(s.coat)
    job = bulk_job(s)
    makers = {
        ("GET", "/v1/products/{product_id}"): s.product,
        ("GET", "/v1/objects/{object_id}"): s.jeans,
        ("POST", "/v1/objects/{object_id}/claim-code"): s.jeans,
        ("POST", "/v1/objects/{object_id}/events"): s.jeans,
        ("GET", "/v1/objects/{object_id}/gaps"): s.jeans,
        ("GET", "/v1/objects/{object_id}/keys"): s.jeans,
        ("POST", "/v1/objects/{object_id}/keys"): s.jeans,
        ("DELETE", "/v1/objects/{object_id}/keys/{key_id}"): device_key(s),
        ("GET", "/v1/jobs/{job_id}"): job,
        ("GET", "/v1/jobs/{job_id}/report"): job,
        ("DELETE", "/v1/jobs/{job_id}/report"): job,
    }
    tried: dict[tuple[str, str], list[Any]] = {
        route: [(s.other_maker | KEY, one)] for route, one in makers.items()
    }
    for what in ("records", "buckets", "summary"):
        tried["GET", f"/v1/data/objects/{{object_id}}/{what}"] = [
            (s.other_vendor, s.thing),
            (s.vendor, s.other_thing),
            (s.vendor, s.jeans),
            (s.vendor, s.coat),
            (s.vendor, s.theirs),
        ]
    of_mine = "/v1/me/objects/{object_id}"
    own = {(method, f"{of_mine}/{end}"): [s.theirs, s.thing] for method, end in OF_MINE} | {
        ("GET", "/v1/me/grants/{grant_id}"): [],
        ("GET", "/v1/me/grants/{grant_id}/agreement"): [],
        ("GET", "/v1/me/grants/{grant_id}/receipts"): [],
        ("GET", "/v1/me/grants/{grant_id}/receipts/file"): [],
        ("GET", "/v1/me/grants/{grant_id}/receipts/{number}"): [],
        ("POST", "/v1/me/grants/{grant_id}/pause"): [],
        ("POST", "/v1/me/grants/{grant_id}/resume"): [],
        ("POST", "/v1/me/grants/{grant_id}/revoke"): [],
        ("POST", "/v1/me/grants/{grant_id}/erasure"): [],
        ("GET", "/v1/me/exports/{export_id}"): [],
        ("GET", "/v1/me/exports/{export_id}/file"): [],
    }
    mine = {"object_id": s.jeans, "grant_id": s.grant, "export_id": export}
    for (method, path), ids in own.items():
        name = path.partition("{")[2].partition("}")[0]
        tried[method, path] = [(for_coat, mine[name]), *[(personal, one) for one in ids]]
    pages = {
        "/objects/{object_id}": s.jeans,
        "/objects/{object_id}/streams/{stream}.csv": s.jeans,
        "/objects/{object_id}/keep/{stream}": s.jeans,
        "/objects/{object_id}/erase": s.jeans,
        "/permissions/{grant_id}": s.grant,
        "/permissions/{grant_id}/agreement": s.grant,
        "/permissions/{grant_id}/receipts": s.grant,
        "/permissions/{grant_id}/receipts/{number}": s.grant,
        "/exports/{export_id}": export,
        "/exports/{export_id}/state": export,
        "/exports/{export_id}/events": export,
        "/exports/{export_id}/file": export,
    }
    for path, one in pages.items():
        tried["GET", path] = [(None, one)]
    for end in ("pause", "resume", "revoke", "keep", "erasure"):
        tried["POST", f"/permissions/{{grant_id}}/{end}"] = [(None, s.grant)]
    for end in ("pause", "resume", "keep/{stream}", "erase"):
        tried["POST", f"/objects/{{object_id}}/{end}"] = [(None, s.jeans)]
    clients = list(registration(s))
    for method in ("GET", "PUT", "DELETE"):
        tried[method, "/oauth/register/{client_id}"] = clients
    scopes = ("grant_management_query", "grant_management_revoke")
    stranger = s.story.client(s.story.organization("Stranger"), *scopes)
    for method in ("GET", "DELETE"):
        tried[method, "/oauth/grants/{grant_id}"] = [(bearer(s.story.token(stranger)), s.grant)]
    reader = bearer(s.story.token(s.story.client(s.story.organization("Reader"), "grants:read")))
    tried["POST", "/v1/data/duties/{grant_id}"] = [(reader, s.grant)]
    for method in ("GET", "POST"):
        tried[method, "/v1/data/grants/{grant_id}/agreement"] = [(reader, s.grant)]
    for end in ("", "/file", "/{number}"):
        tried["GET", f"/v1/data/grants/{{grant_id}}/receipts{end}"] = [(reader, s.grant)]
    tried |= consent_and_claim(s) | security_page(s)
    return tried


def device_key(stage: Stage) -> str:
    """An object with a key; its id, since another maker gets no further than the object."""
    made = stage.story.api.post(
        f"/v1/objects/{stage.jeans}/keys",
        json=DEVICE.spec(stage.story.clock),
        headers=stage.maker,
    )
    assert made.status_code == 201, made.text
    return stage.jeans


def bulk_job(stage: Stage) -> str:
    order = {"product_id": stage.product, "count": 2, "serial_prefix": "B-"}
    key = {"Idempotency-Key": str(new_id())}
    made = stage.story.api.post("/v1/objects/bulk", json=order, headers=stage.maker | key)
    assert made.status_code == 202, made.text
    return str(made.json()["job_id"])


def registration(stage: Stage) -> Iterator[tuple[dict[str, str], str]]:
    """A client of the operator's, one that registered itself, and the token of a third."""
    app, clock = stage.story.app, stage.story.clock
    made = []
    with app.state.db.session() as db:
        for _ in range(2):
            token, _until = invite(db, clock, timedelta(days=1))
            settings = app.state.settings
            made.append(
                register(db, clock, settings, token, {"redirect_uris": [REDIRECT]} | VENDOR)
            )
    for client_id in (made[0]["client_id"], stage.story.vendor("Fourth")[0]):
        yield bearer(made[1]["registration_access_token"]), client_id


def consent_and_claim(stage: Stage) -> dict[tuple[str, str], list[Any]]:
    """Pages whose address another owner's browser has got hold of."""
    ticket = stage.story.ask(stage.story.vendor("Third")).page.rpartition("/")[2]
    assert stage.owner.get(f"/consent/{ticket}").status_code == 200
    code = stage.story.mint(stage.maker, stage.product, "SL-8")["claim_code"]
    claim = stage.owner.post("/claim", {"code": code}).headers["location"].rpartition("/")[2]
    return {
        ("GET", "/device/{answer}"): [(None, answer_to_device(stage))],
        ("GET", "/consent/{ticket}"): [(None, ticket)],
        ("POST", "/consent/{ticket}"): [(None, ticket)],
        ("GET", "/claim/{claim_id}"): [(None, claim)],
        ("POST", "/claim/{claim_id}"): [(None, claim)],
        ("GET", "/claim/{claim_id}/done"): [(None, claim)],
    }


def answer_to_device(stage: Stage) -> str:
    """The owner's answer to a device, as the address of the page after it names it."""
    firm = stage.story.organization("Door & Co")
    reads = list(make_purpose()["scopes"])
    client = stage.story.client(firm, *reads, grant_types=[DEVICE_CODE], purposes=[make_purpose()])
    code = Tablet(stage.story, client).start(scope=" ".join(reads)).json()["user_code"]
    page = stage.owner.post("/device", {"user_code": code}).headers["location"]
    said = stage.owner.post(page, {"answer": "refuse"}).headers["location"]
    assert stage.owner.get(said).status_code == 200
    return str(said.rpartition("/")[2])


def security_page(stage: Stage) -> dict[tuple[str, str], list[Any]]:
    """Ids that stand on the owner's own security page."""
    stage.personal()
    from app.accounts.models import SignInSession
    from app.oauth.models import Token

    with stage.story.app.state.db.read() as db:
        (owner_id,) = {t.owner_id for t in db.query(Token).filter(Token.kind == "personal")}
        sessions = db.query(SignInSession).filter(SignInSession.owner_id == owner_id)
        session_id = str(sessions.one().session_id)
        token_id = str(db.query(Token).filter(Token.kind == "personal").first().token_id)
    form = {"app_name": "Home", "app_redirects": "http://localhost/", "app_kind": "confidential"}
    made = stage.owner.post("/security/apps", form | {"app_scope": ["usage:read"]})
    app_id = made.headers["location"].rpartition("/")[2]
    apps = "/security/apps/{client_id}"
    return {
        ("GET", apps): [(None, app_id)],
        ("POST", f"{apps}/secret"): [(None, app_id)],
        ("POST", f"{apps}/end"): [(None, app_id)],
        ("POST", "/security/sessions/{session_id}/end"): [(None, session_id)],
        ("POST", "/security/tokens/{token_id}/revoke"): [(None, token_id)],
        ("POST", "/security/passkeys/{passkey_id}"): [(None, str(new_id()))],
        ("POST", "/security/passkeys/{passkey_id}/remove"): [(None, str(new_id()))],
    }


def addresses() -> Iterator[tuple[str, str]]:
    for method, path, _ in routes("GET", "POST", "PUT", "PATCH", "DELETE"):
        if "{" in path and path not in PUBLIC:
            yield method, path


def ask(stage: Stage, method: str, path: str, token: dict[str, str] | None, one: str) -> Response:
    """As the other owner's browser, or with a token."""
    first, _, rest = path.partition("{")
    where = first + one + rest.partition("}")[2].replace("{stream}", "wash")
    where = where.replace("{key_id}", DEVICE.key.key_id).replace("{number}", "1")
    where += {"buckets": "?stream=wear&size=day", "summary": "?stream=wear"}.get(
        where.rpartition("/")[2], ""
    )
    http = stage.other.http if token is None else stage.story.api
    bodies = {
        "/events": EVENT,
        "/keys": DEVICE.spec(stage.story.clock),
        "/retention/{stream}": {"days": 3},
        "/erasures": {"everything": True},
        "/register/{client_id}": VENDOR,
        "/duties/{grant_id}": {"answer": "erased"},
        "/grants/{grant_id}/agreement": {"jws": "a.b.c"},
    }
    sent = [b for end, b in bodies.items() if path.endswith(end) and method in ("POST", "PUT")]
    body: dict[str, Any] = {"json": sent[0]} if sent else {}
    found: Response = http.request(method, where, headers=token or SAME, **body)
    return found


def told(response: Response, one: str) -> tuple[Any, ...]:
    """Status, headers and text without what differs in any two answers."""
    text = response.text.replace(one, "ID")
    if "json" in response.headers.get("content-type", ""):
        problem = json.loads(text)
        problem.pop("instance", None)
        text = json.dumps(problem)
    else:
        text = text.replace(response.headers["request-id"], "REQUEST")
    names = sorted(set(response.headers) - {"content-length"})
    return response.status_code, names, text


def test_oauth_35_a_foreign_id_is_answered_as_one_that_does_not_exist(
    stage: Stage, attempts: dict[tuple[str, str], list[Any]]
) -> None:
    for (method, path), tries in attempts.items():
        for token, one in tries:
            unknown = str(new_id())
            answer = ask(stage, method, path, token, one)
            place = (method, path, answer.text)
            status = (401,) if path.startswith("/oauth/register/") else (404, 303)
            assert answer.status_code in status, place
            assert told(answer, one) == told(ask(stage, method, path, token, unknown), unknown)
            if answer.status_code == 303:  # ending a session that is not yours does nothing
                assert path == "/security/sessions/{session_id}/end"
    assert stage.owner.get("/home").status_code == 200, "still signed in"
    listed = stage.story.api.get("/v1/data/objects", headers=stage.vendor)
    assert listed.status_code == 200, "the permission lives"
    own = stage.story.api.get("/v1/me/objects", headers=stage.personal())
    assert {one["id"] for one in own.json()["objects"]} == {stage.jeans, stage.coat}


def test_every_address_with_an_id_is_tried(attempts: dict[tuple[str, str], list[Any]]) -> None:
    assert set(addresses()) - set(attempts) == set()


def test_a_token_for_one_object_lists_nothing_of_another(stage: Stage, export: str) -> None:
    for_coat = stage.personal(stage.coat)
    get = stage.story.api.get
    assert [o["id"] for o in get("/v1/me/objects", headers=for_coat).json()["objects"]] == [
        stage.coat
    ]
    assert get("/v1/me/grants", headers=for_coat).json() == {"grants": []}
    assert get("/v1/me/exports", headers=for_coat).json() == {"exports": []}
    seen = get("/v1/me/accesses", headers=for_coat).json()["accesses"]
    assert stage.jeans not in {row["object_id"] for row in seen}
    order = {"object_id": stage.jeans}
    assert stage.story.api.post("/v1/me/exports", json=order, headers=for_coat).status_code == 404


def test_a_token_of_one_kind_opens_no_door_of_another(stage: Stage) -> None:
    own = stage.personal()
    doors = {
        "/v1/products": [stage.vendor, own],
        "/v1/objects": [stage.vendor, own],
        "/v1/dead-letters": [stage.vendor, own],
        "/v1/me/accesses": [stage.vendor, stage.maker],
        "/v1/me/objects": [stage.vendor, stage.maker],
        "/v1/data/objects": [stage.maker, own],
    }
    for path, tokens in doors.items():
        for token in tokens:
            answer = stage.story.api.get(path, headers=token)
            assert answer.status_code == 403, (path, answer.text)
            assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    events = stage.story.api.post("/v1/events", json=[], headers=stage.vendor)
    assert events.status_code == 403


def test_a_cursor_works_for_nobody_else_and_nowhere_else(stage: Stage) -> None:
    for _ in range(3):
        stage.story.send(stage.maker, stage.jeans, stage.story.wash())
    get = stage.story.api.get
    path = f"/v1/data/objects/{stage.thing}/records"
    first = get(path, params={"limit": 1}, headers=stage.vendor).json()
    cursor = first["next"]
    assert cursor
    own = stage.personal()
    for where, query, token in (
        (f"/v1/data/objects/{stage.other_thing}/records", {}, stage.other_vendor),
        (path, {"stream": "wash"}, stage.vendor),
        (path, {"from": "2026-01-01T00:00:00Z"}, stage.vendor),
        (f"/v1/me/objects/{stage.jeans}/records", {}, own),
        ("/v1/me/accesses", {}, own),
        ("/v1/objects", {}, stage.maker),
        ("/v1/products", {}, stage.maker),
        ("/v1/dead-letters", {}, stage.maker),
    ):
        answer = get(where, params={"after": cursor} | query, headers=token)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (
            400,
            "invalid-cursor",
        ), where
    key, _, sealed = cursor.partition(".")
    for bent in (cursor[:-1], cursor + "A", f"x.{sealed}", key, f"{key}.", ".", f"{key}.é", "💥"):
        assert get(path, params={"after": bent}, headers=stage.vendor).status_code == 400, bent


def test_oauth_35_a_foreign_id_costs_the_same_work(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statement by statement, so that time does not tell which ids exist."""
    done: list[str] = []
    run = prepared._run

    def noted(conn: Connection, told: Any) -> Iterator[Any]:
        done.extend(message.text.sql for _, message in told)
        return run(conn, told)

    def count(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        done.append(statement)

    monkeypatch.setattr(prepared, "_run", noted)
    database = stage.story.app.state.db
    engines = {database.engine, database._writing}
    for engine in engines:
        listen(engine, "before_cursor_execute", count)

    def work_for(one: str) -> list[str]:
        path = f"/v1/data/objects/{one}/records"
        stage.story.api.get(path, headers=stage.vendor)  # what is done once was done
        done.clear()
        answer = stage.story.api.get(path, headers=stage.vendor)
        assert answer.status_code == 404
        return sorted(done)

    unknown = work_for(str(new_id()))
    assert any("accesses" in statement for statement in unknown), "the refusal is recorded"
    for one in (stage.other_thing, stage.jeans, stage.coat, stage.theirs):
        assert work_for(one) == unknown
    for engine in engines:
        remove(engine, "before_cursor_execute", count)
