"""Sending usage over HTTP: an answer for each line, and whole calls that are refused."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import func, select
from starlette.testclient import TestClient

from app.api.makers.event_docs import request_body
from app.kit import jsonio
from app.kit.clock import FixedClock
from app.main import create_app
from app.settings import Settings
from app.usage.models import RecentName, Segment, StreamHead
from tests.api.makers.conftest import Caller, Makers
from tests.factories import usage as make

AT = "2026-11-02T09:00:00+00:00"
EVENTS = "/v1/events"
PROBLEMS = "https://testserver/problems/"


@pytest.fixture
def sender(makers: Makers) -> Caller:
    return makers.add("Big Denim", "log:write")


@pytest.fixture
def thing(app: FastAPI, sender: Caller, clock: FixedClock) -> UUID:
    """The sender's object, claimed a day ago."""
    return _thing(app, sender.org_id, clock, is_claimed=True)


def _thing(app: FastAPI, org_id: UUID, clock: FixedClock, *, is_claimed: bool) -> UUID:
    with app.state.db.connection() as conn:
        product_id = make.make_product(conn, org_id, clock.now() - timedelta(days=9))
        object_id = make.make_thing(conn, clock, org_id, product_id, "S1")
        if is_claimed:
            make.give_thing(conn, clock, object_id, timedelta(days=1))
    return object_id


def wash(object_id: UUID | None = None, **changes: Any) -> dict[str, Any]:
    record = {"stream": "wash", "at": AT, "values": {"temperature": 30}}
    named = {} if object_id is None else {"object": str(object_id)}
    return named | record | changes


def count(app: FastAPI, table: type | None = None) -> int:
    """Rows of a table, or records in the log."""
    wanted = func.sum(Segment.records) if table is None else func.count()
    with app.state.db.read() as db:
        return int(db.scalar(select(wanted).select_from(table or Segment)) or 0)


def slug(answer: Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["type"]).removeprefix(PROBLEMS)


def test_one_record_and_many_are_stored(sender: Caller, thing: UUID, app: FastAPI) -> None:
    answer = sender.post(EVENTS, wash(thing))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "results": [{"line": 1, "status": "stored"}],
        "stored": 1,
        "duplicate": 0,
        "refused": 0,
    }
    many = sender.post(f"/v1/objects/{thing}/events", [wash(), wash(id="a"), wash(id="a")])
    assert [line["status"] for line in many.json()["results"]] == ["stored", "stored", "duplicate"]
    assert count(app) == 3


def test_each_line_has_its_own_answer(sender: Caller, thing: UUID, app: FastAPI) -> None:
    lines = [
        wash(thing, values={"temperature": "hot"}),
        wash(thing),
        wash(thing, at="2026-11-02T09:00:00"),
        wash(thing, stream="walk"),
        wash(thing, at="2026-10-31T09:00:00Z"),
        wash(uuid4()),
        7,
    ]
    told = sender.post(EVENTS, lines).json()
    assert (told["stored"], told["duplicate"], told["refused"]) == (1, 0, 6)
    assert [line.get("type", "").removeprefix(PROBLEMS) for line in told["results"]] == [
        "invalid-value",
        "",
        "zone-missing",
        "unknown-stream",
        "outside-tenure",
        "not-found",
        "invalid-record",
    ]
    assert told["results"][0]["pointer"] == "/values/temperature"
    assert count(app) == 1


def test_unclaimed_object_is_told_to_hold_and_nothing_is_stored(
    sender: Caller, app: FastAPI, clock: FixedClock
) -> None:
    object_id = _thing(app, sender.org_id, clock, is_claimed=False)
    for path, record in ((EVENTS, wash(object_id)), (f"/v1/objects/{object_id}/events", wash())):
        (line,) = sender.post(path, [record | {"id": "a"}]).json()["results"]
        assert line["type"] == f"{PROBLEMS}object-unclaimed"
        assert line["hold"] is True
    assert [count(app, table) for table in (Segment, RecentName, StreamHead)] == [0, 0, 0]


@pytest.mark.parametrize("text", ["", "x", "/../x", "0b6e3a0e-0f2f-4a57-9f7a-9d1c2b3a4f50"])
def test_unknown_object_in_the_address_is_404_for_the_call(sender: Caller, text: str) -> None:
    assert sender.post(f"/v1/objects/{text}/events", wash()).status_code == 404


def test_object_of_another_maker_is_404_exactly_as_an_unknown_one(
    sender: Caller, makers: Makers, thing: UUID, app: FastAPI
) -> None:
    other = makers.add("Drum Works", "log:write", gs1_prefixes=[])
    foreign = other.post(f"/v1/objects/{thing}/events", wash())
    unknown = other.post(f"/v1/objects/{uuid4()}/events", wash())
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert [{**a.json(), "instance": ""} for a in (foreign, unknown)] == [
        {**unknown.json(), "instance": ""}
    ] * 2
    (line,) = other.post(EVENTS, wash(thing)).json()["results"]
    assert line["type"] == f"{PROBLEMS}not-found"
    assert count(app) == 0


