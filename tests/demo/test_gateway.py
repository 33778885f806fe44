"""The gateway that keeps sending while the demo runs, against the real service."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from app.accounts.demo import list_demo_owners
from app.demo import gateway as gateway_file
from app.demo.gateway import Gateway, Jeans
from app.demo.seed import ZONE, Seeded, seed
from app.keys.eager import EagerKeys
from app.kit.clock import FixedClock
from app.objects.tenures import held_objects
from app.usage.read import Log, latest
from app.usage.rows import Row
from tests.conftest import ORIGIN

PARIS = ZoneInfo(ZONE)
STEP = timedelta(seconds=gateway_file.EVERY_SECONDS)


@pytest.fixture
def seeded(app: FastAPI, clock: FixedClock) -> Seeded:
    state = app.state
    taker = replace(state.taker, keys=EagerKeys(state.log_keys))
    return seed(state.db, state.cursors, taker, clock.now(), "http://127.0.0.1:8001")


class Wire(httpx2.BaseTransport):
    """Carries the gateway's calls to the app; `is_cut` loses what comes back."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.is_cut = False
        self.paths: list[str] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(request.url.path)
        answer = self.client.request(
            request.method,
            request.url.path,
            content=request.read(),
            headers=dict(request.headers) | {"host": "testserver"},
        )
        if self.is_cut:
            raise httpx2.ReadError("the line is cut")
        return httpx2.Response(answer.status_code, content=answer.content)


@pytest.fixture
def wire(client: TestClient) -> Wire:
    return Wire(client)


@pytest.fixture
def gateway(wire: Wire, seeded: Seeded, clock: FixedClock) -> Iterator[Gateway]:
    made = Gateway(ORIGIN, seeded.gateway, seeded.worn, clock, wire)
    yield made
    made.close()


@pytest.fixture
def said() -> Iterator[list[Any]]:
    with capture_logs() as told:
        yield told


def newest(app: FastAPI, stream: str, count: int = 200) -> list[Row]:
    """The records of the first owner's jeans, the oldest first."""
    with app.state.db.read() as db:
        (owner, _) = list_demo_owners(db)
        (jeans,) = [h for h in held_objects(db, owner.owner_id) if h.product_kind == "jeans"]
        keys = EagerKeys(app.state.log_keys)
        log = Log(db.connection(), keys, jeans.object_id, jeans.tenure_id)
        rows = latest(log, [stream], count)
    return rows[::-1]


def test_today_has_wear_and_a_wash_at_once_and_more_later(
    app: FastAPI, gateway: Gateway, clock: FixedClock, seeded: Seeded, said: list[Any]
) -> None:
    before = {stream: len(newest(app, stream)) for stream in ("wear", "wash")}
    gateway.send()
    midnight = clock.now().astimezone(PARIS).replace(hour=0, minute=0)
    wear, wash = newest(app, "wear")[-1], newest(app, "wash")[-1]
    assert midnight <= wash.at < wear.at < (wear.until or wear.at) == clock.now()
    assert all(wash.at >= told_to for told_to in seeded.worn.values()), "the seed ends before"
    for _ in range(5):
        clock.advance(STEP)
        gateway.send()
    assert len(newest(app, "wear")) == before["wear"] + 6
    assert len(newest(app, "wash")) == before["wash"] + 1
    rows = newest(app, "wear", count=7)
    assert all((a.until or a.at) <= b.at for a, b in pairwise(rows))
    assert said == [], "it says nothing but errors"


def test_a_lost_answer_stores_nothing_twice(
    app: FastAPI, gateway: Gateway, wire: Wire, clock: FixedClock, said: list[Any]
) -> None:
    before = len(newest(app, "wear"))
    gateway.send()
    wire.is_cut = True
    clock.advance(STEP)
    gateway.send()
    wire.is_cut = False
    clock.advance(STEP)
    gateway.send()
    assert len(newest(app, "wear")) == before + 3
    assert {one["event"] for one in said} == {"the demo's gateway could not send"}


def test_one_token_serves_until_it_ends(
    gateway: Gateway, wire: Wire, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 1000.0
    monkeypatch.setattr(gateway_file.time, "monotonic", lambda: seconds)
    gateway.send()
    gateway.send()
    assert wire.paths.count("/oauth/token") == 1
    seconds += 590
    clock.advance(590)
    gateway.send()
    assert wire.paths.count("/oauth/token") == 2


def live(start: datetime, told_to: datetime, turns: int) -> Jeans:
    jeans = Jeans(told_to, Random(1))
    for turn in range(turns):
        jeans.live(start + turn * STEP)
    return jeans


@pytest.mark.parametrize("hour", [0, 3, 12])
def test_a_day_of_it_is_believable(hour: int) -> None:
    start = datetime(2026, 11, 25, hour, 7, tzinfo=PARIS)
    records = live(start, start - timedelta(days=1), 200).waiting
    spans = [(datetime.fromisoformat(r["at"]), r) for r in records]
    midnight = start.replace(hour=0, minute=0)
    assert midnight <= min(at for at, _ in spans)
    assert sum(r["stream"] == "wash" for r in records) == 5
    worn = [(at, datetime.fromisoformat(r["until"])) for at, r in spans if r["stream"] == "wear"]
    for wash in (at for at, r in spans if r["stream"] == "wash"):
        assert not any(at < wash < until for at, until in worn), "nobody wears them in the wash"
    assert len({r["id"] for r in records}) == len(records)


def test_a_machine_that_slept_does_not_tell_of_a_night_in_jeans() -> None:
    start = datetime(2026, 11, 25, 22, 0, tzinfo=PARIS)
    jeans = live(start, start - timedelta(hours=1), 3)
    jeans.live(start + timedelta(hours=9))
    assert jeans.waiting[-1]["values"]["minutes"] == 5.0


def test_a_forgotten_demo_falls_silent(
    gateway: Gateway, wire: Wire, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_file, "_MOST_TURNS", 2)
    for _ in range(4):
        gateway.send()
        clock.advance(STEP)
    assert sum(path.endswith("/events") for path in wire.paths) == 4  # two pairs, two turns


def test_what_waits_is_bounded() -> None:
    start = datetime(2026, 11, 25, 12, 0, tzinfo=PARIS)
    assert len(live(start, start - timedelta(hours=1), 900).waiting) == 500
