"""What is driven: each case is one HTTP request, sent again and again with the time moved on."""

import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bench.load import STAMP
from bench.seed import SEEDED, Seeded

HELLO = "hello"


@dataclass(frozen=True)
class Case:
    """A request as it stands on the wire, and what its answer must contain to count."""

    name: str
    title: str
    connections: int
    request: str
    expect: str
    start: datetime
    records: int = 0
    wrap: int = 10**9


def make_cases(seeded: Seeded) -> list[Case]:
    """The bare endpoint first, then the service's hot roads."""
    return [
        Case(HELLO, "bare FastAPI `/hello`", 32, _get("/hello"), '{"hello"', seeded.start),
        _ingest(seeded, "batch-1000", "ingest, 1000 records a call", 1000, 8),
        _ingest(seeded, "batch-1000-ids", "the same, each with its own id", 1000, 8, with_ids=True),
        _ingest(seeded, "batch-100", "ingest, 100 records a call", 100, 16),
        _ingest(seeded, "single", "ingest, a single record", 1, 32),
        _reading(seeded),
        _token(seeded),
    ]


def _ingest(
    seeded: Seeded, name: str, title: str, count: int, connections: int, with_ids: bool = False
) -> Case:
    records = [_record(number, with_ids) for number in range(count)]
    body = json.dumps(records if count > 1 else records[0], separators=(",", ":"))
    path = f"/v1/objects/{seeded.object_id}/events"
    request = _post(path, f"Bearer {seeded.maker_token}", "application/json", body)
    expect = f'"stored":{count},"duplicate":0,"refused":0'
    return Case(name, title, connections, request, expect, seeded.start + SEEDED, count)


def _record(number: int, with_id: bool) -> dict[str, Any]:
    """Wear and wash in turn, a thousandth of a second apart, so that they come in order."""
    at = f"{STAMP}.{number:03d}Z"
    named: dict[str, Any] = {"id": f"{STAMP}.{number:03d}"} if with_id else {}
    if number % 2:
        values: dict[str, Any] = {"temperature": 30, "programme": "delicate"}
        return {"stream": "wash", "at": at, "values": values} | named
    values = {"steps": 1000 + number, "minutes": 12.5}
    return {"stream": "wear", "at": at, "until": at, "values": values} | named


def _reading(seeded: Seeded) -> Case:
    """A full page from a place of the log that differs each time; `next` proves it is full."""
    query = f"limit=100&from={STAMP}Z"
    request = _get(
        f"/v1/data/objects/{seeded.pseudonym}/records?{query}", f"Bearer {seeded.vendor_token}"
    )
    wrap = int((SEEDED - timedelta(days=1)).total_seconds())
    return Case(
        "reading",
        "protected reading of 100 records",
        32,
        request,
        '"next":"',
        seeded.start,
        records=100,
        wrap=wrap,
    )


def _token(seeded: Seeded) -> Case:
    secret = b64encode(f"{seeded.maker_id}:{seeded.maker_secret}".encode()).decode()
    form = "grant_type=client_credentials&scope=log%3Awrite"
    kind = "application/x-www-form-urlencoded"
    request = _post("/oauth/token", f"Basic {secret}", kind, form)
    title = "token, client_credentials"
    return Case("token", title, 32, request, '"access_token"', seeded.start)


def _get(path: str, authorization: str = "") -> str:
    allowed = f"Authorization: {authorization}\r\n" if authorization else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{allowed}\r\n"


def _post(path: str, authorization: str, kind: str, body: str) -> str:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n"
    return f"{head}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
