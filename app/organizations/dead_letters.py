"""Messages that a maker's broker delivered and that were not stored wholly: what became of them,
never what they held. The maker, who has them, sends them again once the reason is mended."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.ids import derived_id
from app.organizations.models import LONGEST_TOPIC, DeadLetter

LETTERS_KEPT = timedelta(days=30)


class DeadMessage(NamedTuple):
    """A message that was refused: wholly, or `refused` of its lines, the first of them `line`.
    `reason` is the slug of the problem, of the first line's where there are several."""

    topic: str
    reason: str
    refused: int | None
    line: int | None
    size: int
    sha256: bytes


def _keep(upsert: sqlite.Insert | postgresql.Insert) -> Any:
    """A message that comes again with the same bytes is the same letter, with the last reason."""
    renewed = ("at", "reason", "refused", "line")
    return upsert.on_conflict_do_update(
        index_elements=["org_id", "letter_id"],
        set_={name: upsert.excluded[name] for name in renewed},
    )


# Built once: building a statement costs as much as running it.
_KEEP = {
    "sqlite": _keep(sqlite.insert(DeadLetter)),
    "postgresql": _keep(postgresql.insert(DeadLetter)),
}


def keep_letters(
    conn: Connection, clock: Clock, org_id: UUID, messages: Sequence[DeadMessage]
) -> None:
    """Note that these messages came now and were refused."""
    now = clock.now()
    rows = {}
    for one in messages:
        letter_id = derived_id(org_id, one.topic, one.sha256)
        row = one._asdict() | {"topic": one.topic[:LONGEST_TOPIC], "at": now}
        rows[letter_id] = row | {"org_id": org_id, "letter_id": letter_id}
    conn.execute(_KEEP[conn.dialect.name], [rows[key] for key in sorted(rows)])


def list_letters(
    db: Session, org_id: UUID, *, after: tuple[datetime, UUID] | None = None, limit: int = 100
) -> Sequence[DeadLetter]:
    """A maker's dead letters from the newest on, after the one at this time and of this id."""
    order = (DeadLetter.at, DeadLetter.letter_id)
    query = select(DeadLetter).where(DeadLetter.org_id == org_id)
    if after is not None:
        query = query.where(tuple_(*order) < after)
    return db.scalars(query.order_by(*(one.desc() for one in order)).limit(limit)).all()


def forget_old(conn: Connection, clock: Clock) -> int:
    """Drop letters that had their time; the number dropped."""
    old = delete(DeadLetter).where(DeadLetter.at < clock.now() - LETTERS_KEPT)
    return conn.execute(old).rowcount
