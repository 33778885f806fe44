"""Corrections: a record that names an earlier one of its stream takes that one's place.

The earlier record stays in the log, under the same chain; readers get the corrected view unless
they ask for the whole history.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from app.kit.crypto import sha256
from app.usage.models import Correction

_CHUNK = 500
_ANY = (
    select(Correction.name_hash)
    .where(
        Correction.object_id == bindparam("object_id"),
        Correction.tenure_id == bindparam("tenure_id"),
    )
    .limit(1)
)
_AMONG = select(Correction.stream, Correction.name_hash, Correction.received_at).where(
    Correction.object_id == bindparam("object_id"),
    Correction.tenure_id == bindparam("tenure_id"),
    Correction.name_hash.in_(bindparam("hashes", expanding=True)),
)
_ADD = {
    "sqlite": sqlite.insert(Correction).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(Correction).on_conflict_do_nothing(),
}


def corrected_among(
    conn: Connection,
    object_id: UUID,
    tenure_id: UUID,
    named: Collection[tuple[str, str | None]],
) -> dict[tuple[str, str | None], datetime]:
    """Which of these (stream, record id) another record of the stream corrects, and when the first
    that does came."""
    ids = {"object_id": object_id, "tenure_id": tenure_id}
    if conn.execute(_ANY, ids).first() is None:
        return {}
    hashes: dict[bytes, str | None] = {sha256(name): name for _, name in named if name}
    every, wanted = list(hashes), set(named)
    found: dict[tuple[str, str | None], datetime] = {}
    for start in range(0, len(every), _CHUNK):
        part = {"hashes": every[start : start + _CHUNK]}
        for row in conn.execute(_AMONG, ids | part):
            key = (row.stream, hashes[row.name_hash])
            if key in wanted:
                found[key] = row.received_at
    return found


def noted_corrections(
    conn: Connection, object_id: UUID, tenure_id: UUID, stream: str
) -> set[bytes]:
    """The hashes of the names of all of a stream's records that another one corrects."""
    query = select(Correction.name_hash).where(
        Correction.object_id == object_id,
        Correction.tenure_id == tenure_id,
        Correction.stream == stream,
    )
    return set(conn.execute(query).scalars())


def note_corrections(
    conn: Connection, now: datetime, corrected: Collection[tuple[UUID, UUID, str, str]]
) -> None:
    """Keep which records are corrected now: (object, tenure, stream, record id)."""
    rows = [
        {
            "object_id": object_id,
            "tenure_id": tenure_id,
            "stream": stream,
            "name_hash": sha256(name),
            "received_at": now,
        }
        for object_id, tenure_id, stream, name in corrected
    ]
    conn.execute(_ADD[conn.dialect.name], rows)
