"""An owner's whole log over HTTP, as lines, in chunks that are recorded before they leave."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.accesses.record import STREAM
from app.api.examples import BEARER, problem_responses
from app.api.query import query_parameters, read_query
from app.api.vendors.data import Time, error_of
from app.disclosure.own import refuse_own
from app.disclosure.own_stream import Chunk, OwnStream, fetch_chunk, note_chunk, open_own
from app.disclosure.reader import NotDisclosed
from app.disclosure.records import Wanted
from app.keys.eager import EagerKeys
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.deadline import TimedStream
from app.kit.errors import DomainError, NotFound
from app.kit.http import AppClock, AppDatabase, Connection
from app.oauth.protect import Credential, credential_of, own_principal, own_reader
from app.oauth.tools import AppOpenKeys

router = APIRouter(prefix="/v1/me", tags=["Owners: your own data"])

_SIZE = 4000  # records of a chunk
_SECONDS = 30.0  # in which a chunk leaves, or is cut off
_SCOPE = "own:export"
_TYPE = "application/x-ndjson"
_LINE = (
    '{"stream":"wear","at":"2026-11-02T08:10:00Z","until":"2026-11-02T08:52:00Z",'
    '"values":{"minutes":42,"steps":3120},"flags":[]}\n'
)
_EXAMPLE = {"description": "The records.", "content": {_TYPE: {"example": _LINE}}}


class StreamQuery(BaseModel):
    """What may be asked of a stream of records."""

    stream: str | None = Field(None, max_length=40, description="One stream; all if absent.")
    from_: Time | None = Field(None, alias="from", description="First instant, with zone.")
    to: Time | None = Field(None, description="First instant after, with zone.")
    history: Literal["corrected", "whole"] = Field(
        "whole", description="`corrected` leaves out what a later record takes the place of."
    )


@router.get(
    "/objects/{object_id}/records.ndjson",
    summary="Take your object's records as one stream",
    openapi_extra=BEARER | query_parameters(StreamQuery),
    response_class=Response,
    responses=problem_responses(401, 403, 404, 422) | {200: _EXAMPLE},
)
async def stream_own_records(
    request: Request,
    object_id: str,
    database: AppDatabase,
    clock: AppClock,
    keys: AppOpenKeys,
) -> Response:
    """Every record of your time with an object, or of a window, as lines of JSON in order of time
    (`application/x-ndjson`), each in the form of `GET .../records`. Needs `own:export`. One entry
    of your history says how many may have left. The answer ends properly after the last record
    only: where the token ends meanwhile, or a reader is too slow, the connection is cut."""
    shown, asked = credential_of(request), read_query(request, StreamQuery)
    reading = _Reading(database, clock, keys, shown, _wanted(asked))
    first = await reading.start(object_id, asked)
    return TimedStream(
        reading.bodies(first),
        seconds=_SECONDS,
        media_type=_TYPE,
        headers={"Cache-Control": "no-store"},
    )


def _wanted(asked: StreamQuery | DomainError) -> Wanted:
    if isinstance(asked, DomainError):
        return Wanted(None, None, None, _SIZE, None)
    is_whole = asked.history == "whole"
    return Wanted(asked.stream, asked.from_, asked.to, _SIZE, None, is_whole)


@dataclass(frozen=True)
class _Reading:
    """The tools of one reading. Each step asks again whether the token lives."""

    database: Database
    clock: Clock
    keys: EagerKeys
    shown: Credential
    wanted: Wanted

    async def start(self, ref: str, asked: StreamQuery | DomainError) -> Chunk:
        def work(conn: Connection) -> OwnStream | NotDisclosed:
            caller = own_principal(conn, self.clock, self.shown, _SCOPE, STREAM)
            if isinstance(caller, NotDisclosed):
                return caller
            reader = own_reader(caller)
            if isinstance(asked, DomainError):
                refused = NotDisclosed(asked.slug, asked)
                return refuse_own(conn, self.clock, reader, STREAM, refused)
            return open_own(conn, self.clock, reader, ref, self.wanted)

        found = await self.database.run(work)
        if isinstance(found, NotDisclosed):
            raise found.error or error_of(found.rule)
        return await self._next(found)

    async def bodies(self, chunk: Chunk) -> AsyncIterator[bytes]:
        """What may leave, chunk by chunk."""
        yield chunk.body
        while chunk.rest is not None:
            chunk = await self._next(chunk.rest)
            yield chunk.body

    async def _next(self, stream: OwnStream) -> Chunk:
        chunk = await run_in_threadpool(self._fetch, stream)

        def work(conn: Connection) -> bool:
            caller = own_principal(conn, self.clock, self.shown, _SCOPE, STREAM)
            if isinstance(caller, NotDisclosed):
                return False
            reader = own_reader(caller)
            # It may have to wait for the chunk before it, and then has its own time.
            send_by = self.clock.now() + timedelta(seconds=2 * _SECONDS)
            return note_chunk(conn, self.clock, reader, stream, self.wanted, chunk, send_by)

        if not await self.database.run(work):
            raise NotFound
        return chunk

    def _fetch(self, stream: OwnStream) -> Chunk:
        with self.database.read() as db:
            return fetch_chunk(db.connection(), self.keys, stream, _SIZE)
