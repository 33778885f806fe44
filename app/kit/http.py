"""What the three doors share: request-scoped tools, strict bodies, pure ASGI middleware."""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from sqlalchemy import Connection
from sqlalchemy.orm import Session
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kit import jsonio, problems
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.errors import BodyTooLarge, DomainError, Kind, MalformedRequest, UnsupportedEncoding
from app.kit.ids import new_request_id
from app.kit.logs import bind_request_id
from app.kit.paging import Cursors
from app.settings import Settings

__all__ = [
    "AppClock",
    "AppCursors",
    "AppDatabase",
    "AppSettings",
    "Connection",
    "Db",
    "ReadDb",
    "Session",
    "StrictRoute",
]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_BODY_SECONDS = 120.0
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


async def database(request: Request) -> Database:
    found: Database = request.app.state.db
    return found


def session(request: Request) -> Iterator[Session]:
    """The request's transaction: committed after the handler returns and before anything is
    sent (scope="function"), rolled back when it raises. Only handlers may use it, never
    dependencies: see `kit/db.py`."""
    with request.app.state.db.session() as db:
        yield db


def read_session(request: Request) -> Iterator[Session]:
    """A read-only transaction for the request."""
    with request.app.state.db.read() as db:
        yield db


async def clock(request: Request) -> Clock:
    found: Clock = request.app.state.clock
    return found


async def settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


async def cursors(request: Request) -> Cursors:
    found: Cursors = request.app.state.cursors
    return found


Db = Annotated[Session, Depends(session, scope="function")]
ReadDb = Annotated[Session, Depends(read_session, scope="function")]
AppDatabase = Annotated[Database, Depends(database)]
AppClock = Annotated[Clock, Depends(clock)]
AppSettings = Annotated[Settings, Depends(settings)]
AppCursors = Annotated[Cursors, Depends(cursors)]


