"""`inseam serve` with one worker under cProfile: `python -m bench.profiled FILE cpu|wall`.

Every thread has a profile of its own. They begin at SIGUSR1, so that the start is left out, and
are written to FILE-<thread> at the end, those of one kind of thread added up.
"""

import cProfile
import pstats
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from app.cli import main as inseam

CLOCKS: dict[str, Callable[[], float]] = {"cpu": time.thread_time, "wall": time.perf_counter}


class _Profiles:
    """One profile for each thread that does something after `begin`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._has_begun = False
        self._found: list[tuple[str, cProfile.Profile]] = []

    def begin(self, *_: Any) -> None:
        """As a signal handler: for this thread, and from now on for the others."""
        self._has_begun = True
        self._start("event loop")

    def note(self, frame: FrameType, event: str, arg: Any) -> None:
        """As the profile function of a new thread: gives way to a profile as soon as it may."""
        if self._has_begun:
            self._start(re.sub(r"[\d-]+$", "", threading.current_thread().name))

    def write(self, out: Path) -> None:
        by_name: dict[str, pstats.Stats] = {}
        for name, profile in self._found:
            profile.snapshot_stats()
            if not profile.stats:
                continue
            if name in by_name:
                by_name[name].add(profile)
            else:
                by_name[name] = pstats.Stats(profile)
        for name, stats in by_name.items():
            stats.dump_stats(f"{out}-{name}")

    def _start(self, name: str) -> None:
        profile = cProfile.Profile(self._clock)
        self._found.append((name, profile))
        profile.enable()


def main() -> None:
    """Serve until SIGTERM."""
    out, clock = Path(sys.argv[1]), CLOCKS[sys.argv[2]]
    profiles = _Profiles(clock)
    signal.signal(signal.SIGUSR1, profiles.begin)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again when it is done
    threading.setprofile(profiles.note)
    sys.argv[1:] = ["serve", "--no-migrate"]
    try:
        inseam()
    finally:
        profiles.write(out)


if __name__ == "__main__":
    main()
