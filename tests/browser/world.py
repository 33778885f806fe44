"""The demo as it runs, for a browser: the seeded service on localhost, the vendor on 127.0.0.1.

They are two sites to a browser, as they are in real life. No job is worked in the background: a
test works it step by step when it wants to see it run.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Page

from app.accounts.demo import demo_owner_id
from app.demo.products import JACKET, JEANS
from app.demo.seed import seed
from app.demo.vendor.site import make_site
from app.keys.eager import EagerKeys
from app.kit.ids import new_id
from app.kit.jobs import claim as take
from app.kit.jobs import run_step
from app.main import create_app
from app.organizations.service import find_organization
from app.ownership.claim import Wish, claim
from app.passports.service import product_by_gtin
from app.settings import Settings
from app.worker import make_registry
from tests.factories.oauth import make_maker_client
from tests.support import databases

START_SECONDS, STOP_SECONDS = 20, 10
MINUTES_WORN = 25


@dataclass(frozen=True)
class Maker:
    """Big Denim's gateway, which speaks to the service over HTTP."""

    url: str
    client: tuple[str, str]

    def mint(self, product_id: UUID) -> dict[str, Any]:
        """A new thing with its label: `claim_code`, `claim_link` and the rest."""
        order = {"product_id": str(product_id), "serial": f"T-{new_id().hex[-12:]}"}
        headers = self._token() | {"Idempotency-Key": str(new_id())}
        answer = httpx2.post(f"{self.url}/v1/objects", json=order, headers=headers)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body.get("objects", [body])[0]

    def send(self, object_id: str, *records: dict[str, Any]) -> list[str]:
        """The status of each record."""
        path = f"{self.url}/v1/objects/{object_id}/events"
        answer = httpx2.post(path, json=list(records), headers=self._token())
        assert answer.status_code == 200, answer.text
        return [line["status"] for line in answer.json()["results"]]

    def _token(self) -> dict[str, str]:
        told = {"grant_type": "client_credentials"}
        answer = httpx2.post(f"{self.url}/oauth/token", data=told, auth=self.client)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@dataclass(frozen=True)
class World:
    """The service and the vendor's site, and hands to act behind the pages."""

    url: str
    vendor_url: str
    app: FastAPI
    maker: Maker
    holder: UUID = field(default_factory=new_id)

    def mint(self, product: dict[str, Any] = JEANS) -> dict[str, Any]:
        """A thing of one of the demo's products that nobody has claimed."""
        with self.app.state.db.read() as db:
            product_id = product_by_gtin(db, product["gtin"]).product.product_id
        return self.maker.mint(product_id)

    def give(self, owner_id: UUID, product: dict[str, Any] = JACKET) -> str:
        """Claim a new thing for an owner, away from the pages; its id."""
        minted = self.mint(product)
        db, clock = self.app.state.db, self.app.state.clock
        with db.session() as session:
            claim(session, clock, owner_id, minted["claim_code"], Wish("me", clock.now()), 30)
        return str(minted["object_id"])

    def wear(self) -> dict[str, Any]:
        """A record of wearing that begins now."""
        at = self.app.state.clock.now()
        until = at + timedelta(minutes=MINUTES_WORN)
        values = {"steps": 1234, "minutes": MINUTES_WORN}
        told = {"stream": "wear", "at": at.isoformat(), "until": until.isoformat()}
        return told | {"values": values}

    def wash(self) -> dict[str, Any]:
        at = self.app.state.clock.now().isoformat()
        values = {"temperature": 30, "programme": "delicate"}
        return {"stream": "wash", "at": at, "values": values}

    def take_job(self) -> UUID | None:
        """Begin the job that has waited longest, as a worker does."""
        state = self.app.state
        with state.db.session() as db:
            return take(db, state.clock, list(self._registry()), self.holder)

    def step(self, job_id: UUID) -> bool:
        """Work one step of it; whether that was the last."""
        state = self.app.state
        with state.db.session() as db:
            return run_step(db, state.clock, job_id, self.holder, self._registry())

    def finish_jobs(self) -> None:
        while job_id := self.take_job():
            while not self.step(job_id):
                pass

    def _registry(self) -> Any:
        return make_registry(
            self.app.state.settings, self.app.state.keyring, EagerKeys(self.app.state.log_keys)
        )


@contextmanager
def open_world(template: Path, folder: Path) -> Iterator[World]:
    """Seed and start both sites; both have ended when this ends."""
    ours, theirs = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    url = f"http://localhost:{ours.getsockname()[1]}"
    vendor_url = f"http://127.0.0.1:{theirs.getsockname()[1]}"
    databases.copy_sqlite(template, folder / "inseam.db")
    settings = Settings(
        data_dir=folder, public_url=url, demo=True, worker_in_process=False, step_up_minutes=60
    )
    app = create_app(settings)
    state = app.state
    taker = replace(state.taker, keys=EagerKeys(state.log_keys))
    seeded = seed(state.db, state.cursors, taker, state.clock.now(), vendor_url)
    site = make_site(url, seeded.client_id, seeded.client_secret, vendor_url)
    with ExitStack() as stack:
        stack.enter_context(_serving(app, ours))
        stack.enter_context(_serving(site, theirs))
        yield World(url, vendor_url, app, _gateway(app, url))


def sign_in_to_demo(page: Page, world: World, number: int = 1) -> None:
    """One click in as one of the seeded owners."""
    page.goto(f"{world.url}/sign-in")
    page.locator(f"button[value='{demo_owner_id(number)}']").click()
    page.wait_for_url(f"{world.url}/home")


def connect(page: Page, world: World) -> None:
    """From the vendor's first page to the consent page."""
    page.goto(world.vendor_url)
    page.get_by_role("link", name="Connect your jeans").click()
    page.wait_for_url(f"{world.url}/consent/*")


def _gateway(app: FastAPI, url: str) -> Maker:
    with app.state.db.session() as db:
        organization = find_organization(db, "big-denim")
        client, secret = make_maker_client(db, app.state.clock, organization)
        return Maker(url, (client.client_id, secret or ""))


@contextmanager
def _serving(app: Any, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive(), "a site ended while starting"
        assert time.monotonic() < deadline, "a site did not start in time"
        time.sleep(0.01)
    yield
    server.should_exit = True
    thread.join(STOP_SECONDS)
