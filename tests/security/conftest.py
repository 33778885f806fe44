"""A story with two of everybody, for attempts by one on what is the other's."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.kit.clock import Clock
from app.main import ROUTERS as API
from app.oauth.scopes import OWNER_SCOPES
from app.web.app import ROUTERS as PAGES
from tests.journeys.story import Person, Story, bearer


@pytest.fixture
def story(app: FastAPI, client: TestClient, clock: Clock) -> Iterator[Story]:
    told = Story(app, clock, client)  # type: ignore[arg-type]  # also with the real clock
    yield told
    for person in told.people:
        person.close()


@dataclass
class Stage:
    """One owner's jeans and coat, the jeans shared with a vendor; another owner's things, shared
    with another vendor. Tokens are headers."""

    story: Story
    maker: dict[str, str]
    other_maker: dict[str, str]
    product: str
    owner: Person
    other: Person
    jeans: str
    coat: str
    theirs: str
    vendor: dict[str, str]
    other_vendor: dict[str, str]
    grant: str
    thing: str
    other_thing: str

    def personal(self, *objects: str) -> dict[str, str]:
        """The owner's own token, for some objects or all."""
        until = (self.story.clock.now() + timedelta(days=30)).date().isoformat()
        scopes = list(OWNER_SCOPES)
        form = {"token_name": "Mine", "token_until": until, "scope": scopes}
        made = self.owner.post("/security/tokens", form | {"object": list(objects)})
        assert made.status_code == 303, made.text
        found = re.search(r"inseam_pat_[\w-]+", self.owner.get(made.headers["location"]).text)
        assert found
        return bearer(found.group())


@pytest.fixture
def stage(story: Story) -> Stage:
    maker, other_maker = story.maker(), story.maker("Other Maker")
    owner, other = story.person(), story.person()
    product = story.product(maker)
    jeans, coat = (story.owned(maker, product, owner, serial) for serial in ("SL-1", "SL-2"))
    theirs = story.owned(maker, product, other, "SL-3")
    story.send(maker, jeans, story.wash())
    tokens = story.connect(story.vendor(), owner, [jeans])
    others = story.connect(story.vendor("Hearth"), other, [theirs])
    return Stage(
        story,
        maker,
        other_maker,
        product,
        owner,
        other,
        jeans,
        coat,
        theirs,
        bearer(tokens["access_token"]),
        bearer(others["access_token"]),
        tokens["grant_id"],
        story.objects(tokens["access_token"])[0]["id"],
        story.objects(others["access_token"])[0]["id"],
    )


@pytest.fixture
def export(stage: Stage, work_jobs: Callable[[], None]) -> str:
    """A finished copy of the owner's jeans."""
    asked = stage.owner.post("/exports", {"object_id": stage.jeans})
    assert asked.status_code == 303, asked.text
    work_jobs()
    return str(asked.headers["location"].rpartition("/")[2])


def routes(*methods: str) -> Iterator[tuple[str, str, bool]]:
    """Method, path and whether it is a page, of every route that takes one of the methods."""
    for routers, is_page in ((API, False), (PAGES, True)):
        for router in routers:
            for route in router.routes:
                for method in getattr(route, "methods", None) or ():
                    if method in methods:
                        yield method, getattr(route, "path", ""), is_page
