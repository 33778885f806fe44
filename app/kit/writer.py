"""The group-commit writer: one thread, in which whatever waits shares a transaction."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.kit.errors import Unavailable
from app.kit.faults import ends_transaction, is_retried, translate

_MAX_GROUP = 256
_LINGER = 0.012  # seconds

Begin = Callable[[], AbstractContextManager[Connection]]
JointWork = Callable[[Connection, Sequence[Any]], Sequence[Any]]


class ConnectionLost(Exception):
    """The connection of a transaction was gone before its commit was asked for."""


class _Undone(Exception):
    """Ends the transaction of a work that failed alone."""


class Task:
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


def _finish_all(tasks: Sequence[Task]) -> None:
    for task in tasks:
        task.finish()


def _hand_over(tasks: Sequence[Task]) -> None:
    """Finish tasks from the writer's thread: an event loop is woken once for all of its own."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Task]] = {}
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

    def __init__(self, tasks: list[Task]) -> None:
        self.tasks = tasks

    def run_in(self, conn: Connection) -> None:
        """Run inside a savepoint: a failure undoes this unit alone, and its tasks are tried each
        by itself."""
        try:
            with conn.begin_nested():
                self.run(conn)
        except DBAPIError as error:
            if is_retried(error) or error.connection_invalidated or ends_transaction(error):
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


class Writer:
    """One thread, one connection at a time; whatever waits shares a transaction.

    `begin` gives a transaction, which ends with its block; it raises ConnectionLost out of a block
    whose connection went away.
    """

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._waiting: SimpleQueue[Task | None] = SimpleQueue()  # None is the last of all
        self._door = threading.Lock()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def submit(self, *tasks: Task) -> None:
        """Queue them, side by side. Unavailable once the writer is closed."""
        with self._door:
            if self._is_closed:
                raise Unavailable("The service is stopping.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="writer", daemon=True)
                self._thread.start()
            for task in tasks:
                self._waiting.put(task)

    def close(self) -> None:
        with self._door:
            self._is_closed = True
            self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _take(self, before: int, seconds: float) -> list[Task]:
        """Whatever waits, once anything does; nothing when that is all there will be.

        Where it is less than there was the time before, more is waited for, no longer than that
        took: those who were just answered send again at once, and whoever is first of them would
        have a transaction, and its commit, to itself.
        """
        group: list[Task] = []
        task = self._waiting.get()
        until = time.monotonic() + min(seconds, _LINGER)
        while task is not None:
            group.append(task)
            if len(group) == _MAX_GROUP:
                return group
            left = until - time.monotonic() if len(group) < before else 0
            try:
                task = self._waiting.get(left > 0, max(left, 0))
            except Empty:
                return group
        if group:
            self._waiting.put(None)  # for the next time
        return group

    def _loop(self) -> None:
        group: list[Task] = []
        seconds = 0.0
        while group := self._take(len(group), seconds):
            begin = time.monotonic()
            group = [task for task in group if task.is_wanted()]
            try:
                self._commit(group)
            except (DBAPIError, PoolTimeout, ConnectionLost) as error:
                self._commit_one_by_one(group, error)
            except BaseException as error:
                _fail_all(group, error)
            else:
                _hand_over(group)
            seconds = time.monotonic() - begin

    def _commit(self, group: list[Task]) -> None:
        """Again, once, on a new connection where the old one was found gone: it rested since the
        last group, and asking it first would cost each group a round trip."""
        try:
            self._commit_once(group)
        except ConnectionLost:
            self._commit_once(group)

    def _commit_once(self, group: list[Task]) -> None:
        units = _units(group)
        if len(units) == 1:
            self._commit_alone(units[0])
            return
        with self._begin() as conn:
            for unit in units:
                unit.run_in(conn)

    def _commit_alone(self, unit: _Unit) -> None:
        """One unit has the transaction to itself, so its failure needs no savepoint."""
        try:
            with self._begin() as conn:
                unit.run_alone(conn)
        except _Undone:
            if len(unit.tasks) > 1:
                with self._begin() as conn:
                    for task in unit.tasks:
                        _Unit([task]).run_in(conn)

    def _commit_one_by_one(self, group: list[Task], error: Exception) -> None:
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


def _fail_all(tasks: Sequence[Task], error: BaseException) -> None:
    for task in tasks:
        task.error = error
    _hand_over(tasks)


def _units(group: list[Task]) -> list[_Unit]:
    """The tasks of one work together, in the order in which the first of them came."""
    by_work: dict[int, list[Task]] = {}
    for task in group:
        by_work.setdefault(id(task.work), []).append(task)
    return [_Unit(tasks) for tasks in by_work.values()]


def _for_caller(error: Exception) -> Exception:
    if isinstance(error, ConnectionLost):
        return Unavailable()
    return translate(error) if isinstance(error, OperationalError | PoolTimeout) else error
