"""The composition root: builds every tool once and hands it to the three doors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app import __version__
from app.keys.ring import Keyring
from app.kit import logs, problems
from app.kit.clock import Clock, SystemClock
from app.kit.db import Database
from app.kit.deadline import TRANSPORT, transport_of
from app.kit.http import BodyGate, RequestId
from app.kit.mail import make_mailer
from app.kit.paging import Cursors
from app.oauth import routes as oauth
from app.settings import Settings


class Service(FastAPI):
    """The app, which notes each request's connection so that an overdue answer can be cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[TRANSPORT] = transport_of(send)
        await super().__call__(scope, receive, send)


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> FastAPI:
    """The whole service. The database must have been migrated."""
    settings = settings or Settings()
    logs.set_up(settings.log_level)
    app = Service(title="Inseam", version=__version__, lifespan=_lifespan, docs_url=None)
    share(app, make_tools(settings, clock or SystemClock()))
    app.add_middleware(BodyGate, limit=settings.body_limit_bytes, origin=settings.origin)
    app.add_middleware(RequestId)
    problems.install(app, settings.origin)
    app.include_router(oauth.router)
    return app


def make_tools(settings: Settings, clock: Clock) -> dict[str, Any]:
    """What handlers find in `app.state`."""
    keyring = Keyring(settings.data_dir / "keyring.json", clock)
    return {
        "settings": settings,
        "clock": clock,
        "keyring": keyring,
        "mailer": make_mailer(settings, clock),
        "cursors": Cursors(keyring.cursor_keys, clock, timedelta(hours=settings.cursor_hours)),
        "db": Database(
            settings.url, pool_size=settings.pool_size, busy_seconds=settings.busy_seconds
        ),
    }


def share(app: FastAPI, tools: dict[str, Any]) -> None:
    """Give an app, or one mounted in it, the tools."""
    for name, tool in tools.items():
        setattr(app.state, name, tool)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = app.state.settings.threads
    yield
    app.state.db.close()
