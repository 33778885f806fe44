"""The demo behind a browser, once for each module of tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.world import World, open_world, sign_in_to_demo
from tests.support import databases
from tests.support.browser import NewPage


@pytest.fixture(scope="module")
def world(run_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with open_world(databases.sqlite_template(run_dir), folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def owner_state(browser: Browser, world: World) -> Any:
    """The cookies of a browser in which the demo owner is signed in."""
    context = browser.new_context()
    sign_in_to_demo(context.new_page(), world)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def owner_page(new_page: NewPage, owner_state: Any) -> Page:
    """A page at desk size in which the demo owner is signed in."""
    return new_page(storage_state=owner_state)
