"""Bodies that are too long, too slow, cut short or encoded, at every door that takes one."""

import asyncio
import json
import re
import time
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from app.kit import jsonio
from app.kit.errors import InvalidJson, MalformedRequest
from app.kit.http import BodyGate
from app.settings import Settings
from tests.conftest import ORIGIN
from tests.journeys.story import SAME
from tests.security.conftest import Stage, routes

LIMIT = 128 * 1024
CHUNK = b'"' + b"a" * 8190 + b","
PART = b'--x\r\nContent-Disposition: form-data; name="code"; filename="a"\r\n\r\n'
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MULTIPART = "multipart/form-data; boundary=x"


@pytest.fixture
def engine_kind() -> str:
    """None of this reaches a database."""
    return "sqlite"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"body_limit_bytes": LIMIT})


@dataclass
class Sent:
    """What came back, and how much of the body was asked for."""

    status: int = 0
    body: bytes = b""
    taken: int = 0


def send(stage: Stage, method: str, path: str, body: bytes | None = None, **headers: str) -> Sent:
    """A request piece by piece, below the test client, which would read a body to its end.

    Without `body` it goes on for ever and does not say how long it is. It has every header that
    could be needed to have the body read.
    """
    path = path.replace("{object_id}", stage.jeans)
    path = re.sub(r"{[^}]+}", "0b6e3a0e-0f2f-4a57-9f7a-9d1c2b3a4f50", path)
    token = stage.maker if path.startswith("/v1") else {}
    cookies = "; ".join(f"{name}={value}" for name, value in stage.owner.http.cookies.items())
    all_headers = SAME | token | {"Cookie": cookies, "Idempotency-Key": "k" * 30, "Host": "x"}
    all_headers |= {"Content-Type": FORM} | headers
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "scheme": "https",
        "client": ("192.0.2.1", 1),
        "headers": [(k.lower().encode(), v.encode()) for k, v in all_headers.items()],
    }
    sent, pieces = Sent(), [PART]

    async def receive() -> Message:
        await asyncio.sleep(0)
        piece = (pieces.pop() if pieces else CHUNK) if body is None else body
        sent.taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": body is None}

    async def answer(message: Message) -> None:
        sent.status = message.get("status", sent.status)
        sent.body += message.get("body", b"")

    portal = stage.story.api.portal
    assert portal is not None
    portal.call(stage.story.app, scope, receive, answer)
    return sent


def test_a_body_without_a_length_is_cut_off_at_the_limit_everywhere(stage: Stage) -> None:
    doors = list(routes("POST", "PUT", "PATCH", "DELETE"))
    assert len(doors) > 30
    for method, path, _ in doors:
        if path == "/sign-out":
            continue  # reads no body, and would end the session that the others need
        for kind in (FORM, MULTIPART, JSON):
            sent = send(stage, method, path, **{"Content-Type": kind})
            assert 200 <= sent.status < 500, (path, kind, sent.body)
            assert sent.taken <= LIMIT + 2 * len(CHUNK), (path, kind)


def test_a_body_that_outgrows_the_limit_is_413(stage: Stage) -> None:
    for path, kind in (
        ("/v1/events", JSON),
        ("/v1/products", JSON),
        ("/v1/products", "text/plain"),
        ("/claim", MULTIPART),
        ("/sign-in/passkey/verify", JSON),
    ):
        sent = send(stage, "POST", path, **{"Content-Type": kind, "Accept": JSON})
        assert (sent.status, json.loads(sent.body)["status"]) == (413, 413), path


def test_a_length_over_the_limit_is_413_before_anything_is_read(stage: Stage) -> None:
    for method, path, _ in routes("POST", "PUT", "PATCH", "DELETE"):
        sent = send(stage, method, path, **{"Content-Length": str(LIMIT + 1)})
        assert (sent.status, sent.taken) == (413, 0), path


def test_no_content_encoding_is_taken_but_for_records(stage: Stage) -> None:
    for method, path, _ in routes("POST", "PUT", "PATCH", "DELETE"):
        if path.endswith("/events"):
            continue
        for encoding in ("gzip", "BR", "gzip, identity", "x"):
            sent = send(stage, method, path, b"a=b", **{"Content-Encoding": encoding})
            assert (sent.status, sent.taken) == (415, 0), (path, encoding)


@pytest.mark.parametrize(
    ("encodings", "status"),
    [
        ([], 400),
        (["identity"], 400),
        ([" Identity "], 400),
        (["identity", "gzip"], 415),
        (["gzip", "identity"], 415),
        (["identity", "identity"], 415),
        (["identity, identity"], 415),
        ([""], 415),
    ],
)
def test_every_header_of_content_encoding_counts(
    client: TestClient, encodings: list[str], status: int
) -> None:
    headers = [("Content-Encoding", one) for one in encodings]
    answer = client.post("/oauth/token", content=b"", headers=headers)
    assert answer.status_code == status


def test_a_body_cut_short_stores_nothing(stage: Stage) -> None:
    body = b'[{"stream":"wash","at":"2026-11-02T08:10:00Z","values":{"temperature":30}},{"stre'
    kind = {"Content-Type": JSON}
    assert send(stage, "POST", "/v1/objects/{object_id}/events", body, **kind).status == 422
    records = stage.story.api.get(
        f"/v1/me/objects/{stage.jeans}/records", headers=stage.personal()
    ).json()["records"]
    assert len(records) == 1


def test_a_body_that_drips_is_given_up() -> None:
    async def drip() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"a", "more_body": True}

    async def read(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    gate = BodyGate(read, LIMIT, ORIGIN, seconds=0.1)
    scope = {"type": "http", "headers": [], "query_string": b"", "path": "/", "method": "POST"}
    with pytest.raises(MalformedRequest, match="in time"):
        asyncio.run(gate(scope, drip, drip))


def test_a_body_that_has_come_may_be_worked_on_for_long() -> None:
    async def whole() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"a", "more_body": False}

    async def read_twice(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.sleep(0.2)
        await receive()

    gate = BodyGate(read_twice, LIMIT, ORIGIN, seconds=0.1)
    scope = {"type": "http", "headers": [], "query_string": b"", "path": "/", "method": "POST"}
    asyncio.run(gate(scope, whole, whole))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 33 + b'"' + b'\\"' * 500_000,
        b"[" * 33 + b'"' * 1_000_000,
        b"[" * 33 + b'"' + b"\\" * 1_000_001,
        b"[" * 1_000_000,
        b"[" + b"[]," * 300_000 + b"]",
        b"[" * 500_000 + b"]" * 500_000,
    ],
)
def test_no_body_makes_the_reader_look_back(body: bytes) -> None:
    """A million characters in well under the hour that looking back takes."""
    start = time.monotonic()
    with pytest.raises(InvalidJson):
        jsonio.loads(body)
    assert time.monotonic() - start < 10
