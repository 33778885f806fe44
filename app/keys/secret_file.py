"""A small file of secrets: mode 0600, written whole or not at all, shared by one machine's
processes, which read it again when it changes."""

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from app.kit import jsonio
from app.kit.errors import DomainError

T = TypeVar("T")

UNREADABLE = (OSError, ValueError, KeyError, TypeError, DomainError)


class SecretFile(Generic[T]):
    """JSON that `parse` makes something of. Who writes holds the lock."""

    def __init__(self, path: Path, parse: Callable[[Any], T]) -> None:
        self.path = path
        self._parse = parse
        self._held: tuple[tuple[int, int, int], T] | None = None

    def read(self) -> T:
        """What the file holds now; one of UNREADABLE where it is missing or damaged."""
        stat = self.path.stat()
        stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        held = self._held
        if held is None or held[0] != stamp:
            held = (stamp, self._parse(jsonio.loads(self.path.read_bytes())))
            self._held = held
        return held[1]

    def write(self, value: Any) -> None:
        """Put a new file in place of the old one, on the disk before this returns: what is
        wrapped under a key in it may be stored right after."""
        fresh = self.path.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(value, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among threads and processes; makes the folder where it is missing."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
