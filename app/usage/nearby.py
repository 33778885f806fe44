"""The segments that a page is taken from: those that begin next, or last, and as few as are sure to
fill it. One statement each, built once for either database.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Select,
    bindparam,
    case,
    func,
    or_,
    select,
    true,
)

from app.kit.prepared import Prepared
from app.usage.entry import from_micros, to_micros
from app.usage.models import Segment, StreamHead
from app.usage.queries import ROW, mine
from app.usage.segments import STORED, SegmentRow

# The columns that are not the stream's own key, which whoever asks has given.
_REST = [one for one in ROW if one.name not in ("object_id", "tenure_id", "stream")]
_LIMIT: BindParameter[Any] = bindparam("limit", type_=Integer)


class Near(NamedTuple):
    """Segments to read. `next_from` is where the first one that was left out begins, None where
    none was; `next_to` how far those that were left out reach, reading backwards."""

    rows: list[SegmentRow]
    next_from: int | None
    next_to: int | None = None


def segments_from(
    conn: Connection,
    object_id: UUID,
    tenure_id: UUID,
    stream: str,
    start: tuple[int, int],
    high: int,
    limit: int,
    most: int,
) -> Near:
    """Stored segments that hold what lies behind `start` (placed, seq) and before `high`, in the
    order they begin; as many as are sure to bring `limit` records, if there are, but no more than
    `most` and one."""
    values = {
        "object_id": object_id,
        "tenure_id": tenure_id,
        "stream": stream,
        "low": from_micros(start[0]),
        "seq": start[1],
        "high": from_micros(high),
        "limit": most + 2,
        "wanted": limit,
    }
    return _near((object_id, tenure_id, stream), _FORWARD.all(conn, values), most + 2)


def segments_back(
    conn: Connection, object_id: UUID, tenure_id: UUID, stream: str, limit: int
) -> Near:
    """The stored segments that begin last, as many as bring `limit` records, the newest first."""
    ids = {"object_id": object_id, "tenure_id": tenure_id, "stream": stream}
    last = _BACK.all(conn, ids | {"limit": limit + 1, "wanted": limit})
    found = _near((object_id, tenure_id, stream), last, limit + 1)
    if found.next_from is None:
        return found
    reach = conn.execute(_REACH_TO, ids | {"next_from": from_micros(found.next_from)}).scalar_one()
    return found._replace(next_to=to_micros(reach))


def _near(key: tuple[UUID, UUID, str], rows: Sequence[Any], most: int) -> Near:
    """The rows up to the first that is left out. Every one but that brings its `sealed`."""
    taken = [row for row in rows if row.is_taken]
    left = rows[len(taken)] if len(taken) < len(rows) else None
    if left is None and len(rows) == most:
        left = taken.pop()
    return Near(
        [_segment(key, row) for row in taken], None if left is None else to_micros(left.placed_from)
    )


def _segment(key: tuple[UUID, UUID, str], row: Any) -> SegmentRow:
    first_seq, records, low, high, *rest, _ = row
    return SegmentRow(*key, first_seq, records, to_micros(low), to_micros(high), *rest)


def _back_by_reach(instant: BindParameter[Any], dialect: str) -> ColumnElement[Any]:
    """The instant less the longest span of any of the stream's segments."""
    reach = select(StreamHead.reach).where(*mine(StreamHead)).scalar_subquery()
    if dialect == "sqlite":
        return instant - reach
    return instant - func.make_interval(0, 0, 0, 0, 0, 0, reach / 1e6)


def _forward(dialect: str) -> Select[Any]:
    low: BindParameter[Any] = bindparam("low", type_=Segment.placed_from.type)
    near = (
        select(Segment.first_seq, Segment.records, Segment.placed_from)
        .where(
            *mine(Segment),
            Segment.state == STORED,
            Segment.placed_from >= _back_by_reach(low, dialect),
            Segment.placed_from < bindparam("high"),
            or_(
                Segment.placed_to > low,
                (Segment.placed_to == low)
                & (Segment.first_seq + Segment.records - 1 > bindparam("seq")),
            ),
        )
        .order_by(Segment.placed_from, Segment.first_seq)
        .limit(_LIMIT)
        .subquery()
    )
    sure = case((near.c.placed_from > low, near.c.records), else_=0)
    return _with_sealed(near, sure, dialect, is_back=False)


def _back(dialect: str) -> Select[Any]:
    near = (
        select(Segment.first_seq, Segment.records, Segment.placed_from)
        .where(*mine(Segment), Segment.state == STORED)
        .order_by(Segment.placed_from.desc(), Segment.first_seq.desc())
        .limit(_LIMIT)
        .subquery()
    )
    return _with_sealed(near, near.c.records, dialect, is_back=True)


def _with_sealed(
    near: Any, sure: ColumnElement[Any], dialect: str, *, is_back: bool
) -> Select[Any]:
    """Join the entries to those of `near` that are wanted, until their sure count is enough, and
    the row of the one after them.

    PostgreSQL gets each by its key, whatever it knows of the table: of one that has grown since it
    was analyzed it believes that a stream has one segment, and would walk all of them for each.
    """
    order = [near.c.placed_from, near.c.first_seq]
    if is_back:
        order = [one.desc() for one in order]
    before = func.coalesce(func.sum(sure).over(order_by=order, rows=(None, -1)), 0)
    earlier = func.coalesce(func.sum(sure).over(order_by=order, rows=(None, -2)), 0)
    wanted: BindParameter[Any] = bindparam("wanted")
    sums = select(
        near.c.first_seq,
        near.c.placed_from,
        (before < wanted).label("is_taken"),
        (earlier < wanted).label("is_near"),
    ).subquery()
    run = select(sums).where(sums.c.is_near).subquery()
    columns = [
        case((run.c.is_taken, one), else_=None).label("sealed") if one.name == "sealed" else one
        for one in _REST
    ]
    if dialect == "sqlite":
        joined = select(*columns, run.c.is_taken).join(run, Segment.first_seq == run.c.first_seq)
        places: list[ColumnElement[Any]] = [
            Segment.__table__.c.placed_from,
            Segment.__table__.c.first_seq,
        ]
        joined = joined.where(*mine(Segment))
    else:
        found = (
            select(*columns)
            .where(
                *mine(Segment),
                Segment.first_seq == run.c.first_seq,
                Segment.placed_from == run.c.placed_from,  # so that either index leads there
            )
            .limit(1)
            .lateral()
        )
        joined = select(*found.c, run.c.is_taken).join_from(run, found, true())
        places = [found.c.placed_from, found.c.first_seq]
    return joined.order_by(*(one.desc() if is_back else one for one in places))


FORWARD = {dialect: _forward(dialect) for dialect in ("sqlite", "postgresql")}
BACK = {dialect: _back(dialect) for dialect in ("sqlite", "postgresql")}
_FORWARD, _BACK = Prepared(**FORWARD), Prepared(**BACK)
_REACH_TO = select(func.max(Segment.placed_to)).where(
    *mine(Segment), Segment.state == STORED, Segment.placed_from <= bindparam("next_from")
)
