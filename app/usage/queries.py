"""Selects of the log: what a call that brings records must know, and segments to read.

The statements are built once: building one costs as much as running it. Those that a page or a
call runs take ids by chunks, so that many objects stay few reads.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Connection,
    LargeBinary,
    Uuid,
    bindparam,
    column,
    func,
    select,
)

from app.kit.prepared import Prepared, Several, run_together
from app.objects.models import Object, Product, Stream, Tenure
from app.usage.entry import from_micros, to_micros
from app.usage.models import RecentName, Segment, SequenceRun, StreamHead
from app.usage.segments import STORED, SegmentRow

DAY = 24 * 60 * 60 * 1_000_000  # microseconds
_CHUNK = 500
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_ORGS: BindParameter[Any] = bindparam("orgs", expanding=True)
ROW = [Segment.__table__.c[name] for name in SegmentRow._fields]


class HeadRow(NamedTuple):
    """A row of `usage_heads`."""

    object_id: UUID
    tenure_id: UUID
    stream: str
    next_seq: int
    head: bytes
    gone: int
    reach: int
    loose: int
    packed_to: int
    key_turn: int
    expires_at: datetime | None
    last_placed_at: datetime
    last_received_at: datetime
    key_id: UUID
    seal: bytes


_OBJECTS = Prepared(
    select(Object.object_id, Object.org_id, Object.product_id, Product.registered_at)
    .join(Product, Product.product_id == Object.product_id)
    .where(Object.object_id.in_(_IDS))
)
_OPEN_TENURES = Prepared(
    select(
        Tenure.object_id,
        Tenure.tenure_id,
        Tenure.owner_id,
        Tenure.starts_at,
        Tenure.claimed_at,
        Tenure.pauses,
        Tenure.keep_days,
    )
    .where(
        Tenure.object_id.in_(
            select(Object.object_id).where(Object.object_id.in_(_IDS), Object.org_id.in_(_ORGS))
        ),
        Tenure.ended_at.is_(None),
    )
    .order_by(Tenure.object_id)
    .with_for_update(key_share=True)
)
_STREAMS = select(
    Stream.product_id, Stream.name, Stream.kind, Stream.fields, Stream.keep_days
).where(Stream.product_id.in_(_IDS))
# SQLite scans the whole table for `(a, b) IN (VALUES ...)`, so the pairs lead the join there.
_PAIRS_SQLITE = """SELECT r.object_id, r.name_hash, r.content_hash FROM (VALUES {pairs}) AS k
CROSS JOIN usage_recent_names AS r ON r.object_id = k.column1 AND r.name_hash = k.column2"""
_pairs = (
    func.unnest(
        bindparam("objects", type_=ARRAY(Uuid())), bindparam("hashes", type_=ARRAY(LargeBinary()))
    )
    .table_valued(column("object_id", Uuid()), column("name_hash", LargeBinary()))
    .render_derived()
)
_PAIRS = select(RecentName.object_id, RecentName.name_hash, RecentName.content_hash).join(
    _pairs,
    (RecentName.object_id == _pairs.c.object_id) & (RecentName.name_hash == _pairs.c.name_hash),
)
_EARLIER = select(Tenure.object_id).where(Tenure.object_id.in_(_IDS), Tenure.ended_at.is_not(None))
_HEAD_COLUMNS = [StreamHead.__table__.c[name] for name in HeadRow._fields]
_HEADS = Prepared(select(*_HEAD_COLUMNS).where(StreamHead.object_id.in_(_IDS)))
_RUNS = (
    select(SequenceRun.first, SequenceRun.last)
    .where(
        SequenceRun.object_id == bindparam("object_id"),
        SequenceRun.tenure_id == bindparam("tenure_id"),
        SequenceRun.stream == bindparam("stream"),
        SequenceRun.epoch == bindparam("epoch"),
    )
    .order_by(SequenceRun.first)
)


class ObjectRow(NamedTuple):
    """An object and its product."""

    object_id: UUID
    org_id: UUID
    product_id: UUID
    registered_at: datetime


class TenureRow(NamedTuple):
    """The present tenure of an object, locked until this transaction ends."""

    object_id: UUID
    tenure_id: UUID
    owner_id: UUID
    starts_at: datetime
    claimed_at: datetime
    pauses: list[list[Any]] | None
    keep_days: dict[str, int] | None


class Span(NamedTuple):
    """The clear columns of a stored segment."""

    stream: str
    records: int
    placed_from: int
    placed_to: int
    days: list[list[int]] | None


def look_up(
    conn: Connection, ids: Collection[UUID], orgs: Collection[UUID]
) -> tuple[list[ObjectRow], dict[UUID, TenureRow], list[HeadRow]]:
    """Those of the ids that are objects, anybody's; the open tenures by object, of these makers'
    things alone; the heads of all streams of the objects, of every tenure.

    There is one row lock on each tenure, taken in order so that two calls cannot wait for each
    other. On PostgreSQL it keeps a tenure from ending under a record, and lets one call at a time
    write to an object's log; heads are read behind it. A tenure that ended while the lock was
    waited for comes back as nothing, and its successor is invisible to that statement: hence the
    second look.
    """
    rows, tenures, found = _look_up(conn, ids, orgs)
    missing = {row.object_id for row in rows if row.org_id in orgs} - tenures.keys()
    if missing and conn.dialect.name != "sqlite":
        _, again, behind = _look_up(conn, missing, orgs)
        tenures |= again
        found = [head for head in found if head.object_id not in missing] + behind
    return rows, tenures, found


def _look_up(
    conn: Connection, ids: Collection[UUID], orgs: Collection[UUID]
) -> tuple[list[ObjectRow], dict[UUID, TenureRow], list[HeadRow]]:
    some: list[tuple[Prepared, dict[str, Any]]] = []
    for part in _chunks(sorted(ids)):
        mine = {"ids": Several(part)}
        some += [(_OBJECTS, mine), (_OPEN_TENURES, {**mine, "orgs": Several(orgs)}), (_HEADS, mine)]
    found = run_together(conn, some) if some else []
    return (
        [ObjectRow._make(row) for rows in found[::3] for row in rows],
        {row.object_id: TenureRow._make(row) for rows in found[1::3] for row in rows},
        [HeadRow._make(row) for rows in found[2::3] for row in rows],
    )


def streams_of(conn: Connection, products: Collection[UUID]) -> list[Any]:
    """Rows (product_id, name, kind, fields, keep_days) of all streams of these products."""
    return [row for part in _chunks(products) for row in conn.execute(_STREAMS, {"ids": part})]


def recent_names(
    conn: Connection, keys: Collection[tuple[UUID, bytes]]
) -> dict[tuple[UUID, bytes], bytes]:
    """The content hash under each name that was stored in the last days."""
    find = _find_pairs_sqlite if conn.dialect.name == "sqlite" else _find_pairs
    return {
        (object_id, name_hash): content
        for part in _chunks(keys)
        for object_id, name_hash, content in find(conn, part)
    }


def sequence_runs(
    conn: Connection, object_id: UUID, tenure_id: UUID, stream: str, epoch: str
) -> list[tuple[int, int]]:
    """The device's numbers that a stream has had from one epoch: first and last of each run."""
    ids = {"object_id": object_id, "tenure_id": tenure_id, "stream": stream, "epoch": epoch}
    return [(first, last) for first, last in conn.execute(_RUNS, ids)]


