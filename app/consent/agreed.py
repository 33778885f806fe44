"""The agreement that an owner and a vendor hold: one document, canonical bytes (RFC 8785), sealed
by the service for the owner's side, served alike to both.

Exactly two parties (IEEE 7012 §5.4.3): the owner, whom the document names by the grant alone, and
one vendor. The vendor has accepted by what it publishes; a signature by a key of its own, over the
same bytes, is stronger and its own choice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import rfc8785
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.consent.errors import AgreementNotHeld, AgreementSigned, GrantNotFound
from app.consent.models import AccessRequest, Grant, HeldAgreement
from app.consent.proffers import Proffered
from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.crypto import b64u
from app.terms.roster import Agreement
from app.usage.wire import rfc3339

DOCUMENT = "urn:inseam:held-agreement:1"
SEAL = "inseam-agreement+json"
MEDIA_TYPE = "application/jose+json"


@dataclass(frozen=True)
class Notary:
    """Who seals: the service by its own address, and what signs bytes for it (a compact JWS, whose
    `typ` is the second argument)."""

    origin: str
    sign: Callable[[bytes, str], str]


@dataclass(frozen=True)
class Held:
    """An agreement as both sides hold it. `copy` is the file: the document with every signature
    over it, as one JWS (RFC 7515 §7.2) in canonical JSON."""

    agreement_id: str
    document: bytes
    copy: bytes
    signed_at: datetime | None


def conclude(
    db: Session,
    notary: Notary | None,
    row: AccessRequest,
    grant: Grant,
    told: Proffered,
    accepts: list[str],
    at: datetime,
) -> None:
    """Write down what holds for this version of the grant; nothing where no agreement does."""
    agreement = told.agreement
    if agreement is None:
        grant.agreement = grant.agreement_hash = None
        return
    grant.agreement, grant.agreement_hash = agreement.id, agreement.hash
    if notary is None:
        raise ValueError("an agreement needs somebody who seals it")
    document = rfc8785.dumps(_document(notary, row, grant, told, agreement, accepts, at))
    protected, _, signature = notary.sign(document, SEAL).split(".")
    held = HeldAgreement(
        owner_id=grant.owner_id,
        grant_id=grant.grant_id,
        version=grant.version,
        document=document,
        signatures=[{"protected": protected, "signature": signature}],
        signed_at=None,
    )
    db.add(held)


def held_of(db: Session, owner_id: UUID, grant_id: UUID, version: int | None = None) -> Held:
    """What holds now, or held in a version. GrantNotFound, AgreementNotHeld."""
    return _held(_find(db, owner_id, grant_id, version))


def find_held(db: Session, owner_id: UUID, grant_id: UUID) -> Held | None:
    """What holds now; None where nothing does."""
    try:
        return held_of(db, owner_id, grant_id)
    except AgreementNotHeld:
        return None


def countersign(
    db: Session, clock: Clock, owner_id: UUID, grant_id: UUID, protected: str, signature: str
) -> Held:
    """Add the vendor's own signature, which was verified over the document as it holds now. The
    same once more changes nothing; another is AgreementSigned."""
    row = _find(db, owner_id, grant_id, None, is_locked=True)
    own = {"protected": protected, "signature": signature}
    if own not in row.signatures[1:]:
        if row.signatures[1:]:
            raise AgreementSigned
        row.signatures = [*row.signatures, own]
        row.signed_at = clock.now()
        db.flush()
    return _held(row)


def hash_text(digest: bytes) -> str:
    """How a hash is written on the wire."""
    return f"sha256:{digest.hex()}"


def _find(
    db: Session, owner_id: UUID, grant_id: UUID, version: int | None, *, is_locked: bool = False
) -> HeldAgreement:
    grant = db.get(Grant, (owner_id, grant_id))
    if grant is None:
        raise GrantNotFound
    query = select(HeldAgreement).where(
        HeldAgreement.owner_id == owner_id, HeldAgreement.grant_id == grant_id
    )
    if version is not None:
        query = query.where(HeldAgreement.version <= version)
    newest = query.order_by(HeldAgreement.version.desc()).limit(1)
    row = db.scalars(newest.with_for_update() if is_locked else newest).first()
    if row is None or (version is None and grant.agreement is None):
        raise AgreementNotHeld
    return row


def _held(row: HeldAgreement) -> Held:
    copy: Any = {"payload": b64u(row.document), "signatures": row.signatures}
    told = rfc8785.dumps(copy)
    return Held(_agreement_id(row.document), row.document, told, row.signed_at)


def _agreement_id(document: bytes) -> str:
    return str(jsonio.loads(document)["agreement"]["id"])


def _document(
    notary: Notary,
    row: AccessRequest,
    grant: Grant,
    told: Proffered,
    agreement: Agreement,
    accepts: list[str],
    at: datetime,
) -> dict[str, Any]:
    """All that was agreed. Nothing in it says who the owner is."""
    return {
        "type": DOCUMENT,
        "grant": {"id": str(grant.grant_id), "version": grant.version},
        "first_party": {"role": "owner", "id": f"urn:uuid:{grant.grant_id}"},
        "second_party": {
            "role": "vendor",
            "client_id": row.client_id,
            "name": row.asked["client_name"],
            "organization": row.asked["organization"],
            "domain": row.asked["verified_domain"],
        },
        "proffered": _reference(told.own),
        "answer": told.match.outcome,
        "accepted_by": {"act": "client-metadata", "inseam_agreements": accepts},
        "agreement": _reference(agreement),
        "purpose": grant.purpose,
        "legal_basis": grant.legal_basis,
        "at": rfc3339(at),
        "place": notary.origin,
    }


def _reference(one: Agreement) -> dict[str, Any]:
    return {
        "id": one.id,
        "version": one.version,
        "dpv": one.dpv,
        "hash": hash_text(one.hash),
    }
