"""Rate limits, counted in the database so that all workers share them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from app.kit.clock import Clock
from app.kit.columns import Blob, Instant, Whole
from app.kit.crypto import sha256
from app.kit.db import Base, family
from app.kit.errors import TooManyRequests
from app.kit.prepared import Prepared, run_together


class RateCounter(Base):
    """How often something happened within one window; the key is the hash of what is counted."""

    __tablename__ = "rate_counters"
    __table_args__ = family("hash")

    key_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    window_at: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    count: Mapped[int] = mapped_column(Whole)


def _add(insert: sqlite.Insert | postgresql.Insert) -> ReturningInsert[Any]:
    """Count what is inserted, and tell the sum."""
    return insert.on_conflict_do_update(
        index_elements=["key_hash", "window_at"],
        set_={"count": RateCounter.count + insert.excluded["count"]},
    ).returning(RateCounter.count)


_COUNT = Prepared(
    sqlite=_add(sqlite.insert(RateCounter)), postgresql=_add(postgresql.insert(RateCounter))
)


_COUNTED = Prepared(
    select(RateCounter.count).where(
        RateCounter.key_hash == bindparam("key_hash"),
        RateCounter.window_at == bindparam("window_at"),
    )
)


@dataclass(frozen=True)
class Limit:
    """At most `count` a window of `seconds`, for one named thing."""

    name: str
    count: int
    seconds: int


def spend(conn: Connection, clock: Clock, limit: Limit, subject: str, cost: int = 1) -> None:
    """Count one more; TooManyRequests with `retry_after` seconds when the window is full.

    The caller commits this in a transaction of its own, or a refused request would undo it.
    """
    key, retry_after = _window(clock, limit, subject)
    ((counted,),) = _COUNT.all(conn, key | {"count": cost})
    if counted > limit.count:
        raise TooManyRequests(retry_after=retry_after)


def give_back(conn: Connection, clock: Clock, limit: Limit, subject: str) -> None:
    """Take back one count of the present window: what was counted turned out not to be meant. So
    whoever counts wrong tries spends first, and nobody tries more often by trying all at once."""
    key, _ = _window(clock, limit, subject)
    is_meant = [RateCounter.key_hash == key["key_hash"], RateCounter.window_at == key["window_at"]]
    less = update(RateCounter).where(*is_meant, RateCounter.count > 0)
    conn.execute(less.values(count=RateCounter.count - 1))


def spend_together(
    conn: Connection, clock: Clock, limit: Limit, subjects: Sequence[str]
) -> list[TooManyRequests | None]:
    """Count one more for each; its error where it finds the window full, told and not raised, so
    that it stays counted.

    All are counted in one order, so that workers do so without waiting for each other in circles.
    """
    if not subjects:
        return []
    costs = sorted(Counter(subjects).items())
    found = [_window(clock, limit, subject) for subject, _ in costs]
    asked = [
        (_COUNT, key | {"count": cost}) for (key, _), (_, cost) in zip(found, costs, strict=True)
    ]
    room: dict[str, int] = {}
    rest: dict[str, int] = {}
    for (subject, cost), (_, retry_after), ((counted,),) in zip(
        costs, found, run_together(conn, asked), strict=True
    ):
        room[subject] = limit.count - (counted - cost)
        rest[subject] = retry_after
    told: list[TooManyRequests | None] = []
    for subject in subjects:
        is_over = room[subject] <= 0
        room[subject] -= 1
        told.append(TooManyRequests(retry_after=rest[subject]) if is_over else None)
    return told


def check(conn: Connection, clock: Clock, limit: Limit, subject: str, cost: int = 1) -> None:
    """TooManyRequests where the window has no room for so many more, which counts nothing.

    For long works of one subject side by side: each checks when it begins and spends as its last
    act, because what was counted is locked until the commit. Together they may pass the limit by
    what is under way.
    """
    key, retry_after = _window(clock, limit, subject)
    (counted,) = _COUNTED.one(conn, key) or (0,)
    if counted + cost > limit.count:
        raise TooManyRequests(retry_after=retry_after)


def _window(clock: Clock, limit: Limit, subject: str) -> tuple[dict[str, Any], int]:
    """The key of what is counted now, and the seconds until another window begins."""
    now = int(clock.now().timestamp())
    start = now - now % limit.seconds
    key = sha256(f"{limit.name}\0{subject}")
    window_at = datetime.fromtimestamp(start, UTC)
    return {"key_hash": key, "window_at": window_at}, start + limit.seconds - now


def forget_old(conn: Connection, clock: Clock) -> int:
    """Drop counters of windows that ended; the number dropped."""
    old = clock.now() - timedelta(days=1)
    return conn.execute(delete(RateCounter).where(RateCounter.window_at < old)).rowcount
