"""The composition root: builds every tool once and hands it to the three doors."""

import gc
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app import __version__
from app.api.makers import bulk, dead_letters, device_keys, events, gaps, objects, products
from app.api.makers.sending import Intake
from app.api.owners import data as own_data
from app.api.owners import grants as own_grants
from app.api.owners import history as own_history
from app.api.owners import log as own_log
from app.api.owners import stream as own_stream
from app.api.owners import terms as own_terms
from app.api.public import agreements, did, health, passports
from app.api.vendors import agreements as vendor_agreements
from app.api.vendors import changes as vendor_changes
from app.api.vendors import coarse as vendor_coarse
from app.api.vendors import data as vendor_data
from app.api.vendors import duties as vendor_duties
from app.api.vendors import grants as vendor_grants
from app.api.vendors import receipts as vendor_receipts
from app.keys.log_keys import open_log_keys
from app.keys.ring import Keyring
from app.kit import logs, problems
from app.kit.clock import Clock, SystemClock
from app.kit.db import Database
from app.kit.deadline import TRANSPORT, transport_of
from app.kit.fetch import Fetcher
from app.kit.http import BodyGate, HotRoad, RequestId
from app.kit.mail import make_mailer
from app.kit.paging import Cursors
from app.oauth import grant_routes, registration_routes
from app.oauth import routes as oauth
from app.oauth.authority import Authority
from app.oauth.desk import Desk
from app.oauth.dpop import Nonces
from app.oauth.jwks import KeyCache
from app.settings import Settings
from app.usage.ingest import Taker
from app.usage.schema import StreamCache
from app.web.app import create_web, mount
from app.worker import Worker

ROUTERS = (
    products.router,
    objects.router,
    bulk.router,
    device_keys.router,
    events.router,
    dead_letters.router,
    gaps.router,
    own_data.router,
    own_history.router,
    own_grants.router,
    own_log.router,
    own_stream.router,
    own_terms.router,
    vendor_data.router,
    vendor_coarse.router,
    vendor_changes.router,
    vendor_grants.router,
    vendor_duties.router,
    vendor_agreements.router,
    vendor_receipts.router,
    agreements.router,
    passports.router,
    did.router,
    health.router,
    oauth.router,
    registration_routes.router,
    grant_routes.router,
)

_STOP_SECONDS = 10.0
_YOUNG = 50_000  # objects, before the collector looks at what is new


class Service(FastAPI):
    """The app, which notes each request's connection so that an overdue answer can be cut.

    What every request passes stands in front of the framework, not within it, so that the hot
    addresses need not pass the framework at all.
    """

    def __init__(self, settings: Settings, **told: Any) -> None:
        super().__init__(**told)
        hot = HotRoad(
            super().__call__,
            routes=[*events.router.routes, *oauth.HOT, *vendor_data.HOT],
            origin=settings.origin,
        )
        gate = BodyGate(
            hot,
            limit=settings.body_limit_bytes,
            origin=settings.origin,
            unpacking=re.compile(r"/v1/(?:objects/[^/]+/)?events"),
            token_first=("/v1/data/", "/v1/me/"),
        )
        self._front = RequestId(gate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["app"] = self
            scope[TRANSPORT] = transport_of(send)
        await self._front(scope, receive, send)


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> FastAPI:
    """The whole service. The database must have been migrated."""
    settings = settings or Settings()
    logs.set_up(settings.log_level)
    app = Service(
        settings,
        title="Inseam",
        version=__version__,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # such a redirect would go wherever the header Host says
    )
    tools = make_tools(settings, clock or SystemClock())
    share(app, tools)
    problems.install(app, settings.origin)
    for router in ROUTERS:
        app.include_router(router)
    mount(app, create_web(settings, tools))
    return app


def create_served_app() -> FastAPI:
    """The app for a process that only serves. What stands at the start lives as long as it does,
    so the collector need not walk through that again and again while calls wait. A call of a
    thousand records makes some ten thousand objects that go as they came."""
    app = create_app()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
    return app


def make_tools(settings: Settings, clock: Clock) -> dict[str, Any]:
    """What handlers find in `app.state`."""
    log_keys = open_log_keys(settings, clock)  # first: a wrong key stops before anything is made
    keyring = Keyring(settings.data_dir / "keyring.json", clock)
    tolerance = timedelta(seconds=settings.clock_tolerance_seconds)
    taker = Taker(log_keys, StreamCache(), tolerance)
    intake = Intake(clock, settings, taker)
    fetcher = Fetcher(settings.fetch_local)
    authority = Authority(
        settings,
        clock,
        keyring,
        Nonces(keyring.cursor_keys, clock),
        fetcher,
        KeyCache(clock, fetcher),
    )
    desk = Desk(authority)
    return {
        "settings": settings,
        "clock": clock,
        "keyring": keyring,
        "mailer": make_mailer(settings, clock),
        "cursors": Cursors(keyring.cursor_keys, clock, timedelta(hours=settings.cursor_hours)),
        "db": Database(
            settings.url, pool_size=settings.pool_size, busy_seconds=settings.busy_seconds
        ),
        "authority": authority,
        "log_keys": log_keys,
        "taker": taker,
        "intake": intake,
        "take_together": intake.take_together,  # one object, so that what waits is taken together
        "answer_together": desk.answer_together,  # likewise
    }


def share(app: FastAPI, tools: dict[str, Any]) -> None:
    """Give an app, or one mounted in it, the tools."""
    for name, tool in tools.items():
        setattr(app.state, name, tool)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = settings.threads
    worker = Worker(settings, app.state.db, app.state.clock, app.state.keyring, app.state.log_keys)
    thread = worker.start() if settings.worker_in_process else None
    yield
    worker.stop()
    if thread is not None:
        await anyio.to_thread.run_sync(thread.join, _STOP_SECONDS)
    app.state.db.close()
    app.state.log_keys.close()
