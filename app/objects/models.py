"""Tables of products and streams (reference), objects and tenures (object), codes (hash)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.columns import Blob, Id, Instant, Json, Whole, Words
from app.kit.db import Base, family


class Product(Base):
    """What is made. `passport` holds what anyone may read of it. Its streams never change."""

    __tablename__ = "products"
    __table_args__ = family(
        "reference", UniqueConstraint("gtin"), UniqueConstraint("org_id", "article_number")
    )

    product_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    org_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.org_id"), index=True)
    name: Mapped[str] = mapped_column(Words(200))
    kind: Mapped[str] = mapped_column(Words(40))
    gtin: Mapped[str | None] = mapped_column(Words(14))
    article_number: Mapped[str | None] = mapped_column(Words(100))
    passport: Mapped[dict[str, Any]] = mapped_column(Json)
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    registered_at: Mapped[datetime] = mapped_column(Instant)


class Stream(Base):
    """One kind of record a product makes.

    `fields` lists {name, title, type, unit, senml_name, minimum?, maximum?, enum?}; `facts` what
    the Data Act, article 3(2), wants told before a sale; `holder_copy` what the maker keeps.
    `keep_days` is how long its records are kept, None until their owner erases them.
    """

    __tablename__ = "streams"
    __table_args__ = family(
        "reference",
        CheckConstraint("kind IN ('instant','interval','counter')", "kind"),
    )

    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.product_id"), primary_key=True)
    name: Mapped[str] = mapped_column(Words(40), primary_key=True)
    title: Mapped[str] = mapped_column(Words(200))
    category: Mapped[str] = mapped_column(Words(20))
    kind: Mapped[str] = mapped_column(Words(20))
    fields: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    holder_copy: Mapped[str] = mapped_column(Words(1000))
    keep_days: Mapped[int | None] = mapped_column(Whole)
    place: Mapped[int] = mapped_column(Whole)


class Object(Base):
    """One physical thing; `serial` are the exact characters its maker gave it."""

    __tablename__ = "objects"
    __table_args__ = family("object", Index("ix_objects_maker", "org_id", "object_id"))

    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.product_id"), index=True)
    org_id: Mapped[UUID] = mapped_column(Id)
    serial: Mapped[str] = mapped_column(Words(100))
    minted_at: Mapped[datetime] = mapped_column(Instant)


class Tenure(Base):
    """One owner's time with one object; `starts_at` may lie before the claim.

    `pauses` lists [stream or `*`, from, to or null] in microseconds since 1970: when the owner
    wanted nothing recorded. `keep_days` says how long a stream's records are kept where the owner
    wants it shorter than the product does.
    """

    __tablename__ = "tenures"
    __table_args__ = family(
        "object",
        CheckConstraint("used_by IN ('me','household','child','staff')", "used_by"),
        Index(
            "ix_tenures_open",
            "object_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    object_id: Mapped[UUID] = mapped_column(ForeignKey("objects.object_id"), primary_key=True)
    tenure_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(Id)
    used_by: Mapped[str] = mapped_column(Words(20))
    starts_at: Mapped[datetime] = mapped_column(Instant)
    claimed_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    pauses: Mapped[list[list[Any]] | None] = mapped_column(Json)
    keep_days: Mapped[dict[str, int] | None] = mapped_column(Json)


class Holding(Base):
    """An owner's side of a tenure, so that an owner's objects are found by owner."""

    __tablename__ = "holdings"
    __table_args__ = family("owner")

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    tenure_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Words(100))
    since: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class ClaimCode(Base):
    """A code that makes the holder of an object its owner, once."""

    __tablename__ = "claim_codes"
    __table_args__ = family("hash")

    code_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    object_id: Mapped[UUID] = mapped_column(Id, index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class UsedTicket(Base):
    """A signed claim ticket that was used; its hash is kept until the ticket has expired."""

    __tablename__ = "used_tickets"
    __table_args__ = family("hash")

    ticket_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)


class MintReport(Base):
    """A part of a bulk minting's report, sealed to the caller's Idempotency-Key."""

    __tablename__ = "mint_reports"
    __table_args__ = family("local")

    job_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    part: Mapped[int] = mapped_column(Whole, primary_key=True)
    sealed: Mapped[bytes] = mapped_column(Blob(4 * 1024 * 1024))
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class ObjectKey(Base):
    """A public key that an object signs with (RFC 7517); `key_id` is its thumbprint (RFC 7638).

    It counts from `not_before` until just before `not_after`, and never again once revoked.
    """

    __tablename__ = "object_keys"
    __table_args__ = family("object", CheckConstraint("alg IN ('Ed25519','ES256')", "alg"))

    object_id: Mapped[UUID] = mapped_column(ForeignKey("objects.object_id"), primary_key=True)
    key_id: Mapped[str] = mapped_column(Words(43), primary_key=True)
    jwk: Mapped[dict[str, Any]] = mapped_column(Json)
    alg: Mapped[str] = mapped_column(Words(20))
    not_before: Mapped[datetime] = mapped_column(Instant)
    not_after: Mapped[datetime] = mapped_column(Instant)
    registered_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
