"""The job that makes an export, in steps that can be taken up by another worker.

A step appends a few thousand records to files whose lengths stand in the job's position. A step
that is done again first cuts the files back to those lengths, so nothing is written twice.
"""

import csv
import hashlib
import io
import json
import shutil
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, select
from sqlalchemy.orm import Session

from app.accesses.history import Filter, Position, list_accesses
from app.consent.agreed import find_held
from app.consent.grants import GrantView, list_grants
from app.consent.models import GrantDetail
from app.exports.models import Export
from app.keys.ring import Keyring
from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.jobs import Job, Step, Work
from app.objects.identity import identity_of
from app.objects.products import describe_object, stream_categories
from app.usage.own import removals_in
from app.usage.read import Log, page
from app.usage.rows import Row
from app.usage.segments import Opener
from app.usage.wire import csv_cell, flags_of, record_lines, rfc3339

_STEP_RECORDS = 5000
_ACCESS_PAGE = 1000
_START: dict[str, Any] = {"after": None, "lengths": {}, "done": 0}


@dataclass(frozen=True)
class _Place:
    """Where the files of one export lie: a working folder until the ZIP is whole."""

    folder: Path
    export_id: UUID

    @property
    def work(self) -> Path:
        return self.folder / f"{self.export_id}.part"

    @property
    def zip_name(self) -> str:
        return f"{self.export_id}.zip"


def make_work(folder: Path, keyring: Keyring, keys: Opener, origin: str) -> Work:
    """The job's work, with the tools of this process."""

    def work(db: Session, clock: Clock, job: Job) -> Step:
        export = db.get_one(Export, (UUID(job.payload["owner_id"]), job.job_id))
        place = _Place(folder, export.export_id)
        position = job.position or _START
        place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.work.mkdir(mode=0o700, exist_ok=True)
        if not _cut_back(place.work, position["lengths"]):
            position = _START
            _cut_back(place.work, {})
        log = Log(db.connection(), keys, export.object_id, export.tenure_id)
        rows = _next_rows(log, position["after"])
        if rows:
            _append(place.work, describe_object(db.connection(), export.object_id), rows)
            done = position["done"] + len(rows)
            fresh = {"after": _after(rows[-1]), "lengths": _lengths(place.work), "done": done}
            return Step(fresh, done, max(job.total, done), is_last=False)
        _finish(db, clock, export, place, keyring, origin)
        return Step(None, position["done"], position["done"], is_last=True)

    return work


def forget_old(conn: Connection, clock: Clock, folder: Path) -> int:
    """Remove files and rows whose days are over; the number removed."""
    old = select(Export.export_id, Export.owner_id).where(Export.expires_at <= clock.now())
    rows = conn.execute(old).all()
    for export_id, _ in rows:
        place = _Place(folder, export_id)
        (folder / place.zip_name).unlink(missing_ok=True)
        shutil.rmtree(place.work, ignore_errors=True)
    for export_id, owner_id in rows:
        conn.execute(
            delete(Export).where(Export.owner_id == owner_id, Export.export_id == export_id)
        )
    return len(rows)


def _next_rows(log: Log, after: Any) -> list[Row]:
    streams = sorted(stream_categories(log.conn, log.object_id))
    position = (datetime.fromisoformat(after[0]), after[1], after[2]) if after else None
    return page(log, streams, None, None, position, _STEP_RECORDS, is_whole=True)


def _after(row: Row) -> list[Any]:
    return [row.placed_at.isoformat(), row.stream, row.seq]


def _cut_back(work: Path, lengths: dict[str, int]) -> bool:
    """Bring the files to their known lengths; False where something is missing, as after a
    crash between the ZIP and its commit, or on another machine: then all is made anew."""
    have = _lengths(work)
    if any(have.get(name, -1) < length for name, length in lengths.items()):
        return False
    for name, length in have.items():
        if name not in lengths:
            (work / name).unlink()
        elif length > lengths[name]:
            with (work / name).open("r+b") as file:
                file.truncate(lengths[name])
    return True


def _lengths(work: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in work.iterdir()}


def _append(work: Path, product: dict[str, Any], rows: list[Row]) -> None:
    with (work / "records.ndjson").open("ab") as file:
        file.write(record_lines(rows))
    for stream in product["streams"]:
        mine = [row for row in rows if row.stream == stream["name"]]
        if mine:
            _append_csv(work / f"records-{stream['name']}.csv", stream, mine)


def _append_csv(path: Path, stream: dict[str, Any], rows: list[Row]) -> None:
    names = [field["name"] for field in stream["fields"]]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if not path.exists():
        writer.writerow(["at", "until", *names, "flags"])
    for row in rows:
        values = json.loads(row.body)
        cells = [csv_cell(values.get(name)) for name in names]
        until = rfc3339(row.until) if row.until else ""
        writer.writerow([rfc3339(row.at), until, *cells, " ".join(flags_of(row))])
    with path.open("ab") as file:
        file.write(text.getvalue().encode())


