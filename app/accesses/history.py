"""Reading access records: the owner's history, and until when a grant's readings may leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, and_, case, delete, func, or_, select
from sqlalchemy.orm import Session

from app.accesses.models import Access
from app.accesses.record import EXPORT, LISTING, READINGS
from app.kit.clock import Clock
from app.kit.ids import NOBODY


@dataclass(frozen=True)
class Filter:
    """Which part of the history; None leaves a side open."""

    object_id: UUID | None = None
    client_id: str | None = None
    grant_id: UUID | None = None
    result: str | None = None
    objects: frozenset[UUID] | None = None


Position = tuple[datetime, UUID, int]


def write_position(row: Access) -> list[Any]:
    """Where a page that ends with this row ends, as JSON for a cursor."""
    return [row.at.isoformat(), str(row.access_id), row.place]


def read_position(position: Any) -> Position:
    """The inverse of `write_position`; a cursor is sealed, so it holds nothing else."""
    at, access_id, place = position
    return datetime.fromisoformat(at), UUID(access_id), place


def list_accesses(
    db: Session, owner_id: UUID, wanted: Filter, *, before: Position | None, limit: int
) -> Sequence[Access]:
    """The owner's access records, newest first, after the keyset position `before`."""
    query = _narrow(select(Access).where(Access.owner_id == owner_id), wanted)
    if before is not None:
        at, access_id, place = before
        query = query.where(
            or_(
                Access.at < at,
                and_(Access.at == at, Access.access_id < access_id),
                and_(Access.at == at, Access.access_id == access_id, Access.place > place),
            )
        )
    order = (Access.at.desc(), Access.access_id.desc(), Access.place)
    return db.scalars(query.order_by(*order).limit(limit)).all()


@dataclass(frozen=True)
class ReaderCount:
    """What one reader tried: readings of records, looks at what there is to read, copies asked
    for and taken, refusals."""

    reader: str
    read: int
    looked: int
    copied: int
    refused: int
    records: int


def count_by_reader(db: Session, owner_id: UUID, since: datetime) -> Sequence[ReaderCount]:
    """Per reader since a time. An attempt that touches several objects is one attempt."""
    is_given = Access.result == "given"
    is_read = and_(is_given, Access.action.in_(READINGS))
    query = (
        select(
            Access.reader,
            _attempts(is_read),
            _attempts(and_(is_given, Access.action == LISTING)),
            _attempts(and_(is_given, Access.action == EXPORT)),
            _attempts(~is_given),
            func.sum(case((is_read, Access.count), else_=0)),
        )
        .where(Access.owner_id == owner_id, Access.at >= since)
        .group_by(Access.reader)
        .order_by(Access.reader)
    )
    return [ReaderCount(name, *map(int, told)) for name, *told in db.execute(query)]


def _attempts(which: ColumnElement[bool]) -> ColumnElement[int]:
    """How often: every attempt has one row with place 0."""
    return func.sum(case((and_(which, Access.place == 0), Access.times), else_=0))


@dataclass(frozen=True)
class Reads:
    """How a grant was used so far: readings of records, not looks at what there is to read."""

    total: int
    records: int
    last_at: datetime | None


def reads_of_grant(db: Session | Connection, owner_id: UUID, grant_id: UUID) -> Reads:
    """Readings of records given under a grant: attempts, records, the latest."""
    query = select(
        func.count(func.distinct(Access.access_id)),
        func.coalesce(func.sum(Access.count), 0),
        func.max(Access.at),
    ).where(
        Access.owner_id == owner_id,
        Access.grant_id == grant_id,
        Access.result == "given",
        Access.action.in_(READINGS),
    )
    total, records, last_at = db.execute(query).one()
    return Reads(int(total), int(records), last_at)


def readers_of(db: Session, owner_id: UUID) -> Sequence[tuple[str, str]]:
    """Who ever tried to read: client id and name, for filters."""
    query = (
        select(Access.client_id, func.max(Access.reader))
        .where(Access.owner_id == owner_id, Access.client_id.is_not(None))
        .group_by(Access.client_id)
        .order_by(func.max(Access.reader))
    )
    return [(str(client_id), reader) for client_id, reader in db.execute(query)]


def last_send_by(db: Session | Connection, owner_id: UUID, grant_id: UUID) -> datetime | None:
    """Until when the latest authorised reading of a grant may still leave."""
    query = select(func.max(Access.send_by)).where(
        Access.owner_id == owner_id, Access.grant_id == grant_id
    )
    found: datetime | None = db.execute(query).scalar_one_or_none()
    return found


def forget_old(conn: Connection, clock: Clock, days: int) -> int:
    """Drop records past their retention, and those of attempts that named nobody."""
    now = clock.now()
    is_old = Access.at < now - timedelta(days=days)
    is_nobodys = and_(Access.owner_id == NOBODY, Access.at < now - timedelta(hours=1))
    return conn.execute(delete(Access).where(or_(is_old, is_nobodys))).rowcount


def _narrow(query: Select[Access], wanted: Filter) -> Select[Access]:
    if wanted.object_id is not None:
        query = query.where(Access.object_id == wanted.object_id)
    if wanted.client_id is not None:
        query = query.where(Access.client_id == wanted.client_id)
    if wanted.grant_id is not None:
        query = query.where(Access.grant_id == wanted.grant_id)
    if wanted.result is not None:
        query = query.where(Access.result == wanted.result)
    if wanted.objects is not None:
        query = query.where(Access.object_id.in_(wanted.objects))
    return query
