"""Bulk minting: a job of one client, whose report only that client's Idempotency-Key opens.

The key is a seed of an X25519 key pair. The public half stands in the job, so the worker can seal
each part of the report and open none of it.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import Connection, delete
from sqlalchemy.orm import Session

from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.crypto import CannotOpen, b64u, box_key, box_open, box_seal, sha256, unb64u
from app.kit.errors import AnswerWiped, IdempotencyKeyReused
from app.kit.ids import derived_id
from app.kit.jobs import Job, Step, Work, enqueue
from app.objects import queries
from app.objects.errors import JobUnfinished, ReportLocked, UnknownJob
from app.objects.mint import Minted, NotMinted, mint
from app.objects.models import MintReport, Product

JOB = "objects.mint"
MAX_SERIALS = 10_000
PART = 500
LIFE = timedelta(hours=24)
_PURPOSE = b"inseam mint report v1"
_JOBS = UUID("0e6b1f57-6f0e-4c43-8f4b-2f7f3f6b8c11")


@dataclass(frozen=True)
class Row:
    """One line of a report; `code` is None where nothing was minted."""

    line: int
    serial: str
    object_id: UUID | None
    code: str | None
    refusal: str | None
    detail: str | None


def numbered(prefix: str, count: int) -> list[str]:
    """Serials made of a prefix and a running number of equal width, from 1 on."""
    width = len(str(count))
    return [f"{prefix}{number:0{width}}" for number in range(1, count + 1)]


def order(
    db: Session, clock: Clock, client_id: str, product: Product, serials: list[str], key: str
) -> Job:
    """Start a bulk minting; the same client's same key gives the same job.

    IdempotencyKeyReused where that key came with other serials or another product.
    """
    job_id = _job_id(client_id, key)
    job = db.get(Job, job_id)
    request = b64u(sha256(jsonio.dumps([str(product.product_id), serials])))
    if job is None:
        public = box_key(key.encode(), _PURPOSE).public_key().public_bytes_raw()
        payload = {
            "client_id": client_id,
            "product_id": str(product.product_id),
            "serials": serials,
            "public_key": b64u(public),
            "request": request,
        }
        enqueue(db, clock, JOB, product.org_id, payload, total=len(serials), job_id=job_id)
        return db.get_one(Job, job_id)
    if job.payload["request"] != request:
        raise IdempotencyKeyReused
    return job


def make_work(code_days: int) -> Work:
    """The job's work: one part of the report a step."""

    def work(db: Session, clock: Clock, job: Job) -> Step:
        product = db.get_one(Product, UUID(job.payload["product_id"]))
        part = job.position or 0
        start = part * PART
        serials = job.payload["serials"][start : start + PART]
        outcome = mint(db.connection(), clock, product, serials, code_days)
        rows = [_row(start + n, one) for n, one in enumerate(outcome)]
        sealed = box_seal(
            unb64u(job.payload["public_key"]), jsonio.dumps(rows), _context(job.job_id, part)
        )
        db.add(
            MintReport(job_id=job.job_id, part=part, sealed=sealed, expires_at=clock.now() + LIFE)
        )
        done = start + len(serials)
        return Step(part + 1, done, job.total, is_last=done >= job.total)

    return work


def get_job(db: Session, client_id: str, job_id: UUID) -> Job:
    """A job of this client, or UnknownJob, for another client of the same maker too."""
    job = db.get(Job, job_id)
    if job is None or job.kind != JOB or job.payload.get("client_id") != client_id:
        raise UnknownJob
    return job


def read_report(
    db: Session, client_id: str, job_id: UUID, key: str, after: int, limit: int
) -> list[Row]:
    """Up to `limit` lines after line `after`; ReportLocked with another key, AnswerWiped once it
    was acknowledged or a day has passed."""
    job = _unlock(db, client_id, job_id, key)
    last = min(after + limit, job.done)
    wanted = range(after // PART, -(-last // PART)) if after < last else range(0)
    parts = queries.report_parts(db, job_id, wanted)
    if len(parts) != len(wanted):
        raise AnswerWiped
    private = box_key(key.encode(), _PURPOSE)
    rows = [row for part in parts for row in _open(private, part)]
    return [row for row in rows if after < row.line <= last]


def wipe_report(db: Session, client_id: str, job_id: UUID, key: str) -> None:
    """The client has it: nothing of the report stays. ReportLocked with another key,
    JobUnfinished while more may be written."""
    if _unlock(db, client_id, job_id, key).finished_at is None:
        raise JobUnfinished
    db.execute(delete(MintReport).where(MintReport.job_id == job_id))


def forget_old(conn: Connection, clock: Clock) -> int:
    """Wipe reports older than a day; the number of parts."""
    old = delete(MintReport).where(MintReport.expires_at <= clock.now())
    return conn.execute(old).rowcount


def _unlock(db: Session, client_id: str, job_id: UUID, key: str) -> Job:
    job = get_job(db, client_id, job_id)
    if job_id != _job_id(client_id, key):
        raise ReportLocked
    return job


def _job_id(client_id: str, key: str) -> UUID:
    return derived_id(_JOBS, client_id, sha256(key))


def _open(private: X25519PrivateKey, part: MintReport) -> list[Row]:
    try:
        plain = box_open(private, part.sealed, _context(part.job_id, part.part))
    except CannotOpen as error:
        raise ReportLocked from error
    return [_read(row) for row in jsonio.loads(plain)]


def _context(job_id: UUID, part: int) -> bytes:
    return job_id.bytes + part.to_bytes(4, "big")


def _row(place: int, one: Minted | NotMinted) -> list[Any]:
    if isinstance(one, Minted):
        return [place + 1, one.serial, str(one.object_id), one.code, None, None]
    return [place + 1, one.serial, None, None, one.error.slug, one.error.detail]


def _read(row: list[Any]) -> Row:
    line, serial, object_id, code, refusal, detail = row
    return Row(line, serial, object_id and UUID(object_id), code, refusal, detail)
