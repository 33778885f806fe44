"""Browsers that are signed in: an opaque token in a cookie, of which only the hash is kept."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.accounts import queries
from app.accounts.models import Flash, SignInSession
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.ids import new_id, new_secret
from app.settings import Settings

METHODS = {
    "passkey": "passkey",
    "email": "e-mail link",
    "recovery": "recovery code",
    "demo": "demo button",
}

_TOUCH_EVERY = timedelta(minutes=1)
_TEXT_LIMIT = 500
_BROWSERS = (
    ("Edge", r"Edg(e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chromium", r"Chromium/|HeadlessChrome/"),
    ("Chrome", r"Chrome/|CriOS/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone or iPad", r"iPhone|iPad|iPod"),
    ("Windows", r"Windows"),
    ("macOS", r"Macintosh|Mac OS X"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux|X11"),
)


@dataclass(frozen=True)
class LiveSession:
    """A session that has not ended, with its owner and the message for the next page."""

    session_hash: bytes
    session_id: UUID
    owner_id: UUID
    owner_kind: str
    name: str
    email: str | None
    time_zone: str
    fresh_at: datetime
    last_seen_at: datetime
    flash: tuple[str, str] | None


@dataclass(frozen=True)
class SessionView:
    """A session in its owner's list; neither the full user agent nor an address is kept."""

    session_id: UUID
    browser: str
    method: str
    created_at: datetime
    last_seen_at: datetime


def start(
    db: Session,
    clock: Clock,
    owner_id: UUID,
    method: str,
    user_agent: str,
    *,
    replacing: str | None = None,
) -> str:
    """The cookie's value of a new session; the one this browser had before ends."""
    now, token = clock.now(), new_secret()
    if replacing is not None:
        end_by_hash(db, clock, sha256(replacing))
    db.add(
        SignInSession(
            session_hash=sha256(token),
            session_id=new_id(),
            owner_id=owner_id,
            method=method,
            browser=describe_browser(user_agent),
            created_at=now,
            last_seen_at=now,
            fresh_at=now,
        )
    )
    db.flush()
    return token


def find(
    db: Session | Connection, clock: Clock, settings: Settings, token: str
) -> LiveSession | None:
    """The live session behind a cookie's value: three short reads by key."""
    row = queries.session_row(db, sha256(token))
    if row is None or row.ended_at is not None or _is_over(row, clock, settings):
        return None
    owner = queries.owner_row(db, row.owner_id)
    if owner is None:
        return None
    flash = queries.flash_row(db, row.session_hash)
    return LiveSession(
        session_hash=row.session_hash,
        session_id=row.session_id,
        owner_id=row.owner_id,
        owner_kind=owner.kind,
        name=owner.name,
        email=owner.email,
        time_zone=owner.time_zone,
        fresh_at=row.fresh_at,
        last_seen_at=row.last_seen_at,
        flash=(flash.tone, flash.text) if flash else None,
    )


def is_fresh(live: LiveSession, clock: Clock, settings: Settings) -> bool:
    """Whether the sign-in is recent enough for what cannot be undone."""
    return clock.now() - live.fresh_at < timedelta(minutes=settings.step_up_minutes)


def needs_touch(live: LiveSession, clock: Clock) -> bool:
    """Whether a minute has passed since the session was last noted as seen."""
    return clock.now() - live.last_seen_at >= _TOUCH_EVERY


def touch(conn: Connection, clock: Clock, session_hash: bytes) -> None:
    """Note that the session was seen just now, at most once a minute."""
    now = clock.now()
    is_due = SignInSession.last_seen_at <= now - _TOUCH_EVERY
    conn.execute(
        update(SignInSession)
        .where(SignInSession.session_hash == session_hash, is_due)
        .values(last_seen_at=now)
    )


def end(db: Session, clock: Clock, owner_id: UUID, session_id: UUID) -> bool:
    """End one of the owner's sessions; whether there was one to end."""
    return _end(db, clock, owner_id, SignInSession.session_id == session_id) > 0


def end_by_hash(db: Session, clock: Clock, session_hash: bytes) -> None:
    """End the session of a browser that signs out, with the message that waited for it."""
    is_live = SignInSession.ended_at.is_(None)
    db.execute(
        update(SignInSession)
        .where(SignInSession.session_hash == session_hash, is_live)
        .values(ended_at=clock.now())
    )
    db.execute(delete(Flash).where(Flash.session_hash == session_hash))


def end_all_others(db: Session, clock: Clock, owner_id: UUID, keep: UUID | None) -> int:
    """End every session of the owner but the one to keep; how many ended."""
    return _end(db, clock, owner_id, SignInSession.session_id != keep if keep else None)


def list_sessions(
    db: Session, clock: Clock, settings: Settings, owner_id: UUID
) -> Sequence[SessionView]:
    """Where the owner is signed in, the last used first."""
    rows = queries.sessions_of(db, owner_id)
    return [
        SessionView(
            row.session_id,
            row.browser,
            METHODS.get(row.method, row.method),
            row.created_at,
            row.last_seen_at,
        )
        for row in rows
        if not _is_over(row, clock, settings)
    ]


def leave_flash(db: Session | Connection, session_hash: bytes, tone: str, text: str) -> None:
    """Keep a message for the next page of this session, in place of one not shown yet."""
    text = text if len(text) <= _TEXT_LIMIT else f"{text[: _TEXT_LIMIT - 1]}…"
    conn = db.connection() if isinstance(db, Session) else db
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    fresh = insert(Flash).values(session_hash=session_hash, text=text, tone=tone)
    said = {"text": fresh.excluded.text, "tone": fresh.excluded.tone}
    conn.execute(fresh.on_conflict_do_update(index_elements=["session_hash"], set_=said))


def drop_flash(conn: Connection, session_hash: bytes, text: str) -> None:
    """Forget the message that was shown; a newer one stays."""
    conn.execute(delete(Flash).where(Flash.session_hash == session_hash, Flash.text == text))


def describe_browser(user_agent: str) -> str:
    """“Chromium on Linux”: enough to recognise one's own device, and nothing more."""
    browser = _first_match(_BROWSERS, user_agent) or "A browser"
    system = _first_match(_SYSTEMS, user_agent)
    return f"{browser} on {system}" if system else browser


def _first_match(patterns: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for name, pattern in patterns if re.search(pattern, text)), None)


def _is_over(row: Any, clock: Clock, settings: Settings) -> bool:
    now = clock.now()
    is_idle: bool = now - row.last_seen_at >= timedelta(days=settings.session_idle_days)
    is_old: bool = now - row.created_at >= timedelta(days=settings.session_max_days)
    return is_idle or is_old


def _end(db: Session, clock: Clock, owner_id: UUID, which: Any) -> int:
    statement = update(SignInSession).where(
        SignInSession.owner_id == owner_id, SignInSession.ended_at.is_(None)
    )
    if which is not None:
        statement = statement.where(which)
    result: Any = db.execute(statement.values(ended_at=clock.now()))
    return int(result.rowcount)
