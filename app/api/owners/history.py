"""An owner's history, security log and exports by API."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse

from app.accesses.history import Filter, list_accesses, read_position, write_position
from app.accesses.models import Access
from app.accounts import security_log
from app.accounts.models import SecurityEvent
from app.api.examples import problem_responses
from app.api.owners.reach import NO_STORE, covers, keep_nowhere, owner_of, touches
from app.api.query import query_parameters, read_query
from app.consent.grants import list_grants
from app.exports.errors import ExportNotFound
from app.exports.service import (
    ExportView,
    get_export,
    hand_out,
    list_exports,
    refuse_export,
    request_export,
)
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.errors import DomainError, NotFound
from app.kit.http import (
    AppClock,
    AppCursors,
    AppDatabase,
    AppSettings,
    ReadDb,
    Session,
    StrictRoute,
)
from app.kit.paging import MAX_LIMIT
from app.oauth.protect import OwnerExporter, OwnerReader, Principal
from app.usage.wire import rfc3339

router = APIRouter(
    prefix="/v1/me",
    tags=["Owners: history and copies"],
    route_class=StrictRoute,
    dependencies=[Depends(keep_nowhere)],
)


class AccessOut(BaseModel):
    """One object touched by one attempt to read."""

    access_id: UUID
    at: datetime
    object_id: UUID | None
    reader: str = Field(examples=["Mend & Co"])
    client_id: str | None
    grant_id: UUID | None
    action: str = Field(examples=["records"])
    streams: list[str] = Field(examples=[["wear", "wash"]])
    window_from: datetime | None
    window_to: datetime | None
    precision: str | None
    count: int = Field(examples=[100])
    result: Literal["given", "refused"]
    rule: str | None = Field(examples=["no-grant"])
    times: int


class AccessPage(BaseModel):
    """A page of the history, newest first."""

    accesses: list[AccessOut]
    next: str | None


class ExportWish(BaseModel):
    """Which object to copy."""

    model_config = ConfigDict(extra="forbid")

    object_id: UUID


class AccessQuery(BaseModel):
    """Which part of the history."""

    object_id: UUID | None = None
    client_id: str | None = Field(None, max_length=100)
    result: Literal["given", "refused"] | None = None
    limit: int = Field(100, ge=1, le=MAX_LIMIT)
    after: str | None = Field(None, description="Cursor of the page before.")


@router.get(
    "/accesses",
    summary="Who looked",
    openapi_extra=query_parameters(AccessQuery),
    responses=problem_responses(400, 401, 403, 422),
)
def list_own_accesses(
    request: Request, caller: OwnerReader, db: ReadDb, cursors: AppCursors
) -> AccessPage:
    """Every reading and every refusal, newest first, with what was given or which rule refused."""
    asked = read_query(request, AccessQuery)
    if isinstance(asked, DomainError):
        raise asked
    owner_id = owner_of(caller)
    bound = (owner_id, "accesses", asked.object_id, asked.client_id, asked.result)
    before = read_position(cursors.open(asked.after, *bound)) if asked.after else None
    wanted = Filter(asked.object_id, asked.client_id, result=asked.result, objects=_limit(caller))
    rows = list(list_accesses(db, owner_id, wanted, before=before, limit=asked.limit + 1))
    more, rows = len(rows) > asked.limit, rows[: asked.limit]
    cursor = cursors.seal(write_position(rows[-1]), *bound) if more else None
    return AccessPage(accesses=[_access_out(row) for row in rows], next=cursor)


class EventOut(BaseModel):
    """Something that happened to the account or to a permission."""

    event_id: UUID
    at: datetime
    kind: str = Field(examples=["grant-given"])
    name: str = Field(examples=["Mend & Co"])
    client_id: str | None
    grant_id: UUID | None


class EventPage(BaseModel):
    """A page of the security log, newest first."""

    events: list[EventOut]
    next: str | None


class EventQuery(BaseModel):
    """Which part of the security log."""

    limit: int = Field(100, ge=1, le=MAX_LIMIT)
    after: str | None = Field(None, description="Cursor of the page before.")


@router.get(
    "/security-log",
    summary="What happened to your account",
    openapi_extra=query_parameters(EventQuery),
    responses=problem_responses(400, 401, 403, 422),
)
def list_own_events(
    request: Request, caller: OwnerReader, db: ReadDb, clock: AppClock, cursors: AppCursors
) -> EventPage:
    """New clients, changes of permissions, tokens that came twice, keys and ways in, newest first,
    each with the name its client or key had then. A token for some objects sees what became of the
    permissions that touch no others."""
    asked = read_query(request, EventQuery)
    if isinstance(asked, DomainError):
        raise asked
    owner_id, bound = owner_of(caller), (owner_of(caller), "security-log", _limit(caller))
    before = security_log.read_position(cursors.open(asked.after, *bound)) if asked.after else None
    reached = None
    if caller.objects is not None:
        views = list_grants(db, clock, owner_id)
        reached = {view.grant.grant_id for view in views if touches(caller, view)}
    limit = asked.limit
    rows = security_log.list_events(db, owner_id, before=before, limit=limit + 1, grants=reached)
    more, rows = len(rows) > limit, rows[:limit]
    cursor = cursors.seal(security_log.write_position(rows[-1]), *bound) if more else None
    return EventPage(events=[_event_out(row) for row in rows], next=cursor)


@router.post(
    "/exports",
    status_code=202,
    summary="Ask for a copy",
    responses=problem_responses(401, 403, 404, 422),
)
def ask_for_export(
    wish: ExportWish,
    caller: OwnerExporter,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    response: Response,
) -> dict[str, Any]:
    """Starts a job; look at `/v1/me/exports/{id}` until its state is `done`. Asking stands in
    your history."""
    with _recorded(database, clock, caller) as db:
        if not covers(caller, wish.object_id):
            raise NotFound
        owner_id, days = owner_of(caller), settings.export_days
        view = request_export(db, clock, owner_id, wish.object_id, days, caller.shown_name)
    response.headers["Location"] = f"/v1/me/exports/{view.export.export_id}"
    return _export_out(view)


@router.get("/exports", summary="Your copies", responses=problem_responses(401, 403))
def list_own_exports(caller: OwnerExporter, db: ReadDb, clock: AppClock) -> dict[str, Any]:
    """Your exports, newest first, with progress."""
    views = list_exports(db, clock, owner_of(caller))
    return {"exports": [_export_out(v) for v in views if covers(caller, v.export.object_id)]}


@router.get(
    "/exports/{export_id}", summary="A copy", responses=problem_responses(401, 403, 404, 422)
)
def show_own_export(
    export_id: UUID, caller: OwnerExporter, db: ReadDb, clock: AppClock
) -> dict[str, Any]:
    """How far an export is."""
    return _export_out(_export(caller, db, clock, export_id))


@router.get(
    "/exports/{export_id}/file",
    summary="Fetch a copy",
    response_class=FileResponse,
    responses=problem_responses(401, 403, 404, 409, 410, 422),
)
def fetch_own_export(
    export_id: UUID,
    caller: OwnerExporter,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
) -> FileResponse:
    """The ZIP with records (NDJSON and CSV), descriptions, permissions, history, sums. Each time
    it is fetched stands in your history."""
    folder, name = settings.data_dir / "exports", caller.shown_name
    with _recorded(database, clock, caller) as db:
        _export(caller, db, clock, export_id)
        path = hand_out(db, clock, owner_of(caller), export_id, folder, name)
    named = f"inseam-{export_id}.zip"
    return FileResponse(path, headers=NO_STORE, media_type="application/zip", filename=named)


@contextmanager
def _recorded(database: Database, clock: Clock, caller: Principal) -> Iterator[Session]:
    """One transaction, committed before anything is sent. What the token does not reach is
    recorded as refused, in a transaction of its own."""
    try:
        with database.session() as db:
            yield db
    except (NotFound, ExportNotFound):
        with database.session() as db:
            refuse_export(db, clock, owner_of(caller), caller.shown_name)
        raise


def _limit(caller: Principal) -> frozenset[UUID] | None:
    return None if caller.objects is None else frozenset(caller.objects)


def _export(caller: Principal, db: Session, clock: Clock, export_id: UUID) -> ExportView:
    view = get_export(db, clock, owner_of(caller), export_id)
    if not covers(caller, view.export.object_id):
        raise ExportNotFound
    return view


def _access_out(row: Access) -> AccessOut:
    return AccessOut.model_validate(row, from_attributes=True)


def _event_out(row: SecurityEvent) -> EventOut:
    return EventOut.model_validate(row, from_attributes=True)


def _export_out(view: ExportView) -> dict[str, Any]:
    export = view.export
    return {
        "id": str(export.export_id),
        "object_id": str(export.object_id),
        "state": view.state,
        "done": view.done,
        "total": view.total,
        "size": export.size,
        "sha256": export.sha256.hex() if export.sha256 else None,
        "created_at": rfc3339(export.created_at),
        "expires_at": rfc3339(export.expires_at),
    }
