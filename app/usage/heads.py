"""Heads: where each stream stands, sealed, so that what was changed in one is found before anything
is built on it."""

from collections.abc import Sequence
from datetime import datetime
from struct import pack as pack_numbers
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kit.prepared import Prepared, run_together
from app.usage.entry import genesis, to_micros
from app.usage.errors import LogDamaged
from app.usage.models import StreamHead
from app.usage.queries import HeadRow
from app.usage.seals import check_columns, name_of_seal, seal_columns
from app.usage.segments import CannotOpen, Opener, Sealer

StreamKey = tuple[UUID, UUID, str]

_VERSION = b"inseam usage head 1\0"
_NEVER = -(2**63)
_NO_KEY = UUID(int=0)


def _keep(upsert: sqlite.Insert | postgresql.Insert) -> Any:
    """Make a stream's head, or put it where it stands now."""
    moving = [name for name in HeadRow._fields if name not in ("object_id", "tenure_id", "stream")]
    return upsert.on_conflict_do_update(
        index_elements=["object_id", "tenure_id", "stream"],
        set_={name: upsert.excluded[name] for name in moving},
    )


_KEEP = Prepared(
    sqlite=_keep(sqlite.insert(StreamHead)), postgresql=_keep(postgresql.insert(StreamHead))
)


def new_head(key: StreamKey, now: datetime) -> HeadRow:
    """Where a stream stands before its first record; not sealed yet."""
    return HeadRow(*key, 0, genesis(*key), 0, 0, 0, 0, 0, None, now, now, _NO_KEY, b"")


def seal_head(keys: Sealer, owner_id: UUID, head: HeadRow) -> HeadRow:
    """The head with a seal over all of its columns."""
    key = keys.writing(name_of_seal(owner_id, head.tenure_id))
    head = head._replace(key_id=key.key_id)
    return head._replace(seal=seal_columns(key, _columns(head)))


def check_head(keys: Opener, head: HeadRow) -> None:
    """CannotOpen where a column of a stored head is not what was sealed."""
    what = f"{head.object_id} {head.stream}: its head"
    check_columns(keys, head.tenure_id, head.key_id, head.seal, _columns(head), what)


def trust_head(keys: Opener, head: HeadRow) -> None:
    """`check_head` for whoever goes on from the head: LogDamaged."""
    try:
        check_head(keys, head)
    except CannotOpen as error:
        raise LogDamaged(f"The head of {head.stream!r} is damaged.", hold=True) from error


def keep_heads(conn: Connection, heads: Sequence[HeadRow]) -> None:
    """Write sealed heads, new ones or such as are there."""
    run_together(conn, [keeping(heads)])


def keeping(heads: Sequence[HeadRow]) -> tuple[Prepared, list[dict[str, Any]]]:
    """`keep_heads`, for `run_together`."""
    return _KEEP, [head._asdict() for head in sorted(heads)]


def change_head(
    conn: Connection, keys: Sealer, owner_id: UUID, head: HeadRow, **changes: Any
) -> None:
    """Write a head anew with some columns changed. LogDamaged where it is not as it was sealed."""
    trust_head(keys, head)
    keep_heads(conn, [seal_head(keys, owner_id, head._replace(**changes))])


def put_off(conn: Connection, head: HeadRow, **changes: Any) -> None:
    """Write the upkeep's own columns of a head that is damaged, so that upkeep turns to others. Its
    seal stays broken, and is found."""
    conn.execute(
        update(StreamHead)
        .where(
            StreamHead.object_id == head.object_id,
            StreamHead.tenure_id == head.tenure_id,
            StreamHead.stream == head.stream,
        )
        .values(**changes)
    )


def _columns(head: HeadRow) -> bytes:
    return b"".join(
        (
            _VERSION,
            head.object_id.bytes,
            head.tenure_id.bytes,
            head.key_id.bytes,
            head.head,
            pack_numbers(
                ">9q",
                head.next_seq,
                head.gone,
                head.reach,
                head.loose,
                head.packed_to,
                head.key_turn,
                _NEVER if head.expires_at is None else to_micros(head.expires_at),
                to_micros(head.last_placed_at),
                to_micros(head.last_received_at),
            ),
            head.stream.encode(),
        )
    )
