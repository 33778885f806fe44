"""Tables of access requests, grants and pseudonyms."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.consent.precision import Precision
from app.kit.columns import Blob, Flag, Id, Instant, Json, Whole, Words
from app.kit.db import Base, family

_STATUSES = "'active','paused','revoked','ended','expired','superseded'"


class AccessRequest(Base):
    """A validated authorization request that waits for its owner (hash family).

    `request_hash` is the hash of the secret in the page's address. `asked` is what the owner is
    shown, `protocol` what the authorization server needs to answer; neither comes back from the
    browser. The first owner to open it keeps it.
    """

    __tablename__ = "access_requests"
    __table_args__ = family(
        "hash", CheckConstraint("status IN ('waiting','granted','refused')", "status")
    )

    request_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(Words(100))
    asked: Mapped[dict[str, Any]] = mapped_column(Json)
    protocol: Mapped[dict[str, Any]] = mapped_column(Json)
    owner_id: Mapped[UUID | None] = mapped_column(Id, index=True)
    status: Mapped[str] = mapped_column(Words(20))
    grant_id: Mapped[UUID | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)


class InboxEntry(Base):
    """A request on its owner's side, so that waiting ones are found by owner.

    `ticket` is the secret of the page's address, kept so that the owner finds back to it.
    """

    __tablename__ = "inbox"
    __table_args__ = family("owner")

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    ticket: Mapped[str] = mapped_column(Words(100))
    client_id: Mapped[str] = mapped_column(Words(100))
    purpose: Mapped[str] = mapped_column(Words(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)


class Grant(Base):
    """What an owner gave to one vendor for one purpose; its details hang on its version.

    `agreement` and `agreement_hash` say to the letter under which agreement of the roster; None
    where the owner gave it although the vendor accepts none.
    """

    __tablename__ = "grants"
    __table_args__ = family(
        "owner",
        CheckConstraint(f"status IN ({_STATUSES})", "status"),
        Index("ix_grants_client", "owner_id", "client_id"),
    )

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(Words(100))
    org_id: Mapped[UUID] = mapped_column(Id)
    purpose: Mapped[str] = mapped_column(Words(100))
    legal_basis: Mapped[str] = mapped_column(Words(100))
    agreement: Mapped[str | None] = mapped_column(Words(100))
    agreement_hash: Mapped[bytes | None] = mapped_column(Blob(32))
    status: Mapped[str] = mapped_column(Words(20))
    version: Mapped[int] = mapped_column(Whole)
    until: Mapped[datetime] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class GrantDetail(Base):
    """One object and one kind of data in one version of a grant.

    `pseudonym` is the object's id for this vendor. `window_from` None means all of the tenure.
    `zone` says whose days and weeks they are in which it is told, None where it is told exactly.
    `terms` are the limits of reading (`limits.Limits`) and the retention that were asked with it
    (`limits`, `retention`).
    """

    __tablename__ = "grant_details"
    __table_args__ = family(
        "owner",
        ForeignKeyConstraint(["owner_id", "grant_id"], ["grants.owner_id", "grants.grant_id"]),
        CheckConstraint("action IN ('read','summary','stream','bulk')", "action"),
    )

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    version: Mapped[int] = mapped_column(Whole, primary_key=True)
    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    category: Mapped[str] = mapped_column(Words(20), primary_key=True)
    tenure_id: Mapped[UUID] = mapped_column(Id)
    pseudonym: Mapped[UUID] = mapped_column(Id)
    action: Mapped[str] = mapped_column(Words(20))
    precision_time: Mapped[str] = mapped_column(Words(20))
    precision_place: Mapped[str] = mapped_column(Words(20))
    window_from: Mapped[datetime | None] = mapped_column(Instant)
    window_to: Mapped[datetime | None] = mapped_column(Instant)
    until: Mapped[datetime] = mapped_column(Instant)
    terms: Mapped[dict[str, Any] | None] = mapped_column(Json)
    zone: Mapped[str | None] = mapped_column(Words(64))

    @property
    def precision(self) -> Precision:
        """How exactly it is told."""
        return Precision(self.action, self.precision_time, self.precision_place)


class GrantUse(Base):
    """How often an object and kind was read under a grant, whatever its version, where that is
    limited. `recent` are the last times (ISO 8601), as far as its frequency has to know them."""

    __tablename__ = "grant_uses"
    __table_args__ = family("owner")

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    category: Mapped[str] = mapped_column(Words(20), primary_key=True)
    used: Mapped[int] = mapped_column(Whole)
    recent: Mapped[list[str]] = mapped_column(Json)


class GrantEvent(Base):
    """One change of a grant: who did what when; its version is the one that came of it."""

    __tablename__ = "grant_events"
    __table_args__ = family("owner")

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    version: Mapped[int] = mapped_column(Whole, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    what: Mapped[str] = mapped_column(Words(20))
    actor_id: Mapped[UUID | None] = mapped_column(Id)
    text: Mapped[str] = mapped_column(Words(2000))


class Pseudonym(Base):
    """From a vendor's own id of an object back to it (hash family: found by the id itself)."""

    __tablename__ = "pseudonyms"
    __table_args__ = family("hash")

    pseudonym: Mapped[UUID] = mapped_column(Id, primary_key=True)
    org_id: Mapped[UUID] = mapped_column(Id)
    owner_id: Mapped[UUID] = mapped_column(Id)
    object_id: Mapped[UUID] = mapped_column(Id)
    tenure_id: Mapped[UUID] = mapped_column(Id)


