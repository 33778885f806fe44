"""What is new under all permissions of a client, for a back end that follows them all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.api.examples import BEARER, CHANGES_EXAMPLE, problem_responses
from app.api.vendors.data import Time
from app.disclosure.changes import (
    Change,
    Changes,
    Round,
    look_for_changes,
    read_round,
    record_changes,
)
from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.db import settled_at
from app.kit.deadline import TimedResponse
from app.kit.errors import MalformedRequest
from app.kit.http import AppClock, AppCursors, AppDatabase, AppSettings, Connection
from app.kit.limits import Limit, spend
from app.kit.paging import MAX_LIMIT
from app.oauth.grant_routes import told
from app.oauth.granted import Granted, load_granted
from app.oauth.protect import (
    GRANTS,
    Credential,
    Principal,
    credential_of,
    principal_again,
    principal_of,
    require_scope,
)
from app.oauth.tools import AppOpenKeys
from app.usage.wire import records_body, rfc3339

router = APIRouter(prefix="/v1/data", tags=["Vendors: data"])

_CURSOR_LIFE = timedelta(days=366)


@dataclass(frozen=True)
class _Told:
    """What may leave: each change, with the permission as it stands where something became of
    it."""

    changes: Sequence[tuple[Change, Granted | None]]
    send_by: datetime


@router.get(
    "/changes",
    summary="Follow what is new under all your permissions",
    openapi_extra=BEARER,
    responses=problem_responses(400, 401, 403, 422, 429) | {200: CHANGES_EXAMPLE},
)
async def follow_changes(
    request: Request,
    database: AppDatabase,
    clock: AppClock,
    cursors: AppCursors,
    keys: AppOpenKeys,
    settings: AppSettings,
    after: Annotated[
        str | None, Query(max_length=2000, description="`next` of the answer before.")
    ] = None,
    since: Annotated[
        Time | None,
        Query(description="For the first call: what came behind this instant; all if absent."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Records a page.")] = 1000,
) -> Response:
    """New records and what became of permissions, across all that owners have given this client.
    Call again with `next` as `after`: at once while `more` is true, else when you like; `next` is
    good for a year. What is new is told once, and some seconds late. Records come stream by stream
    in the order in which they arrived, late ones and corrections too, within what each permission
    gives. Kinds that may be read so often alone are left out, and what came while a permission did
    not let you read it is in `/v1/data/objects/{id}/records`. Every permission that records are
    told of has a reading in its owner's history. Needs the scope grants:read."""
    shown = credential_of(request)
    if after is not None and since is not None:
        raise MalformedRequest("Send `after` or `since`, not both.")

    def begin(conn: Connection) -> tuple[Principal, Round]:
        caller = _admit(conn, clock, shown, settings.rate_data_per_minute)
        told = None if after is None else cursors.open(after, *_bound(caller))
        return caller, _round(told, since, settled_at(conn, clock.now()))

    caller, wanted = await database.run(begin)
    client_id = str(caller.client_id)

    def fetch() -> Changes:
        with database.read() as db:
            return look_for_changes(db.connection(), clock, keys, client_id, wanted, limit)

    page = await run_in_threadpool(fetch)
    deadline = timedelta(seconds=settings.send_deadline_seconds)

    def record(conn: Connection) -> _Told:
        require_scope(principal_again(conn, clock, shown), GRANTS)
        send_by = clock.now() + deadline
        found = record_changes(conn, clock, client_id, caller.shown_name, page.found, send_by)
        return _Told([(one, _grant_of(conn, clock, one)) for one in found], send_by)

    answer = await database.run(record)
    rest = page.rest or Round(wanted.until, wanted.until)
    cursor = replace(cursors, life=_CURSOR_LIFE).seal(rest.written(), *_bound(caller))
    items = b",".join(_items(answer.changes, settings.origin))
    more = jsonio.dumps({"next": cursor, "more": page.rest is not None})
    return TimedResponse(
        b'{"changes":[%b],%b' % (items, more[1:]),
        send_by=answer.send_by,
        clock=clock,
        headers={"Cache-Control": "no-store"},
    )


def _admit(conn: Connection, clock: Clock, shown: Credential, rate: int) -> Principal:
    """The client of a live token with grants:read, counted."""
    caller = require_scope(principal_of(conn, clock, shown), GRANTS)
    spend(conn, clock, Limit("data", rate, 60), str(caller.token_id))
    return caller


def _bound(caller: Principal) -> tuple[object, ...]:
    return (caller.client_id, "changes")


def _round(told: list[Any] | None, since: datetime | None, settled: datetime) -> Round:
    """The round that goes on, or the next one behind a round that is done."""
    if told is None:
        return Round(since, max(settled, since) if since else settled)
    found = read_round(told)
    if found.behind is not None:
        return found
    return Round(found.until, max(found.until, settled))


def _grant_of(conn: Connection, clock: Clock, one: Change) -> Granted | None:
    if not one.happened:
        return None
    return load_granted(conn, clock.now(), one.place.owner_id, one.place.grant_id)


def _items(changes: Sequence[tuple[Change, Granted | None]], origin: str) -> Iterator[bytes]:
    """The changes as JSON, those of one permission beside each other."""
    for one, granted in changes:
        if granted is not None:
            events = [{"what": some.what, "at": rfc3339(some.at)} for some in one.happened]
            item = {"type": "grant", "events": events, "grant": told(granted, origin)}
            yield jsonio.dumps(item)
        for some in one.came:
            yield records_body(
                some.rows,
                type="records",
                **one.state.told,
                object=str(some.allowed.pseudonym),
                stream=some.stream,
            )
