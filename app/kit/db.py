"""The database and its one commit place: sessions for ordinary handlers, the group-commit writer.

SQLite has one writer, so there every writing transaction of a process takes its turn in one lane:
a session from its first statement to its end, the group-commit writer for each group. A session
reaches for the lane in the thread that uses it first, so dependencies must leave it alone. Several
processes on one file pass a turnstile, because SQLite itself lets a busy one starve the others.
PostgreSQL needs no lane; row locks do the work there.
"""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Engine,
    MetaData,
    bindparam,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from app.kit.errors import OutOfSpace, Unavailable
from app.kit.faults import translate
from app.kit.lane import Lane, Turnstile
from app.kit.private import keep_private
from app.kit.purge import empty_log, rewrite, vacuum
from app.kit.writer import ConnectionLost, Task, Writer

T = TypeVar("T")
P = TypeVar("P")

_LEAST_SPACE = 1024 * 1024  # bytes on the disk of an SQLite file; a commit may need as many
_LOOK_AGAIN_SECONDS = 0.005


class Base(DeclarativeBase):
    """Declares a table. `info["family"]` names the column that every key of it contains."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def family(name: str, *rest: Any) -> tuple[Any, ...]:
    """The `__table_args__` of a table: constraints, its family, STRICT on SQLite."""
    return (*rest, {"info": {"family": name}, "sqlite_strict": True})


# Built once: building a statement costs as much as running it.
_NAME: BindParameter[int] = bindparam("name", type_=BigInteger)
_TURN = select(func.pg_advisory_xact_lock(_NAME))
_SHARED_TURN = select(func.pg_advisory_xact_lock_shared(_NAME))


def take_turn(conn: Connection, name: UUID, *, is_shared: bool) -> None:
    """Wait for one's turn at `name`, in the order of asking; it is held until the commit.

    PostgreSQL lets new FOR SHARE locks pass a writer that waits for the row, so readers that never
    pause would keep it waiting for ever; its advisory locks are queued. SQLite's lane is a queue
    already.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(_SHARED_TURN if is_shared else _TURN, {"name": name.int >> 65})


_LEEWAY = timedelta(seconds=2)  # by which clocks may differ, or be set back
# Who has a transaction id has written or locked something; a time that it took before may be older
# than its own beginning by nothing but that difference.
_OLDEST = text(
    "SELECT max(extract(epoch FROM clock_timestamp() - xact_start)) FROM pg_stat_activity"
    " WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() AND datname = current_database()"
)


def settled_at(conn: Connection, now: datetime) -> datetime:
    """An instant up to which everything has been committed that was stamped behind its locks, or
    is committed with this transaction, which is one that writes. What comes later is stamped later.
    """
    oldest = 0.0  # on SQLite nobody else is writing now
    if conn.dialect.name == "postgresql":
        oldest = float(conn.execute(_OLDEST).scalar_one_or_none() or 0)
    return now - timedelta(seconds=max(oldest, 0)) - _LEEWAY


class _ReadSession(Session):
    """A session that cannot write; the database refuses it as well."""

    def flush(self, objects: Any = None) -> None:
        if self.new or self.dirty or self.deleted:
            raise AssertionError("a read session was given something to write")
        super().flush(objects)


