"""What an owner proffers to a vendor that asks, and what the vendor answers by what it publishes
(IEEE 7012): accept, one alternative of the roster, reject. Each is kept, failed ones too.

The proffer is made once, when its owner first looks at the request: what the page shows is what
will hold, and there is no second alternative.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.consent.errors import RequestGone
from app.consent.models import AccessRequest, Grant, Proffer
from app.kit.clock import Clock
from app.organizations.clients import KnownClient, find_client
from app.terms.matching import Match, match
from app.terms.roster import Agreement, find_by_hash
from app.terms.service import Terms, terms_of


@dataclass(frozen=True)
class Proffered:
    """An owner's own agreement, and the vendor's answer to it."""

    own: Agreement
    match: Match

    @property
    def agreement(self) -> Agreement | None:
        """What holds if the owner says yes; None where the vendor accepts nothing of the kind."""
        return self.match.agreement

    @property
    def is_short(self) -> bool:
        """Whether it gives the owner less than what they proffered."""
        return self.match.agreement is None or self.match.is_above


def make_proffer(db: Session, clock: Clock, row: AccessRequest, owner_id: UUID) -> Proffered | None:
    """The proffer to the vendor of an opened request, made at the first look; None where an app of
    the owner's own asks, as an agreement has two parties.

    RequestGone where the vendor has since withdrawn what it answered with.
    """
    client = find_client(db, row.client_id)
    if row.asked.get("own_of") or client is None:
        return None
    kept = find_proffer(db, row, owner_id)
    if kept is not None:
        return kept
    terms = terms_of(db, owner_id)
    told = answer_to(terms, client)
    _insert(db.connection(), _values(told, terms.version, row, owner_id, clock.now()))
    return told


def find_proffer(db: Session, row: AccessRequest, owner_id: UUID) -> Proffered | None:
    """The proffer that was made; None where none was yet. RequestGone as above."""
    kept = db.get(Proffer, (owner_id, row.request_hash))
    if kept is None:
        return None
    told, client = _read(kept), find_client(db, row.client_id)
    if told.agreement is not None and client and told.agreement.id not in client.accepts:
        raise RequestGone
    return told


def answer_to(terms: Terms, client: KnownClient) -> Proffered:
    """What a vendor that publishes what it accepts answers to these terms."""
    return Proffered(terms.agreement, match(terms.agreement, client.accepts))


def close_proffer(
    db: Session,
    clock: Clock,
    row: AccessRequest,
    status: str,
    *,
    grant: Grant | None = None,
    excesses: Sequence[dict[str, Any]] = (),
) -> None:
    """Write down what came of it: `held` under an agreement or `unheld` without one, `refused` by
    the owner, or `unasked` for these excesses."""
    closed = update(Proffer).where(
        Proffer.owner_id == row.owner_id,
        Proffer.request_hash == row.request_hash,
        Proffer.status == "open",
    )
    db.execute(
        closed.values(
            status=status,
            grant_id=grant and grant.grant_id,
            excesses=list(excesses),
            closed_at=clock.now(),
        ).execution_options(synchronize_session=False)
    )


def expire_proffers(db: Session, now: datetime, owner_id: UUID, hashes: Sequence[bytes]) -> None:
    """Let those of these requests end now that were not answered."""
    open_ones = update(Proffer).where(
        Proffer.owner_id == owner_id, Proffer.request_hash.in_(hashes), Proffer.status == "open"
    )
    db.execute(open_ones.values(expires_at=now).execution_options(synchronize_session=False))


def note_unasked(
    conn: Connection,
    owner_id: UUID,
    request_hash: bytes,
    told: Proffered,
    version: int,
    *,
    client: KnownClient,
    purpose: str,
    excesses: Sequence[dict[str, Any]],
    at: datetime,
) -> bool:
    """Keep an attempt that was refused before there was a request; whether it is the first by that
    hash."""
    values = _answer_values(told) | {
        "owner_id": owner_id,
        "request_hash": request_hash,
        "client_id": client.client_id,
        "client_name": client.name,
        "purpose": purpose,
        "terms_version": version,
        "status": "unasked",
        "excesses": list(excesses),
        "at": at,
        "expires_at": at,
        "closed_at": at,
    }
    return _insert(conn, values)


def list_proffers(
    db: Session, owner_id: UUID, limit: int, *, status: str | None = None
) -> Sequence[Proffer]:
    """An owner's proffers with what came of them, newest first; those of one status alone."""
    query = select(Proffer).where(Proffer.owner_id == owner_id)
    if status is not None:
        query = query.where(Proffer.status == status)
    return db.scalars(query.order_by(Proffer.at.desc(), Proffer.request_hash).limit(limit)).all()


def state_of(row: Proffer, now: datetime) -> str:
    """How it stands, by the words of the IEEE 7012 extension of DPV (`modules/status`)."""
    if row.status == "held":
        return "AgreementAccepted"
    if row.status == "refused":
        return "Refused"
    if row.status in ("unheld", "unasked"):
        return "AgreementRefused"
    if row.expires_at <= now:
        return "Expired"
    if row.answer == "alternative":
        return "ConfirmationRequired" if row.is_above else "CounterOfferMade"
    return "PendingResponse"


def _read(row: Proffer) -> Proffered:
    answered = row.answered_hash and find_by_hash(row.answered_hash)
    outcome: Any = row.answer
    return Proffered(
        find_by_hash(row.agreement_hash), Match(outcome, answered or None, row.is_above)
    )


def _values(
    told: Proffered, version: int, row: AccessRequest, owner_id: UUID, at: datetime
) -> dict[str, Any]:
    return _answer_values(told) | {
        "owner_id": owner_id,
        "request_hash": row.request_hash,
        "client_id": row.client_id,
        "client_name": row.asked["client_name"],
        "purpose": row.asked["purpose"],
        "terms_version": version,
        "status": "open",
        "excesses": [],
        "at": at,
        "expires_at": row.expires_at,
        "closed_at": None,
    }


def _answer_values(told: Proffered) -> dict[str, Any]:
    answered = told.agreement
    return {
        "agreement": told.own.id,
        "agreement_hash": told.own.hash,
        "answer": told.match.outcome,
        "answered": answered and answered.id,
        "answered_hash": answered and answered.hash,
        "is_above": told.match.is_above,
        "grant_id": None,
    }


def _insert(conn: Connection, values: dict[str, Any]) -> bool:
    """Whether it was not there yet: two windows that open one request proffer once."""
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    row = dialect.insert(Proffer).values(**values).on_conflict_do_nothing()
    return bool(conn.execute(row.returning(Proffer.owner_id)).first())
