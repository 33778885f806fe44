"""A story for each journey."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.organizations.client_rules import DEVICE_CODE
from tests.journeys.back_end import Back
from tests.journeys.story import Person, Story
from tests.journeys.tablet import BOILER, SCOPES, VISIT, Home, Tablet


@pytest.fixture
def story(app: FastAPI, client: TestClient, clock: FixedClock) -> Iterator[Story]:
    told = Story(app, clock, client)
    yield told
    for person in told.people:
        person.close()


@pytest.fixture
def tablet(story: Story) -> Tablet:
    firm = story.organization("Warm & Co")
    grants = [DEVICE_CODE, "refresh_token", "client_credentials"]
    return Tablet(story, story.client(firm, *SCOPES, grant_types=grants, purposes=[VISIT]))


@pytest.fixture
def home(story: Story) -> Home:
    """An owner with two things that have recorded something."""
    maker, owner = story.maker(), story.person()
    product = story.product(maker, **BOILER)
    things = [story.owned(maker, product, owner, f"SL-{n}") for n in (1, 2)]
    maker = story.later(maker, timedelta(hours=1))
    for thing in things:
        worn = {name: one for name, one in story.wear().items() if name != "until"}
        run = worn | {"stream": "run", "values": {"minutes": 5}}
        told = story.send(maker, thing, story.wash(), worn, run).json()
        assert [line["status"] for line in told["results"]] == ["stored"] * 3
    return owner, things[0], things[1]


@pytest.fixture
def back(story: Story) -> Back:
    return Back(story, "Mend & Co")


@pytest.fixture
def people(story: Story, back: Back) -> list[tuple[Person, dict[str, Any]]]:
    """Two owners who allowed it one thing each, and the tokens of each."""
    maker = story.maker()
    product = story.product(maker)
    found = []
    for number in (1, 2):
        owner = story.person()
        thing = story.owned(maker, product, owner, f"SL-{number}")
        story.send(maker, thing, *[story.wash()] * number)
        found.append((owner, story.connect(back.client, owner, [thing])))
    return found
