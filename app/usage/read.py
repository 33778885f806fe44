"""Reading a tenure's log in order of time. Who may read is decided above; nothing here asks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, literal, or_, select, union_all

from app.usage.models import Record, StreamHead

Position = tuple[datetime, str, int]


class Row(NamedTuple):
    """One record as it is stored; `body` is its values as canonical JSON text."""

    stream: str
    seq: int
    at: datetime
    until: datetime | None
    placed_at: datetime
    received_at: datetime
    flags: str
    record_id: str | None
    body: str


@dataclass(frozen=True)
class StreamSummary:
    """How much a stream holds, from when to when, and when it was last heard."""

    count: int
    first_at: datetime
    last_at: datetime
    last_received_at: datetime


_COLUMNS = tuple(Record.__table__.c[name] for name in Row._fields)
_PLACE = "place"  # of a stream among those that were asked for: collations differ in their order


def page(
    conn: Connection,
    object_id: UUID,
    tenure_id: UUID,
    streams: Sequence[str],
    from_: datetime | None,
    to: datetime | None,
    after: Position | None,
    limit: int,
) -> list[Row]:
    """Up to `limit` records with from_ <= placed_at < to, in the order (placed_at, stream, seq).

    `after` is the position of the last record seen. Each stream is read along its own index, so
    that a page costs the same wherever it lies in a log of any length.
    """
    arms = []
    for place, stream in enumerate(sorted(set(streams))):
        query = _arm(object_id, tenure_id, stream, place).where(*_inside(from_, to))
        if after is not None:
            query = query.where(*_beyond(after, stream))
        arms.append(query.order_by(Record.placed_at, Record.seq).limit(limit))
    return list(_merged(conn, arms, limit, is_newest_first=False))


def latest(
    conn: Connection, object_id: UUID, tenure_id: UUID, streams: Sequence[str], limit: int
) -> list[Row]:
    """The newest records, the newest first."""
    arms = [
        _arm(object_id, tenure_id, stream, place)
        .order_by(Record.placed_at.desc(), Record.seq.desc())
        .limit(limit)
        for place, stream in enumerate(sorted(set(streams)))
    ]
    return list(_merged(conn, arms, limit, is_newest_first=True))


def count_records(conn: Connection, object_id: UUID, tenure_id: UUID) -> int:
    """How many records a tenure holds: what its streams' heads have counted."""
    total = select(func.coalesce(func.sum(StreamHead.next_seq), 0)).where(
        StreamHead.object_id == object_id, StreamHead.tenure_id == tenure_id
    )
    return int(conn.execute(total).scalar_one())


def summary(conn: Connection, object_id: UUID, tenure_id: UUID) -> dict[str, StreamSummary]:
    """What each stream that was ever heard holds."""
    heads = select(StreamHead.__table__).where(
        StreamHead.object_id == object_id, StreamHead.tenure_id == tenure_id
    )
    first = (
        select(func.min(Record.placed_at))
        .where(
            Record.object_id == StreamHead.object_id,
            Record.tenure_id == StreamHead.tenure_id,
            Record.stream == StreamHead.stream,
        )
        .scalar_subquery()
    )
    return {
        row.stream: StreamSummary(
            row.next_seq, row.first_at, row.last_placed_at, row.last_received_at
        )
        for row in conn.execute(heads.add_columns(first.label("first_at")))
    }


def last_heard(conn: Connection, object_id: UUID, tenure_id: UUID) -> datetime | None:
    """When anything of the tenure was received last."""
    newest = select(func.max(StreamHead.last_received_at)).where(
        StreamHead.object_id == object_id, StreamHead.tenure_id == tenure_id
    )
    return conn.execute(newest).scalar_one()


def _arm(object_id: UUID, tenure_id: UUID, stream: str, place: int) -> Select[Any]:
    return select(*_COLUMNS, literal(place).label(_PLACE)).where(
        Record.object_id == object_id, Record.tenure_id == tenure_id, Record.stream == stream
    )


def _inside(from_: datetime | None, to: datetime | None) -> Iterator[ColumnElement[bool]]:
    if from_ is not None:
        yield Record.placed_at >= from_
    if to is not None:
        yield Record.placed_at < to


def _beyond(after: Position, stream: str) -> Iterator[ColumnElement[bool]]:
    placed_at, last_stream, seq = after
    if stream < last_stream:
        yield Record.placed_at > placed_at
    else:
        yield Record.placed_at >= placed_at
    if stream == last_stream:
        yield or_(Record.placed_at > placed_at, Record.seq > seq)


def _merged(
    conn: Connection, arms: Sequence[Select[Any]], limit: int, *, is_newest_first: bool
) -> Iterator[Row]:
    if not arms:
        return
    if len(arms) == 1:
        merged: Any = arms[0]
    else:
        parts = [select(arm.subquery()) for arm in arms]
        whole = union_all(*parts).subquery()
        order = (whole.c.placed_at, whole.c[_PLACE], whole.c.seq)
        merged = select(whole).limit(limit)
        merged = merged.order_by(*(c.desc() if is_newest_first else c for c in order))
    for row in conn.execute(merged):
        yield Row._make(row[:-1])
