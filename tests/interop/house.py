"""A running service with an owner and two things, for clients that know nothing of tests."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import uvicorn
from starlette.testclient import TestClient

from app.kit.clock import FixedClock, SystemClock
from app.kit.ids import new_id
from app.main import create_app
from app.organizations.client_rules import DEVICE_CODE
from app.settings import Settings
from tests.conftest import ORIGIN
from tests.journeys.story import Person, Story
from tests.journeys.tablet import BOILER, allow, type_code

REDIRECT = "http://127.0.0.1:9/callback"  # nobody listens there: the owner's browser is ours
SCOPES = ("usage:read", "care:read", "condition:read")
KINDS = ("care", "condition")  # what the owner allows of them
PURPOSE = {
    "purpose": "RepairImpairments",
    "title": "We tell you what to mend before it fails.",
    "legal_basis": "Contract",
    "scopes": {scope: {} for scope in SCOPES},
}
RECORDED = {  # by each of the owner's things; of `run` nobody may read
    "run": {"minutes": 5},
    "wash": {"temperature": 30},
    "wear": {"minutes": 30, "steps": 3000},
}
START_SECONDS = 30.0


class MovedClock(FixedClock):
    """The machine's time, which foreign clients go by as well, and the steps it was moved by;
    waiting moves it."""

    def __init__(self) -> None:
        super().__init__()
        self._began = self._at

    def now(self) -> datetime:
        with self._lock:
            return SystemClock().now() + (self._at - self._began)

    def wait_until(self, instant: datetime) -> None:
        self.advance(max(instant - self.now(), timedelta(0)))


@dataclass
class House:
    """`url` is the issuer, `ids` are the owner's two things."""

    url: str
    story: Story
    owner: Person
    ids: list[str]

    @property
    def clock(self) -> FixedClock:
        return self.story.clock

    def client(self, *, scopes: tuple[str, ...] = SCOPES, **more: Any) -> tuple[str, str]:
        """A vendor's client for everything; its id and secret."""
        firm = self.story.organization(f"Mend & Co {new_id()}")
        grants = ["authorization_code", "refresh_token", DEVICE_CODE]
        values = {"redirect_uris": [REDIRECT], "grant_types": grants, "purposes": [PURPOSE]}
        return self.story.client(firm, *scopes, **(values | more))

    def visit(self, address: str, *, is_fine: bool = True) -> str:
        """The owner's browser goes where the client sends it, says yes for the first thing and two
        kinds, or no, and is sent on: to this address."""
        asked = httpx2.get(address)
        assert asked.status_code == 303, asked.text
        page = urlsplit(asked.headers["location"]).path
        shown = self.owner.get(page)
        assert shown.status_code == 200, shown.text
        answered = self.owner.post(page, self._yes() if is_fine else {"answer": "refuse"})
        assert answered.status_code == 303, answered.text
        return str(answered.headers["location"])

    def type_code(self, code: str) -> None:
        """The owner types what the device shows, and says yes in the same way."""
        page = type_code(self.owner, code).headers["location"]
        allow(self.story, self.owner, page, self.ids[:1], KINDS)

    def _yes(self) -> dict[str, Any]:
        until = self.clock.now() + timedelta(days=30)
        early = self.clock.now() - timedelta(days=7)
        return {
            "answer": "allow",
            "object": self.ids[:1],
            "kind": list(KINDS),
            "history": "from",
            "history_from": early.date().isoformat(),
            "until": until.date().isoformat(),
        }


@contextmanager
def open_house(settings: Settings) -> Iterator[House]:
    """Serve it on loopback; the things have recorded something an hour ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        clock = MovedClock()
        app = create_app(settings.model_copy(update={"public_url": url}), clock=clock)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        _wait_until_started(server, thread)
        http = TestClient(app, base_url=ORIGIN, follow_redirects=False)
        story = Story(app, clock, http)
        try:
            yield _furnish(url, story)
        finally:
            for browser in (http, *story.people):
                browser.close()
            server.should_exit = True
            thread.join(timeout=10)


def _furnish(url: str, story: Story) -> House:
    """Begins an hour ago and ends now, when the clients of the test come."""
    story.clock.advance(timedelta(hours=-1))
    maker, owner = story.maker(), story.person()
    product = story.product(maker, **BOILER)
    ids = [story.owned(maker, product, owner, f"SL-{n}") for n in (1, 2)]
    maker = story.later(maker, timedelta(hours=1))
    at = (story.clock.now() - timedelta(minutes=30)).isoformat()
    records = [{"stream": name, "at": at, "values": RECORDED[name]} for name in RECORDED]
    for thing in ids:
        told = story.send(maker, thing, *records).json()
        assert [line["status"] for line in told["results"]] == ["stored"] * 3, told
    return House(url, story, owner, ids)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive(), "the service ended while starting"
        assert time.monotonic() < deadline, "the service did not start in time"
        time.sleep(0.01)
