"""Writing records: sequence numbers without gaps for each stream, then everything in bulk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, case, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from app.usage.models import Record, RecordId, StreamHead
from app.usage.place import Place

_ADD_RECORDS, _ADD_IDS = insert(Record), insert(RecordId)


def _move_heads(upsert: sqlite.Insert | postgresql.Insert) -> ReturningInsert[Any]:
    """Make a stream's head or move it on, and tell where it stands now."""
    new, old = upsert.excluded, StreamHead.__table__.c
    latest = case(
        (new.last_placed_at > old.last_placed_at, new.last_placed_at), else_=old.last_placed_at
    )
    moved = upsert.on_conflict_do_update(
        index_elements=["object_id", "tenure_id", "stream"],
        set_={
            "next_seq": old.next_seq + new.next_seq,
            "last_placed_at": latest,
            "last_received_at": new.last_received_at,
        },
    )
    return moved.returning(old.object_id, old.tenure_id, old.stream, old.next_seq)


_MOVE_HEADS = {
    "sqlite": _move_heads(sqlite.insert(StreamHead)),
    "postgresql": _move_heads(postgresql.insert(StreamHead)),
}

StreamKey = tuple[UUID, UUID, str]


@dataclass(frozen=True, slots=True)
class Fresh:
    """A record that will be stored; `id_hash` and `content_hash` where it bears an id."""

    key: StreamKey
    at: datetime
    until: datetime | None
    place: Place
    record_id: str | None
    body: str
    id_hash: bytes | None
    content_hash: bytes | None


def store(conn: Connection, now: datetime, fresh: Sequence[Fresh]) -> None:
    """Append the records in their order. The caller holds the lock of each object."""
    by_stream: dict[StreamKey, list[Fresh]] = {}
    for record in fresh:
        by_stream.setdefault(record.key, []).append(record)
    firsts = _allocate(conn, now, by_stream)
    rows = [
        _row(record, seq, now)
        for key, records in by_stream.items()
        for seq, record in enumerate(records, firsts[key])
    ]
    conn.execute(_ADD_RECORDS, rows)
    ids = [
        {
            "object_id": record.key[0],
            "id_hash": record.id_hash,
            "content_hash": record.content_hash,
            "received_at": now,
        }
        for record in fresh
        if record.id_hash is not None
    ]
    if ids:
        conn.execute(_ADD_IDS, ids)


def _allocate(
    conn: Connection, now: datetime, by_stream: Mapping[StreamKey, Sequence[Fresh]]
) -> dict[StreamKey, int]:
    """Move each stream's head by what it gets; the first of the new numbers, counted from 0."""
    heads = [
        {
            "object_id": key[0],
            "tenure_id": key[1],
            "stream": key[2],
            "next_seq": len(records),
            "last_placed_at": max(record.place.placed_at for record in records),
            "last_received_at": now,
        }
        for key, records in sorted(by_stream.items())
    ]
    move = _MOVE_HEADS[conn.dialect.name]
    return {
        (object_id, tenure_id, stream): next_seq - len(by_stream[object_id, tenure_id, stream])
        for object_id, tenure_id, stream, next_seq in conn.execute(move, heads)
    }


def _row(record: Fresh, seq: int, now: datetime) -> dict[str, object]:
    object_id, tenure_id, stream = record.key
    return {
        "object_id": object_id,
        "tenure_id": tenure_id,
        "stream": stream,
        "seq": seq,
        "at": record.at,
        "until": record.until,
        "placed_at": record.place.placed_at,
        "received_at": now,
        "flags": record.place.flags,
        "record_id": record.record_id,
        "body": record.body,
    }
