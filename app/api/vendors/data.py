"""A vendor's reading: one work of the writer decides, fetches and records; then it is sent."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field
from starlette.responses import Response
from starlette.routing import Route

from app.api.examples import BEARER, RECORDS_EXAMPLE, VENDOR_OBJECTS_EXAMPLE, problem_responses
from app.api.query import query_parameters, read_query
from app.consent.decide import GrantState
from app.consent.errors import GrantPaused
from app.disclosure.objects import list_objects
from app.disclosure.reader import Disclosed, NotDisclosed, Reader
from app.disclosure.records import Wanted, read_records
from app.keys.log_keys import run
from app.kit.deadline import TimedResponse
from app.kit.errors import DomainError, MalformedRequest, NotFound
from app.kit.http import AppClock, AppDatabase, AppSettings, Connection
from app.kit.limits import Limit, spend
from app.kit.paging import MAX_LIMIT
from app.oauth.errors import GrantOver, InsufficientScope, InvalidToken
from app.oauth.protect import (
    Credential,
    Principal,
    credential_of,
    principal_again,
    principal_of,
    require_known,
    slices_of,
    with_grant,
)
from app.objects.categories import VENDOR_SCOPES

router = APIRouter(prefix="/v1/data", tags=["Vendors: data"])


def _check_year(at: datetime) -> datetime:
    """No instant that another zone would put out of the calendar: it stands in the history."""
    if not 1 < at.year < 9999:
        raise ValueError("the year lies outside 2 to 9998")
    return at


Time = Annotated[AwareDatetime, AfterValidator(_check_year)]


class RecordsQuery(BaseModel):
    """What may be asked of an object's records."""

    stream: str | None = Field(None, max_length=40, description="One stream; all if absent.")
    from_: Time | None = Field(None, alias="from", description="First instant, with zone.")
    to: Time | None = Field(None, description="First instant after, with zone.")
    limit: int = Field(100, ge=1, le=MAX_LIMIT, description="Records a page.")
    after: str | None = Field(None, description="Cursor of the page before.")
    history: Literal["corrected", "whole"] = Field(
        "corrected",
        description="`whole` for corrected records too; they are flagged `corrected`.",
    )


RECORDS_QUERY = query_parameters(RecordsQuery)
_OBJECT = {"name": "object_id", "in": "path", "required": True, "schema": {"type": "string"}}


@router.get(
    "/objects",
    summary="List the objects of a permission",
    openapi_extra=BEARER,
    responses=problem_responses(401, 403, 429) | {200: VENDOR_OBJECTS_EXAMPLE},
)
async def list_granted_objects(
    request: Request, database: AppDatabase, clock: AppClock, settings: AppSettings
) -> Response:
    """Each object the owner gave this client, by the client's own id for it, with its product,
    the streams that may be read, the window and the end date. What was not granted is absent."""
    shown, named = credential_of(request), named_grant(request)
    deadline = timedelta(seconds=settings.send_deadline_seconds)
    origin = settings.origin

    def work(conn: Connection) -> Disclosed | NotDisclosed:
        reader = admit(conn, clock, shown, named, settings.rate_data_per_minute)
        return list_objects(conn, clock, reader, origin, deadline)

    outcome = await database.run(work)
    if isinstance(outcome, NotDisclosed) and outcome.rule == "no-grant":
        raise InsufficientScope(" ".join(VENDOR_SCOPES))
    return send(outcome, clock, is_named=named is not None)


@router.get(
    "/objects/{object_id}/records",
    summary="Read an object's records",
    openapi_extra=BEARER | {"parameters": [_OBJECT, *RECORDS_QUERY["parameters"]]},
    responses=problem_responses(400, 401, 403, 404, 422, 429) | {200: RECORDS_EXAMPLE},
)
async def read_granted_records(request: Request) -> Response:
    """Exactly what was granted of what is stored, in order of time; the window is half-open.
    What is told over stretches of time alone is left out; see `buckets` and `summary`.
    Follow `next` (also in the header Link) until it is null. An object that was not granted is
    404, exactly as one that does not exist. Every call stands in the owner's history."""
    tools, object_id = request.app.state, request.path_params["object_id"]  # a hot road: see main
    clock, settings, keys = tools.clock, tools.settings, tools.log_keys
    shown, named = credential_of(request), named_grant(request)
    wanted = read_wanted(request)
    deadline = timedelta(seconds=settings.send_deadline_seconds)

    def work(conn: Connection) -> Disclosed | NotDisclosed:
        reader = admit(conn, clock, shown, named, settings.rate_data_per_minute)
        return read_records(conn, clock, tools.cursors, keys, reader, object_id, wanted, deadline)

    outcome = await run(tools.db, keys, work)
    return send(outcome, clock, request, is_named=named is not None)


