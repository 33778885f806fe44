"""Makers send usage: one record or many, an answer for each line. A hot road."""

import re

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.api.examples import BEARER, problem_responses
from app.api.kept import REPLAYED
from app.api.makers.event_docs import OBJECT_ID, RESULTS_EXAMPLE, parameters, request_body
from app.api.makers.sending import Intake, Sending
from app.keys.log_keys import KeysMissing, LogKeys
from app.kit.db import Database
from app.kit.errors import DomainError, MalformedRequest, NotFound, Unavailable
from app.kit.http import read_whole
from app.kit.idempotency import check_key
from app.kit.ids import parse_id
from app.oauth.protect import credential_of
from app.settings import Settings
from app.usage.formats.reader import Batch, read_body
from app.usage.formats.unpack import unpack

router = APIRouter(prefix="/v1", tags=["Makers: usage"])

_LARGE = 32 * 1024  # bytes; reading more than this would hold up the other requests
_PROBLEMS = (400, 401, 403, 409, 413, 415, 422, 429, 503)
_STRICT = re.compile(r'handling="?strict"?')
_TRIES = 4
_READ = {
    b"content-encoding",
    b"content-type",
    b"detached-jws",
    b"idempotency-key",
    b"prefer",
}


@router.post(
    "/events",
    summary="Send records of any of your objects",
    responses=problem_responses(*_PROBLEMS) | {200: RESULTS_EXAMPLE},
    openapi_extra=BEARER | parameters() | request_body(with_object=True),
)
async def send_events(request: Request) -> Response:
    """Stores one record or an array of at most 10,000, and answers for each line, counted from 1:
    `stored`, `duplicate` (its `id` came before with the same content) or `refused` with the
    problem's type. Lines do not touch each other, and the status is 200 whatever became of them,
    as 207 is in WebDAV: read the results. When the answer comes, what it calls stored is on disk.
    A body that is not wholly JSON is refused with 422, and nothing of it is stored.

    A refused line with `hold` may be kept back and sent again once the object is recording."""
    return await _store(request, await _receive(request, None))


@router.post(
    "/objects/{object_id}/events",
    summary="Send records of one object",
    responses=problem_responses(404, *_PROBLEMS) | {200: RESULTS_EXAMPLE},
    openapi_extra=BEARER | parameters(OBJECT_ID) | request_body(with_object=False),
)
async def send_object_events(request: Request) -> Response:
    """The same for one object, which the records then do not name. An object that is unknown or
    another maker's is 404 for the whole call."""
    return await _store(request, await _receive(request, request.path_params["object_id"]))


async def _receive(request: Request, object_id: str | None) -> Sending:
    """What was sent. Nothing is injected, on this road as on no other: that costs more than all
    the rest of the door."""
    settings: Settings = request.app.state.settings
    shown = credential_of(request)
    headers = _headers(request)
    key = check_key(headers.get(b"idempotency-key", [None])[0], is_secret=False)
    signature = _signature(headers.get(b"detached-jws", []), object_id)
    wanted = None if object_id is None else parse_id(object_id)
    packed = await read_whole(request)
    if object_id is not None and wanted is None:
        raise NotFound("There is no such object of yours.")
    encoding = ", ".join(headers.get(b"content-encoding", []))
    kind = headers.get(b"content-type", [""])[0]
    now = request.app.state.clock.now()

    def read() -> tuple[bytes, Batch] | DomainError:
        """An error is told: one that a thread raises is held in a circle, its body with it."""
        try:
            body = unpack(packed, encoding, settings.unpacked_limit_bytes)
            return body, read_body(body, kind, wanted, now)
        except DomainError as error:
            return error.with_traceback(None)

    is_large = len(packed) > _LARGE or encoding not in ("", "identity")
    found = await run_in_threadpool(read) if is_large else read()
    if isinstance(found, DomainError):
        try:
            raise found
        finally:
            del found  # or it would hold itself, and all that was sent, by way of this frame
    body, batch = found
    return Sending(
        shown,
        batch,
        wanted,
        _is_strict(headers.get(b"prefer", [])),
        key,
        _told_again(request, kind, headers) + body if key else b"",
        signature,
        body if signature else b"",
    )


def _told_again(request: Request, kind: str, headers: dict[bytes, list[str]]) -> bytes:
    """What beside the body makes a call with a key the same call again. That it was signed does,
    the signature does not: who signs anew makes another one."""
    wishes = [" strict"] if _is_strict(headers.get(b"prefer", [])) else []
    wishes += [" signed"] if b"detached-jws" in headers else []
    return f"POST {request.url.path} {kind}{''.join(wishes)}\n".encode()


def _headers(request: Request) -> dict[bytes, list[str]]:
    """The headers that count, by name, in one walk: Starlette walks once for each."""
    found: dict[bytes, list[str]] = {}
    for name, value in request.scope["headers"]:
        if name in _READ:
            found.setdefault(name, []).append(value.decode("latin-1"))
    return found


def _signature(found: list[str], object_id: str | None) -> str | None:
    if len(found) > 1 or (found and object_id is None):
        raise MalformedRequest("Sign a call about one object (/v1/objects/{id}/events), once.")
    return found[0] if found else None


def _is_strict(told: list[str]) -> bool:
    """Whether the caller prefers all or nothing (RFC 7240 §4.4)."""
    wishes = ",".join(told).split(",") if told else []
    return any(_STRICT.fullmatch(wish.partition(";")[0].strip().lower()) for wish in wishes)


async def _store(request: Request, sending: Sending) -> Response:
    """Give the call to the writer; where this process lacks a key of the log, fetch it first."""
    database: Database = request.app.state.db
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
        try:
            raise answer
        finally:
            del answer
    headers = {"Cache-Control": "no-store"}
    if answer.is_replay:
        headers[REPLAYED] = "true"
    if sending.is_strict:
        headers["Preference-Applied"] = "handling=strict"
    return Response(answer.body, answer.status, headers, "application/json")