def epochs_of(conn: Connection, object_id: UUID, tenure_id: UUID) -> list[tuple[str, str]]:
    """(stream, epoch) of every device's counter that a tenure has heard."""
    query = (
        select(SequenceRun.stream, SequenceRun.epoch)
        .where(SequenceRun.object_id == object_id, SequenceRun.tenure_id == tenure_id)
        .distinct()
        .order_by(SequenceRun.stream, SequenceRun.epoch)
    )
    return [(stream, epoch) for stream, epoch in conn.execute(query)]


def heads(conn: Connection, ids: Collection[UUID]) -> dict[tuple[UUID, UUID, str], HeadRow]:
    """The heads of all streams of these objects, of every tenure."""
    return {
        (row.object_id, row.tenure_id, row.stream): HeadRow._make(row)
        for part in _chunks(ids)
        for row in _HEADS.all(conn, {"ids": Several(part)})
    }


def heads_of(conn: Connection, object_id: UUID, tenure_id: UUID) -> list[HeadRow]:
    """The heads of one tenure's streams."""
    rows = _HEADS.all(conn, {"ids": Several([object_id])})
    return [HeadRow._make(row) for row in rows if row.tenure_id == tenure_id]


def head_of(conn: Connection, object_id: UUID, tenure_id: UUID, stream: str) -> HeadRow | None:
    """The head of one stream."""
    ids = {"object_id": object_id, "tenure_id": tenure_id, "stream": stream}
    row = _HEAD.one(conn, ids)
    return None if row is None else HeadRow._make(row)


