"""Selects of the ingest road, by chunks of ids so that a call of many objects stays few reads."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select, tuple_

from app.objects.models import Object, Product, Stream, Tenure
from app.usage.models import RecordId, StreamHead

_CHUNK = 500


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
    query = select(Object.object_id, Object.product_id, Product.registered_at).join(
        Product, Product.product_id == Object.product_id
    )
    return [
        ObjectRow._make(row)
        for part in _chunks(ids)
        for row in conn.execute(query.where(Object.object_id.in_(part), Object.org_id == org_id))
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
    query = select(Stream.product_id, Stream.name, Stream.kind, Stream.fields)
    return [
        tuple(row)
        for product_part in _chunks(products)
        for name_part in _chunks(names)
        for row in conn.execute(
            query.where(Stream.product_id.in_(product_part), Stream.name.in_(name_part))
        )
    ]


def known_record_ids(
    conn: Connection, keys: Collection[tuple[UUID, bytes]]
) -> dict[tuple[UUID, bytes], bytes]:
    """The content hash of each record id that was stored before."""
    query = select(RecordId.object_id, RecordId.id_hash, RecordId.content_hash)
    key = tuple_(RecordId.object_id, RecordId.id_hash)
    return {
        (object_id, id_hash): content
        for part in _chunks(keys)
        for object_id, id_hash, content in conn.execute(query.where(key.in_(part)))
    }


def unheard_since_transfer(conn: Connection, tenures: Collection[tuple[UUID, UUID]]) -> set[UUID]:
    """Which of these (object, tenure) had an earlier tenure and have stored nothing in this one."""
    earlier = select(Tenure.object_id).where(Tenure.ended_at.is_not(None))
    heard = select(StreamHead.object_id, StreamHead.tenure_id)
    unheard: set[UUID] = set()
    for part in _chunks(tenures):
        ids = [object_id for object_id, _ in part]
        changed = set(conn.execute(earlier.where(Tenure.object_id.in_(ids))).scalars())
        known = {tuple(row) for row in conn.execute(heard.where(StreamHead.object_id.in_(ids)))}
        unheard.update(o for o, tenure in part if o in changed and (o, tenure) not in known)
    return unheard


def _lock(conn: Connection, ids: Collection[UUID]) -> dict[UUID, TenureRow]:
    query = select(Tenure.object_id, Tenure.tenure_id, Tenure.starts_at, Tenure.claimed_at)
    locking = query.order_by(Tenure.object_id).with_for_update(key_share=True)
    return {
        row.object_id: TenureRow._make(row)
        for part in _chunks(sorted(ids))
        for row in conn.execute(
            locking.where(Tenure.object_id.in_(part), Tenure.ended_at.is_(None))
        )
    }


def _chunks(values: Collection[Any]) -> Iterator[Sequence[Any]]:
    every = list(values)
    for start in range(0, len(every), _CHUNK):
        yield every[start : start + _CHUNK]
