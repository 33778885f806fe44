"""What happened to an owner's account and permissions, for the owner's own eyes (owner family).

An event names who was involved as they were called then: a client may be renamed, or be gone.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, insert, or_, select
from sqlalchemy.orm import Session

from app.accounts.models import SecurityEvent
from app.kit.ids import new_id

KINDS = (
    "token-reused",
    "new-client",
    "grant-given",
    "grant-changed",
    "grant-kept",
    "grant-paused",
    "grant-resumed",
    "grant-revoked",
    "grant-ended",
    "grant-superseded",
    "grant-expired",
    "erasure-ordered",
    "erasure-erased",
    "erasure-kept",
    "terms-changed",
    "request-unasked",
    "app-registered",
    "app-ended",
    "key-made",
    "key-ended",
    "passkey-added",
    "passkey-removed",
    "email-changed",
    "recovery-codes-made",
    "recovery-code-used",
)

Position = tuple[datetime, UUID]


def note_event(
    db: Session | Connection,
    owner_id: UUID,
    at: datetime,
    kind: str,
    name: str = "",
    *,
    client_id: str | None = None,
    grant_id: UUID | None = None,
) -> None:
    """Write an event in the transaction of what happened. `name` is that of the client, the key or
    the passkey."""
    if kind not in KINDS:
        raise ValueError(f"no kind of event: {kind}")
    row = {
        "owner_id": owner_id,
        "event_id": new_id(),
        "at": at,
        "kind": kind,
        "name": name,
        "client_id": client_id,
        "grant_id": grant_id,
    }
    db.execute(insert(SecurityEvent), [row])


def list_events(
    db: Session,
    owner_id: UUID,
    *,
    before: Position | None,
    limit: int,
    grants: Collection[UUID] | None = None,
) -> Sequence[SecurityEvent]:
    """The owner's events, newest first, after the keyset position `before`; with `grants` only what
    became of these."""
    query = select(SecurityEvent).where(SecurityEvent.owner_id == owner_id)
    if grants is not None:
        query = query.where(SecurityEvent.grant_id.in_(grants))
    if before is not None:
        at, event_id = before
        same = and_(SecurityEvent.at == at, SecurityEvent.event_id < event_id)
        query = query.where(or_(SecurityEvent.at < at, same))
    order = (SecurityEvent.at.desc(), SecurityEvent.event_id.desc())
    return db.scalars(query.order_by(*order).limit(limit)).all()


def write_position(row: SecurityEvent) -> list[Any]:
    """Where a page that ends with this row ends, as JSON for a cursor."""
    return [row.at.isoformat(), str(row.event_id)]


def read_position(position: Any) -> Position:
    """The inverse of `write_position`; a cursor is sealed, so it holds nothing else."""
    at, event_id = position
    return datetime.fromisoformat(at), UUID(event_id)
