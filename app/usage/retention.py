"""Retention: what is past its time to be kept goes, day by day.

How long that is says the product for each stream, or its owner where they want it shorter.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, func, select

from app.kit.clock import Clock
from app.kit.logs import logger
from app.objects.models import Object, Stream, Tenure
from app.usage import queries
from app.usage.entry import to_micros
from app.usage.errors import LogDamaged
from app.usage.heads import change_head, put_off
from app.usage.models import Segment, StreamHead
from app.usage.remove import RETENTION, Range, remove
from app.usage.segments import STORED, CannotOpen, Sealer
from app.usage.store import expiry

_PUT_OFF = timedelta(days=1)


class Keeping(NamedTuple):
    """How long a stream is kept: by its product, by its owner; None for as long as they like."""

    stream: str
    by_product: int | None
    by_owner: int | None

    @property
    def days(self) -> int | None:
        known = [days for days in (self.by_product, self.by_owner) if days is not None]
        return min(known, default=None)


def keeping_of(conn: Connection, object_id: UUID, tenure_id: UUID) -> list[Keeping]:
    """How long each stream of an object is kept in one tenure, in the maker's order."""
    chosen = select(Tenure.keep_days).where(
        Tenure.object_id == object_id, Tenure.tenure_id == tenure_id
    )
    by_owner = conn.execute(chosen).scalar_one_or_none() or {}
    streams = (
        select(Stream.name, Stream.keep_days)
        .join(Object, Object.product_id == Stream.product_id)
        .where(Object.object_id == object_id)
        .order_by(Stream.place)
    )
    return [
        Keeping(name, by_product, by_owner.get(name)) for name, by_product in conn.execute(streams)
    ]


def expire_next(conn: Connection, clock: Clock, keys: Sealer) -> bool:
    """Remove what one stream has kept long enough; whether there was one."""
    found = conn.execute(
        select(StreamHead.object_id, StreamHead.tenure_id, StreamHead.stream)
        .where(StreamHead.expires_at <= clock.now())
        .order_by(StreamHead.expires_at)
        .limit(1)
    ).one_or_none()
    if found is None:
        return False
    try:
        with conn.begin_nested():
            _expire(conn, clock, keys, *found)
    except (CannotOpen, LogDamaged) as error:
        logger.error("records past their time were not removed; verify the log", fault=str(error))
        head = queries.head_of(conn, *found)
        if head is not None:
            put_off(conn, head, expires_at=clock.now() + _PUT_OFF)
    return True


def set_expiry(
    conn: Connection, keys: Sealer, tenure: tuple[UUID, UUID], stream: str, days: int | None
) -> None:
    """Write down when the oldest record of a stream has been kept for so many days. The caller
    holds the tenure's lock."""
    oldest = select(func.min(Segment.placed_from)).where(
        Segment.object_id == tenure[0],
        Segment.tenure_id == tenure[1],
        Segment.stream == stream,
        Segment.state == STORED,
    )
    found: datetime | None = conn.execute(oldest).scalar_one_or_none()
    head = queries.head_of(conn, *tenure, stream)
    owner_id = queries.lock_tenure(conn, *tenure)
    if head is not None and owner_id is not None:
        expires_at = expiry(None if found is None else to_micros(found), days)
        change_head(conn, keys, owner_id, head, expires_at=expires_at)


def _expire(
    conn: Connection, clock: Clock, keys: Sealer, object_id: UUID, tenure_id: UUID, stream: str
) -> None:
    tenure = (object_id, tenure_id)
    queries.lock_tenure(conn, *tenure)
    keeping = {one.stream: one.days for one in keeping_of(conn, *tenure)}
    days = keeping.get(stream)
    if days is not None:
        wanted = Range(stream, None, _start_of_day(clock.now()) - timedelta(days=days))
        remove(conn, clock, keys, tenure, wanted, RETENTION)
    set_expiry(conn, keys, tenure, stream, days)


def _start_of_day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
