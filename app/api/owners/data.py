"""An owner's own reading by API: what a vendor could get, with nobody to ask."""

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.examples import BEARER, OWN_OBJECTS_EXAMPLE, OWN_RECORDS_EXAMPLE, problem_responses
from app.api.vendors.data import After, From, History, PageSize, Stream, To, send
from app.disclosure.own import OwnReader, list_own, read_own
from app.disclosure.reader import Disclosed, NotDisclosed
from app.disclosure.records import Wanted
from app.keys.log_keys import run
from app.kit.http import AppClock, AppCursors, AppDatabase, AppSettings, Connection
from app.oauth.protect import Principal, bearer_token, own_principal
from app.oauth.tools import AppLogKeys

router = APIRouter(prefix="/v1/me", tags=["Owners: your own data"])


@router.get(
    "/objects",
    summary="List your objects",
    openapi_extra=BEARER,
    responses=problem_responses(401, 403) | {200: OWN_OBJECTS_EXAMPLE},
)
async def list_own_objects(
    request: Request, database: AppDatabase, clock: AppClock, settings: AppSettings
) -> Response:
    """Your objects with products, streams and identity. Needs a personal token with `own:read`."""
    token = bearer_token(request)
    deadline = timedelta(seconds=settings.send_deadline_seconds)

    def work(conn: Connection) -> Disclosed:
        reader = reader_of(own_principal(conn, clock, token, "own:read"))
        return list_own(conn, clock, reader, settings.origin, deadline)

    return send(await database.run(work), clock)


@router.get(
    "/objects/{object_id}/records",
    summary="Read your object's records",
    openapi_extra=BEARER,
    responses=problem_responses(400, 401, 403, 404, 422) | {200: OWN_RECORDS_EXAMPLE},
)
async def read_own_records(
    request: Request,
    object_id: str,
    database: AppDatabase,
    clock: AppClock,
    cursors: AppCursors,
    keys: AppLogKeys,
    settings: AppSettings,
    stream: Stream = None,
    from_: From = None,
    to: To = None,
    limit: PageSize = 100,
    after: After = None,
    history: History = "corrected",
) -> Response:
    """The whole log of your time with an object, in the form and order vendors get it."""
    token = bearer_token(request)
    wanted = Wanted(stream, from_, to, limit, after, history == "whole")
    deadline = timedelta(seconds=settings.send_deadline_seconds)

    def work(conn: Connection) -> Disclosed | NotDisclosed:
        reader = reader_of(own_principal(conn, clock, token, "own:read"))
        return read_own(conn, clock, cursors, keys, reader, object_id, wanted, deadline)

    return send(await run(database, keys, work), clock, request)


def reader_of(principal: Principal) -> OwnReader:
    """A personal token as plain values, for the service below."""
    assert principal.owner_id is not None  # a personal token has an owner
    objects = None if principal.objects is None else frozenset(principal.objects)
    return OwnReader(principal.owner_id, principal.name, objects)
