"""Whose turn it is to write: a busy process does not keep another one waiting."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.kit.errors import Unavailable
from app.kit.lane import Lane, Turnstile
from tests.support.source import ROOT

BUSY = """
import sys, time
from pathlib import Path
from app.kit.lane import Lane, Turnstile
lane = Lane(5, Turnstile(Path(sys.argv[1]), 5))
end = time.monotonic() + 30
print("ready", flush=True)
while time.monotonic() < end:
    lane.enter()
    time.sleep(0.01)
    lane.leave()
"""


def test_processes_that_write_without_a_pause_let_another_one_in(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    command = [sys.executable, "-c", BUSY, str(path)]
    busy = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    lane = Lane(5, Turnstile(path, 5))
    try:
        for process in busy:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for _ in range(20):
            lane.enter()  # Unavailable after five seconds, five hundred times what a turn takes
            lane.leave()
    finally:
        for process in busy:
            process.kill()
            process.communicate()


def test_a_floor_that_never_comes_free_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    one, other = Turnstile(path, 0.05), Turnstile(path, 0.05)
    one.enter()
    lane = Lane(0.05, other)
    for _ in range(2):
        with pytest.raises(Unavailable):
            lane.enter()
    one.leave()
    lane.enter()
    lane.leave()
    one.close()
    other.close()
