"""Tables of codes, tokens and whatever else is known by the hash of a secret (hash family)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.columns import Blob, Id, Instant, Json, Whole, Words
from app.kit.db import Base, family


class AuthorizationCode(Base):
    """A code (RFC 6749 §4.1.2): one minute, once; its tokens share its `family_id`."""

    __tablename__ = "authorization_codes"
    __table_args__ = family("hash")

    code_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    family_id: Mapped[UUID] = mapped_column(Id)
    client_id: Mapped[str] = mapped_column(Words(100))
    owner_id: Mapped[UUID] = mapped_column(Id)
    grant_id: Mapped[UUID] = mapped_column(Id)
    redirect_uri: Mapped[str] = mapped_column(Words(2000))
    scopes: Mapped[list[str]] = mapped_column(Json)
    challenge: Mapped[str] = mapped_column(Words(128))
    binding: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class Token(Base):
    """An access, refresh or personal token. A dead one keeps its reason for a month.

    `generation` counts rotations within a family; `objects` limits a personal token or a device's
    (None = all). `binding` is what else it is tied to: `jkt`, the thumbprint of its holder's key
    (RFC 9449 §6); `details`, what of the grant it is for (RFC 9396 §7); `resources` (RFC 8707).
    """

    __tablename__ = "tokens"
    __table_args__ = family(
        "hash",
        CheckConstraint("kind IN ('access','refresh','personal')", "kind"),
        Index(
            "ix_tokens_owned",
            "owner_id",
            sqlite_where=text("owner_id IS NOT NULL"),
            postgresql_where=text("owner_id IS NOT NULL"),
        ),
    )

    token_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    token_id: Mapped[UUID] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(Words(20))
    family_id: Mapped[UUID] = mapped_column(Id, index=True)
    generation: Mapped[int] = mapped_column(Whole)
    client_id: Mapped[str | None] = mapped_column(Words(100))
    owner_id: Mapped[UUID | None] = mapped_column(Id)
    grant_id: Mapped[UUID | None] = mapped_column(Id)
    name: Mapped[str | None] = mapped_column(Words(100))
    scopes: Mapped[list[str]] = mapped_column(Json)
    objects: Mapped[list[str] | None] = mapped_column(Json)
    binding: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    dead_at: Mapped[datetime | None] = mapped_column(Instant)
    dead_reason: Mapped[str | None] = mapped_column(Words(40))


class PushedRequest(Base):
    """A pushed authorization request (RFC 9126): `parameters` as they were checked."""

    __tablename__ = "pushed_requests"
    __table_args__ = family("hash")

    uri_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(Words(100))
    parameters: Mapped[dict[str, str]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class DeviceCode(Base):
    """A device that waits for its owner (RFC 8628). `user_hash` is of the code that a person types;
    `request_hash` of the access request, once a person has begun to answer it."""

    __tablename__ = "device_codes"
    __table_args__ = family(
        "hash",
        CheckConstraint("status IN ('waiting','granted','refused','used')", "status"),
    )

    device_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    user_hash: Mapped[bytes] = mapped_column(Blob(32), index=True)
    client_id: Mapped[str] = mapped_column(Words(100))
    parameters: Mapped[dict[str, Any]] = mapped_column(Json)
    status: Mapped[str] = mapped_column(Words(20))
    request_hash: Mapped[bytes | None] = mapped_column(Blob(32), index=True)
    owner_id: Mapped[UUID | None] = mapped_column(Id)
    grant_id: Mapped[UUID | None] = mapped_column(Id)
    interval_seconds: Mapped[int] = mapped_column(Whole)
    polled_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class SeenOnce(Base):
    """Something that counts once: the `jti` of an assertion or a proof, kept until it is too old
    to be taken in any case."""

    __tablename__ = "seen_once"
    __table_args__ = family("hash")

    seen_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class RegistrationToken(Base):
    """What lets its bearer register a client, or, with `client_id`, manage that one (RFC 7591 §3,
    RFC 7592 §3)."""

    __tablename__ = "registration_tokens"
    __table_args__ = family("hash")

    token_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    client_id: Mapped[str | None] = mapped_column(Words(100), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    dead_at: Mapped[datetime | None] = mapped_column(Instant)