def unheard_since_transfer(conn: Connection, tenures: Collection[tuple[UUID, UUID]]) -> set[UUID]:
    """Which of these (object, tenure) had an earlier tenure and have stored nothing in this one."""
    ids = [object_id for object_id, _ in tenures]
    changed = {o for part in _chunks(ids) for o in conn.execute(_EARLIER, {"ids": part}).scalars()}
    known = {(object_id, tenure_id) for object_id, tenure_id, _ in heads(conn, changed)}
    return {o for o, tenure in tenures if o in changed and (o, tenure) not in known}


def stored_spans(conn: Connection, object_id: UUID, tenure_id: UUID) -> Iterator[Span]:
    """The clear columns of every stored segment of a tenure."""
    query = select(
        Segment.stream, Segment.records, Segment.placed_from, Segment.placed_to, Segment.days
    ).where(Segment.object_id == object_id, Segment.tenure_id == tenure_id, Segment.state == STORED)
    for row in conn.execute(query):
        low, high = to_micros(row.placed_from), to_micros(row.placed_to)
        yield Span(row.stream, row.records, low, high, row.days)


def run_of_segments(
    conn: Connection, object_id: UUID, tenure_id: UUID, stream: str, first_seq: int, limit: int
) -> list[SegmentRow]:
    """Segments in order of their sequence, from the one that begins at `first_seq` or behind."""
    query = (
        select(*ROW)
        .where(
            *_of(object_id, tenure_id, stream),
            Segment.first_seq >= first_seq,
        )
        .order_by(Segment.first_seq)
        .limit(limit)
    )
    return [segment_row(row) for row in conn.execute(query)]


def segments_at(
    conn: Connection, object_id: UUID, tenure_id: UUID, stream: str, seq: int, limit: int
) -> list[SegmentRow]:
    """Stored segments in order of their sequence, from the one that holds a number or, where that
    was removed, the next."""
    held = (
        select(func.max(Segment.first_seq))
        .where(*_of(object_id, tenure_id, stream), Segment.first_seq <= seq)
        .scalar_subquery()
    )
    query = (
        select(*ROW)
        .where(
            *_of(object_id, tenure_id, stream),
            Segment.state == STORED,
            Segment.first_seq >= func.coalesce(held, 0),
        )
        .order_by(Segment.first_seq)
        .limit(limit)
    )
    rows = [segment_row(row) for row in conn.execute(query)]
    return [row for row in rows if row.next_seq > seq]


def segments_between(
    conn: Connection,
    object_id: UUID,
    tenure_id: UUID,
    stream: str,
    placed_from: int,
    placed_to: int,
) -> list[SegmentRow]:
    """Stored segments that touch the half-open range of time, in order of their sequence."""
    query = (
        select(*ROW)
        .where(
            *_of(object_id, tenure_id, stream),
            Segment.state == STORED,
            Segment.placed_to >= from_micros(placed_from),
            Segment.placed_from < from_micros(placed_to),
        )
        .order_by(Segment.first_seq)
    )
    return [segment_row(row) for row in conn.execute(query)]


def mark_before(
    conn: Connection, object_id: UUID, tenure_id: UUID, stream: str, first_seq: int, state: str
) -> SegmentRow | None:
    """The row that ends where another one begins, if it is a mark of this state."""
    query = (
        select(*ROW)
        .where(
            *_of(object_id, tenure_id, stream),
            Segment.first_seq < first_seq,
        )
        .order_by(Segment.first_seq.desc())
    )
    row = conn.execute(query.limit(1)).one_or_none()
    found = row and segment_row(row)
    return found if found and (found.state, found.next_seq) == (state, first_seq) else None


