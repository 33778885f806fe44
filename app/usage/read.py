"""Reading a tenure's log in order of time. Who may read is decided above; nothing here asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Connection,
    Integer,
    Select,
    bindparam,
    func,
    literal,
    or_,
    select,
    union_all,
)

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
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_NONE, _ALL = -1, 2**62  # numbers before the first and after the last of any stream


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
    values: dict[str, Any] = {"to": to or _LATEST}
    for place, stream in enumerate(names := sorted(set(streams))):
        values[f"low_{place}"], values[f"seq_{place}"] = _start(stream, from_ or _EARLIEST, after)
    return _read(conn, object_id, tenure_id, names, limit, values, is_newest_first=False)


def latest(
    conn: Connection, object_id: UUID, tenure_id: UUID, streams: Sequence[str], limit: int
) -> list[Row]:
    """The newest records, the newest first."""
    names = sorted(set(streams))
    return _read(conn, object_id, tenure_id, names, limit, {}, is_newest_first=True)


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


def _start(stream: str, from_: datetime, after: Position | None) -> tuple[datetime, int]:
    """Where to go on in one stream: the least time, and at that time the last number passed."""
    if after is None or after[0] < from_:
        return from_, _NONE
    placed_at, last_stream, seq = after
    if stream == last_stream:
        return placed_at, seq
    return placed_at, _ALL if stream < last_stream else _NONE


def _read(
    conn: Connection,
    object_id: UUID,
    tenure_id: UUID,
    names: Sequence[str],
    limit: int,
    values: Mapping[str, Any],
    *,
    is_newest_first: bool,
) -> list[Row]:
    if not names:
        return []
    streams = {f"stream_{place}": name for place, name in enumerate(names)}
    given = {"object_id": object_id, "tenure_id": tenure_id, "limit": limit, **streams, **values}
    statement = _statement(len(names), is_newest_first)
    return [Row._make(row[:-1]) for row in conn.execute(statement, given)]


@lru_cache(maxsize=128)
def _statement(streams: int, is_newest_first: bool) -> Select[Any]:
    """The statement for so many streams. Each is cut to the page's size before they are merged;
    `place` keeps their order out of the hands of the database's collation."""
    arms = [_arm(place, is_newest_first) for place in range(streams)]
    if streams == 1:
        return arms[0]
    merged = union_all(*(select(arm.subquery()) for arm in arms)).subquery()
    order = (merged.c.placed_at, merged.c.place, merged.c.seq)
    return _cut(select(merged), order, is_newest_first)


def _arm(place: int, is_newest_first: bool) -> Select[Any]:
    arm = select(*_COLUMNS, literal(place).label("place")).where(
        Record.object_id == bindparam("object_id"),
        Record.tenure_id == bindparam("tenure_id"),
        Record.stream == bindparam(f"stream_{place}"),
    )
    if not is_newest_first:
        low: BindParameter[Any] = bindparam(f"low_{place}")
        seq: BindParameter[Any] = bindparam(f"seq_{place}")
        arm = arm.where(
            Record.placed_at >= low,
            Record.placed_at < bindparam("to"),
            or_(Record.placed_at > low, Record.seq > seq),
        )
    return _cut(arm, (Record.placed_at, Record.seq), is_newest_first)


def _cut(query: Select[Any], order: Sequence[Any], is_newest_first: bool) -> Select[Any]:
    ordered = query.order_by(*(one.desc() if is_newest_first else one for one in order))
    return ordered.limit(bindparam("limit", type_=Integer))
