"""Databases for tests: built once a run by the real migrations, and clean for each test."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

from app.keys.log_keys import open_log_keys
from app.keys.ring import Keyring
from app.kit.clock import FixedClock
from app.settings import Settings
from tests.support.postgres import Server

ROOT = Path(__file__).parents[2]
TEMPLATE = "inseam_template"
_KEYS = ("kek.json", "keyring.json", "keys.db")

# Empties every table that holds a row. Foreign keys rest meanwhile, so the order is free.
WIPE = """
DO $$
DECLARE one regclass; filled boolean;
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR one IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname = 'public' AND c.relname <> 'alembic_version'
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one) INTO filled;
    IF filled THEN EXECUTE format('DELETE FROM %s', one); END IF;
  END LOOP;
END $$
"""


def alembic_config(url: str) -> Config:
    """The project's own alembic.ini, pointed at `url`."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    command.upgrade(alembic_config(url), "head")


def sqlite_url(file: Path) -> str:
    return f"sqlite:///{file}"


@contextmanager
def _alone(lock_file: Path) -> Iterator[None]:
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sqlite_template(run_dir: Path) -> Path:
    """One migrated, closed file for the whole run."""
    file = run_dir / "template.db"
    with _alone(run_dir / "template.db.lock"):
        if not file.exists():
            draft = run_dir / "draft.db"
            migrate(sqlite_url(draft))
            draft.rename(file)
    return file


def copy_sqlite(template: Path, file: Path) -> str:
    """A fresh database in `file`; its URL."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template, file)
    return sqlite_url(file)


def lay_keys(run_dir: Path, data_dir: Path) -> None:
    """The keys of a service that was started before, for a folder that has none: to make them anew
    takes as long as all else that a test's service does at its start."""
    if any((data_dir / name).exists() for name in _KEYS):
        return
    made = run_dir / "keys"
    with _alone(run_dir / "keys.lock"):
        if not made.exists():
            draft = run_dir / "keys-draft"
            draft.mkdir()
            clock = FixedClock()
            open_log_keys(Settings(data_dir=draft), clock).close()
            Keyring(draft / "keyring.json", clock)
            draft.rename(made)
    for name in _KEYS:
        shutil.copy(made / name, data_dir / name)


@dataclass
class PostgresDatabase:
    """The database of one parallel process: cloned once, emptied before each test."""

    server: Server
    name: str
    control: "psycopg.Connection[Any]"

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def wipe(self) -> None:
        """Throw out what a test left connected, then what it left stored."""
        self.control.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        self.control.execute(WIPE)


def postgres_database(run_dir: Path, server: Server, name: str) -> PostgresDatabase:
    """A database cloned from the migrated template."""
    with _alone(run_dir / "template.pg.lock"), server.connect() as admin:
        known = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE])
        if known.fetchone() is None:
            create_database(server, TEMPLATE + "_draft")
            migrate(server.url(TEMPLATE + "_draft"))
            _run(admin, "ALTER DATABASE {} RENAME TO {}", TEMPLATE + "_draft", TEMPLATE)
        _run(admin, "CREATE DATABASE {} TEMPLATE {}", name, TEMPLATE)
    return PostgresDatabase(server, name, server.connect(name))


def create_database(server: Server, name: str) -> str:
    """An empty database, in place of one of that name; its URL."""
    with server.connect() as admin:
        _run(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        _run(admin, "CREATE DATABASE {}", name)
    return server.url(name)


def _run(conn: "psycopg.Connection[Any]", statement: str, *names: str) -> None:
    conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]
