"""Selects over accounts: nothing is written or decided here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.orm import Session

from app.accounts.models import (
    EmailLookup,
    Flash,
    Membership,
    Owner,
    Passkey,
    PasskeyLookup,
    RecoveryCode,
    SignInSession,
)


def owner_row(db: Session | Connection, owner_id: UUID) -> Row[str, str, str | None, str] | None:
    """Kind, name, e-mail address and time zone of an owner."""
    query = select(Owner.kind, Owner.name, Owner.email, Owner.time_zone)
    return db.execute(query.where(Owner.owner_id == owner_id)).one_or_none()


def owner_of_email(db: Session, email_hash: bytes) -> UUID | None:
    query = select(EmailLookup.owner_id).where(EmailLookup.email_hash == email_hash)
    return db.scalars(query).one_or_none()


def session_row(db: Session | Connection, session_hash: bytes) -> Row[Any] | None:
    columns = SignInSession.__table__.columns
    query = select(*columns).where(SignInSession.session_hash == session_hash)
    return db.execute(query).one_or_none()


def sessions_of(db: Session, owner_id: UUID) -> Sequence[SignInSession]:
    """Sessions that were not ended, the last used first; some may have run out."""
    query = select(SignInSession).where(
        SignInSession.owner_id == owner_id, SignInSession.ended_at.is_(None)
    )
    return db.scalars(query.order_by(SignInSession.last_seen_at.desc())).all()


def flash_row(db: Session | Connection, session_hash: bytes) -> Row[str, str] | None:
    query = select(Flash.tone, Flash.text).where(Flash.session_hash == session_hash)
    return db.execute(query).one_or_none()


def passkeys_of(db: Session, owner_id: UUID) -> Sequence[Passkey]:
    query = select(Passkey).where(Passkey.owner_id == owner_id)
    return db.scalars(query.order_by(Passkey.created_at, Passkey.passkey_id)).all()


def passkey_lookup(db: Session, credential_hash: bytes) -> PasskeyLookup | None:
    return db.get(PasskeyLookup, credential_hash)


def codes_left(db: Session, owner_id: UUID) -> tuple[int, datetime | None]:
    """How many recovery codes still work, and when they were made."""
    query = select(func.count(), func.max(RecoveryCode.created_at)).where(
        RecoveryCode.owner_id == owner_id, RecoveryCode.used_at.is_(None)
    )
    count, made_at = db.execute(query).one()
    return count, made_at


def members_of(db: Session, owner_id: UUID) -> Sequence[Membership]:
    query = select(Membership).where(Membership.owner_id == owner_id)
    return db.scalars(query.order_by(Membership.created_at, Membership.member_id)).all()
