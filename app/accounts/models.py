"""Tables of owners (owner family) and of what is looked up by a secret's hash (hash family)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.columns import Blob, Flag, Id, Instant, Json, Whole, Words
from app.kit.db import Base, family


class Owner(Base):
    """A natural or legal person who holds objects; `time_zone` is an IANA name."""

    __tablename__ = "owners"
    __table_args__ = family("owner", CheckConstraint("kind IN ('person','organization')", "kind"))

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Words(20))
    name: Mapped[str] = mapped_column(Words(200))
    email: Mapped[str | None] = mapped_column(Words(320))
    time_zone: Mapped[str] = mapped_column(Words(64))
    created_at: Mapped[datetime] = mapped_column(Instant)


class Membership(Base):
    """A person who acts for an organization that owns objects, in one role."""

    __tablename__ = "memberships"
    __table_args__ = family(
        "owner", CheckConstraint("role IN ('admin','grant','view','export')", "role")
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owners.owner_id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    role: Mapped[str] = mapped_column(Words(20))
    created_at: Mapped[datetime] = mapped_column(Instant)


class Passkey(Base):
    """A WebAuthn credential of a person."""

    __tablename__ = "passkeys"
    __table_args__ = family("owner")

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owners.owner_id"), primary_key=True)
    passkey_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    credential_id: Mapped[bytes] = mapped_column(Blob(1023))
    public_key: Mapped[bytes] = mapped_column(Blob(2048))
    sign_count: Mapped[int] = mapped_column(Whole)
    name: Mapped[str] = mapped_column(Words(100))
    is_synced: Mapped[bool] = mapped_column(Flag)
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)


class PasskeyLookup(Base):
    """From a credential id's hash to its owner."""

    __tablename__ = "passkey_lookup"
    __table_args__ = family("hash")

    credential_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(Id)
    passkey_id: Mapped[UUID] = mapped_column(Id)


class EmailLookup(Base):
    """From the hash of a normalised e-mail address to the person who proved it."""

    __tablename__ = "email_lookup"
    __table_args__ = family("hash")

    email_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(Id)


class Ceremony(Base):
    """A WebAuthn challenge that waits for its answer: five minutes, once, one browser."""

    __tablename__ = "ceremonies"
    __table_args__ = family("hash")

    ceremony_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    challenge: Mapped[bytes] = mapped_column(Blob(64))
    kind: Mapped[str] = mapped_column(Words(20))
    owner_id: Mapped[UUID | None] = mapped_column(Id)
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    expires_at: Mapped[datetime] = mapped_column(Instant)


class SignInLink(Base):
    """A link sent by e-mail: fifteen minutes, once; opening it consumes nothing.

    `owner_id` is set when a signed-in person asked; `details` holds what a new account starts with.
    """

    __tablename__ = "sign_in_links"
    __table_args__ = family("hash")

    link_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    email: Mapped[str] = mapped_column(Words(320))
    next_path: Mapped[str] = mapped_column(Words(500))
    owner_id: Mapped[UUID | None] = mapped_column(Id)
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class RecoveryCode(Base):
    """A printed code that signs in once."""

    __tablename__ = "recovery_codes"
    __table_args__ = family("hash")

    code_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(Id, index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class SignInSession(Base):
    """A browser that is signed in; the cookie's value is stored as a hash only."""

    __tablename__ = "sessions"
    __table_args__ = family("hash")

    session_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    session_id: Mapped[UUID] = mapped_column(Id)
    owner_id: Mapped[UUID] = mapped_column(Id, index=True)
    method: Mapped[str] = mapped_column(Words(20))
    browser: Mapped[str] = mapped_column(Words(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_seen_at: Mapped[datetime] = mapped_column(Instant)
    fresh_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class Flash(Base):
    """A message for the next page of one session, kept here because cookies are for secrets."""

    __tablename__ = "flashes"
    __table_args__ = family("hash")

    session_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    text: Mapped[str] = mapped_column(Words(500))
    tone: Mapped[str] = mapped_column(Words(20))


class SecurityEvent(Base):
    """Something that happened to an account or a permission; `name` is who or what was involved, as
    it was called then."""

    __tablename__ = "security_events"
    __table_args__ = family("owner", Index("ix_security_events_at", "owner_id", "at", "event_id"))

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    event_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    kind: Mapped[str] = mapped_column(Words(40))
    name: Mapped[str] = mapped_column(Words(200))
    client_id: Mapped[str | None] = mapped_column(Words(100))
    grant_id: Mapped[UUID | None] = mapped_column(Id)
