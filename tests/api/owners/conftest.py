"""An owner who calls with tokens of their own, and the maker whose gateway sends."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.oauth.scopes import OWNER_SCOPES
from tests.journeys.story import PRODUCT, Person, Story, bearer

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
STREAMS = [*PRODUCT["streams"][:3], PRODUCT["streams"][3] | {"keep_days": 90}]  # type: ignore[index]
EMAIL = "owner@people.example"


@dataclass
class Home:
    """One owner's jeans, claimed ten days ago, and another's."""

    story: Story
    client: tuple[str, str]
    maker: dict[str, str]
    owner: Person
    other: Person
    jeans: str
    theirs: str
    tokens: dict[tuple[object, ...], dict[str, str]] = field(default_factory=dict)
    confirmed_at: datetime | None = None

    @property
    def clock(self) -> FixedClock:
        return self.story.clock

    def token(self, *objects: str, scopes: tuple[str, ...] = tuple(OWNER_SCOPES)) -> dict[str, str]:
        """A personal token for some objects or all, made once."""
        if (objects, scopes) not in self.tokens:
            self.tokens[objects, scopes] = self.make_token(objects, scopes)
        return self.tokens[objects, scopes]

    def make_token(self, objects: tuple[str, ...], scopes: tuple[str, ...]) -> dict[str, str]:
        now = self.clock.now()
        if self.confirmed_at is None or now - self.confirmed_at > timedelta(minutes=4):
            self.story.confirm(self.owner, EMAIL)
            self.confirmed_at = now
        until = (now + 30 * DAY).date().isoformat()
        form = {"token_name": "Mine", "token_until": until, "scope": list(scopes)}
        made = self.owner.post("/security/tokens", form | {"object": list(objects)})
        assert made.status_code == 303, made.text
        found = re.search(r"inseam_pat_[\w-]+", self.owner.get(made.headers["location"]).text)
        assert found
        return bearer(found.group())

    def call(
        self, method: str, path: str, token: dict[str, str] | None = None, **more: Any
    ) -> Response:
        """Of the jeans, with a token that may all."""
        where = f"/v1/me/objects/{self.jeans}/{path}"
        return self.story.api.request(method, where, headers=token or self.token(), **more)

    def at(self, now: datetime) -> None:
        """It is then; the maker has a fresh token."""
        self.clock.set(now)
        self.maker = bearer(self.story.token(self.client))

    def later(self, step: timedelta) -> None:
        self.at(self.clock.now() + step)

    def send(self, *records: dict[str, Any]) -> list[str]:
        """What became of each record: its status, or why it was refused."""
        answer = self.story.send(self.maker, self.jeans, *records)
        assert answer.status_code == 200, answer.text
        return [
            line.get("type", line["status"]).rpartition("/")[2] for line in answer.json()["results"]
        ]

    def wash(self, back: timedelta = timedelta(0), **more: Any) -> dict[str, Any]:
        return self.story.wash(back) | more

    def place(self, at: datetime) -> dict[str, Any]:
        return {"stream": "place", "at": at.isoformat(), "values": {"lat": 48.85, "lon": 2.35}}


@pytest.fixture
def home(app: FastAPI, client: TestClient, clock: FixedClock) -> Iterator[Home]:
    story = Story(app, clock, client)
    maker, owner, other = story.maker(), story.person(EMAIL), story.person()
    product = story.product(maker, streams=STREAMS)
    jeans, theirs = (
        story.owned(maker, product, person, serial)
        for person, serial in ((owner, "SL-1"), (other, "SL-2"))
    )
    found = Home(story, story.makers[maker["Authorization"]], maker, owner, other, jeans, theirs)
    found.later(10 * DAY)
    yield found
    for person in story.people:
        person.close()
