"""An object's page: its streams over time, who reads it, its newest records."""

import csv
import io
import json
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.consent.grants import list_grants
from app.consent.own import has_no_end
from app.kit.clock import Clock
from app.kit.errors import NotFound
from app.kit.http import AppClock, Connection, ReadDb, Session
from app.kit.ids import parse_id
from app.oauth.tools import AppOpenKeys
from app.objects.products import StreamInfo, stream_infos
from app.objects.tenures import Held, get_held
from app.organizations.clients import client_face
from app.usage.days import by_day
from app.usage.read import Log, last_heard, latest, page
from app.usage.rows import Row
from app.usage.wire import csv_cell, rfc3339
from app.web.format import Formatter
from app.web.object_plots import Period, Plot, draw
from app.web.pages import SignedIn, render
from app.web.record_tables import say, when
from app.web.recording_section import recording_section

router = APIRouter()

_PERIODS = ("day", "week", "month", "year")
_MOST_DRAWN = 2000
_LATEST = 12


@router.get("/objects/{object_id}")
def show_object(
    request: Request,
    object_id: str,
    owner: SignedIn,
    db: ReadDb,
    clock: AppClock,
    keys: AppOpenKeys,
    period: Annotated[str, Query(max_length=10)] = "week",
    on: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """One object of this owner, over the period that was chosen."""
    held = _held(db, owner, object_id)
    fmt = Formatter(clock.now(), ZoneInfo(owner.time_zone))
    day = _day(on, fmt)
    shown = period_of(period if period in _PERIODS else "week", day)
    conn = db.connection()
    log = Log(conn, keys, held.object_id, held.tenure_id)
    streams = stream_infos(conn, held.product_id)
    return render(
        request,
        "owner/object.html",
        object=_object(conn, held),
        period=shown.name,
        range=_range(shown, day, held, fmt),
        plots=[_plot(log, held, stream, shown, day, fmt) for stream in streams],
        readers=_readers(db, clock, owner, held),
        latest=_latest(log, streams, fmt),
        recording=recording_section(conn, held, owner, streams, fmt),
    )


@router.get("/objects/{object_id}/streams/{stream}.csv")
def take_csv(
    object_id: str,
    stream: str,
    owner: SignedIn,
    db: ReadDb,
    clock: AppClock,
    keys: AppOpenKeys,
    period: Annotated[str, Query(max_length=10)] = "week",
    on: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """One stream's records of the period as CSV."""
    held = _held(db, owner, object_id)
    fmt = Formatter(clock.now(), ZoneInfo(owner.time_zone))
    shown = period_of(period if period in _PERIODS else "week", _day(on, fmt))
    conn = db.connection()
    log = Log(conn, keys, held.object_id, held.tenure_id)
    info = next((s for s in stream_infos(conn, held.product_id) if s.name == stream), None)
    if info is None:
        raise NotFound
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    names = [f["name"] for f in info.fields]
    writer.writerow(["at", "until", *names])
    for row in _all_rows(log, info, shown, fmt.zone):
        told = json.loads(row.body)
        until = rfc3339(row.until) if row.until else ""
        writer.writerow([rfc3339(row.at), until, *[csv_cell(told.get(name)) for name in names]])
    file_name = f"{stream}-{shown.first}-{shown.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return Response(text.getvalue(), media_type="text/csv", headers=headers)


def period_of(name: str, day: date) -> Period:
    """The day itself, the seven days that end with it, its month or its year."""
    if name == "day":
        return Period(name, day, day)
    if name == "week":
        return Period(name, day - timedelta(days=6), day)
    if name == "month":
        length = monthrange(day.year, day.month)[1]
        return Period(name, day.replace(day=1), day.replace(day=length))
    return Period(name, date(day.year, 1, 1), date(day.year, 12, 31))


def _held(db: Session, owner: SignedIn, object_id: str) -> Held:
    found = parse_id(object_id)
    if found is None:
        raise NotFound
    return get_held(db, owner.owner_id, found)


def _day(text: str, fmt: Formatter) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return fmt.today()
    return min(max(day, date(1970, 1, 5)), fmt.today())


def _object(conn: Connection, held: Held) -> dict[str, Any]:
    return {
        "id": str(held.object_id),
        "name": held.name,
        "product_id": str(held.product_id),
        "product_name": held.product_name,
        "product_kind": held.product_kind,
        "maker": held.maker,
        "serial": held.serial,
        "since": held.starts_at,
        "used_by": held.used_by,
        "last_heard": last_heard(conn, held.object_id, held.tenure_id),
    }


def _range(shown: Period, day: date, held: Held, fmt: Formatter) -> dict[str, Any]:
    before = shown.first - timedelta(days=1)
    after = min(shown.last + timedelta(days=shown.days), fmt.today())
    label = fmt.on(shown.first)
    if shown.name == "year":
        label = str(shown.first.year)
    elif shown.name != "day":
        label = f"{fmt.on(shown.first)} to {fmt.on(shown.last)}"
    return {
        "label": label,
        "on": day,
        "before": before if before >= fmt.local(held.starts_at).date() else None,
        "after": after if shown.last < fmt.today() else None,
    }


def _plot(
    log: Log, held: Held, stream: StreamInfo, shown: Period, day: date, fmt: Formatter
) -> Plot:
    last = min(shown.last, fmt.today())
    # A year is drawn from where the owner's time begins: what lies before is no gap.
    begin = fmt.local(held.starts_at).date() if shown.name == "year" else shown.first
    days = by_day(
        log,
        stream.name,
        stream.kind,
        fmt.zone,
        min(max(begin, shown.first), last),
        last,
    )
    start, end = _borders(shown, fmt.zone)
    rows = page(log, [stream.name], start, end, None, _MOST_DRAWN)
    values = [json.loads(row.body) for row in rows]
    address = f"/objects/{held.object_id}/streams/{stream.name}.csv"
    csv_address = f"{address}?period={shown.name}&on={day.isoformat()}"
    return draw(stream, shown, days, rows, values, fmt, csv_address)


def _borders(shown: Period, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start = datetime.combine(shown.first, time.min, zone)
    end = datetime.combine(shown.last + timedelta(days=1), time.min, zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def _all_rows(log: Log, stream: StreamInfo, shown: Period, zone: ZoneInfo) -> Iterator[Row]:
    start, end = _borders(shown, zone)
    after = None
    while True:
        rows = page(log, [stream.name], start, end, after, _MOST_DRAWN)
        yield from rows
        if len(rows) < _MOST_DRAWN:
            return
        after = (rows[-1].placed_at, rows[-1].stream, rows[-1].seq)


def _readers(db: Session, clock: Clock, owner: SignedIn, held: Held) -> list[dict[str, Any]]:
    found = []
    for view in list_grants(db, clock, owner.owner_id):
        details = [d for d in view.details if d.object_id == held.object_id]
        if view.status == "active" and details:
            found.append(
                {
                    "grant_id": str(view.grant.grant_id),
                    "vendor": client_face(db, view.grant.client_id).name,
                    "categories": sorted(d.category for d in details),
                    "until": None if has_no_end(view.grant) else view.grant.until,
                }
            )
    return found


def _latest(log: Log, streams: Sequence[StreamInfo], fmt: Formatter) -> dict[str, Any]:
    known = {stream.name: stream for stream in streams}
    rows = latest(log, list(known), _LATEST)
    shown = []
    for row in rows:
        told = json.loads(row.body)
        stream = known[row.stream]
        parts = [
            f"{f['title']}: {say(told[f['name']], f, fmt)}"
            for f in stream.fields
            if f["name"] in told
        ]
        shown.append([when(row, fmt), stream.title, ", ".join(parts)])
    return {"columns": ["When", "What", "Values"], "rows": shown}