def _finish(
    db: Session, clock: Clock, export: Export, place: _Place, keyring: Keyring, origin: str
) -> None:
    conn = db.connection()
    about = {
        "object": identity_of(conn, export.object_id, origin) | {"name": export.object_name},
        "product": describe_object(conn, export.object_id),
    }
    _write_json(place.work / "object.json", about)
    _write_json(place.work / "grants.json", _grants(db, clock, export))
    _write_json(place.work / "removals.json", _removals(conn, export))
    _write_accesses(place.work / "accesses.ndjson", db, export)
    (place.work / "records.ndjson").touch()
    manifest = {
        "format": "inseam-export/1",
        "made_at": rfc3339(clock.now()),
        "made_by": origin,
        "object_id": str(export.object_id),
        "files": {p.name: _sum_of(p) for p in sorted(place.work.iterdir())},
    }
    body = jsonio.canonical(manifest)
    (place.work / "manifest.json").write_bytes(body)
    signature = keyring.sign(body, "inseam-export+jws")
    (place.work / "manifest.jws").write_text(signature, encoding="ascii")
    path = _zip(place)
    export.file = place.zip_name
    export.size = path.stat().st_size
    export.sha256 = bytes.fromhex(_sum_of(path))


def _grants(db: Session, clock: Clock, export: Export) -> list[dict[str, Any]]:
    found = []
    for view in list_grants(db, clock, export.owner_id):
        details = [d for d in view.details if d.object_id == export.object_id]
        if not details:
            continue
        held = find_held(db, export.owner_id, view.grant.grant_id)
        found.append(
            {
                "grant_id": str(view.grant.grant_id),
                "client_id": view.grant.client_id,
                "purpose": view.grant.purpose,
                "legal_basis": view.grant.legal_basis,
                "status": view.status,
                "version": view.grant.version,
                "agreement": held and jsonio.loads(held.copy),
                "created_at": rfc3339(view.grant.created_at),
                "until": rfc3339(view.grant.until),
                "categories": sorted(d.category for d in details),
                "details": [_detail(view, d) for d in details],
                "history": [
                    {"at": rfc3339(e.at), "what": e.what, "version": e.version} for e in view.events
                ],
            }
        )
    return found


def _removals(conn: Connection, export: Export) -> list[dict[str, Any]]:
    """What was removed from the log, so that a copy says what it cannot hold."""
    return [
        {
            "at": rfc3339(one.removed_at),
            "by": "owner" if one.is_owners else "retention",
            "stream": one.stream,
            "from": one.from_ and rfc3339(one.from_),
            "to": one.to and rfc3339(one.to),
            "removed": one.records,
            "final_at": one.final_at and rfc3339(one.final_at),
        }
        for one in removals_in(conn, (export.object_id, export.tenure_id))
    ]


def _detail(view: GrantView, detail: GrantDetail) -> dict[str, Any]:
    """One kind of data with its own window and end: they may differ within a permission."""
    return {
        "category": detail.category,
        "action": detail.action,
        "precision": {"time": detail.precision_time, "place": detail.precision_place},
        "window": {"from": _time(detail.window_from), "to": _time(detail.window_to)},
        "until": rfc3339(detail.until),
        "limits": view.limits_of(detail),
        "retention": (detail.terms or {}).get("retention"),
    }


def _write_accesses(path: Path, db: Session, export: Export) -> None:
    wanted = Filter(object_id=export.object_id)
    before: Position | None = None
    with path.open("wb") as file:
        while True:
            rows = list_accesses(db, export.owner_id, wanted, before=before, limit=_ACCESS_PAGE)
            for a in rows:
                told = {
                    "access_id": str(a.access_id),
                    "at": rfc3339(a.at),
                    "reader": a.reader,
                    "client_id": a.client_id,
                    "grant_id": a.grant_id and str(a.grant_id),
                    "grant_version": a.grant_version,
                    "action": a.action,
                    "streams": a.streams,
                    "window_from": _time(a.window_from),
                    "window_to": _time(a.window_to),
                    "precision": a.precision,
                    "count": a.count,
                    "result": a.result,
                    "rule": a.rule,
                    "times": a.times,
                }
                file.write(jsonio.dumps(told) + b"\n")
            if len(rows) < _ACCESS_PAGE:
                return
            before = (rows[-1].at, rows[-1].access_id, rows[-1].place)


def _time(instant: datetime | None) -> str | None:
    return rfc3339(instant) if instant else None


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _zip(place: _Place) -> Path:
    whole = place.folder / place.zip_name
    fresh = whole.with_suffix(".new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(place.work.iterdir()):
            archive.write(path, path.name)
    fresh.chmod(0o600)
    fresh.replace(whole)
    shutil.rmtree(place.work)
    return whole
