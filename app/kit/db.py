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
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
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
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from app.kit.errors import DomainError, OutOfSpace, Unavailable
from app.kit.lane import Lane, Turnstile
from app.kit.private import keep_private
from app.kit.purge import empty_log, rewrite, vacuum

T = TypeVar("T")
P = TypeVar("P")

_MAX_GROUP = 256
_LEAST_SPACE = 1024 * 1024  # bytes on the disk of an SQLite file; a commit may need as many
_LOOK_AGAIN_SECONDS = 0.005
_RETRIED = {"40001", "40P01"}


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


def translate(error: DBAPIError | PoolTimeout) -> DomainError:
    """The domain error behind a driver's: out of space, or try again."""
    text = str(getattr(error, "orig", error)).lower()
    if "disk is full" in text or "no space left" in text:
        return OutOfSpace()
    return Unavailable()


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
        self._writer = _Writer(self.engine)

    def close(self) -> None:
        """Let the writer finish what waits, then close every connection."""
        self._writer.close()
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
        self._writer.submit(_Task(lambda conn, _: [work(conn)], None, future))
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
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.submit(_Task(work, given, future))
        return await future

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


class _Undone(Exception):
    """Ends the transaction of a work that failed alone."""


JointWork = Callable[[Connection, Sequence[Any]], Sequence[Any]]


class _Task:
    """One thing in the writer's queue: what it is given to, and the future its caller waits for,
    in another thread or in an event loop."""

    def __init__(
        self, work: JointWork, given: Any, future: "Future[Any] | asyncio.Future[Any]"
    ) -> None:
        self.work = work
        self.given = given
        self.future = future
        self.outcome: Any = None
        self.error: BaseException | None = None

    def is_wanted(self) -> bool:
        """Whether nobody took it back before it began."""
        return not isinstance(self.future, Future) or self.future.set_running_or_notify_cancel()

    def finish(self) -> None:
        """Hand the outcome over, where somebody still waits for it."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.outcome)


def _finish_all(tasks: Sequence[_Task]) -> None:
    for task in tasks:
        task.finish()


def _hand_over(tasks: Sequence[_Task]) -> None:
    """Finish tasks from the writer's thread: an event loop is woken once for all of its own."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Task]] = {}
    for task in tasks:
        if isinstance(task.future, Future):
            task.finish()
        else:
            by_loop.setdefault(task.future.get_loop(), []).append(task)
    for loop, mine in by_loop.items():
        with suppress(RuntimeError):  # it is closed, and nobody waits there
            loop.call_soon_threadsafe(_finish_all, mine)


class _Unit:
    """Tasks that one call of their work does together."""

    def __init__(self, tasks: list[_Task]) -> None:
        self.tasks = tasks

    def run_in(self, conn: Connection) -> None:
        """Run inside a savepoint: a failure undoes this unit alone, and its tasks are tried each
        by itself."""
        try:
            with conn.begin_nested():
                self.run(conn)
        except DBAPIError as error:
            if is_retried(error) or error.connection_invalidated or _ends_transaction(error):
                raise
            self._fail_in(conn, error)
        except Exception as error:
            self._fail_in(conn, error)

    def run_alone(self, conn: Connection) -> None:
        """Run in a transaction of its own; _Undone rolls it back with the failure kept."""
        try:
            self.run(conn)
        except DBAPIError as error:
            if is_retried(error) or error.connection_invalidated:
                raise
            self._fail_alone(error)
        except Exception as error:
            self._fail_alone(error)

    def run(self, conn: Connection) -> None:
        work = self.tasks[0].work
        outcomes = work(conn, [task.given for task in self.tasks])
        for task, outcome in zip(self.tasks, outcomes, strict=True):
            is_error = isinstance(outcome, Exception)
            task.outcome, task.error = (None, outcome) if is_error else (outcome, None)

    def _fail_in(self, conn: Connection, error: Exception) -> None:
        if len(self.tasks) == 1:
            self.tasks[0].error = error
            return
        for task in self.tasks:
            _Unit([task]).run_in(conn)

    def _fail_alone(self, error: Exception) -> None:
        if len(self.tasks) == 1:
            self.tasks[0].error = error
        raise _Undone from error


