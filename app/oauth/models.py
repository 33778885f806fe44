"""Tables of codes and tokens (hash family)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint
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
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class Token(Base):
    """An access, refresh or personal token. A dead one keeps its reason for a month.

    `generation` counts rotations within a family; `objects` limits a personal token (None = all).
    """

    __tablename__ = "tokens"
    __table_args__ = family(
        "hash", CheckConstraint("kind IN ('access','refresh','personal')", "kind")
    )

    token_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    token_id: Mapped[UUID] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(Words(20))
    family_id: Mapped[UUID] = mapped_column(Id, index=True)
    generation: Mapped[int] = mapped_column(Whole)
    client_id: Mapped[str | None] = mapped_column(Words(100))
    owner_id: Mapped[UUID | None] = mapped_column(Id, index=True)
    grant_id: Mapped[UUID | None] = mapped_column(Id)
    name: Mapped[str | None] = mapped_column(Words(100))
    scopes: Mapped[list[str]] = mapped_column(Json)
    objects: Mapped[list[str] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    dead_at: Mapped[datetime | None] = mapped_column(Instant)
    dead_reason: Mapped[str | None] = mapped_column(Words(40))
