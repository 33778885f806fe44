"""Selects of requests and grants; they never decide."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from app.consent.decide import Detail, GrantState
from app.consent.lifecycle import LIVE
from app.consent.models import (
    AccessRequest,
    Grant,
    GrantDetail,
    GrantEvent,
    GrantPlace,
    InboxEntry,
    Pseudonym,
)
from app.kit.db import take_turn
from app.kit.prepared import Prepared, run_together

# Built once: building a statement costs as much as running it.
_PSEUDONYM = select(Pseudonym.__table__).where(Pseudonym.pseudonym == bindparam("pseudonym"))
_GRANT = select(
    Grant.status, Grant.version, Grant.until, Grant.agreement, Grant.agreement_hash
).where(Grant.owner_id == bindparam("owner_id"), Grant.grant_id == bindparam("grant_id"))
_PLACE = Prepared(select(GrantPlace.__table__).where(GrantPlace.grant_id == bindparam("grant_id")))
_LOCKED_GRANT = _GRANT.with_for_update(read=True)
_DETAILS = (
    select(*(GrantDetail.__table__.c[name] for name in Detail.__dataclass_fields__))
    .where(
        GrantDetail.owner_id == bindparam("owner_id"),
        GrantDetail.grant_id == bindparam("grant_id"),
        GrantDetail.version == bindparam("version"),
    )
    .order_by(GrantDetail.object_id, GrantDetail.category)
)

_PRESENT, _PRESENT_DETAILS = Prepared(_GRANT), Prepared(_DETAILS)
_EVENTS = Prepared(
    select(GrantEvent.version, GrantEvent.at, GrantEvent.what)
    .where(
        GrantEvent.owner_id == bindparam("owner_id"),
        GrantEvent.grant_id == bindparam("grant_id"),
        GrantEvent.at > bindparam("since"),
        GrantEvent.at <= bindparam("until"),
    )
    .order_by(GrantEvent.version)
)


def request_by_hash(db: Session, request_hash: bytes) -> AccessRequest | None:
    return db.get(AccessRequest, request_hash)


def answered_requests(db: Session, owner_id: UUID, limit: int) -> Sequence[AccessRequest]:
    """Found by the bound owner, which is indexed for this page alone."""
    query = select(AccessRequest).where(
        AccessRequest.owner_id == owner_id, AccessRequest.status != "waiting"
    )
    return db.scalars(query.order_by(AccessRequest.answered_at.desc()).limit(limit)).all()


def opened_requests(db: Session, owner_id: UUID, limit: int) -> Sequence[AccessRequest]:
    """What an owner was asked, answered or not, newest first."""
    query = select(AccessRequest).where(AccessRequest.owner_id == owner_id)
    order = (AccessRequest.created_at.desc(), AccessRequest.request_hash)
    return db.scalars(query.order_by(*order).limit(limit)).all()


def waiting_entries(db: Session, owner_id: UUID, now: datetime) -> Sequence[InboxEntry]:
    """The owner's inbox, newest first, without what has closed by itself."""
    query = (
        select(InboxEntry)
        .where(InboxEntry.owner_id == owner_id, InboxEntry.expires_at > now)
        .order_by(InboxEntry.created_at.desc())
    )
    return db.scalars(query).all()


def grant_by_id(db: Session, owner_id: UUID, grant_id: UUID) -> Grant | None:
    return db.get(Grant, (owner_id, grant_id))


def grants_of(db: Session, owner_id: UUID) -> Sequence[Grant]:
    query = select(Grant).where(Grant.owner_id == owner_id)
    return db.scalars(query.order_by(Grant.created_at.desc(), Grant.grant_id)).all()


def has_had_grant(db: Session, owner_id: UUID, client_id: str) -> bool:
    """Whether an owner ever gave this client anything."""
    query = select(Grant.grant_id).where(Grant.owner_id == owner_id, Grant.client_id == client_id)
    return db.scalars(query.limit(1)).first() is not None


def active_grants_like(
    db: Session, owner_id: UUID, client_id: str, purpose: str
) -> Sequence[Grant]:
    """Grants that a new one of the same vendor and purpose takes the place of."""
    query = select(Grant).where(
        Grant.owner_id == owner_id,
        Grant.client_id == client_id,
        Grant.purpose == purpose,
        Grant.status.in_(LIVE),
    )
    return db.scalars(query).all()


def details_of(db: Session, owner_id: UUID, grant_id: UUID, version: int) -> Sequence[GrantDetail]:
    query = select(GrantDetail).where(
        GrantDetail.owner_id == owner_id,
        GrantDetail.grant_id == grant_id,
        GrantDetail.version == version,
    )
    return db.scalars(query.order_by(GrantDetail.object_id, GrantDetail.category)).all()


