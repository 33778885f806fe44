"""Whose turn it is to write to an SQLite file: among the threads of a process, among processes."""

import fcntl
import os
import threading
import time
from collections import deque
from pathlib import Path

from app.kit.errors import Unavailable

_LOOK_AGAIN_SECONDS = 0.0005


class Turnstile:
    """Lets the processes that share a file write in turn.

    Whoever wants to write holds the gate while it waits for the floor, so one that has just
    written finds the gate shut and cannot be first again. The locks die with their process.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._paths = path.with_name(path.name + "-gate"), path.with_name(path.name + "-floor")
        self._patience = patience
        self._files: tuple[int, int] | None = None

    def enter(self) -> None:
        """Wait for the turn; Unavailable when it does not come in time."""
        gate, floor = self._open()
        end = time.monotonic() + self._patience
        _lock_file(gate, end)
        try:
            _lock_file(floor, end)
        finally:
            fcntl.flock(gate, fcntl.LOCK_UN)

    def leave(self) -> None:
        fcntl.flock(self._open()[1], fcntl.LOCK_UN)

    def _open(self) -> tuple[int, int]:
        """Opened late and never before a fork, which would share the locks."""
        if self._files is None:
            gate, floor = (os.open(one, os.O_RDWR | os.O_CREAT, 0o600) for one in self._paths)
            self._files = gate, floor
        return self._files

    def close(self) -> None:
        """Give the files back; entering opens them again."""
        files, self._files = self._files or (), None
        for file in files:
            os.close(file)


class Lane:
    """A first-come, first-served lock, so that a busy writer starves nobody.

    Not bound to a thread: a request's transaction may begin in one and end in another.
    """

    def __init__(self, patience: float, turnstile: Turnstile | None = None) -> None:
        self._patience = patience
        self._turnstile = turnstile
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._is_taken = False

    def enter(self) -> None:
        """Wait for the turn; Unavailable when it does not come in time."""
        self._wait()
        try:
            if self._turnstile is not None:
                self._turnstile.enter()
        except BaseException:
            self._pass_on()
            raise

    def leave(self) -> None:
        if self._turnstile is not None:
            self._turnstile.leave()
        self._pass_on()

    def _wait(self) -> None:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(self._patience):
            return
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                raise Unavailable

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False


def _lock_file(file: int, end: float) -> None:
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= end:
                raise Unavailable from error
            time.sleep(_LOOK_AGAIN_SECONDS)
