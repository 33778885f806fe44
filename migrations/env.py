"""Runs migrations through the service's own database module, one transaction for all of them.

The database is, in this order: `attributes["connection"]`, `attributes["url"]`,
`sqlalchemy.url`, or the one that the INSEAM_* settings name.
"""

from typing import Any, Literal

from alembic import context
from sqlalchemy import CheckConstraint, Connection

import app.tables  # noqa: F401  # declares every table on Base.metadata
from app.kit.columns import Blob, Words
from app.kit.db import Base, Database
from app.settings import Settings


def _url() -> str:
    config = context.config
    given = config.attributes.get("url") or config.get_main_option("sqlalchemy.url")
    return str(given or Settings().url)


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False] | None:
    """Leave out the length checks: the column types bring them along."""
    if kind == "check" and isinstance(item, CheckConstraint) and _is_length_check(item):
        return None
    return False


def _is_length_check(check: CheckConstraint) -> bool:
    bounded = [c for c in check.table.columns if isinstance(c.type, Words | Blob)]
    return any(str(check.name).endswith(f"{column.name}_length") for column in bounded)


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transactional_ddl=True,
        compare_type=True,
        compare_server_default=True,
        render_as_batch=False,
        render_item=_render,
        user_module_prefix="columns.",
    )
    with context.begin_transaction():
        context.run_migrations()


def _run_offline() -> None:
    context.configure(url=_url(), target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def _run_online() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    with Database(_url(), pool_size=2) as database, database.connection() as connection:
        _migrate(connection)


if context.is_offline_mode():
    _run_offline()
else:
    _run_online()
