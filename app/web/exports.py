"""Exports: asking for a copy, watching it being made, fetching it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from app.exports.errors import ExportNotFound
from app.exports.service import (
    ExportView,
    get_export,
    hand_out,
    list_exports,
    list_files,
    request_export,
)
from app.kit.db import Database
from app.kit.errors import NotFound
from app.kit.http import AppClock, AppDatabase, AppSettings, Db, ReadDb
from app.kit.ids import parse_id
from app.objects.tenures import held_objects
from app.web.pages import SignedIn, render, see_other

router = APIRouter()

_STATES = {"waiting": "queued", "removed": "cancelled"}
_YOU = "You, signed in here"
_LOOK_SECONDS = 0.5
_LONGEST_WATCH = 600
_FAILED = "Something went wrong on our side. Ask for it again."


@router.get("/exports")
def show_exports(request: Request, owner: SignedIn, db: ReadDb, clock: AppClock) -> Response:
    """The owner's copies, and the way to ask for one."""
    held = held_objects(db, owner.owner_id)
    return render(
        request,
        "owner/exports.html",
        objects=[(str(h.object_id), h.name) for h in held],
        exports=[_row(view) for view in list_exports(db, clock, owner.owner_id)],
    )


@router.post("/exports")
def ask_for_export(
    owner: SignedIn,
    db: Db,
    clock: AppClock,
    settings: AppSettings,
    object_id: Annotated[str, Form(max_length=36)] = "",
) -> Response:
    """Start a copy of one object."""
    found = parse_id(object_id)
    if found is None:
        raise NotFound
    view = request_export(db, clock, owner.owner_id, found, settings.export_days, _YOU)
    return see_other(f"/exports/{view.export.export_id}")


@router.get("/exports/{export_id}")
def show_export(
    request: Request,
    export_id: str,
    owner: SignedIn,
    db: ReadDb,
    clock: AppClock,
    settings: AppSettings,
) -> Response:
    """One copy, while it is made and after; a reload goes on where it was."""
    view = get_export(db, clock, owner.owner_id, _id(export_id))
    folder = settings.data_dir / "exports"
    return render(
        request,
        "owner/export.html",
        export=_whole(view),
        files=list_files(folder / (view.export.file or "")) if _is_done(view) else [],
    )


@router.get("/exports/{export_id}/state")
def tell_state(export_id: str, owner: SignedIn, db: ReadDb, clock: AppClock) -> Response:
    """How far it is, for the page's script."""
    view = get_export(db, clock, owner.owner_id, _id(export_id))
    return JSONResponse(_state(view))


@router.get("/exports/{export_id}/events")
async def stream_state(
    request: Request, export_id: str, owner: SignedIn, database: AppDatabase, clock: AppClock
) -> Response:
    """The same as server-sent events, until it is done or somebody looks away."""
    found = _id(export_id)

    def look() -> dict[str, Any]:
        return _look(database, clock, owner.owner_id, found)

    first = await run_in_threadpool(look)

    async def events() -> AsyncIterator[str]:
        state = first
        for _ in range(int(_LONGEST_WATCH / _LOOK_SECONDS)):
            yield f"data: {json.dumps(state)}\n\n"
            if state["status"] not in ("queued", "running") or await request.is_disconnected():
                return
            await asyncio.sleep(_LOOK_SECONDS)
            state = await run_in_threadpool(look)

    return StreamingResponse(events(), media_type="text/event-stream")


@router.get("/exports/{export_id}/file")
def fetch_file(
    export_id: str, owner: SignedIn, db: Db, clock: AppClock, settings: AppSettings
) -> Response:
    """The ZIP itself, once it stands in the history that it was taken."""
    found = _id(export_id)
    path = hand_out(db, clock, owner.owner_id, found, settings.data_dir / "exports", _YOU)
    return FileResponse(path, media_type="application/zip", filename=f"inseam-{found}.zip")


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise ExportNotFound
    return found


def _look(database: Database, clock: AppClock, owner_id: UUID, found: UUID) -> dict[str, Any]:
    with database.read() as db:
        return _state(get_export(db, clock, owner_id, found))


def _is_done(view: ExportView) -> bool:
    return view.state == "done" and view.export.file is not None


def _percent(view: ExportView) -> int:
    if view.state == "done":
        return 100
    return min(99, view.done * 100 // view.total) if view.total else 0


def _state(view: ExportView) -> dict[str, Any]:
    status = _STATES.get(view.state, view.state)
    said = {
        "queued": "Waiting its turn",
        "running": f"Writing records, {view.done:,} of {view.total:,}",
        "done": "Ready",
        "failed": "This did not work",
        "cancelled": "The file has been removed",
    }[status]
    return {"percent": _percent(view), "said": said, "status": status}


def _row(view: ExportView) -> dict[str, Any]:
    export = view.export
    return _state(view) | {
        "id": str(export.export_id),
        "object_name": export.object_name,
        "at": export.created_at,
        "size": export.size or 0,
        "expires_at": export.expires_at,
    }


def _whole(view: ExportView) -> dict[str, Any]:
    export = view.export
    return _row(view) | {
        "object_id": str(export.object_id),
        "sha256": export.sha256.hex() if export.sha256 else "",
        "file_name": f"inseam-{export.export_id}.zip",
        "problem": _FAILED if view.state == "failed" else "",
    }