class StrictRoute(APIRoute):
    """A route whose JSON body is read by the strict reader before anything else sees it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind == "application/json" or kind.endswith("+json"):
                body = await request.body()
                if body:
                    request._json = jsonio.loads(body)
            return await handler(request)

        return handle


class HotRoad:
    """Takes requests for some routes straight to their endpoints, which need nothing injected: what
    the framework does on the way costs as much as storing a record. The routes stand in the app as
    well, for its description."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute], origin: str) -> None:
        self.app = app
        self.origin = origin
        self._routes = [
            (method, route.path_regex, route.endpoint)
            for route in routes
            if isinstance(route, Route)
            for method in route.methods or ()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for method, pattern, endpoint in self._routes:
                found = scope["method"] == method and pattern.fullmatch(scope["path"])
                if found:
                    scope["path_params"] = found.groupdict()
                    try:
                        answer: Response = await endpoint(Request(scope, receive))
                    except problems.FAILURES as error:
                        answer = self._refuse(error)
                    except Exception as error:  # ours: the caller is told, and the server's log
                        await self._refuse(error)(scope, receive, send)
                        raise
                    return await answer(scope, receive, send)
        await self.app(scope, receive, send)

    def _refuse(self, error: Exception) -> Response:
        found, status = problems.explain(error)
        return problems.answer(found, self.origin, status)


async def read_whole(request: Request) -> bytes:
    """The whole body, as `Request.body` gives it, without the generators. ClientDisconnect where
    it ends early."""
    body = await read_most(request, None)
    assert body is not None  # there is no limit
    return body


async def read_most(request: Request, limit: int | None) -> bytes | None:
    """The whole body; None where it has more bytes than `limit`. ClientDisconnect."""
    chunks: list[bytes] = []
    length = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        length += len(chunks[-1])
        if limit is not None and length > limit:
            return None
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class RequestId:
    """Takes the caller's Request-Id where it is harmless, makes one otherwise, echoes it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        given = next((v for k, v in scope["headers"] if k == b"request-id"), b"").decode("latin-1")
        name = given if _REQUEST_ID.fullmatch(given) else new_request_id()
        bind_request_id(name)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"request-id", name.encode())]
            await send(message)

        await self.app(scope, receive, send_with_id)


class BodyGate:
    """Refuses, before a byte is parsed, a body that is too large (413) or encoded (415), but for
    the addresses that unpack one, and a query with NUL, which one of the databases cannot compare
    with anything (400). Below `token_first` the query waits until the token was judged."""

    def __init__(
        self,
        app: ASGIApp,
        limit: int,
        origin: str,
        unpacking: re.Pattern[str] | None = None,
        seconds: float = _BODY_SECONDS,
        token_first: tuple[str, ...] = (),
    ) -> None:
        self.app = app
        self.limit = limit
        self.origin = origin
        self.unpacking = unpacking
        self.seconds = seconds
        self.token_first = token_first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        fault = self._fault(scope["path"], scope["headers"])
        if b"%00" in scope["query_string"] and not scope["path"].startswith(self.token_first):
            fault = MalformedRequest("The query contains NUL.")
        if fault is not None:
            return await problems.answer(fault, self.origin)(scope, receive, send)
        await self.app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        """The body as it comes, cut off where it outgrows the limit without having said so, or
        where it drips so slowly that only an attacker would send it."""
        taken, is_whole = 0, False
        deadline = time.monotonic() + self.seconds

        async def take() -> Message:
            nonlocal taken, is_whole
            message = None if is_whole else _at_once(receive)
            if message is None:
                try:
                    left = None if is_whole else deadline - time.monotonic()
                    async with asyncio.timeout(left):
                        message = await receive()
                except TimeoutError as error:
                    raise MalformedRequest("The body did not come in time.") from error
            is_whole = not message.get("more_body", False)
            taken += len(message.get("body", b""))
            if taken > self.limit:
                raise BodyTooLarge(f"The body is longer than the limit of {self.limit} bytes.")
            return message

        return take

    def _fault(self, path: str, headers: list[tuple[bytes, bytes]]) -> DomainError | None:
        encodings = [v.decode("latin-1") for k, v in headers if k == b"content-encoding"]
        is_plain = [one.strip().lower() for one in encodings] in ([], ["identity"])
        if not is_plain and not (self.unpacking and self.unpacking.fullmatch(path)):
            named = ", ".join(encodings)[:40]
            return UnsupportedEncoding(f"The content encoding {named!r} is not taken.")
        length = next((v for k, v in headers if k == b"content-length"), b"0")
        if length.isdigit() and int(length) > self.limit:
            return BodyTooLarge(f"The body has {int(length)} bytes; the limit is {self.limit}.")
        return None


def _at_once(receive: Receive) -> Message | None:
    """What is there already, as nearly every body is when its handler asks for it: a deadline costs
    as much as all else that is done here. None where it would have to wait."""
    coming = receive()
    assert isinstance(coming, Coroutine)
    try:
        coming.send(None)
    except StopIteration as done:
        message: Message = done.value
        return message
    coming.close()
    return None


class CrossSiteRefused(DomainError):
    """A page of another site tried to act with your sign-in. Nothing was done."""

    kind, slug, title = Kind.forbidden, "cross-site", "This request came from another site."


class SameOrigin:
    """CSRF: an unsafe request needs Sec-Fetch-Site same-origin, or an Origin that is ours.

    As Go's CrossOriginProtection, but a request with neither header is refused too. `refuse`
    answers instead of the app.
    """

    def __init__(self, app: ASGIApp, refuse: Callable[[Request, DomainError], Response]) -> None:
        self.app = app
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_allowed(scope):
            response = self.refuse(Request(scope), CrossSiteRefused())
            return await response(scope, receive, send)
        await self.app(scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        if scope["method"] in _SAFE_METHODS:
            return True
        headers = Headers(scope=scope)
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin" or (site == "none" and "origin" not in headers)
        _, mark, ours = headers.get("origin", "").partition("://")
        return bool(mark) and ours == headers.get("host", "")