class GrantPlace(Base):
    """Where a grant is found by its id alone, and by its client (hash family): a client that holds
    many names one of them."""

    __tablename__ = "grant_places"
    __table_args__ = family("hash", Index("ix_grant_places_client", "client_id", "grant_id"))

    grant_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(Words(100))
    owner_id: Mapped[UUID] = mapped_column(Id)


class ErasureDuty(Base):
    """What a vendor owes when a grant under which it read has ended: to erase it, and to say so
    (hash family: found by the grant, as its owner and its client both do).

    `answer` is None until the vendor says that it `erased`, or what it has `kept` and by which law.
    """

    __tablename__ = "erasure_duties"
    __table_args__ = family(
        "hash",
        CheckConstraint("answer IN ('erased','kept')", "answer"),
        Index("ix_erasure_duties_client", "client_id", "due_at", "grant_id"),
    )

    grant_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(Words(100))
    owner_id: Mapped[UUID] = mapped_column(Id)
    asked_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    is_ordered: Mapped[bool] = mapped_column(Flag)
    answer: Mapped[str | None] = mapped_column(Words(20))
    statement: Mapped[str] = mapped_column(Words(2000))
    answered_at: Mapped[datetime | None] = mapped_column(Instant)


class Proffer(Base):
    """What an owner proffered to a vendor that asked, what the vendor answered, and what came of
    it; failed attempts too (IEEE 7012: AgreementInteractionRecord).

    `agreement` is the owner's own, `answered` what would hold: the same, the one alternative, or
    None. `status` is open until the request is answered; `excesses` is why it was refused unasked.
    """

    __tablename__ = "proffers"
    __table_args__ = family(
        "owner",
        CheckConstraint("answer IN ('accept','alternative','reject')", "answer"),
        CheckConstraint("status IN ('open','held','unheld','refused','unasked')", "status"),
        Index("ix_proffers_at", "owner_id", "at", "request_hash"),
    )

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(Words(100))
    client_name: Mapped[str] = mapped_column(Words(200))
    purpose: Mapped[str] = mapped_column(Words(100))
    terms_version: Mapped[int] = mapped_column(Whole)
    agreement: Mapped[str] = mapped_column(Words(40))
    agreement_hash: Mapped[bytes] = mapped_column(Blob(32))
    answer: Mapped[str] = mapped_column(Words(20))
    answered: Mapped[str | None] = mapped_column(Words(40))
    answered_hash: Mapped[bytes | None] = mapped_column(Blob(32))
    is_above: Mapped[bool] = mapped_column(Flag)
    status: Mapped[str] = mapped_column(Words(20))
    excesses: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    grant_id: Mapped[UUID | None] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)


class HeldAgreement(Base):
    """The one document that an owner and a vendor hold of what they agreed on for a version of a
    grant. `document` are its canonical bytes (RFC 8785) and never change; `signatures` are over
    them (RFC 7515 §7.2), the service's for the owner first, then the vendor's own if it gave one.
    """

    __tablename__ = "agreements_held"
    __table_args__ = family("owner")

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    version: Mapped[int] = mapped_column(Whole, primary_key=True)
    document: Mapped[bytes] = mapped_column(Blob(16_384))
    signatures: Mapped[list[dict[str, str]]] = mapped_column(Json)
    signed_at: Mapped[datetime | None] = mapped_column(Instant)


class LiftedLimits(Base):
    """A vendor that an owner wants to be asked by, whatever their terms refuse unasked."""

    __tablename__ = "lifted_limits"
    __table_args__ = family("owner")

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(Words(100), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)


class Receipt(Base):
    """What became of a grant at one time, as both sides may show it. `content` are its canonical
    bytes (RFC 8785), which name the hash of the receipt before; they never change."""

    __tablename__ = "receipts"
    __table_args__ = family("owner")

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    number: Mapped[int] = mapped_column(Whole, primary_key=True)
    what: Mapped[str] = mapped_column(Words(20))
    at: Mapped[datetime] = mapped_column(Instant)
    content: Mapped[bytes] = mapped_column(Blob(1_048_576))
