"""Makers send usage: one record or many, an answer for each line. A hot road."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.api.examples import BEARER, problem_responses
from app.api.kept import REPLAYED, OptionalKey
from app.api.makers.event_docs import RESULTS_EXAMPLE, request_body
from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.errors import DomainError, NotFound, UnsupportedEncoding
from app.kit.http import AppClock, AppDatabase, AppSettings, Connection
from app.kit.idempotency import Answer, begin, check_key, finish
from app.kit.ids import parse_id
from app.kit.limits import Limit, spend
from app.oauth.protect import Principal, bearer_token, principal_of, require_scope
from app.settings import Settings
from app.usage.ingest import DUPLICATE, REFUSED, STORED, LineResult, check_object, ingest
from app.usage.items import Item, RefusedLine, read_items

router = APIRouter(prefix="/v1", tags=["Makers: usage"])

_LARGE = 32 * 1024  # bytes; reading more than this would hold up the other requests
_PROBLEMS = (401, 403, 409, 413, 415, 422, 429)


@router.post(
    "/events",
    summary="Send records of any of your objects",
    responses=problem_responses(*_PROBLEMS) | {200: RESULTS_EXAMPLE},
    openapi_extra=BEARER | request_body(with_object=True),
)
async def send_events(
    request: Request,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    key: OptionalKey = None,
) -> Response:
    """Stores one record or an array of at most 10,000, and answers for each line, counted from 1:
    `stored`, `duplicate` (its `id` came before with the same content) or `refused` with the
    problem's type. Lines do not touch each other, and the status is 200 whatever became of them,
    as 207 is in WebDAV: read the results. When the answer comes, what it calls stored is on disk.
    A body that is not wholly JSON is refused with 422, and nothing of it is stored.

    A refused line with `hold` may be kept back and sent again once the object is recording."""
    sending = await _receive(request, None, key)
    return await _store(sending, database, clock, settings)


@router.post(
    "/objects/{object_id}/events",
    summary="Send records of one object",
    responses=problem_responses(404, *_PROBLEMS) | {200: RESULTS_EXAMPLE},
    openapi_extra=BEARER | request_body(with_object=False),
)
async def send_object_events(
    request: Request,
    object_id: str,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    key: OptionalKey = None,
) -> Response:
    """The same for one object, which the records then do not name. An object that is unknown or
    another maker's is 404 for the whole call."""
    sending = await _receive(request, object_id, key)
    return await _store(sending, database, clock, settings)


@dataclass(frozen=True)
class _Sending:
    """A call, read and judged as far as that goes without the database."""

    token: str
    key: str | None
    request: bytes
    object_id: UUID | None
    items: list[Item | RefusedLine]


async def _receive(request: Request, object_id: str | None, key: str | None) -> _Sending:
    token = bearer_token(request)
    key = check_key(key, is_secret=False)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedEncoding("Send records as application/json.")
    body = await request.body()
    wanted = None if object_id is None else parse_id(object_id)
    if object_id is not None and wanted is None:
        raise NotFound("There is no such object of yours.")
    if len(body) > _LARGE:
        items = await run_in_threadpool(_read, body, wanted)
    else:
        items = _read(body, wanted)
    target = f"{request.method} {request.url.path}\n".encode()
    return _Sending(token, key, target + body, wanted, items)


def _read(body: bytes, object_id: UUID | None) -> list[Item | RefusedLine]:
    return read_items(jsonio.loads(body), object_id)


async def _store(
    sending: _Sending, database: Database, clock: Clock, settings: Settings
) -> Response:
    """Count the call against its client's limit, then do everything else in one transaction."""
    limit = Limit("ingest", settings.rate_ingest_per_minute, 60)

    def admit(conn: Connection) -> None:
        spend(conn, clock, limit, str(_writer(conn, clock, sending).client_id))

    def work(conn: Connection) -> Answer:
        return _answer_once(conn, clock, settings, _writer(conn, clock, sending), sending)

    await database.run(admit)
    answer = await database.run(work)
    headers = {"Cache-Control": "no-store"}
    if answer.is_replay:
        headers[REPLAYED] = "true"
    return Response(answer.body, answer.status, headers, "application/json")


def _writer(conn: Connection, clock: Clock, sending: _Sending) -> Principal:
    return require_scope(principal_of(conn, clock, sending.token), "log:write")


def _answer_once(
    conn: Connection, clock: Clock, settings: Settings, writer: Principal, sending: _Sending
) -> Answer:
    caller, key = str(writer.client_id), sending.key
    if key is None:
        return _answer(conn, clock, settings, writer, sending)
    kept = begin(conn, clock, caller, key, sending.request, is_secret=False)
    if kept is not None:
        return kept
    answer = _answer(conn, clock, settings, writer, sending)
    finish(conn, caller, key, answer, is_secret=False)
    return answer


def _answer(
    conn: Connection, clock: Clock, settings: Settings, writer: Principal, sending: _Sending
) -> Answer:
    assert writer.org_id is not None  # who holds log:write is a maker's client
    if sending.object_id is not None:
        check_object(conn, writer.org_id, sending.object_id)
    results = ingest(
        conn,
        clock,
        org_id=writer.org_id,
        items=sending.items,
        tolerance_seconds=settings.clock_tolerance_seconds,
    )
    return Answer(200, _write_results(results, settings.origin))


def _write_results(results: Sequence[LineResult], origin: str) -> bytes:
    counts = Counter(one.status for one in results)
    lines = [_write_line(one, origin) for one in results]
    totals = {status: counts[status] for status in (STORED, DUPLICATE, REFUSED)}
    return jsonio.dumps({"results": lines} | totals)


def _write_line(one: LineResult, origin: str) -> dict[str, Any]:
    line: dict[str, Any] = {"line": one.line, "status": one.status}
    return line if one.error is None else line | _explain(one.error, origin)


def _explain(error: DomainError, origin: str) -> dict[str, Any]:
    """The members of a problem (RFC 9457 §3.1) that make sense for one line."""
    told = {
        "type": f"{origin}/problems/{error.slug}",
        "title": error.title,
        "detail": error.detail,
    }
    if error.field is not None:
        told["pointer"] = error.field
    return told | error.extra