class Database:
    """Engine, sessions and writer of one process. Built by the composition root."""

    def __init__(self, url: str, *, pool_size: int = 16, busy_seconds: float = 5.0) -> None:
        self.engine = _make_engine(url, pool_size, busy_seconds)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._readers = self.engine.execution_options(inseam_read=True, postgresql_readonly=True)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._read_sessions = sessionmaker(
            self._readers, class_=_ReadSession, expire_on_commit=False
        )
        # The writer's own on PostgreSQL: it finds out by itself that a connection was lost.
        self._writing = self.engine if self.is_sqlite else _make_postgres(url, 1, busy_seconds)
        self._writer = Writer(self._begin_writing)
        self._here = threading.local()

    def close(self) -> None:
        """Let the writer finish what waits, then close every connection."""
        self._writer.close()
        self._writing.dispose()
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: leaving the block commits, raising rolls back."""
        with self._sessions.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One read-only transaction."""
        with self._read_sessions.begin() as session:
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One writing transaction without a session, for jobs and commands that use Core."""
        with self.engine.begin() as conn:
            yield conn

    @contextmanager
    def _begin_writing(self) -> Iterator[Connection]:
        """A transaction of the writer."""
        with self._writing.begin() as conn:
            try:
                yield conn
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise ConnectionLost from error
                raise

    def ping(self) -> None:
        """Ask the database for anything at all; raises where it does not answer, or where its file
        has no room to grow."""
        with self._readers.begin() as conn:
            conn.exec_driver_sql("SELECT 1")
        file = self.engine.url.database if self.is_sqlite else None
        if file and Path(file).exists():
            disk = os.statvfs(file)
            if disk.f_bavail * disk.f_frsize < _LEAST_SPACE:
                raise OutOfSpace

    def submit(self, work: Callable[[Connection], T]) -> "Future[T]":
        """Queue `work` for the group-commit writer; the future ends after its commit.

        `work` may run more than once (a deadlock, a group that failed), so it has no effect
        outside the database, and it never submits work itself.
        """
        future: Future[T] = Future()
        self._writer.submit(Task(lambda conn, _: [work(conn)], None, future))
        return future

    async def run(self, work: Callable[[Connection], T]) -> T:
        """`submit` for a coroutine; the work is committed even when the caller goes away."""
        return await self._wait(lambda conn, _: [work(conn)], None)

    async def run_jointly(
        self, work: Callable[[Connection, Sequence[P]], Sequence[T | Exception]], given: P
    ) -> T:
        """`run` for a work that takes whatever waits for it at once: it is called with what every
        caller gave, and tells for each an outcome or the error to raise.

        An error that it tells does not undo what it did; one that it raises does, and then each
        caller's is done by itself.
        """
        return await self._wait(work, given)

    async def _wait(
        self, work: "Callable[[Connection, Sequence[P]], Sequence[T | Exception]]", given: P
    ) -> T:
        """The outcome of a task. A caller that goes away leaves it to be done all the same."""
        loop = self._running_loop()
        future: asyncio.Future[T] = loop.create_future()
        coming: list[Task] = self._here.coming
        if not coming:
            loop.call_soon(self._hand_in, coming)
        coming.append(Task(work, given, future))
        return await future

    def _hand_in(self, coming: list[Task]) -> None:
        """What one turn of the loop brought goes to the writer together: one by one, the first of
        them would have a transaction to itself."""
        tasks = coming.copy()
        coming.clear()
        try:
            self._writer.submit(*tasks)
        except Unavailable as error:
            for task in tasks:
                task.error = error
                task.finish()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """As asyncio tells, which asks the kernel for the process each time (until Python 3.12). A
        loop that was seen in this thread and runs is the one that runs."""
        loop: asyncio.AbstractEventLoop | None = getattr(self._here, "loop", None)
        if loop is None or not loop.is_running():
            loop = self._here.loop = asyncio.get_running_loop()
            self._here.coming = []
        return loop

    def purge(self, tables: Sequence[str], *, is_secret: bool = False) -> None:
        """Take what was deleted from `tables` out of the files, as far as that is needed: what is
        sealed may stay where nothing reads it, what `is_secret` may not. Unavailable while others
        hold it there."""
        try:
            if self.is_sqlite:
                empty_log(self.engine)
            elif is_secret:
                rewrite(self.engine, tables)
            else:
                vacuum(self.engine, tables)
        except (OperationalError, PoolTimeout) as error:
            raise translate(error) from error


def _make_engine(url: str, pool_size: int, busy_seconds: float) -> Engine:
    if url.startswith("sqlite"):
        return _make_sqlite(url, pool_size, busy_seconds)
    return _make_postgres(url, pool_size, busy_seconds, pool_pre_ping=True)


def _make_postgres(url: str, pool_size: int, busy_seconds: float, **more: Any) -> Engine:
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    options = f"-c timezone=UTC -c lock_timeout={int(busy_seconds * 1000)}"
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=busy_seconds,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        connect_args={"options": options, "connect_timeout": 10},
        **more,
    )


def _make_sqlite(url: str, pool_size: int, busy_seconds: float) -> Engine:
    path = url.split("///", 1)[-1]
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=busy_seconds,
        hide_parameters=True,
        connect_args={"timeout": busy_seconds, "check_same_thread": False},
    )
    event.listen(engine, "connect", lambda raw, _: _set_up_sqlite(raw, busy_seconds))
    turnstile = None
    if path and path != ":memory:":
        event.listen(engine, "do_connect", lambda *_: keep_private(Path(path)))
        turnstile = Turnstile(Path(path), busy_seconds)
        event.listen(engine, "engine_disposed", lambda _engine: turnstile.close())
    _keep_lane(engine, Lane(busy_seconds, turnstile))
    return engine


def _keep_lane(engine: Engine, lane: Lane) -> None:
    """Give each writing transaction the lane from its BEGIN until its connection is back."""

    def begin(conn: Connection) -> None:
        is_read = conn.get_execution_options().get("inseam_read", False)
        if not is_read and not conn.info.get("has_lane"):
            lane.enter()
            conn.info["has_lane"] = True
        if conn.info.get("is_read", False) != is_read:
            conn.exec_driver_sql(f"PRAGMA query_only = {int(is_read)}")
            conn.info["is_read"] = is_read
        conn.exec_driver_sql("BEGIN" if is_read else "BEGIN IMMEDIATE")

    def checkin(_raw: object, record: ConnectionPoolEntry) -> None:
        if record.info.pop("has_lane", False):
            lane.leave()

    event.listen(engine, "begin", begin)
    event.listen(engine, "checkin", checkin)


def _set_up_sqlite(raw: Any, busy_seconds: float) -> None:
    raw.isolation_level = None
    _use_wal(raw, busy_seconds)
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
        "trusted_schema = OFF",
    ):
        raw.execute(f"PRAGMA {pragma}")


def _use_wal(raw: Any, busy_seconds: float) -> None:
    """SQLite does not wait, as it does elsewhere, where others open a new file at the same moment
    and one of them is just changing its mode."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_AGAIN_SECONDS)
        else:
            return
