"""A house for each test, on each database."""

from collections.abc import Iterator

import pytest

from app.settings import Settings
from tests.interop.house import House, open_house


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    with open_house(settings) as opened:
        yield opened
