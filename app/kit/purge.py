"""Taking what was deleted out of a database's files. What is written elsewhere stays there: in
PostgreSQL's write-ahead log, in archives of it, in backups."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine

from app.kit.errors import Unavailable

_TRIES = 12
_WAIT_SECONDS = 0.1


def empty_log(engine: Engine) -> None:
    """SQLite: secure_delete has overwritten the pages; older ones are still in the log, and go by
    a checkpoint. It runs in no transaction: the first one is ended to keep the lane only.
    Unavailable while a reader needs the log."""
    with engine.connect() as conn:
        conn.exec_driver_sql("COMMIT")
        if conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one():
            raise Unavailable


def vacuum(engine: Engine, tables: Sequence[str]) -> None:
    """PostgreSQL: free the room of deleted rows. Their bytes stay in pages that keep other rows
    until something is written over them (measured)."""
    with _alone(engine) as conn:
        conn.exec_driver_sql(f"VACUUM {', '.join(_quoted(engine, tables))}")


def rewrite(engine: Engine, tables: Sequence[str]) -> None:
    """PostgreSQL: write the tables anew without what was deleted, and lock them meanwhile: a second
    for a million small rows. Unavailable while a snapshot may still see what was deleted."""
    with _alone(engine) as conn:
        for table in _quoted(engine, tables):
            for _ in range(_TRIES):
                if _rewrite(conn, table) == 0:
                    break
                time.sleep(_WAIT_SECONDS)
            else:
                raise Unavailable


def _rewrite(conn: Connection, table: str) -> int:
    """How many deleted rows had to be taken along; only VERBOSE tells, in the language of the
    server: "DETAIL: 1 dead row versions cannot be removed yet"."""
    kept: list[int] = []

    def hear(said: Any) -> None:
        found = re.match(r"\D*(\d+)", said.message_detail or "")
        kept.extend([int(found[1])] if found else [])

    driver: Any = conn.connection.driver_connection
    driver.add_notice_handler(hear)
    try:
        conn.exec_driver_sql(f"VACUUM (FULL, VERBOSE) {table}")
    finally:
        driver.remove_notice_handler(hear)
    return sum(kept) if kept else 1


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A connection without transactions."""
    with engine.connect() as conn:
        yield conn.execution_options(isolation_level="AUTOCOMMIT")


def _quoted(engine: Engine, tables: Sequence[str]) -> list[str]:
    return [engine.dialect.identifier_preparer.quote(table) for table in tables]
