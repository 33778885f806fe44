"""Visitors of the pages."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from tests.support.visitor import Visitor


@pytest.fixture
def new_visitor(client: TestClient) -> Callable[[], Visitor]:
    """Another person, or another browser of the same one."""
    return lambda: Visitor(client)


@pytest.fixture
def visitor(client: TestClient) -> Visitor:
    return Visitor(client)


@pytest.fixture
def owner(visitor: Visitor) -> Visitor:
    """A visitor who is signed in."""
    return visitor.sign_in()