class _Writer:
    """One thread, one connection at a time; whatever waits shares a transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: deque[_Task] = deque()
        self._wake = threading.Condition()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def submit(self, task: _Task) -> None:
        with self._wake:
            if self._is_closed:
                raise Unavailable("The service is stopping.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="writer", daemon=True)
                self._thread.start()
            self._waiting.append(task)
            self._wake.notify()

    def close(self) -> None:
        with self._wake:
            self._is_closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _take(self) -> list[_Task]:
        with self._wake:
            while not self._waiting and not self._is_closed:
                self._wake.wait()
            size = min(len(self._waiting), _MAX_GROUP)
            return [self._waiting.popleft() for _ in range(size)]

    def _loop(self) -> None:
        while group := self._take():
            group = [task for task in group if task.is_wanted()]
            try:
                self._commit(group)
            except (DBAPIError, PoolTimeout) as error:
                self._commit_one_by_one(group, error)
            except BaseException as error:
                _fail_all(group, error)
            else:
                _hand_over(group)

    def _commit(self, group: list[_Task]) -> None:
        units = _units(group)
        if len(units) == 1:
            self._commit_alone(units[0])
            return
        with self._engine.begin() as conn:
            for unit in units:
                unit.run_in(conn)

    def _commit_alone(self, unit: _Unit) -> None:
        """One unit has the transaction to itself, so its failure needs no savepoint."""
        try:
            with self._engine.begin() as conn:
                unit.run_alone(conn)
        except _Undone:
            if len(unit.tasks) > 1:
                with self._engine.begin() as conn:
                    for task in unit.tasks:
                        _Unit([task]).run_in(conn)

    def _commit_one_by_one(self, group: list[_Task], error: Exception) -> None:
        """After a group failed as a whole: each alone, so that a bad one fails alone.

        A lost connection at COMMIT is ambiguous, so nothing is run again then: the caller is
        told to retry with its idempotency key.
        """
        is_safe = isinstance(error, DBAPIError) and not error.connection_invalidated
        for task in group:
            if not is_safe:
                _fail_all([task], _for_caller(error))
                continue
            try:
                self._commit([task])
            except Exception as single:
                _fail_all([task], _for_caller(single))
            else:
                _hand_over([task])


def _fail_all(tasks: Sequence[_Task], error: BaseException) -> None:
    for task in tasks:
        task.error = error
    _hand_over(tasks)


def _units(group: list[_Task]) -> list[_Unit]:
    """The tasks of one work together, in the order in which the first of them came."""
    by_work: dict[int, list[_Task]] = {}
    for task in group:
        by_work.setdefault(id(task.work), []).append(task)
    return [_Unit(tasks) for tasks in by_work.values()]


def _for_caller(error: Exception) -> Exception:
    return translate(error) if isinstance(error, OperationalError | PoolTimeout) else error


def is_retried(error: DBAPIError) -> bool:
    """Whether the transaction lost a deadlock or a serialization race and may run again."""
    return getattr(error.orig, "sqlstate", None) in _RETRIED


def _ends_transaction(error: DBAPIError) -> bool:
    """SQLite rolls the whole transaction back when the disk is full or an I/O error strikes."""
    text = str(error.orig).lower()
    return "disk is full" in text or "disk i/o error" in text or "cannot rollback" in text


def _make_engine(url: str, pool_size: int, busy_seconds: float) -> Engine:
    if url.startswith("sqlite"):
        return _make_sqlite(url, pool_size, busy_seconds)
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    options = f"-c timezone=UTC -c lock_timeout={int(busy_seconds * 1000)}"
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=busy_seconds,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={"options": options, "connect_timeout": 10},
    )


def _make_sqlite(url: str, pool_size: int, busy_seconds: float) -> Engine:
    path = url.split("///", 1)[-1]
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=busy_seconds,
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
