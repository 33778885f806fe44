"""Migrations, on both databases: up, down, up again, no drift, all or nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, inspect, text

from app.kit.db import Database
from app.tables import metadata
from tests.support.databases import ROOT, alembic_config, migrate

BROKEN = """
from alembic import op
import sqlalchemy as sa

revision = "broken"
down_revision = {head!r}


def upgrade():
    op.create_table("half_made", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO no_such_table VALUES (1)")
"""


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    with Database(empty_database_url, pool_size=4) as database:
        yield database.engine


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def checks(engine: Engine) -> set[tuple[str, str, str]]:
    inspector = inspect(engine)
    return {
        (table, str(check["name"]), check["sqltext"])
        for table in tables(engine)
        for check in inspector.get_check_constraints(table)
    }


def differences(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))


def test_there_is_one_head() -> None:
    script = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
    assert len(script.get_heads()) == 1


def test_up_down_and_up_again(engine: Engine, empty_database_url: str) -> None:
    migrate(empty_database_url)
    assert tables(engine) == set(metadata.tables)
    command.downgrade(alembic_config(empty_database_url), "base")
    assert tables(engine) == set()
    migrate(empty_database_url)
    assert tables(engine) == set(metadata.tables)


def test_migrating_twice_changes_nothing(engine: Engine, empty_database_url: str) -> None:
    migrate(empty_database_url)
    migrate(empty_database_url)
    assert tables(engine) == set(metadata.tables)


def test_models_and_migrations_agree(engine: Engine, empty_database_url: str) -> None:
    migrate(empty_database_url)
    assert differences(engine) == []


def test_check_constraints_agree(engine: Engine, empty_database_url: str) -> None:
    """Autogenerate does not see them, so they are compared with those the models would make."""
    migrate(empty_database_url)
    migrated = checks(engine)
    command.downgrade(alembic_config(empty_database_url), "base")
    metadata.create_all(engine)
    assert migrated == checks(engine)


@pytest.mark.parametrize("engine_kind", ["sqlite"], indirect=True)
def test_sqlite_tables_are_strict(engine: Engine, empty_database_url: str) -> None:
    migrate(empty_database_url)
    with engine.connect() as connection:
        rows = connection.execute(text("PRAGMA table_list")).mappings().all()
    lax = {row["name"] for row in rows if not row["strict"]}
    assert lax & set(metadata.tables) == set()


def test_failed_migration_leaves_nothing(
    engine: Engine, empty_database_url: str, tmp_path: Path
) -> None:
    migrate(empty_database_url)
    copied = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", copied, ignore=shutil.ignore_patterns("__pycache__"))
    config = alembic_config(empty_database_url)
    config.set_main_option("script_location", str(copied))
    head = ScriptDirectory.from_config(config).get_current_head()
    (copied / "versions" / "broken.py").write_text(BROKEN.format(head=head))
    with pytest.raises(Exception, match="no_such_table"):
        command.upgrade(config, "head")
    assert "half_made" not in tables(engine)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == head


def test_rows_that_cannot_be_sealed_stop_the_migration(
    engine: Engine, empty_database_url: str
) -> None:
    """Nothing is lost: the table is there as it was."""
    config = alembic_config(empty_database_url)
    command.upgrade(config, "object_keys")
    raw = "x'00'" if engine.dialect.name == "sqlite" else f"'{UUID(int=1)}'"
    at = "0" if engine.dialect.name == "sqlite" else "now()"
    free = "PRAGMA foreign_keys = OFF"
    if engine.dialect.name != "sqlite":
        free = "SET session_replication_role = replica"
    with engine.connect() as conn:
        conn.connection.cursor().execute(free)
        conn.execute(
            text(
                "INSERT INTO usage_records (object_id, tenure_id, stream, seq, at, placed_at,"
                f" received_at, flags, body) VALUES ({raw}, {raw}, 'wear', 0, {at}, {at}, {at},"
                " '', '{}')"
            )
        )
        conn.commit()
    with pytest.raises(CommandError, match="has 1 records from before"):
        command.upgrade(config, "usage_segments")
    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM usage_records")).scalar_one() == 1
