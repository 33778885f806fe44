"""Sign-in links by e-mail: 128 random bits, fifteen minutes, once, in the browser that asked."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.accounts.errors import SignInLinkDead, SignInLinkElsewhere
from app.accounts.models import SignInLink
from app.accounts.owners import (
    check_email,
    check_name,
    create_owner,
    find_by_email,
    get_owner,
    guess_time_zone,
    set_email,
)
from app.accounts.security_log import note_event
from app.kit.clock import Clock
from app.kit.crypto import b64u, sha256

LIFE = timedelta(minutes=15)


@dataclass(frozen=True)
class LinkView:
    """What the page behind a link says: ready, used or expired; an unknown one is expired."""

    state: str
    is_new: bool = False


@dataclass(frozen=True)
class SignedInByLink:
    """Whose link it was, where to go, and whether the account was made just now."""

    owner_id: UUID
    next_path: str
    is_new: bool


def ask_link(
    db: Session,
    clock: Clock,
    email: str,
    next_path: str,
    *,
    name: str = "",
    time_zone: str = "",
    owner_id: UUID | None = None,
) -> str:
    """Keep a link for an address, known or not, and give its secret.

    With `owner_id`, the owner of a live session asked: to confirm, or to prove an address.
    """
    token, now = secrets.token_urlsafe(16), clock.now()
    email = check_email(email)
    db.add(
        SignInLink(
            link_hash=sha256(token),
            email=email,
            next_path=next_path,
            owner_id=owner_id,
            details={"name": check_name(name), "time_zone": guess_time_zone(time_zone)},
            created_at=now,
            expires_at=now + LIFE,
        )
    )
    return token


def browser_mark(token: str) -> str:
    """What the asking browser keeps in a cookie: it fits one link, and does not open it."""
    return b64u(sha256(f"browser\0{token}")[:16])


def write_letter(origin: str, token: str) -> tuple[str, str]:
    """Subject and text of the message that carries a link."""
    minutes = int(LIFE.total_seconds() // 60)
    text = (
        "Somebody, most likely you, asked to sign in to Inseam with this address.\n\n"
        f"{origin}/sign-in/link/{token}\n\n"
        f"The link works once, for {minutes} minutes, in the browser where you asked for it.\n"
        "If you did not ask for it, do nothing: without the link nobody gets in.\n"
    )
    return "Your sign-in link", text


def view_link(db: Session, clock: Clock, token: str) -> LinkView:
    """What opening a link shows. It consumes nothing, since mail scanners open links."""
    row = db.get(SignInLink, sha256(token))
    if row is None or row.expires_at <= clock.now():
        return LinkView("expired")
    if row.used_at is not None:
        return LinkView("used")
    return LinkView("ready", row.owner_id is None and find_by_email(db, row.email) is None)


def use_link(db: Session, clock: Clock, token: str, marks: Collection[str]) -> SignedInByLink:
    """Consume a link: who signs in, after making the account on its first use.

    `marks` are those of the opening browser; SignInLinkElsewhere when it has some, none of them
    of this link, or has none and an owner asked: nobody shall prove an address for another's
    account unawares. SignInLinkDead when the link was used, ran out or never was.
    """
    row = _take(db, clock, token)
    if (marks or row.owner_id) and browser_mark(token) not in marks:
        raise SignInLinkElsewhere
    owner_id = row.owner_id or find_by_email(db, row.email)
    if owner_id is None:
        owner_id = _create(db, clock, row.email, row.details)
        return SignedInByLink(owner_id, row.next_path, is_new=True)
    if row.owner_id is not None and get_owner(db, owner_id).email != row.email:
        set_email(db, owner_id, row.email)
        note_event(db, owner_id, clock.now(), "email-changed")
    return SignedInByLink(owner_id, row.next_path, is_new=False)


def _take(db: Session, clock: Clock, token: str) -> Any:
    """Mark the link as used; of two at once exactly one gets it."""
    now = clock.now()
    is_live = SignInLink.used_at.is_(None) & (SignInLink.expires_at > now)
    taken = (
        update(SignInLink)
        .where(SignInLink.link_hash == sha256(token), is_live)
        .values(used_at=now)
        .returning(SignInLink.email, SignInLink.next_path, SignInLink.owner_id, SignInLink.details)
        .execution_options(synchronize_session=False)
    )
    row = db.execute(taken).one_or_none()
    if row is None:
        raise SignInLinkDead
    return row


def _create(db: Session, clock: Clock, email: str, details: dict[str, str]) -> UUID:
    name, zone = details["name"], details["time_zone"]
    return create_owner(db, clock, name, email=email, time_zone=zone).owner_id