HOT = [
    route for route in router.routes if isinstance(route, Route) and route.path.endswith("/records")
]


def read_wanted(request: Request) -> Wanted | DomainError:
    """The query of a reading, or what is wrong with it; the token is judged first."""
    asked = read_query(request, RecordsQuery)
    if isinstance(asked, DomainError):
        return asked
    is_whole = asked.history == "whole"
    return Wanted(asked.stream, asked.from_, asked.to, asked.limit, asked.after, is_whole)


def reader_of(principal: Principal) -> Reader:
    """The token as plain values, for the service below."""
    return Reader(
        client_id=principal.client_id,
        org_id=principal.org_id,
        name=principal.shown_name,
        owner_id=principal.owner_id,
        grant_id=principal.grant_id,
        scopes=principal.scopes,
        dead_reason=principal.dead_reason,
        slices=slices_of(principal),
    )


def send(
    outcome: Disclosed | NotDisclosed,
    clock: AppClock,
    request: Request | None = None,
    *,
    is_named: bool = False,
) -> Response:
    """The answer to a reading that has been recorded, or the error it was refused with. Of a grant
    that `is_named` the end is no fault of the token."""
    if isinstance(outcome, NotDisclosed):
        error = outcome.error or error_of(outcome.rule)
        raise GrantOver(outcome.rule) if is_named and type(error) is InvalidToken else error
    headers = {"Cache-Control": "no-store", **_held(outcome.grant)}
    if outcome.next_cursor and request is not None:
        url = request.url.include_query_params(after=outcome.next_cursor)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return TimedResponse(outcome.body, send_by=outcome.send_by, clock=clock, headers=headers)


def _held(grant: GrantState | None) -> dict[str, str]:
    """The grant of an answer, and the agreement that holds for it, with its hash (R-07)."""
    if grant is None:
        return {}
    held = {"Inseam-Grant": str(grant.grant_id)}
    if grant.agreement is not None and grant.agreement_hash is not None:
        held["Inseam-Agreement"] = f"{grant.agreement};sha256={grant.agreement_hash.hex()}"
    return held


def error_of(rule: str) -> Exception:
    """Dead tokens are 401 and say why, a paused grant is 403, all else is not there: 404."""
    if rule == "paused":
        return GrantPaused()
    if rule in ("no-grant", "not-granted"):
        return NotFound()
    return InvalidToken(rule)


def named_grant(request: Request) -> str | None:
    """What the header Inseam-Grant names; MalformedRequest where it stands twice."""
    found = request.headers.getlist("inseam-grant")
    if len(found) > 1:
        raise MalformedRequest("The header Inseam-Grant stands twice.")
    return found[0] if found else None


def admit(
    conn: Connection, clock: AppClock, shown: Credential, named: str | None, rate: int
) -> Reader:
    """Who reads, counted in the reading's own transaction: a refusal is a returned value there,
    so the count stays. An unknown token is nobody's and leaves no row."""
    principal = require_known(principal_of(conn, clock, shown))
    counted = principal.token_id
    if named is not None:
        principal = with_grant(conn, clock, principal, named)
        counted = principal.grant_id or counted
    spend(conn, clock, Limit("data", rate, 60), str(counted))
    return reader_of(principal)


def admit_again(conn: Connection, clock: AppClock, shown: Credential, named: str | None) -> Reader:
    """The same a moment later within one call, for what it may read then; not counted."""
    principal = principal_again(conn, clock, shown)
    return reader_of(principal if named is None else with_grant(conn, clock, principal, named))
