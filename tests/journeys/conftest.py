"""A story for each journey."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from tests.journeys.story import Story


@pytest.fixture
def story(app: FastAPI, client: TestClient, clock: FixedClock) -> Iterator[Story]:
    told = Story(app, clock, client)
    yield told
    for person in told.people:
        person.close()
