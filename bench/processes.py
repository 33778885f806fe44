"""The processes of a run: started on loopback, watched for their CPU time, ended with it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

from app.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
_START_SECONDS = 120.0
_STOP_SECONDS = 15.0


class CannotStart(Exception):
    """A server that does not answer; the message says which."""


@contextmanager
def serve_hello() -> Iterator[tuple[int, int]]:
    """The bare endpoint under uvicorn with the service's options; its port and process id."""
    port = free_port()
    options = ["--no-access-log", "--no-server-header", "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", "bench.hello:app", "--port", str(port), *options]
    with _running(command, {}, port, "/hello") as pid:
        yield port, pid


@contextmanager
def serve_inseam(settings: Settings, workers: int = 1) -> Iterator[int]:
    """The real service by its own command; its process id."""
    command = ["app.cli", "serve", "--no-migrate", "--workers", str(workers)]
    with _inseam(command, settings) as pid:
        yield pid


@contextmanager
def serve_profiled(settings: Settings, out: Path, clock: str) -> Iterator[int]:
    """The same under a profiler, which begins at SIGUSR1 and writes to `out` at the end."""
    with _inseam(["bench.profiled", str(out), clock], settings) as pid:
        yield pid


@contextmanager
def _inseam(command: list[str], settings: Settings) -> Iterator[int]:
    told = {
        f"INSEAM_{name.upper()}": str(getattr(settings, name)) for name in settings.model_fields_set
    }
    with _running([sys.executable, "-m", *command], told, settings.port, "/readyz") as pid:
        yield pid


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_seconds(pid: int) -> float | None:
    """User and system time so far of a process and its children, those that ended included; None
    where there is no /proc."""
    try:
        every = [(int(p.name), _times(int(p.name))) for p in Path("/proc").glob("[0-9]*")]
        own = next(times for one, times in every if one == pid and times)
    except (OSError, StopIteration):
        return None
    children = sum(times.own for _, times in every if times and times.parent == pid)
    return (own.own + own.reaped + children) / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid: int) -> int | None:
    """The memory that a process holds; None where there is no /proc."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


class _Times(NamedTuple):
    parent: int
    own: int
    reaped: int


def _times(pid: int) -> _Times | None:
    """What follows the name in /proc/PID/stat (proc(5)); None for a process that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    user, system, user_reaped, system_reaped = (int(field) for field in fields[11:15])
    return _Times(int(fields[1]), user + system, user_reaped + system_reaped)


@contextmanager
def _running(command: list[str], told: dict[str, str], port: int, path: str) -> Iterator[int]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("INSEAM_")}
    process = subprocess.Popen(command, env=clean | told, cwd=ROOT, start_new_session=True)
    try:
        _await(process, port, path)
        yield process.pid
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, and see that it does, with what it started: it leads a session of its own."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _await(process: "subprocess.Popen[bytes]", port: int, path: str) -> None:
    limit = time.monotonic() + _START_SECONDS
    while time.monotonic() < limit and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        with suppress(OSError, HTTPException):
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.1)
    raise CannotStart(f"{path} did not answer within {_START_SECONDS:.0f} seconds.")
