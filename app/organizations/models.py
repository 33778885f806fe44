"""Tables of organizations and clients (reference family: few rows, read everywhere), and of the
messages that a maker has to send again (local)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.columns import Blob, Flag, Id, Instant, Json, Whole, Words
from app.kit.db import Base, family

LONGEST_TOPIC = 500


class Organization(Base):
    """A company. As maker it has products, as vendor it has clients. With `owner_id` it is none,
    but stands for one owner, whose own apps are its clients."""

    __tablename__ = "organizations"
    __table_args__ = family("reference", UniqueConstraint("slug"))

    org_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(Words(80))
    name: Mapped[str] = mapped_column(Words(200))
    country: Mapped[str | None] = mapped_column(Words(2))
    website: Mapped[str | None] = mapped_column(Words(500))
    contact: Mapped[str | None] = mapped_column(Words(320))
    verified_domain: Mapped[str | None] = mapped_column(Words(253))
    gs1_prefixes: Mapped[list[str]] = mapped_column(Json)
    any_gtin: Mapped[bool] = mapped_column(Flag, default=False)
    owner_id: Mapped[UUID | None] = mapped_column(Id)
    ticket_key: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)


class Client(Base):
    """An OAuth client of an organization (RFC 6749 §2).

    `purposes` lists what a vendor may ask: {purpose: DPV IRI name, title, legal_basis, scopes:
    {scope: {needed: bool, why: text}}}. `registered` is the rest of its metadata by the names of
    RFC 7591 (`token_endpoint_auth_method`, `jwks`, `require_pushed_authorization_requests` ...;
    `inseam_agreements`: the ids of the agreements that it accepts),
    and `door`, the way it came: operator, registration, document or owner. Where its method is
    none, or it names no method and has no secret, it is public.
    """

    __tablename__ = "clients"
    __table_args__ = family("reference")

    client_id: Mapped[str] = mapped_column(Words(100), primary_key=True)
    org_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.org_id"), index=True)
    name: Mapped[str] = mapped_column(Words(200))
    secret_hash: Mapped[bytes | None] = mapped_column(Blob(32))
    redirect_uris: Mapped[list[str]] = mapped_column(Json)
    grant_types: Mapped[list[str]] = mapped_column(Json)
    scopes: Mapped[list[str]] = mapped_column(Json)
    purposes: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    registered: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)


class DeadLetter(Base):
    """A message from a broker that was not stored wholly: its topic (the beginning of a long one),
    when it last came, why, how large it was and its hash; never what it held.

    `refused` says how many of its lines were, and `line` which was the first; None: all of it.
    """

    __tablename__ = "dead_letters"
    __table_args__ = family("local", Index("ix_dead_letters_maker", "org_id", "at", "letter_id"))

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.org_id"), primary_key=True)
    letter_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    topic: Mapped[str] = mapped_column(Words(LONGEST_TOPIC))
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    reason: Mapped[str] = mapped_column(Words(100))
    refused: Mapped[int | None] = mapped_column(Whole)
    line: Mapped[int | None] = mapped_column(Whole)
    size: Mapped[int] = mapped_column(Whole)
    sha256: Mapped[bytes] = mapped_column(Blob(32))
