"""Asking for an export, seeing how far it is, fetching it. Asking and fetching stand in the
owner's history: whoever holds the owner's session or token takes everything at once."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accesses.record import EXPORT, Attempt, Given, record_given, record_refused
from app.exports.errors import ExportGone, ExportNotFound, ExportNotReady
from app.exports.models import Export
from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.ids import new_id
from app.kit.jobs import Job, enqueue
from app.objects.products import stream_categories
from app.objects.tenures import get_held
from app.usage.read import count_records

JOB = "exports.make"


@dataclass(frozen=True)
class ExportView:
    """An export and its job: `state` is waiting, running, done, failed or removed."""

    export: Export
    state: str
    done: int
    total: int


def request_export(
    db: Session, clock: Clock, owner_id: UUID, object_id: UUID, days: int, reader: str
) -> ExportView:
    """Ask for a copy of everything about one object of this owner; NotFound for another's.

    `reader` is how the history names who asks.
    """
    held = get_held(db, owner_id, object_id)
    now = clock.now()
    export = Export(
        owner_id=owner_id,
        export_id=new_id(),
        object_id=object_id,
        tenure_id=held.tenure_id,
        object_name=held.name,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    db.add(export)
    total = count_records(db.connection(), object_id, held.tenure_id)
    payload = {"owner_id": str(owner_id)}
    enqueue(db, clock, JOB, owner_id, payload, total=total, job_id=export.export_id)
    _record(db, clock, export, reader, "asked", [], 0)
    return ExportView(export, "waiting", 0, total)


def list_exports(db: Session, clock: Clock, owner_id: UUID) -> list[ExportView]:
    """The owner's exports, newest first."""
    query = select(Export).where(Export.owner_id == owner_id)
    rows = db.scalars(query.order_by(Export.created_at.desc(), Export.export_id)).all()
    jobs = _jobs(db, [row.export_id for row in rows])
    return [_view(clock, row, jobs.get(row.export_id)) for row in rows]


def get_export(db: Session, clock: Clock, owner_id: UUID, export_id: UUID) -> ExportView:
    """One export of this owner, or ExportNotFound."""
    row = db.get(Export, (owner_id, export_id))
    if row is None:
        raise ExportNotFound
    return _view(clock, row, _jobs(db, [export_id]).get(export_id))


def file_of(db: Session, clock: Clock, owner_id: UUID, export_id: UUID, folder: Path) -> Path:
    """The finished ZIP; ExportNotReady while it is made, ExportGone once it was removed."""
    view = get_export(db, clock, owner_id, export_id)
    if view.state == "removed":
        raise ExportGone
    if view.export.file is None:
        raise ExportNotReady
    path = folder / view.export.file
    if not path.is_file():
        raise ExportGone
    return path


def hand_out(
    db: Session, clock: Clock, owner_id: UUID, export_id: UUID, folder: Path, reader: str
) -> Path:
    """`file_of` for who takes it away; recorded, so send only after the commit."""
    path = file_of(db, clock, owner_id, export_id, folder)
    view = get_export(db, clock, owner_id, export_id)
    streams = sorted(stream_categories(db.connection(), view.export.object_id))
    _record(db, clock, view.export, reader, "fetched", streams, view.done)
    return path


def refuse_export(db: Session, clock: Clock, owner_id: UUID, reader: str) -> None:
    """Record that a token asked for what it does not reach; the caller then says "not found"."""
    attempt = Attempt(clock.now(), EXPORT, None, reader, None, None)
    record_refused(db.connection(), owner_id, None, None, attempt, "not-granted")


def list_files(path: Path) -> list[dict[str, Any]]:
    """The files in a finished ZIP with their sizes and SHA-256 sums, from its own manifest."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = jsonio.loads(archive.read("manifest.json"))
            return [
                {"name": name, "size": archive.getinfo(name).file_size, "sha256": digest}
                for name, digest in manifest["files"].items()
            ]
    except (OSError, KeyError, zipfile.BadZipFile):
        return []


def _record(
    db: Session,
    clock: Clock,
    export: Export,
    reader: str,
    step: str,
    streams: list[str],
    count: int,
) -> None:
    asked = {"export": str(export.export_id), "step": step}
    attempt = Attempt(clock.now(), EXPORT, None, reader, None, None, asked)
    given = Given(export.object_id, export.tenure_id, streams, None, None, "exact", count)
    record_given(db.connection(), export.owner_id, new_id(), attempt, [given], None)


def _jobs(db: Session, ids: Sequence[UUID]) -> dict[UUID, Job]:
    found = db.scalars(select(Job).where(Job.job_id.in_(ids)))
    return {job.job_id: job for job in found}


def _view(clock: Clock, row: Export, job: Job | None) -> ExportView:
    state = job.state if job else "done"
    if row.expires_at <= clock.now():
        state = "removed"
    done, total = (job.done, job.total) if job else (0, 0)
    return ExportView(row, state, done, total)
