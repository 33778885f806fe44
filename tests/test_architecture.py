"""The rules of the house that a machine can check."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import grimp
import pytest
from sqlalchemy import ForeignKeyConstraint, Table, UniqueConstraint
from sqlalchemy.orm import configure_mappers
from starlette.testclient import TestClient

from app.kit import columns, problems
from app.kit.db import Base
from app.kit.errors import DomainError
from app.settings import Settings
from tests.support.source import ROOT, calls, import_everything, trees

import_everything()

COMMITS = {"app/kit/db.py"}
CLOCK = "app/kit/clock.py"
VENDOR = "app/demo/vendor/"
CLOCKS = {"datetime", "date", "dt", "datetime.datetime", "datetime.date", "func", "sa.func"}
COLUMN_TYPES = {
    columns.Id,
    columns.Instant,
    columns.Flag,
    columns.Json,
    columns.Whole,
    columns.Real,
    columns.Words,
    columns.Blob,
}
FAMILY_COLUMN = {"object": "object_id", "owner": "owner_id"}
FAMILIES = {*FAMILY_COLUMN, "hash", "reference", "local"}

TABLES = sorted(Base.metadata.tables.values(), key=lambda table: table.name)
ERRORS = sorted(set(problems.all_errors()), key=lambda error: error.__name__)
every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.name))


def test_imports_follow_the_staircase() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_queries_are_imported_by_their_own_package_only() -> None:
    graph = grimp.build_graph("app", cache_dir=None)
    strangers = [
        f"{importer} imports {module}"
        for module in graph.modules
        if module.rpartition(".")[2] == "queries"
        for importer in graph.find_modules_that_directly_import(module)
        if not importer.startswith(module.rpartition(".")[0] + ".")
    ]
    assert strangers == []


def test_vendor_site_imports_nothing_of_the_service() -> None:
    graph = grimp.build_graph("app", cache_dir=None)
    seen = {
        imported
        for module in graph.modules
        if module.startswith("app.demo.vendor")
        for imported in graph.find_modules_directly_imported_by(module)
        if not imported.startswith("app.demo.vendor")
    }
    assert seen == set()


def test_transactions_begin_and_commit_in_one_place() -> None:
    found = [
        f"{path}:{line} {owner}.{name}()"
        for path, tree in trees().items()
        if path not in COMMITS
        for owner, name, line in calls(tree)
        if name in {"commit", "begin"}
    ]
    assert found == []


def test_time_is_asked_in_one_place() -> None:
    found = [
        f"{path}:{line} {owner}.{name}()"
        for path, tree in trees().items()
        if path != CLOCK and not path.startswith(VENDOR)
        for owner, name, line in calls(tree)
        if name in {"utcnow", "utcfromtimestamp"}
        or (name in {"now", "today"} and owner in CLOCKS)
        or (owner == "time" and name in {"time", "time_ns"})
    ]
    assert found == []


def test_settings_are_passed_not_kept() -> None:
    """No module holds an instance: the root builds one and hands it down."""
    kept = [
        f"{module.__name__}.{name}"
        for module in list(sys.modules.values())
        if module.__name__.partition(".")[0] == "app"
        for name, value in vars(module).items()
        if isinstance(value, Settings)
    ]
    assert kept == []


@every_table
def test_columns_have_the_types_both_databases_keep(table: Table) -> None:
    strange = [f"{c.name}: {c.type!r}" for c in table.columns if type(c.type) not in COLUMN_TYPES]
    assert strange == []


@every_table
def test_columns_have_no_default_of_the_database(table: Table) -> None:
    assert [c.name for c in table.columns if c.server_default or c.server_onupdate] == []


@every_table
def test_every_key_contains_the_column_of_its_family(table: Table) -> None:
    family = table.info.get("family")
    assert family in FAMILIES
    keys = [list(table.primary_key.columns)]
    keys += [list(c.columns) for c in table.constraints if isinstance(c, UniqueConstraint)]
    keys += [list(index.columns) for index in table.indexes if index.unique]
    if family in {"reference", "local"}:
        return
    column = FAMILY_COLUMN.get(family, keys[0][0].name)
    assert keys[0][0].name == column, "the family's column comes first"
    assert [key for key in keys if column not in {part.name for part in key}] == []


@every_table
def test_foreign_keys_stay_in_the_family_or_point_to_reference_tables(table: Table) -> None:
    """What one machine keeps together may refer to each other; reference tables are everywhere."""
    for key in table.constraints:
        if not isinstance(key, ForeignKeyConstraint):
            continue
        other = key.referred_table
        if other.info["family"] == "reference":
            continue
        assert other.info["family"] == table.info["family"]
        column = FAMILY_COLUMN.get(table.info["family"])
        pairs = {(e.parent.name, e.column.name) for e in key.elements}
        assert column is None or (column, column) in pairs


def test_relationships_raise_instead_of_loading_unasked() -> None:
    configure_mappers()
    lazy = [
        str(relation)
        for mapper in Base.registry.mappers
        for relation in mapper.relationships
        if relation.lazy not in {"raise", "raise_on_sql"}
    ]
    assert lazy == []


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error.__name__))
def test_every_error_has_a_status_and_a_sentence(error: type[DomainError]) -> None:
    assert error.kind in problems.STATUS
    assert error.title.endswith(".")
    assert len((error.__doc__ or "").split()) >= 5, "its page explains it"


def test_error_slugs_are_used_once() -> None:
    slugs = Counter(error.slug for error in ERRORS)
    assert [slug for slug, times in slugs.items() if times > 1] == []
    unnamed = [error.__name__ for error in subclasses(DomainError) if not error.slug]
    assert unnamed == []


def subclasses(root: type[DomainError]) -> list[type[DomainError]]:
    return [part for one in root.__subclasses__() for part in (one, *subclasses(one))]


@pytest.mark.parametrize("engine_kind", ["sqlite"], indirect=True)
def test_every_error_has_a_page(client: TestClient) -> None:
    missing = [e.slug for e in ERRORS if client.get(f"/problems/{e.slug}").status_code != 200]
    assert missing == []
