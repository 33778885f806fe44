"""A vendor's reading of what stretches of time come to: looked at outside of the writer, recorded
in it before anything leaves."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.api.examples import (
    BEARER,
    BUCKETS_EXAMPLE,
    SUMMARY_EXAMPLE,
    problem_responses,
)
from app.api.query import query_parameters, read_query
from app.api.vendors.data import Time, admit, admit_again, named_grant, send
from app.disclosure.coarse import Found, Plan, Wanted, look, plan_reading, record_reading
from app.disclosure.reader import Disclosed, NotDisclosed
from app.kit.errors import DomainError
from app.kit.http import AppClock, AppCursors, AppDatabase, AppSettings, Connection
from app.kit.paging import MAX_LIMIT
from app.oauth.protect import credential_of
from app.oauth.tools import AppOpenKeys

router = APIRouter(prefix="/v1/data/objects/{object_id}", tags=["Vendors: data"])


class BucketsQuery(BaseModel):
    """Which stretches of time of one stream are wanted."""

    stream: str = Field(max_length=40, description="The stream.")
    size: Literal["hour", "day", "week", "month"] = Field(description="How long each stretch is.")
    from_: Time | None = Field(None, alias="from", description="First instant, with zone.")
    to: Time | None = Field(None, description="First instant after, with zone.")
    limit: int = Field(100, ge=1, le=MAX_LIMIT, description="Stretches a page, empty ones too.")
    after: str | None = Field(None, description="Cursor of the page before.")


class SummaryQuery(BaseModel):
    """Of which stream."""

    stream: str = Field(max_length=40, description="The stream.")


@router.get(
    "/buckets",
    summary="Read what stretches of time come to",
    openapi_extra=BEARER | query_parameters(BucketsQuery),
    responses=problem_responses(400, 401, 403, 404, 422, 429) | {200: BUCKETS_EXAMPLE},
)
async def read_buckets(
    request: Request,
    object_id: str,
    database: AppDatabase,
    clock: AppClock,
    cursors: AppCursors,
    keys: AppOpenKeys,
    settings: AppSettings,
) -> Response:
    """What one stream comes to over each hour, day, week or month: how many records began in it,
    for intervals the minutes in it, for each number its sum, least, greatest and mean, for a
    counter how far it went up, for places the squares they lie in. A query is widened to whole
    stretches; told are those that lie wholly in the window of the permission and were over twelve
    hours ago, once and for all: what comes later changes none. Days are those of `zone`. A stretch
    without a record is absent, so a page may be empty; follow `next` until it is null. Every call
    stands in the owner's history."""
    asked = read_query(request, BucketsQuery)
    if isinstance(asked, BucketsQuery):
        told = Wanted(asked.stream, asked.size, asked.from_, asked.to, asked.limit, asked.after)
        return await _answer(request, object_id, told, database, clock, cursors, keys, settings)
    return await _answer(request, object_id, asked, database, clock, cursors, keys, settings)


@router.get(
    "/summary",
    summary="Read a few words on all records of a stream",
    openapi_extra=BEARER | query_parameters(SummaryQuery),
    responses=problem_responses(400, 401, 403, 404, 422, 429) | {200: SUMMARY_EXAMPLE},
)
async def read_summary(
    request: Request,
    object_id: str,
    database: AppDatabase,
    clock: AppClock,
    cursors: AppCursors,
    keys: AppOpenKeys,
    settings: AppSettings,
) -> Response:
    """How often, how long, when last, and whether more or less than before, over all of the window
    that the permission gives, whatever is asked. Of fewer than five records it says `too_few`, and
    nothing else. Every call stands in the owner's history."""
    asked = read_query(request, SummaryQuery)
    told = Wanted(asked.stream, None) if isinstance(asked, SummaryQuery) else asked
    return await _answer(request, object_id, told, database, clock, cursors, keys, settings)


async def _answer(
    request: Request,
    object_id: str,
    wanted: Wanted | DomainError,
    database: AppDatabase,
    clock: AppClock,
    cursors: AppCursors,
    keys: AppOpenKeys,
    settings: AppSettings,
) -> Response:
    shown, named = credential_of(request), named_grant(request)
    deadline = timedelta(seconds=settings.send_deadline_seconds)

    def begin(conn: Connection) -> Plan | NotDisclosed:
        reader = admit(conn, clock, shown, named, settings.rate_data_per_minute)
        return plan_reading(conn, clock, cursors, reader, object_id, wanted)

    plan = await database.run(begin)
    if isinstance(plan, NotDisclosed):
        return send(plan, clock, is_named=named is not None)

    def fetch() -> Found:
        with database.read() as db:
            return look(db.connection(), keys, plan)

    found = await run_in_threadpool(fetch)

    def record(conn: Connection) -> Disclosed | NotDisclosed:
        now_reads = replace(plan, reader=admit_again(conn, clock, shown, named))
        return record_reading(conn, clock, cursors, now_reads, found, deadline)

    outcome = await database.run(record)
    return send(outcome, clock, request, is_named=named is not None)
