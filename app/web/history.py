"""The history: every reading and every refusal, newest first."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.accesses.history import (
    Filter,
    count_by_reader,
    list_accesses,
    read_position,
    readers_of,
    write_position,
)
from app.accesses.models import Access
from app.accesses.record import EXPORT, READINGS, STREAM
from app.kit.http import AppClock, AppCursors, ReadDb, Session
from app.kit.ids import parse_id
from app.objects.products import streams_of
from app.objects.tenures import Held, all_held
from app.web.format import Formatter
from app.web.pages import SignedIn, render

router = APIRouter()

_PAGE = 50
_WEEK = timedelta(days=7)


@router.get("/history")
def show_history(
    request: Request,
    owner: SignedIn,
    db: ReadDb,
    clock: AppClock,
    cursors: AppCursors,
    object: Annotated[str, Query(max_length=36)] = "",
    vendor: Annotated[str, Query(max_length=100)] = "",
    permission: Annotated[str, Query(max_length=36)] = "",
    after: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Who looked, when, at what, and what they got."""
    wanted = Filter(parse_id(object), vendor or None, parse_id(permission))
    bound = (owner.owner_id, "history", object, vendor, permission)
    before = read_position(cursors.open(after, *bound)) if after else None
    rows = list(list_accesses(db, owner.owner_id, wanted, before=before, limit=_PAGE + 1))
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    held = {h.object_id: h for h in all_held(db, owner.owner_id)}
    titles = _titles(db, held)
    fmt = Formatter(clock.now(), ZoneInfo(owner.time_zone))
    filters = {"object": object, "vendor": vendor, "permission": permission}
    older = ""
    if more:
        cursor = cursors.seal(write_position(rows[-1]), *bound)
        older = _address(filters | {"after": cursor})
    return render(
        request,
        "owner/history.html",
        entries=[_entry(row, held, titles, fmt) for row in rows],
        filters=filters
        | {
            "objects": [(str(h.object_id), h.name) for h in held.values()],
            "vendors": readers_of(db, owner.owner_id),
        },
        totals=_totals(db, owner.owner_id, clock.now()),
        newer=_address(filters) if after else "",
        older=older,
    )


def _address(parts: dict[str, str]) -> str:
    told = {name: value for name, value in parts.items() if value}
    return f"/history?{urlencode(told)}" if told else "/history"


def _titles(db: Session, held: dict[UUID, Held]) -> dict[UUID, dict[str, str]]:
    """Stream titles by object."""
    products = {h.product_id for h in held.values()}
    known = {p: {s.name: s.title for s in streams_of(db, p)} for p in products}
    return {object_id: known[h.product_id] for object_id, h in held.items()}


def _entry(
    row: Access, held: dict[UUID, Held], titles: dict[UUID, dict[str, str]], fmt: Formatter
) -> dict[str, Any]:
    mine = held.get(row.object_id) if row.object_id else None
    names = titles.get(row.object_id, {}) if row.object_id else {}
    return {
        "at": row.at,
        "vendor": row.reader,
        "permission_id": str(row.grant_id) if row.grant_id else None,
        "object_name": mine.name if mine else None,
        "taking": row.asked.get("step", "asked") if row.action == EXPORT else "",
        "streams": [names.get(name, name) for name in row.streams],
        "window": _window(row, fmt),
        "records": row.count,
        "given": row.result == "given",
        "rule": row.rule or "",
        "times": row.times,
    }


def _window(row: Access, fmt: Formatter) -> str:
    if row.result != "given" or row.action not in (*READINGS, STREAM):
        return ""
    end = fmt.on(row.window_to or row.at)
    if row.window_from is None:
        return f"Everything up to {end}"
    start = fmt.on(row.window_from)
    return start if start == end else f"{start} to {end}"


def _totals(db: Session, owner_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """Per reader, the last seven days."""
    return [asdict(one) for one in count_by_reader(db, owner_id, now - _WEEK)]
