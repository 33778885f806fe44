"""Time as an argument: services take a `Clock`, and only this file asks the machine."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells aware UTC time with microseconds, and waits."""

    def now(self) -> datetime: ...

    def wait_until(self, instant: datetime) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait_until(self, instant: datetime) -> None:
        """Block the calling thread until `instant` has passed."""
        while (left := (instant - self.now()).total_seconds()) > 0:
            time.sleep(min(left, 0.5))


class FixedClock:
    """A clock for tests: it stands until it is moved, and waiting moves it."""

    def __init__(self, at: datetime | None = None) -> None:
        self._at = at or datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
        self._lock = threading.Lock()
        self.waited: list[datetime] = []

    def now(self) -> datetime:
        with self._lock:
            return self._at

    def advance(self, step: timedelta | float) -> datetime:
        """Move by a timedelta or by seconds; the new time."""
        delta = step if isinstance(step, timedelta) else timedelta(seconds=step)
        with self._lock:
            self._at += delta
            return self._at

    def set(self, at: datetime) -> None:
        with self._lock:
            self._at = at

    def wait_until(self, instant: datetime) -> None:
        with self._lock:
            self.waited.append(instant)
            self._at = max(self._at, instant)
