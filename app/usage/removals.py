"""Entries of removals: what was taken out of a log, by whom, when. Each is sealed."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from struct import pack as pack_numbers
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Select, insert, select, update

from app.usage.entry import to_micros
from app.usage.models import Removal
from app.usage.seals import check_columns, name_of_seal, seal_columns
from app.usage.segments import Opener, Sealer

_VERSION = b"inseam usage removal 1\0"
_NEVER = -(2**63)
_NO_KEY = UUID(int=0)


@dataclass(frozen=True)
class RemovalRow:
    """A row of `usage_removals`."""

    object_id: UUID
    tenure_id: UUID
    removal_id: UUID
    stream: str
    placed_from: datetime | None
    placed_to: datetime | None
    reason: str
    count: int
    keys: list[str]
    removed_at: datetime
    final_at: datetime | None
    key_id: UUID = _NO_KEY
    seal: bytes = b""


_NAMES = [one.name for one in fields(RemovalRow)]


def enter_removal(conn: Connection, keys: Sealer, owner_id: UUID, row: RemovalRow) -> None:
    """Enter in the log that something was removed of it."""
    conn.execute(insert(Removal), [vars(_sealed(keys, owner_id, row))])


def finish_entry(
    conn: Connection, keys: Sealer, owner_id: UUID, row: RemovalRow, now: datetime
) -> None:
    """Write down that the keys of a removal are destroyed. CannotOpen where it was changed."""
    check_removal(keys, row)
    done = _sealed(keys, owner_id, replace(row, final_at=now))
    conn.execute(
        update(Removal)
        .where(
            Removal.object_id == row.object_id,
            Removal.tenure_id == row.tenure_id,
            Removal.removal_id == row.removal_id,
        )
        .values(final_at=done.final_at, key_id=done.key_id, seal=done.seal)
    )


def check_removal(keys: Opener, row: RemovalRow) -> None:
    """CannotOpen where a column of a stored entry is not what was sealed."""
    what = f"{row.object_id}: the entry of a removal"
    check_columns(keys, row.tenure_id, row.key_id, row.seal, _columns(row), what)


def removals_of(conn: Connection, object_id: UUID, tenure_id: UUID) -> list[RemovalRow]:
    """What was removed from a tenure's log, the newest first."""
    query = select(Removal.__table__).where(
        Removal.object_id == object_id, Removal.tenure_id == tenure_id
    )
    return list(_rows(conn, query.order_by(Removal.removed_at.desc(), Removal.removal_id)))


def unfinished_removals(conn: Connection, limit: int) -> list[RemovalRow]:
    """Some whose keys are still to be destroyed."""
    query = select(Removal.__table__).where(Removal.final_at.is_(None))
    return list(_rows(conn, query.order_by(Removal.object_id).limit(limit)))


def _rows(conn: Connection, query: Select[*tuple[Any, ...]]) -> Iterator[RemovalRow]:
    for row in conn.execute(query):
        yield RemovalRow(*(getattr(row, name) for name in _NAMES))


def _sealed(keys: Sealer, owner_id: UUID, row: RemovalRow) -> RemovalRow:
    key = keys.writing(name_of_seal(owner_id, row.tenure_id))
    row = replace(row, key_id=key.key_id)
    return replace(row, seal=seal_columns(key, _columns(row)))


def _columns(row: RemovalRow) -> bytes:
    texts = [row.stream.encode(), row.reason.encode(), orjson.dumps(row.keys)]
    instants = (row.placed_from, row.placed_to, row.removed_at, row.final_at)
    return b"".join(
        (
            _VERSION,
            row.object_id.bytes,
            row.tenure_id.bytes,
            row.removal_id.bytes,
            row.key_id.bytes,
            pack_numbers(">q", row.count),
            pack_numbers(">4q", *(_NEVER if at is None else to_micros(at) for at in instants)),
            pack_numbers(">3I", *map(len, texts)),
            *texts,
        )
    )
