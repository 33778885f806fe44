"""Letting an owner in: the session's cookie, and the cookies that lead up to it."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import Response

from app.accounts import links, passkeys, sessions
from app.accounts.passkeys import Challenge
from app.kit.clock import Clock
from app.kit.http import AppClock, AppDatabase, AppSettings, Session
from app.kit.limits import Limit
from app.settings import Settings
from app.web.pages import SESSION_COOKIE, drop_cookie, set_cookie, spend_once

CEREMONY_COOKIE = "__Host-ceremony"
LINK_COOKIE = "__Host-link"

_WAIT_SECONDS = 30.0
_TRIES = Limit("sign-in tries of a host", 300, 3600)
_MARKS = 5


def admit(
    request: Request,
    response: Response,
    db: Session,
    clock: Clock,
    settings: Settings,
    owner_id: UUID,
    method: str,
) -> Response:
    """Start a new session in this browser and end the one before: the cookie always changes."""
    token = sessions.start(
        db,
        clock,
        owner_id,
        method,
        request.headers.get("user-agent", ""),
        replacing=request.cookies.get(SESSION_COOKIE),
    )
    set_cookie(response, SESSION_COOKIE, token, timedelta(days=settings.session_max_days), "lax")
    for name in (CEREMONY_COOKIE, LINK_COOKIE):
        if name in request.cookies:
            drop_cookie(response, name)
    return response


def bind_ceremony(response: Response, ceremony: str) -> Response:
    """Tie a passkey's question to this browser; no other site's request carries the cookie."""
    set_cookie(response, CEREMONY_COOKIE, ceremony, passkeys.LIFE, "strict")
    return response


def marks_of(request: Request) -> list[str]:
    """The marks of the links that this browser asked for."""
    return [mark for mark in request.cookies.get(LINK_COOKIE, "").split(".") if mark]


def bind_link(request: Request, response: Response, token: str) -> Response:
    """Note in this browser that it asked for this link; the last few stay noted."""
    marks = [*marks_of(request), links.browser_mark(token)][-_MARKS:]
    set_cookie(response, LINK_COOKIE, ".".join(marks), links.LIFE, "lax")
    return response


def limit_tries(request: Request, database: AppDatabase, clock: AppClock) -> None:
    """Slow down whoever tries to get in very often."""
    spend_once(database, clock, _TRIES, request.client.host if request.client else "")


def spend_mail(database: AppDatabase, clock: AppClock, settings: AppSettings, email: str) -> None:
    """Count a message to one address, and to all: nobody's mailbox is flooded from here."""
    single = settings.rate_sign_in_per_hour
    spend_once(database, clock, Limit("sign-in mails", single, 3600), email.strip().casefold())
    spend_once(database, clock, Limit("all sign-in mails", 100 * single, 3600), "")


class Taken:
    """A dependency: the challenge that waits for this browser, of one kind, taken for good."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(
        self, request: Request, database: AppDatabase, clock: AppClock
    ) -> Challenge | None:
        ceremony = request.cookies.get(CEREMONY_COOKIE)
        if not ceremony:
            return None
        found = database.submit(
            lambda conn: passkeys.take_challenge(conn, clock, ceremony, self.kind)
        )
        return found.result(_WAIT_SECONDS)


CreateChallenge = Annotated[Challenge | None, Depends(Taken(passkeys.CREATE))]
AddChallenge = Annotated[Challenge | None, Depends(Taken(passkeys.ADD))]
SignInChallenge = Annotated[Challenge | None, Depends(Taken(passkeys.SIGN_IN))]
ConfirmChallenge = Annotated[Challenge | None, Depends(Taken(passkeys.CONFIRM))]
