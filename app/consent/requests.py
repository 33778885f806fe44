"""Access requests: what a vendor asked, kept on the server until its owner answers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, update
from sqlalchemy.orm import Session

from app.consent import queries
from app.consent.errors import RequestAnswered, RequestExpired, RequestNotFound
from app.consent.models import AccessRequest, InboxEntry
from app.consent.proffers import close_proffer, expire_proffers
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.ids import new_secret
from app.objects.categories import category_of
from app.organizations.models import Client, Organization


def open_request(
    db: Session,
    clock: Clock,
    *,
    client: Client,
    purpose: dict[str, Any],
    scopes: list[str],
    protocol: dict[str, Any],
    redirect_host: str,
    life: timedelta,
    ticket: str | None = None,
    open_scopes: Sequence[str] | None = None,
    entries: Sequence[dict[str, Any]] = (),
    changes: tuple[str | None, UUID] | None = None,
) -> str:
    """Keep a validated request; the secret of its page's address, a new one where none is given.
    `own_of` in what is kept names the one owner who can answer it, where an owner's own app asks.

    `purpose` is one of the client's registered purposes, `scopes` those it asks for. `entries` ask
    more exactly (`asked.Entry` in JSON); what `open_scopes` name is asked for whatever they say.
    `changes` is what is to become of which of the client's grants: merge or replace.
    """
    organization = db.get_one(Organization, client.org_id)
    details = [
        {
            "scope": scope,
            "category": category_of(scope),
            "needed": bool(purpose["scopes"].get(scope, {}).get("needed")),
            "why": purpose["scopes"].get(scope, {}).get("why", ""),
        }
        for scope in scopes
    ]
    asked = {
        "client_name": client.name,
        "own_of": organization.owner_id and str(organization.owner_id),
        "organization": organization.name,
        "verified_domain": organization.verified_domain,
        "redirect_host": redirect_host,
        "purpose": purpose["purpose"],
        "purpose_title": purpose["title"],
        "legal_basis": purpose["legal_basis"],
        "details": details,
        "open": [category_of(one) for one in (scopes if open_scopes is None else open_scopes)],
        "entries": list(entries),
        "changes": None if changes is None else [changes[0], str(changes[1])],
        "org_id": str(client.org_id),
    }
    ticket, now = ticket or new_secret(), clock.now()
    db.add(
        AccessRequest(
            request_hash=sha256(ticket),
            client_id=client.client_id,
            asked=asked,
            protocol=protocol,
            status="waiting",
            created_at=now,
            expires_at=now + life,
        )
    )
    db.flush()
    return ticket


def ticket_of(db: Session, owner_id: UUID, request_hash: bytes) -> str | None:
    """The secret of the page of a request that this owner has opened and not answered."""
    entry = db.get(InboxEntry, (owner_id, request_hash))
    return entry.ticket if entry is not None else None


def find_opened(db: Session, owner_id: UUID, request_hash: bytes) -> AccessRequest | None:
    """A request that this owner has opened, answered or not."""
    row = queries.request_by_hash(db, request_hash)
    return row if row is not None and row.owner_id == owner_id else None


def is_waiting(db: Session, clock: Clock, ticket: str) -> bool | None:
    """Whether a request still waits for its answer; None where there is none."""
    row = queries.request_by_hash(db, sha256(ticket))
    return None if row is None else row.status == "waiting" and row.expires_at > clock.now()


def take(db: Session, clock: Clock, owner_id: UUID, ticket: str) -> AccessRequest:
    """The waiting request, bound to this owner from now on; errors as in `view_request`.

    The first look at it closes what waits of the same vendor for the same purpose from before.
    """
    request_hash = sha256(ticket)
    bound = (
        update(AccessRequest)
        .where(AccessRequest.request_hash == request_hash, AccessRequest.owner_id.is_(None))
        .values(owner_id=owner_id)
        .returning(AccessRequest.request_hash)
        .execution_options(synchronize_session=False)
    )
    is_new = db.execute(bound).first() is not None
    row = queries.request_by_hash(db, request_hash)
    if row is None or row.owner_id != owner_id:
        raise RequestNotFound
    if is_own(row) and row.asked["own_of"] != str(owner_id):
        raise RequestNotFound  # and so it stays unbound: raising undoes what stands above
    if row.status != "waiting":
        raise RequestAnswered(status_was=row.status)
    if row.expires_at <= clock.now():
        raise RequestExpired
    if is_new:
        _close_older(db, clock, row, owner_id)
        db.add(_entry(row, owner_id, ticket))
    return row


def is_own(row: AccessRequest) -> bool:
    """Whether an app of its owner's own asks."""
    return row.asked.get("own_of") is not None


