"""What every page group uses: who is signed in, rendering, messages for the next page."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from jinja2 import Environment
from pydantic import AfterValidator
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from app.accounts import sessions
from app.accounts.errors import FreshSignInNeeded, SignInNeeded
from app.consent.requests import count_waiting
from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.http import AppClock, AppDatabase, AppSettings
from app.kit.limits import Limit, spend
from app.settings import Settings
from app.web.format import Formatter

SESSION_COOKIE = "__Host-session"
HOME = "/home"

_NEXT_LIMIT = 500
_WAIT_SECONDS = 30.0

# A form's text is kept on two databases, and one of them takes no NUL.
Text = Annotated[str, AfterValidator(jsonio.check_text)]


@dataclass(frozen=True)
class SignedInOwner:
    """Who acts, in which session, and whether the sign-in is fresh enough for grave acts."""

    owner_id: UUID
    session_hash: bytes
    session_id: UUID
    name: str
    email: str | None
    time_zone: str
    is_fresh: bool
    waiting: int
    flash: tuple[str, str] | None


def find_viewer(
    request: Request, database: AppDatabase, clock: AppClock, settings: AppSettings
) -> SignedInOwner | None:
    """The owner who is signed in in this browser, if any. Every page asks once."""
    viewer = None
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        viewer = _look_up(database, clock, settings, token)
    request.state.viewer = viewer
    return viewer


Visitor = Annotated[SignedInOwner | None, Depends(find_viewer)]


def require_owner(viewer: Visitor) -> SignedInOwner:
    """SignInNeeded becomes a redirect to the sign-in page and back, where that can work."""
    if viewer is None:
        raise SignInNeeded
    return viewer


SignedIn = Annotated[SignedInOwner, Depends(require_owner)]


def require_fresh(owner: SignedIn) -> SignedInOwner:
    """FreshSignInNeeded becomes a redirect to the page that confirms, and back."""
    if not owner.is_fresh:
        raise FreshSignInNeeded
    return owner


FreshlySignedIn = Annotated[SignedInOwner, Depends(require_fresh)]


def render(
    request: Request, template: str, /, *, status: int = 200, **context: Any
) -> HTMLResponse:
    """A page in its frame. Safe while the handler's transaction is open."""
    state = request.app.state
    environment: Environment = state.environment
    viewer: SignedInOwner | None = getattr(request.state, "viewer", None)
    page = environment.get_template(template).render(
        **_frame(request, state.settings, state.clock, viewer) | context
    )
    if viewer is not None and viewer.flash is not None:
        return _FlashedPage(page, status, state.db, viewer.session_hash, viewer.flash[1])
    return HTMLResponse(page, status)


def see_other(address: str) -> RedirectResponse:
    """Where to look after a POST; the address is one of ours, or a checked redirect URI."""
    return RedirectResponse(address, 303)


def flash(request: Request, owner: SignedInOwner, text: str, tone: str = "good") -> None:
    """Say something on the owner's next page. Never while a transaction of the handler is
    open: there `sessions.leave_flash` does it in that transaction."""
    database: Database = request.app.state.db
    work = partial(sessions.leave_flash, session_hash=owner.session_hash, tone=tone, text=text)
    database.submit(work).result(_WAIT_SECONDS)


def safe_next(text: str, default: str = HOME) -> str:
    """`text` where it is a path of this site, never an address elsewhere (`//host`, `/\\host`)."""
    is_path = text.startswith("/") and not text.startswith("//")
    is_plain = "\\" not in text and text.isprintable() and len(text) <= _NEXT_LIMIT
    return text if is_path and is_plain else default


def with_next(path: str, target: str) -> str:
    """`path?next=target`."""
    return f"{path}?{urlencode({'next': target})}"


def own_path(request: Request) -> str:
    """The path and query that were asked for."""
    query = request.url.query
    return safe_next(f"{request.url.path}{'?' if query else ''}{query}")


def set_cookie(response: Response, name: str, value: str, life: timedelta, same: Any) -> None:
    """A cookie of this very host that no script can read."""
    response.set_cookie(
        name,
        value,
        max_age=int(life.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite=same,
    )


def drop_cookie(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True)


def spend_once(database: Database, clock: Clock, limit: Limit, subject: str) -> None:
    """Count against a limit in a transaction of its own, before the handler opens one."""
    database.submit(lambda conn: spend(conn, clock, limit, subject)).result(_WAIT_SECONDS)


def _look_up(
    database: Database, clock: Clock, settings: Settings, token: str
) -> SignedInOwner | None:
    with database.read() as db:
        live = sessions.find(db, clock, settings, token)
        waiting = count_waiting(db, clock, live.owner_id) if live else 0
    if live is None:
        return None
    if sessions.needs_touch(live, clock):
        # Nobody waits for it: a page must not fail because a note of its visit does.
        database.submit(lambda conn: sessions.touch(conn, clock, live.session_hash))
    return SignedInOwner(
        owner_id=live.owner_id,
        session_hash=live.session_hash,
        session_id=live.session_id,
        name=live.name,
        email=live.email,
        time_zone=live.time_zone,
        is_fresh=sessions.is_fresh(live, clock, settings),
        waiting=waiting,
        flash=live.flash,
    )


def _frame(
    request: Request, settings: Settings, clock: Clock, viewer: SignedInOwner | None
) -> dict[str, Any]:
    zone = ZoneInfo(viewer.time_zone) if viewer else ZoneInfo("UTC")
    return {
        "operator": {"name": settings.operator_name, "contact": settings.operator_contact},
        "viewer": viewer,
        "flashes": [viewer.flash] if viewer and viewer.flash else [],
        "path": request.url.path,
        "fmt": Formatter(clock.now(), zone),
        "demo": settings.demo,
    }


class _FlashedPage(HTMLResponse):
    """A page with a message, which is forgotten as the page leaves: by then the handler's
    transaction has ended, and no next page can have begun."""

    def __init__(
        self, page: str, status: int, database: Database, session_hash: bytes, text: str
    ) -> None:
        super().__init__(page, status)
        self._database = database
        self._drop = partial(sessions.drop_flash, session_hash=session_hash, text=text)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._database.run(self._drop)
        await super().__call__(scope, receive, send)
