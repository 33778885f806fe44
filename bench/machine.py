"""What a reader of the figures must know of the machine and of the code that was measured."""

import os
import platform
import sqlite3
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

_PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "sqlalchemy", "psycopg", "authlib")
_SYNCS = 100


def describe(root: Path, folder: Path) -> list[str]:
    """Lines for the head of a report."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return [
        f"- Code: {_commit(root)}",
        f"- Machine: {os.cpu_count()} cores ({platform.machine()}), {platform.system()}, "
        f"load {load} at the start; fsync of 4 KiB: p50 {_fsync_ms(folder):.2f} ms",
        f"- Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}",
    ]


def _commit(root: Path) -> str:
    try:
        name = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", "app", "migrations")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"commit {name}" + (", with changes not committed yet" if changed else "")


def _git(root: Path, *words: str) -> str:
    command = ["git", "--no-optional-locks", *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _fsync_ms(folder: Path) -> float:
    """The price of durability here, which a committed write pays at least once."""
    times = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(b"\0" * 4096)
            begin = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begin)
    (folder / "fsync").unlink()
    return median(times) * 1000
