"""Bringing the schema up to date, by Alembic; on a start several processes may come at once."""

import fcntl
import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.kit.db import Database

_ROOT = Path(__file__).resolve().parents[2]


def migrate(url: str) -> None:
    """Upgrade to the newest revision, one process at a time."""
    if is_current(url):
        return
    lock = os.open(_ROOT / "migrations" / "env.py", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current(url):
            command.upgrade(_config(url), "head")
    finally:
        os.close(lock)


def is_current(url: str) -> bool:
    """Whether the database has the newest revision."""
    head = ScriptDirectory.from_config(_config(url)).get_current_head()
    with Database(url, pool_size=2) as database, database.read() as db:
        return MigrationContext.configure(db.connection()).get_current_revision() == head


def _config(url: str) -> Config:
    config = Config(str(_ROOT / "alembic.ini"))
    config.attributes["url"] = url
    return config
