"""Receipts: one for each event of a grant, written with it, each bound to the one before by a hash.

What is kept never changes. The service signs a receipt when it is asked for it, with the key that
is in use then, so that both sides get the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import rfc8785
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.consent import queries
from app.consent.agreed import Notary, hash_text
from app.consent.errors import ReceiptNotFound
from app.consent.models import Grant, Receipt
from app.consent.receipt_text import Event, content_of, with_context
from app.kit import jsonio
from app.kit.crypto import b64u, sha256
from app.organizations.models import Client, Organization

SEAL = "inseam-receipt+json"


@dataclass(frozen=True)
class Line:
    """A receipt in a list."""

    number: int
    what: str
    at: datetime
    hash: str


def write_receipt(db: Session, grant: Grant, what: str, at: datetime) -> None:
    """A receipt of what became of a grant, in the transaction of that. The grant is locked, so no
    two have one number. None for an app of the owner's own: a receipt is between two."""
    client = db.get_one(Client, grant.client_id)
    company = db.get_one(Organization, grant.org_id)
    if company.owner_id is not None:
        return
    last = _last(db, grant.owner_id, grant.grant_id)
    before = hash_text(sha256(last.content)) if last is not None else None
    event = Event(last.number + 1 if last is not None else 1, what, at, before)
    details = queries.details_of(db, grant.owner_id, grant.grant_id, grant.version)
    content = rfc8785.dumps(content_of(grant, details, client, company, event))
    place = {"owner_id": grant.owner_id, "grant_id": grant.grant_id, "number": event.number}
    db.add(Receipt(**place, what=what, at=at, content=content))
    db.flush()


def list_receipts(db: Session, owner_id: UUID, grant_id: UUID) -> list[Line]:
    """Those of a grant in their order."""
    query = select(Receipt).where(Receipt.owner_id == owner_id, Receipt.grant_id == grant_id)
    return [
        Line(row.number, row.what, row.at, hash_text(sha256(row.content)))
        for row in db.scalars(query.order_by(Receipt.number))
    ]


def read_receipt(
    db: Session, origin: str, owner_id: UUID, grant_id: UUID, number: int
) -> dict[str, Any]:
    """One as JSON-LD. ReceiptNotFound."""
    row = db.get(Receipt, (owner_id, grant_id, number))
    if row is None:
        raise ReceiptNotFound
    return with_context(jsonio.loads(row.content), origin)


def signed(
    db: Session, notary: Notary, keys: Mapping[str, Any], owner_id: UUID, grant_id: UUID
) -> bytes:
    """All of a grant's as a file: each a JWS (RFC 7515 §7.2) over its canonical bytes (RFC 8785),
    and the service's public `keys`, by which it can be checked anywhere. ReceiptNotFound."""
    numbers = [line.number for line in list_receipts(db, owner_id, grant_id)]
    if not numbers:
        raise ReceiptNotFound
    told = [read_receipt(db, notary.origin, owner_id, grant_id, number) for number in numbers]
    whole: Any = {"keys": keys, "receipts": [_sealed(notary, one) for one in told]}
    return rfc8785.dumps(whole)


def _sealed(notary: Notary, receipt: Mapping[str, Any]) -> Any:
    document = rfc8785.dumps(dict(receipt))
    protected, _, signature = notary.sign(document, SEAL).split(".")
    seal = {"protected": protected, "signature": signature}
    return {"payload": b64u(document), "signatures": [seal]}


def content_hash(receipt: Mapping[str, Any]) -> str:
    """What the next one is bound to: the hash of a receipt without its context."""
    content = {name: value for name, value in receipt.items() if name != "@context"}
    return hash_text(sha256(rfc8785.dumps(content)))


def _last(db: Session, owner_id: UUID, grant_id: UUID) -> Receipt | None:
    query = select(Receipt).where(Receipt.owner_id == owner_id, Receipt.grant_id == grant_id)
    return db.scalars(query.order_by(Receipt.number.desc()).limit(1)).first()
