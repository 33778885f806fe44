"""Selects of the ingest road, by chunks of ids so that a call of many objects stays few reads.

The statements are built once: building one costs as much as running it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Connection,
    LargeBinary,
    Uuid,
    bindparam,
    column,
    func,
    select,
)

from app.objects.models import Object, Product, Stream, Tenure
from app.usage.models import RecordId, StreamHead

_CHUNK = 500
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_NAMES: BindParameter[Any] = bindparam("names", expanding=True)

_OBJECTS = (
    select(Object.object_id, Object.product_id, Product.registered_at)
    .join(Product, Product.product_id == Object.product_id)
    .where(Object.object_id.in_(_IDS), Object.org_id == bindparam("org_id"))
)
_OPEN_TENURES = (
    select(Tenure.object_id, Tenure.tenure_id, Tenure.starts_at, Tenure.claimed_at)
    .where(Tenure.object_id.in_(_IDS), Tenure.ended_at.is_(None))
    .order_by(Tenure.object_id)
    .with_for_update(key_share=True)
)
_STREAMS = select(Stream.product_id, Stream.name, Stream.kind, Stream.fields).where(
    Stream.product_id.in_(_IDS), Stream.name.in_(_NAMES)
)
# SQLite scans the whole table for `(a, b) IN (VALUES ...)`, so the pairs lead the join there.
_PAIRS_SQLITE = """SELECT r.object_id, r.id_hash, r.content_hash FROM (VALUES {pairs}) AS k
CROSS JOIN usage_record_ids AS r ON r.object_id = k.column1 AND r.id_hash = k.column2"""
_pairs = (
    func.unnest(
        bindparam("objects", type_=ARRAY(Uuid())), bindparam("hashes", type_=ARRAY(LargeBinary()))
    )
    .table_valued(column("object_id", Uuid()), column("id_hash", LargeBinary()))
    .render_derived()
)
_PAIRS = select(RecordId.object_id, RecordId.id_hash, RecordId.content_hash).join(
    _pairs,
    (RecordId.object_id == _pairs.c.object_id) & (RecordId.id_hash == _pairs.c.id_hash),
)
_EARLIER = select(Tenure.object_id).where(Tenure.object_id.in_(_IDS), Tenure.ended_at.is_not(None))
_HEARD = select(StreamHead.object_id, StreamHead.tenure_id).where(StreamHead.object_id.in_(_IDS))


class ObjectRow(NamedTuple):
    """An object of the calling maker."""

    object_id: UUID
    product_id: UUID
    registered_at: datetime


class TenureRow(NamedTuple):
    """The present tenure of an object, locked until this transaction ends."""

    object_id: UUID
    tenure_id: UUID
    starts_at: datetime
    claimed_at: datetime


def objects_of_maker(conn: Connection, org_id: UUID, ids: Collection[UUID]) -> list[ObjectRow]:
    """Those of the ids that are this maker's."""
    return [
        ObjectRow._make(row)
        for part in _chunks(ids)
        for row in conn.execute(_OBJECTS, {"ids": part, "org_id": org_id})
    ]


def lock_open_tenures(conn: Connection, ids: Collection[UUID]) -> dict[UUID, TenureRow]:
    """The open tenures by object, one row lock on each, taken in order so that two calls cannot
    wait for each other.

    On PostgreSQL the lock keeps a tenure from ending under a record, and lets one call at a time
    write to an object's log. A tenure that ended while the lock was waited for comes back as
    nothing, and its successor is invisible to that statement: hence the second look.
    """
    found = _lock(conn, ids)
    missing = [object_id for object_id in ids if object_id not in found]
    if missing and conn.dialect.name != "sqlite":
        found |= _lock(conn, missing)
    return found


def streams_of(
    conn: Connection, products: Collection[UUID], names: Collection[str]
) -> list[tuple[UUID, str, str, list[dict[str, Any]]]]:
    """Product, name, kind and fields of the streams that a call names."""
    return [
        (row.product_id, row.name, row.kind, row.fields)
        for product_part in _chunks(products)
        for name_part in _chunks(names)
        for row in conn.execute(_STREAMS, {"ids": product_part, "names": name_part})
    ]


def known_record_ids(
    conn: Connection, keys: Collection[tuple[UUID, bytes]]
) -> dict[tuple[UUID, bytes], bytes]:
    """The content hash of each record id that was stored before."""
    find = _find_pairs_sqlite if conn.dialect.name == "sqlite" else _find_pairs
    return {
        (object_id, id_hash): content
        for part in _chunks(keys)
        for object_id, id_hash, content in find(conn, part)
    }


def unheard_since_transfer(conn: Connection, tenures: Collection[tuple[UUID, UUID]]) -> set[UUID]:
    """Which of these (object, tenure) had an earlier tenure and have stored nothing in this one."""
    unheard: set[UUID] = set()
    for part in _chunks(tenures):
        ids = {"ids": [object_id for object_id, _ in part]}
        changed = set(conn.execute(_EARLIER, ids).scalars())
        known = {tuple(row) for row in conn.execute(_HEARD, ids)}
        unheard.update(o for o, tenure in part if o in changed and (o, tenure) not in known)
    return unheard


def _lock(conn: Connection, ids: Collection[UUID]) -> dict[UUID, TenureRow]:
    return {
        row.object_id: TenureRow._make(row)
        for part in _chunks(sorted(ids))
        for row in conn.execute(_OPEN_TENURES, {"ids": part})
    }


def _find_pairs(conn: Connection, part: Sequence[tuple[UUID, bytes]]) -> Iterable[Any]:
    objects, hashes = zip(*part, strict=True)
    return conn.execute(_PAIRS, {"objects": list(objects), "hashes": list(hashes)})


def _find_pairs_sqlite(conn: Connection, part: Sequence[tuple[UUID, bytes]]) -> Iterator[Any]:
    statement = _PAIRS_SQLITE.format(pairs=",".join(["(?,?)"] * len(part)))
    values = tuple(value for object_id, id_hash in part for value in (object_id.bytes, id_hash))
    for object_id, id_hash, content in conn.exec_driver_sql(statement, values):
        yield UUID(bytes=object_id), id_hash, content


def _chunks(values: Collection[Any]) -> Iterator[Sequence[Any]]:
    every = list(values)
    for start in range(0, len(every), _CHUNK):
        yield every[start : start + _CHUNK]
