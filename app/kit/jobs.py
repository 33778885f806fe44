"""Background jobs: rows written with their cause, worked in steps, each its own transaction.

A worker holds a job by a lease. A step commits its effects together with the job's progress, and
only while the lease is still its own, so a job whose worker died goes on where it stopped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.kit.clock import Clock
from app.kit.columns import Id, Instant, Json, Whole, Words
from app.kit.db import Base, Database, family
from app.kit.ids import new_id
from app.kit.prepared import Prepared, Several

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 5
KEPT = timedelta(days=30)
_WAITING, _RUNNING, _DONE, _FAILED = "waiting", "running", "done", "failed"


class Job(Base):
    """Work to be done by whichever worker comes first. `subject` says whose it is."""

    __tablename__ = "jobs"
    __table_args__ = family("local")

    job_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Words(64))
    subject: Mapped[UUID] = mapped_column(Id, index=True)
    payload: Mapped[Any] = mapped_column(Json)
    state: Mapped[str] = mapped_column(Words(16), index=True)
    position: Mapped[Any] = mapped_column(Json, nullable=True)
    done: Mapped[int] = mapped_column(Whole, default=0)
    total: Mapped[int] = mapped_column(Whole, default=0)
    attempts: Mapped[int] = mapped_column(Whole, default=0)
    failure: Mapped[str | None] = mapped_column(Words(500))
    holder: Mapped[UUID | None] = mapped_column(Id)
    run_at: Mapped[datetime] = mapped_column(Instant)
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)


@dataclass(frozen=True)
class Step:
    """What a step reached: its new position, how many of `total` are done, whether all is."""

    position: Any
    done: int
    total: int
    is_last: bool


class LeaseLost(Exception):
    """Another worker took the job over; this step's effects are rolled back."""


Work = Callable[[Session, Clock, Job], Step]


def enqueue(
    db: Session | Connection,
    clock: Clock,
    kind: str,
    subject: UUID,
    payload: Any,
    *,
    total: int = 0,
    job_id: UUID | None = None,
) -> UUID:
    """Add a job in the transaction of its cause; its id."""
    now = clock.now()
    row = {
        "job_id": job_id or new_id(),
        "kind": kind,
        "subject": subject,
        "payload": payload,
        "state": _WAITING,
        "done": 0,
        "total": total,
        "attempts": 0,
        "run_at": now,
        "created_at": now,
    }
    db.execute(Job.__table__.insert().values(**row))  # type: ignore[attr-defined]
    return UUID(str(row["job_id"]))


# Asked again and again by every process that rests, so it is built once.
_NOW: BindParameter[datetime] = bindparam("now", type_=Instant)
_OLDEST = Prepared(
    select(Job.job_id)
    .where(
        or_(
            and_(Job.state == _WAITING, Job.run_at <= _NOW),
            and_(Job.state == _RUNNING, Job.lease_until <= _NOW),
        ),
        Job.kind.in_(bindparam("kinds", expanding=True)),
    )
    .order_by(Job.run_at, Job.job_id)
    .limit(1)
    .with_for_update(skip_locked=True)
)


def claim(db: Session, clock: Clock, kinds: list[str], holder: UUID) -> UUID | None:
    """Take the oldest job that waits or whose lease ran out, for `holder`; its id."""
    now = clock.now()
    found = _OLDEST.one(db.connection(), {"now": now, "kinds": Several(kinds)})
    job_id: UUID | None = None if found is None else found.job_id
    if job_id is not None:
        db.execute(
            update(Job)
            .where(Job.job_id == job_id)
            .values(
                state=_RUNNING, holder=holder, lease_until=now + LEASE, attempts=Job.attempts + 1
            )
            .execution_options(synchronize_session=False)
        )
    return job_id


def run_step(
    db: Session, clock: Clock, job_id: UUID, holder: UUID, registry: Mapping[str, Work]
) -> bool:
    """Work one step and keep its progress in the same transaction; whether the job is done."""
    job = db.get_one(Job, job_id)
    if job.holder != holder or job.state != _RUNNING:
        raise LeaseLost
    step = registry[job.kind](db, clock, job)
    db.flush()
    now = clock.now()
    kept = (
        update(Job)
        .where(Job.job_id == job_id, Job.holder == holder, Job.state == _RUNNING)
        .values(
            position=step.position,
            done=step.done,
            total=step.total,
            attempts=1,
            lease_until=now + LEASE,
            state=_DONE if step.is_last else _RUNNING,
            finished_at=now if step.is_last else None,
        )
        .execution_options(synchronize_session=False)
    )
    if not _hit(db, kept):
        raise LeaseLost
    return step.is_last


def run_whole(database: Database, clock: Clock, job_id: UUID, work: Work) -> None:
    """Work one waiting job to its end here and now, as a command does."""
    holder = new_id()
    with database.session() as db:
        job = db.get_one(Job, job_id)
        job.state, job.holder, job.lease_until = _RUNNING, holder, clock.now() + LEASE
        registry = {job.kind: work}
    is_done = False
    while not is_done:
        with database.session() as db:
            is_done = run_step(db, clock, job_id, holder, registry)


def fail(db: Session, clock: Clock, job_id: UUID, holder: UUID, reason: str) -> None:
    """Give the job back for a later try, or end it when it failed too often."""
    now = clock.now()
    job = db.get_one(Job, job_id)
    if job.holder != holder or job.state != _RUNNING:
        return
    job.failure = reason[:500]
    if job.attempts >= MAX_ATTEMPTS:
        job.state, job.finished_at = _FAILED, now
    else:
        job.state, job.run_at = _WAITING, now + timedelta(seconds=2**job.attempts)


def forget_old(conn: Connection, clock: Clock) -> int:
    """Drop jobs a month after they ended; the number dropped."""
    old = clock.now() - KEPT
    return conn.execute(delete(Job).where(Job.finished_at <= old)).rowcount


def _hit(db: Session, statement: Any) -> bool:
    result: Any = db.execute(statement)
    return bool(result.rowcount)