def test_idempotency_key_stores_once(
    sender: Caller, makers: Makers, thing: UUID, app: FastAPI
) -> None:
    body = [wash(thing), wash(thing, values={})]
    first = sender.post(EVENTS, body, key="k")
    again = sender.post(EVENTS, body, key="k")
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert count(app) == 1
    for path, other in ((EVENTS, body[:1]), (f"/v1/objects/{thing}/events", body)):
        refused = sender.post(path, other, key="k")
        assert (refused.status_code, slug(refused)) == (409, "idempotency-key-reused")
    assert count(app) == 1
    stranger = makers.add("Drum Works", "log:write", gs1_prefixes=[])
    assert stranger.post(EVENTS, body, key="k").json()["stored"] == 0


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_unusable_key_is_refused(sender: Caller, thing: UUID, app: FastAPI, key: str) -> None:
    assert sender.post(EVENTS, wash(thing), key=key).status_code in (400, 422)
    assert count(app) == 0


NO_RECORDS: list[Any] = [
    b"",
    b"[",
    b'[{"stream": "wash"}, {"str',
    b"{} {}",
    b"[NaN]",
    b'{"values": {"temperature": 1e400}}',
    b'{"stream": "a", "stream": "b"}',
    b'{"stream": "\\u0000"}',
    b'{"stream": "\\ud800"}',
    b'{"at": 99999999999999999999}',
    b"\xff\xfe",
    b"[" * 33 + b"]" * 33,
    b"[" * 100_000,
    b"7",
    b"null",
]


def test_body_that_is_no_record_is_refused_whole(sender: Caller, thing: UUID, app: FastAPI) -> None:
    for body in NO_RECORDS:
        answer = _raw(sender, body)
        assert answer.status_code == 422, body
        assert slug(answer) in ("invalid-json", "invalid-record"), body


def test_truncated_batch_stores_nothing(sender: Caller, thing: UUID, app: FastAPI) -> None:
    whole = jsonio.dumps([wash(thing)] * 20)
    assert _raw(sender, whole[:-30]).status_code == 422
    assert count(app) == 0


def test_batch_over_ten_thousand_records_is_413(sender: Caller, app: FastAPI) -> None:
    answer = sender.post(EVENTS, [{}] * 10_001)
    assert (answer.status_code, slug(answer)) == (413, "too-many-records")


@pytest.mark.parametrize("is_announced", [True, False])
def test_body_over_the_limit_is_413(
    settings: Settings, clock: FixedClock, makers: Makers, thing: UUID, is_announced: bool
) -> None:
    token = makers.add("Big Denim 2", "log:write", gs1_prefixes=[]).token
    small = create_app(settings.model_copy(update={"body_limit_bytes": 2000}), clock)
    body = jsonio.dumps([wash(thing)] * 40)
    parts = body if is_announced else iter([body[:1500], body[1500:]])
    with TestClient(small, base_url="https://testserver") as http:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = http.post(EVENTS, content=parts, headers=headers)
    assert (answer.status_code, slug(answer)) == (413, "body-too-large")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "", "application/jsonx"])
def test_other_content_types_are_415(sender: Caller, thing: UUID, kind: str) -> None:
    assert _raw(sender, jsonio.dumps(wash(thing)), kind).status_code == 415


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "x"])
def test_other_content_encodings_are_415(sender: Caller, thing: UUID, encoding: str) -> None:
    answer = _raw(sender, jsonio.dumps(wash(thing)), **{"Content-Encoding": encoding})
    assert answer.status_code == 415


def test_tokens_are_needed_live_in_the_header_and_with_the_scope(
    sender: Caller, makers: Makers, thing: UUID, client: TestClient, app: FastAPI
) -> None:
    record = wash(thing)
    assert client.post(EVENTS, json=record).status_code == 401
    assert client.post(f"{EVENTS}?access_token={sender.token}", json=record).status_code == 401
    unknown = Caller(client, sender.org_id, "inseam_at_nothing").post(EVENTS, record)
    assert (unknown.status_code, slug(unknown)) == (401, "invalid-token")
    narrow = makers.add("Narrow Denim", "products:write", gs1_prefixes=[]).post(EVENTS, record)
    assert (narrow.status_code, slug(narrow)) == (403, "insufficient-scope")
    makers.clock.advance(timedelta(hours=2))
    late = sender.post(EVENTS, record)
    assert (late.status_code, late.json()["reason"]) == (401, "token-expired")
    assert count(app) == 0


