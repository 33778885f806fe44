"""A key store of each kind, and the keys over it."""

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from app.keys.log_keys import LogKeys, open_log_keys
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.settings import Settings
from tests.support import databases, postgres


@pytest.fixture(autouse=True)
def _fresh_logs() -> Iterator[None]:
    """A command that a test runs sends logs to a stream that is closed when it ends."""
    yield
    structlog.reset_defaults()
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)


@pytest.fixture
def key_settings(
    engine_kind: str, data_dir: Path, worker_id: str, request: pytest.FixtureRequest
) -> Settings:
    """Settings over a key store that does not exist yet; the data lies elsewhere."""
    url = ""
    if engine_kind == "postgres":
        server: postgres.Server = request.getfixturevalue("postgres_server")
        url = databases.create_database(server, f"keys_{worker_id}")
    return Settings(data_dir=data_dir, keys_url=url)


@pytest.fixture
def log_keys(key_settings: Settings, clock: FixedClock) -> Iterator[LogKeys]:
    with closing(open_log_keys(key_settings, clock)) as opened:
        yield opened


@pytest.fixture
def rows(key_settings: Settings, log_keys: LogKeys) -> Iterator[Database]:
    """The key store's own rows, to look at and to tamper with."""
    with Database(key_settings.key_store_url, pool_size=4) as opened:
        yield opened
