"""Idempotency-Key: the first answer to a request is kept for a day and given again.

The row is written in the transaction of the work itself, so an answer exists exactly when the
work was committed. Answers with secrets are sealed under a key derived from the caller's own key,
which is stored nowhere.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.clock import Clock
from app.kit.columns import Blob, Flag, Instant, Whole
from app.kit.crypto import derive_key, seal, sha256, unseal
from app.kit.db import Base, family
from app.kit.errors import AnswerWiped, IdempotencyKeyMissing, IdempotencyKeyReused

LIFE = timedelta(hours=24)
_SHORTEST, _LONGEST = 22, 255
_PURPOSE = b"inseam answer v1"


class KeptAnswer(Base):
    """The first answer to one caller's key; `body` is empty while the work runs or once wiped."""

    __tablename__ = "kept_answers"
    __table_args__ = family("hash")

    key_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(Blob(32))
    status: Mapped[int] = mapped_column(Whole)
    is_sealed: Mapped[bool] = mapped_column(Flag)
    body: Mapped[bytes | None] = mapped_column(Blob(16 * 1024 * 1024))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


@dataclass(frozen=True)
class Answer:
    """A status and a JSON body; `is_replay` where it was given before."""

    status: int
    body: bytes
    is_replay: bool = False


def check_key(key: str | None, *, is_secret: bool) -> str | None:
    """The header's value where it is usable; IdempotencyKeyMissing otherwise.

    Where the answer holds secrets a key is required, and long enough that nobody guesses it.
    """
    if key is None and not is_secret:
        return None
    shortest = _SHORTEST if is_secret else 1
    if key is None or not shortest <= len(key) <= _LONGEST or not key.isprintable():
        raise IdempotencyKeyMissing(
            f"Send an Idempotency-Key of {shortest} to {_LONGEST} printable characters."
        )
    return key


def begin(
    conn: Connection, clock: Clock, caller: str, key: str, request: bytes, *, is_secret: bool
) -> Answer | None:
    """The kept answer to this key, or None: then the caller works and calls `finish`.

    `request` is whatever makes the request the same one: method, path and body. Two calls at
    once meet at the row: the second waits for the first one's commit. Raises
    IdempotencyKeyReused for another request, AnswerWiped where secrets were wiped.
    """
    now = clock.now()
    key_hash, request_hash = _key_hash(caller, key), sha256(request)
    conn.execute(
        delete(KeptAnswer).where(KeptAnswer.key_hash == key_hash, KeptAnswer.expires_at <= now)
    )
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    fresh = insert(KeptAnswer).values(
        key_hash=key_hash,
        request_hash=request_hash,
        status=0,
        is_sealed=is_secret,
        body=None,
        created_at=now,
        expires_at=now + LIFE,
    )
    added = fresh.on_conflict_do_nothing().returning(KeptAnswer.key_hash)
    if conn.execute(added).first() is not None:
        return None
    row = conn.execute(select(KeptAnswer.__table__).where(KeptAnswer.key_hash == key_hash)).one()
    if row.request_hash != request_hash:
        raise IdempotencyKeyReused
    if row.body is None:
        raise AnswerWiped
    body = _unseal(row.body, key, key_hash) if row.is_sealed else row.body
    return Answer(row.status, body, is_replay=True)


def finish(conn: Connection, caller: str, key: str, answer: Answer, *, is_secret: bool) -> None:
    """Keep the answer beside the work, in its transaction."""
    key_hash = _key_hash(caller, key)
    body = seal(_answer_key(key), answer.body, key_hash) if is_secret else answer.body
    conn.execute(
        update(KeptAnswer)
        .where(KeptAnswer.key_hash == key_hash)
        .values(status=answer.status, body=body)
    )


def wipe(conn: Connection, caller: str, key: str) -> bool:
    """Forget the answer to a key, which stays used; whether there was one."""
    key_hash = _key_hash(caller, key)
    wiped = update(KeptAnswer).where(KeptAnswer.key_hash == key_hash).values(body=None)
    return conn.execute(wiped).rowcount == 1


def forget_old(conn: Connection, clock: Clock) -> int:
    """Drop answers older than a day; the number dropped."""
    return conn.execute(delete(KeptAnswer).where(KeptAnswer.expires_at <= clock.now())).rowcount


def _key_hash(caller: str, key: str) -> bytes:
    return sha256(f"{caller}\0{key}")


def _answer_key(key: str) -> bytes:
    return derive_key(key.encode(), _PURPOSE)


def _unseal(sealed: bytes, key: str, key_hash: bytes) -> bytes:
    return unseal(_answer_key(key), sealed, key_hash)
