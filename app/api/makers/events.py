"""Makers send usage: one record or many, an answer for each line. A hot road."""

import re

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.api.examples import BEARER, problem_responses
from app.api.kept import REPLAYED, OptionalKey
from app.api.makers.event_docs import PARAMETERS, RESULTS_EXAMPLE, request_body
from app.api.makers.sending import Intake, Sending
from app.keys.log_keys import KeysMissing, LogKeys
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.errors import MalformedRequest, NotFound, Unavailable
from app.kit.http import AppClock, AppDatabase, AppSettings
from app.kit.idempotency import check_key
from app.kit.ids import parse_id
from app.oauth.protect import bearer_token
from app.settings import Settings
from app.usage.formats.reader import Batch, read_body
from app.usage.formats.unpack import unpack

router = APIRouter(prefix="/v1", tags=["Makers: usage"])

_LARGE = 32 * 1024  # bytes; reading more than this would hold up the other requests
_PROBLEMS = (400, 401, 403, 409, 413, 415, 422, 429, 503)
_STRICT = re.compile(r'handling="?strict"?')
_TRIES = 4


@router.post(
    "/events",
    summary="Send records of any of your objects",
    responses=problem_responses(*_PROBLEMS) | {200: RESULTS_EXAMPLE},
    openapi_extra=BEARER | PARAMETERS | request_body(with_object=True),
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
    return await _store(request, await _receive(request, None, key, settings, clock), database)


@router.post(
    "/objects/{object_id}/events",
    summary="Send records of one object",
    responses=problem_responses(404, *_PROBLEMS) | {200: RESULTS_EXAMPLE},
    openapi_extra=BEARER | PARAMETERS | request_body(with_object=False),
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
    sending = await _receive(request, object_id, key, settings, clock)
    return await _store(request, sending, database)


async def _receive(
    request: Request, object_id: str | None, key: str | None, settings: Settings, clock: Clock
) -> Sending:
    token = bearer_token(request)
    key = check_key(key, is_secret=False)
    signature = _signature(request, object_id)
    wanted = None if object_id is None else parse_id(object_id)
    packed = await request.body()
    if object_id is not None and wanted is None:
        raise NotFound("There is no such object of yours.")
    encoding = ", ".join(request.headers.getlist("content-encoding"))
    kind = request.headers.get("content-type", "")
    now = clock.now()

    def read() -> tuple[bytes, Batch]:
        body = unpack(packed, encoding, settings.unpacked_limit_bytes)
        return body, read_body(body, kind, wanted, now)

    is_large = len(packed) > _LARGE or encoding not in ("", "identity")
    body, batch = await run_in_threadpool(read) if is_large else read()
    return Sending(
        token,
        batch,
        wanted,
        _is_strict(request),
        key,
        f"{request.method} {request.url.path} {kind}\n".encode() + body if key else b"",
        signature,
        body if signature else b"",
    )


def _signature(request: Request, object_id: str | None) -> str | None:
    found = request.headers.getlist("detached-jws")
    if len(found) > 1 or (found and object_id is None):
        raise MalformedRequest("Sign a call about one object (/v1/objects/{id}/events), once.")
    return found[0] if found else None


def _is_strict(request: Request) -> bool:
    """Whether the caller prefers all or nothing (RFC 7240 §4.4)."""
    wishes = ",".join(request.headers.getlist("prefer")).split(",")
    return any(_STRICT.fullmatch(wish.partition(";")[0].strip().lower()) for wish in wishes)


async def _store(request: Request, sending: Sending, database: Database) -> Response:
    """Give the call to the writer; where this process lacks a key of the log, fetch it first."""
    intake: Intake = request.app.state.intake
    keys: LogKeys = request.app.state.log_keys
    for _ in range(_TRIES):
        try:
            if sending.key is not None:
                answer = await database.run(lambda conn: intake.take_once(conn, sending))
            else:
                answer = await database.run_jointly(request.app.state.take_together, sending)
            break
        except KeysMissing as missing:
            await run_in_threadpool(keys.fetch, missing)
    else:
        raise Unavailable
    if isinstance(answer, Exception):
        raise answer
    headers = {"Cache-Control": "no-store"}
    if answer.is_replay:
        headers[REPLAYED] = "true"
    if sending.is_strict:
        headers["Preference-Applied"] = "handling=strict"
    return Response(answer.body, answer.status, headers, "application/json")
