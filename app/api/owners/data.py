"""An owner's own reading by API: what a vendor could get, with nobody to ask."""

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accesses.record import LISTING, READING
from app.api.examples import BEARER, OWN_OBJECTS_EXAMPLE, OWN_RECORDS_EXAMPLE, problem_responses
from app.api.vendors.data import RECORDS_QUERY, read_wanted, send
from app.disclosure.own import list_own, read_own
from app.disclosure.reader import Disclosed, NotDisclosed
from app.keys.log_keys import run
from app.kit.http import AppClock, AppCursors, AppDatabase, AppSettings, Connection
from app.oauth.protect import credential_of, own_principal, own_reader
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
    shown = credential_of(request)
    deadline = timedelta(seconds=settings.send_deadline_seconds)

    def work(conn: Connection) -> Disclosed | NotDisclosed:
        caller = own_principal(conn, clock, shown, "own:read", LISTING)
        if isinstance(caller, NotDisclosed):
            return caller
        return list_own(conn, clock, own_reader(caller), settings.origin, deadline)

    return send(await database.run(work), clock)


@router.get(
    "/objects/{object_id}/records",
    summary="Read your object's records",
    openapi_extra=BEARER | RECORDS_QUERY,
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
) -> Response:
    """The whole log of your time with an object, in the form and order vendors get it."""
    shown = credential_of(request)
    wanted = read_wanted(request)
    deadline = timedelta(seconds=settings.send_deadline_seconds)

    def work(conn: Connection) -> Disclosed | NotDisclosed:
        caller = own_principal(conn, clock, shown, "own:read", READING)
        if isinstance(caller, NotDisclosed):
            return caller
        reader = own_reader(caller)
        return read_own(conn, clock, cursors, keys, reader, object_id, wanted, deadline)

    return send(await run(database, keys, work), clock, request)
