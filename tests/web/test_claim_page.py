"""The claim page with a clock that goes on, as every real one does."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.objects.models import Tenure
from tests.journeys.story import Story


class TickingClock(FixedClock):
    """Each look at it comes a millisecond after the one before."""

    def now(self) -> datetime:
        return self.advance(timedelta(milliseconds=1))


@pytest.fixture
def clock() -> FixedClock:
    return TickingClock()


@pytest.fixture
def story(app: FastAPI, client: TestClient, clock: FixedClock) -> Iterator[Story]:
    told = Story(app, clock, client)
    yield told
    for person in told.people:
        person.close()


@pytest.mark.parametrize("since", ["earlier", "today"])
def test_every_start_that_the_page_offers_is_taken(story: Story, since: str) -> None:
    maker, owner = story.maker(), story.person()
    minted = story.mint(maker, story.product(maker), "SL-1")
    page = owner.post("/claim", {"code": minted["claim_code"]}).headers["location"]
    earliest = min(re.findall(r'min="(\d{4}-\d\d-\d\d)"', owner.get(page).text))
    told = story.clock.now() - timedelta(days=30)
    assert earliest == told.date().isoformat()
    done = owner.post(page, {"used_by": "me", "since": since, "since_on": earliest})
    assert done.status_code == 303, done.text
    with story.app.state.db.read() as db:
        tenure = db.execute(select(Tenure)).scalar_one()
    start = told if since == "earlier" else story.clock.now()
    assert abs(tenure.starts_at.astimezone(UTC) - start) < timedelta(seconds=1)


def test_a_day_before_the_first_one_is_still_refused(story: Story) -> None:
    maker, owner = story.maker(), story.person()
    minted = story.mint(maker, story.product(maker), "SL-1")
    early = (story.clock.now() - timedelta(days=31)).date().isoformat()
    assert story.claim(owner, minted["claim_code"], "earlier", since_on=early).status_code == 422