def details_of_object(db: Session, owner_id: UUID, object_id: UUID) -> Sequence[GrantDetail]:
    query = select(GrantDetail).where(
        GrantDetail.owner_id == owner_id, GrantDetail.object_id == object_id
    )
    return db.scalars(query).all()


def events_of(db: Session, owner_id: UUID, grant_id: UUID) -> Sequence[GrantEvent]:
    query = select(GrantEvent).where(
        GrantEvent.owner_id == owner_id, GrantEvent.grant_id == grant_id
    )
    return db.scalars(query.order_by(GrantEvent.version)).all()


def events_between(
    conn: Connection, ids: Sequence[tuple[UUID, UUID]], since: datetime, until: datetime
) -> list[list[Any]]:
    """Of each (owner, grant) its events with since < at <= until: rows (version, at, what)."""
    times = {"since": since, "until": until}
    some = [(_EVENTS, {"owner_id": owner, "grant_id": grant, **times}) for owner, grant in ids]
    return run_together(conn, some) if some else []


def load_grants(conn: Connection, ids: Sequence[tuple[UUID, UUID]]) -> list[GrantState | None]:
    """Each of (owner, grant) with its present details, None where there is none."""
    keys = [{"owner_id": owner, "grant_id": grant} for owner, grant in ids]
    found = run_together(conn, [(_PRESENT, key) for key in keys]) if keys else []
    rows = [(key, *some) for key, some in zip(keys, found, strict=True) if some]
    asked: list[Any] = [(_PRESENT_DETAILS, {**key, "version": row.version}) for key, row in rows]
    details = run_together(conn, asked) if asked else []
    states = {
        key["grant_id"]: _state(key["grant_id"], row, some)
        for (key, row), some in zip(rows, details, strict=True)
    }
    return [states.get(grant) for _, grant in ids]


def pseudonym_of(db: Session, owner_id: UUID, org_id: UUID, tenure_id: UUID) -> UUID | None:
    """The id by which a vendor already knows a tenure's object."""
    query = (
        select(GrantDetail.pseudonym)
        .join(
            Grant,
            (Grant.owner_id == GrantDetail.owner_id) & (Grant.grant_id == GrantDetail.grant_id),
        )
        .where(
            GrantDetail.owner_id == owner_id,
            Grant.org_id == org_id,
            GrantDetail.tenure_id == tenure_id,
        )
        .limit(1)
    )
    return db.execute(query).scalar_one_or_none()


def own_pseudonym(db: Session, owner_id: UUID, org_id: UUID, pseudonym: UUID) -> Pseudonym | None:
    """A vendor's id of one of an owner's objects."""
    found = db.get(Pseudonym, pseudonym)
    is_own = found is not None and (found.owner_id, found.org_id) == (owner_id, org_id)
    return found if is_own else None


def place_of(conn: Connection, grant_id: UUID) -> Any | None:
    """Whose a grant is: a row (grant_id, client_id, owner_id)."""
    return _PLACE.one(conn, {"grant_id": grant_id})


def places_of_client(
    conn: Connection, client_id: str, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Where a client's grants are, in the order of their ids."""
    query = select(GrantPlace.grant_id, GrantPlace.owner_id).where(
        GrantPlace.client_id == client_id
    )
    if after is not None:
        query = query.where(GrantPlace.grant_id > after)
    return conn.execute(query.order_by(GrantPlace.grant_id).limit(limit)).all()


def find_pseudonym(conn: Connection, pseudonym: UUID) -> Pseudonym | None:
    """Whose object a vendor's id stands for, as a row (hot path)."""
    row: Any = conn.execute(_PSEUDONYM, {"pseudonym": pseudonym}).one_or_none()
    found: Pseudonym | None = row  # it has the columns' names
    return found


def load_grant(
    conn: Connection, owner_id: UUID, grant_id: UUID, *, lock: bool = False
) -> GrantState | None:
    """A grant with its present details (hot path); `lock` holds it FOR SHARE until the commit,
    behind whoever waits to change it."""
    ids = {"owner_id": owner_id, "grant_id": grant_id}
    if lock:
        take_turn(conn, grant_id, is_shared=True)
    row = conn.execute(_LOCKED_GRANT if lock else _GRANT, ids).one_or_none()
    if row is None:
        return None
    return _state(grant_id, row, conn.execute(_DETAILS, ids | {"version": row.version}))


def _state(grant_id: UUID, row: Any, details: Iterable[Any]) -> GrantState:
    found = [Detail(*one) for one in details]
    held = (row.agreement, row.agreement_hash)
    return GrantState(grant_id, row.version, row.status, row.until, found, *held)