def is_removed_at(
    conn: Connection, object_id: UUID, tenure_id: UUID, stream: str, placed: int
) -> bool:
    """Whether a run of the stream that was removed reached over an instant."""
    at = from_micros(placed)
    query = select(Segment.first_seq).where(
        *_of(object_id, tenure_id, stream),
        Segment.state != STORED,
        Segment.placed_from <= at,
        Segment.placed_to >= at,
    )
    return conn.execute(query.limit(1)).first() is not None


def segments_under(
    conn: Connection, object_id: UUID, tenure_id: UUID, key_ids: Collection[UUID], limit: int
) -> list[SegmentRow]:
    """Stored segments that are sealed under one of these keys."""
    query = select(*ROW).where(
        Segment.object_id == object_id,
        Segment.tenure_id == tenure_id,
        Segment.key_id.in_(key_ids),
        Segment.state == STORED,
    )
    rows = conn.execute(query.order_by(Segment.stream, Segment.first_seq).limit(limit))
    return [segment_row(row) for row in rows]


def keys_in_use(
    conn: Connection, object_id: UUID, tenure_id: UUID, stream: str, key_ids: Collection[UUID]
) -> list[tuple[int, UUID]]:
    """(first number, key) of a stream's stored segments under one of these keys."""
    query = select(Segment.first_seq, Segment.key_id).where(
        *_of(object_id, tenure_id, stream),
        Segment.key_id.in_(key_ids),
        Segment.state == STORED,
    )
    return [(first_seq, key_id) for first_seq, key_id in conn.execute(query)]


def lock_tenure(conn: Connection, object_id: UUID, tenure_id: UUID) -> UUID | None:
    """Hold a tenure, ended or not, until the commit, so that its log changes in one place at a
    time; its owner, or None where there is no such tenure."""
    query = select(Tenure.owner_id).where(
        Tenure.object_id == object_id, Tenure.tenure_id == tenure_id
    )
    return conn.execute(query.with_for_update(key_share=True)).scalar_one_or_none()


def segment_row(row: Any) -> SegmentRow:
    """A row of the table with its times in microseconds."""
    values = list(row)[: len(SegmentRow._fields)]
    values[5:7] = to_micros(row.placed_from), to_micros(row.placed_to)
    return SegmentRow._make(values)


def mine(table: type[Segment] | type[StreamHead]) -> list[ColumnElement[bool]]:
    """The rows of one stream, by the parameters of its key."""
    return [
        table.object_id == bindparam("object_id"),
        table.tenure_id == bindparam("tenure_id"),
        table.stream == bindparam("stream"),
    ]


def _of(object_id: UUID, tenure_id: UUID, stream: str) -> list[ColumnElement[bool]]:
    return [
        Segment.object_id == object_id,
        Segment.tenure_id == tenure_id,
        Segment.stream == stream,
    ]


_HEAD = Prepared(select(*_HEAD_COLUMNS).where(*mine(StreamHead)))


def _find_pairs(conn: Connection, part: Sequence[tuple[UUID, bytes]]) -> Iterable[Any]:
    objects, hashes = zip(*part, strict=True)
    return conn.execute(_PAIRS, {"objects": list(objects), "hashes": list(hashes)})


def _find_pairs_sqlite(conn: Connection, part: Sequence[tuple[UUID, bytes]]) -> Iterator[Any]:
    statement = _PAIRS_SQLITE.format(pairs=",".join(["(?,?)"] * len(part)))
    values = tuple(value for object_id, name in part for value in (object_id.bytes, name))
    for object_id, name_hash, content in conn.exec_driver_sql(statement, values):
        yield UUID(bytes=object_id), name_hash, content


def _chunks(values: Collection[Any]) -> Iterator[Sequence[Any]]:
    every = list(values)
    for start in range(0, len(every), _CHUNK):
        yield every[start : start + _CHUNK]