def refuse(db: Session, clock: Clock, owner_id: UUID, ticket: str) -> AccessRequest:
    """Answer no; the row, for whoever tells the vendor."""
    row = take(db, clock, owner_id, ticket)
    close_proffer(db, clock, row, "refused")
    close(db, clock, row, "refused", None)
    return row


def close(
    db: Session, clock: Clock, row: AccessRequest, status: str, grant_id: UUID | None
) -> None:
    """Write the one answer a request gets; RequestAnswered when another was first."""
    answered = (
        update(AccessRequest)
        .where(AccessRequest.request_hash == row.request_hash, AccessRequest.status == "waiting")
        .values(status=status, grant_id=grant_id, answered_at=clock.now())
        .returning(AccessRequest.request_hash)
        .execution_options(synchronize_session=False)
    )
    if db.execute(answered).first() is None:
        raise RequestAnswered
    db.execute(
        delete(InboxEntry).where(
            InboxEntry.owner_id == row.owner_id, InboxEntry.request_hash == row.request_hash
        )
    )
    db.refresh(row)


def close_all_of(db: Session, clock: Clock, owner_id: UUID, client_id: str) -> None:
    """Close what waits of a client that the owner has ended."""
    now = clock.now()
    entries = queries.waiting_entries(db, owner_id, now)
    waiting = [entry.request_hash for entry in entries if entry.client_id == client_id]
    _expire(db, now, owner_id, waiting)


def count_waiting(db: Session, clock: Clock, owner_id: UUID) -> int:
    """How many requests wait for an answer."""
    return len(queries.waiting_entries(db, owner_id, clock.now()))


def forget_old(conn: Connection, clock: Clock) -> int:
    """Drop requests a month after they closed; the number dropped."""
    old = clock.now() - timedelta(days=30)
    conn.execute(delete(InboxEntry).where(InboxEntry.expires_at <= clock.now()))
    return conn.execute(delete(AccessRequest).where(AccessRequest.expires_at <= old)).rowcount


def _close_older(db: Session, clock: Clock, row: AccessRequest, owner_id: UUID) -> None:
    """A vendor that asks again has one request waiting for a purpose: the newest. The older ones
    close as if their time were over, since nobody answered them."""
    now, alike = clock.now(), (row.client_id, row.asked["purpose"])
    older = [
        entry.request_hash
        for entry in queries.waiting_entries(db, owner_id, now)
        if (entry.client_id, entry.purpose) == alike and entry.created_at <= row.created_at
    ]
    _expire(db, now, owner_id, older)


def _expire(db: Session, now: datetime, owner_id: UUID, hashes: Sequence[bytes]) -> None:
    if not hashes:
        return
    is_meant = AccessRequest.request_hash.in_(hashes)
    is_waiting = AccessRequest.status == "waiting"
    db.execute(update(AccessRequest).where(is_meant, is_waiting).values(expires_at=now))
    expire_proffers(db, now, owner_id, hashes)
    db.execute(
        delete(InboxEntry).where(
            InboxEntry.owner_id == owner_id, InboxEntry.request_hash.in_(hashes)
        )
    )


def _entry(row: AccessRequest, owner_id: UUID, ticket: str) -> InboxEntry:
    return InboxEntry(
        owner_id=owner_id,
        request_hash=row.request_hash,
        ticket=ticket,
        client_id=row.client_id,
        purpose=row.asked["purpose"],
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