def test_calls_of_a_client_are_limited(
    settings: Settings, clock: FixedClock, sender: Caller, thing: UUID, app: FastAPI
) -> None:
    slow = create_app(settings.model_copy(update={"rate_ingest_per_minute": 2}), clock)
    with TestClient(slow, base_url="https://testserver") as http:
        caller = Caller(http, sender.org_id, sender.token)
        codes = [caller.post(EVENTS, wash(thing)).status_code for _ in range(4)]
        assert codes == [200, 200, 429, 429]
        assert int(caller.post(EVENTS, wash(thing)).headers["retry-after"]) <= 60
        clock.advance(61)
        assert caller.post(EVENTS, wash(thing)).status_code == 200
    assert count(app) == 3


def test_large_batch_over_many_lines_is_numbered_in_order(
    sender: Caller, thing: UUID, app: FastAPI
) -> None:
    records = [wash(id=str(n % 900), values={"temperature": n % 900}) for n in range(1000)]
    told = sender.post(f"/v1/objects/{thing}/events", records).json()
    assert (told["stored"], told["duplicate"]) == (900, 100)
    assert [line["line"] for line in told["results"]] == list(range(1, 1001))
    with app.state.db.read() as db:
        found = db.execute(select(Segment.first_seq, Segment.records)).all()
    assert [tuple(one) for one in found] == [(0, 900)]


@pytest.mark.parametrize("with_object", [True, False])
def test_documented_examples_are_taken(sender: Caller, thing: UUID, with_object: bool) -> None:
    content = request_body(with_object=with_object)["requestBody"]["content"]["application/json"]
    path = EVENTS if with_object else f"/v1/objects/{thing}/events"
    for example in content["examples"].values():
        records = example["value"]
        if with_object:
            many = records if isinstance(records, list) else [records]
            records = [record | {"object": str(thing)} for record in many]
        assert sender.post(path, records).json()["refused"] == 0


def _raw(sender: Caller, body: bytes, kind: str = "application/json", **headers: str) -> Response:
    given = {"Authorization": f"Bearer {sender.token}", **headers}
    if kind:
        given["Content-Type"] = kind
    return sender.http.post(EVENTS, content=body, headers=given)


def test_a_fault_of_ours_is_told_with_the_request_id_and_raised_to_the_server(
    app: FastAPI, sender: Caller, thing: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("app.api.makers.sending.ingest_all", fail)
    headers = {"Authorization": f"Bearer {sender.token}", "Request-Id": "fault-of-ours-1"}
    client = TestClient(app, raise_server_exceptions=False)  # the app is started by the sender's
    answer = client.post(EVENTS, json=wash(thing), headers=headers)
    assert answer.status_code == 500
    assert answer.json()["type"].endswith("/problems/internal-error")
    assert answer.json()["instance"] == "urn:request:fault-of-ours-1"
    assert answer.headers["request-id"] == "fault-of-ours-1"
    with pytest.raises(RuntimeError):
        sender.http.post(EVENTS, json=wash(thing), headers=headers)


def test_a_key_belongs_to_a_strict_or_signed_call_or_to_neither(
    sender: Caller, thing: UUID, app: FastAPI
) -> None:
    path, key = f"/v1/objects/{thing}/events", "a-key-of-its-own"
    body = [wash(), wash(values={})]
    first = sender.post(path, body, key=key)
    headers = {"Authorization": f"Bearer {sender.token}", "Idempotency-Key": key}
    strict = sender.http.post(path, json=body, headers=headers | {"Prefer": "handling=strict"})
    assert (strict.status_code, slug(strict)) == (409, "idempotency-key-reused")
    assert "preference-applied" not in strict.headers
    signed = sender.http.post(path, json=body, headers=headers | {"Detached-JWS": "abc"})
    assert (signed.status_code, slug(signed)) == (401, "signature-invalid")
    assert sender.post(path, body, key=key).content == first.content
    assert count(app) == 1


def test_a_wrong_clock_is_no_reason_to_refuse_an_id(
    sender: Caller, makers: Makers, thing: UUID, clock: FixedClock
) -> None:
    """Also where the object was claimed longer ago than an id is known."""
    clock.advance(timedelta(days=9))
    sender = makers.join(sender, "log:write")
    path = f"/v1/objects/{thing}/events"
    ahead = (clock.now() + timedelta(days=365)).isoformat()
    body = [wash(at="1970-01-01T00:00:10Z", id="a"), wash(at=ahead, id="b")]
    assert sender.post(path, body).json()["stored"] == 2
    assert sender.post(path, body).json()["duplicate"] == 2
    other = [wash(at=ahead, id="b", values={"temperature": 60})]
    (line,) = sender.post(path, other).json()["results"]
    assert (line["pointer"], line["detail"]) == ("/id", "This id came before with another content.")
