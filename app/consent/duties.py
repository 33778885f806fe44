"""What a vendor owes when a grant has ended: to erase what it read (EU Data Act, article 6(1);
GDPR, article 17), and to say so. Its owner may order that it be soon (Data Act, article 11(3)).

Nothing is owed where nothing was read, nor by an app of the owner's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, func, insert, or_, select
from sqlalchemy.orm import Session

from app.accesses.history import reads_of_grant
from app.accounts.security_log import note_event
from app.consent.errors import DutyAnswered, DutyNotFound, StatementMissing
from app.consent.models import ErasureDuty
from app.kit.clock import Clock
from app.organizations.clients import is_owners_own
from app.organizations.models import Client

WITHIN = timedelta(days=30)
ORDERED_WITHIN = timedelta(days=7)
ANSWERS = ("erased", "kept")

Position = tuple[datetime, UUID]


@dataclass(frozen=True)
class Owed:
    """How a duty stands: open, overdue, or answered with erased or kept."""

    grant_id: UUID
    client_id: str
    state: str
    asked_at: datetime
    due_at: datetime
    is_ordered: bool
    statement: str
    answered_at: datetime | None


def ask(
    db: Session | Connection, owner_id: UUID, grant_id: UUID, client_id: str, at: datetime
) -> None:
    """Ask a vendor to erase what it read under a grant that ended at this time."""
    if is_owners_own(db, client_id) or not reads_of_grant(db, owner_id, grant_id).records:
        return
    row = {
        "grant_id": grant_id,
        "client_id": client_id,
        "owner_id": owner_id,
        "asked_at": at,
        "due_at": at + WITHIN,
        "is_ordered": False,
        "statement": "",
    }
    db.execute(insert(ErasureDuty), [row])


def order(db: Session, clock: Clock, owner_id: UUID, grant_id: UUID) -> datetime:
    """Order a vendor to cease and to erase within a week; now. Ordering twice changes nothing.
    DutyNotFound where nothing is owed, DutyAnswered where it says that it has erased."""
    duty = db.get(ErasureDuty, grant_id, with_for_update=True)
    if duty is None or duty.owner_id != owner_id:
        raise DutyNotFound
    if duty.answer == "erased":
        raise DutyAnswered
    now = clock.now()
    if not duty.is_ordered:
        duty.is_ordered, duty.due_at = True, min(duty.due_at, now + ORDERED_WITHIN)
        _note(db, duty, now, "ordered")
    return now


def answer(
    db: Session, clock: Clock, client_id: str, grant_id: UUID, said: str, statement: str
) -> Owed:
    """What a vendor says of its duty: `erased`, or `kept` with the law that it names. What was kept
    may be erased later. DutyNotFound for another's, DutyAnswered, StatementMissing."""
    duty = db.get(ErasureDuty, grant_id, with_for_update=True)
    if duty is None or duty.client_id != client_id:
        raise DutyNotFound
    if duty.answer == "erased" or duty.answer == said:
        raise DutyAnswered
    if said == "kept" and not statement.strip():
        raise StatementMissing(field="/statement")
    now = clock.now()
    duty.answer, duty.statement, duty.answered_at = said, statement.strip(), now
    _note(db, duty, now, said)
    return _owed(duty, now)


def duty_of(db: Session, clock: Clock, owner_id: UUID, grant_id: UUID) -> Owed | None:
    """What is owed under a grant of this owner; None where nothing is."""
    duty = db.get(ErasureDuty, grant_id)
    return _owed(duty, clock.now()) if duty is not None and duty.owner_id == owner_id else None


def list_duties(
    db: Session,
    clock: Clock,
    client_id: str,
    *,
    is_answered: bool,
    after: Position | None,
    limit: int,
) -> Sequence[Owed]:
    """A client's duties, those that are due first, after the keyset position `after`."""
    query = select(ErasureDuty).where(
        ErasureDuty.client_id == client_id, ErasureDuty.answer.is_not(None) == is_answered
    )
    if after is not None:
        due_at, grant_id = after
        same = (ErasureDuty.due_at == due_at) & (ErasureDuty.grant_id > grant_id)
        query = query.where(or_(ErasureDuty.due_at > due_at, same))
    rows = db.scalars(query.order_by(ErasureDuty.due_at, ErasureDuty.grant_id).limit(limit))
    return [_owed(row, clock.now()) for row in rows]


def count_overdue(db: Session | Connection, clock: Clock, client_id: str) -> int:
    """To how many requests to erase a vendor has given no answer in time, whoever made them."""
    query = select(func.count()).where(
        ErasureDuty.client_id == client_id,
        ErasureDuty.answer.is_(None),
        ErasureDuty.due_at <= clock.now(),
    )
    return int(db.execute(query).scalar_one())


def _note(db: Session, duty: ErasureDuty, at: datetime, what: str) -> None:
    """Into the owner's security log."""
    client_id, name = duty.client_id, db.get_one(Client, duty.client_id).name
    kind, grant_id = f"erasure-{what}", duty.grant_id
    note_event(db, duty.owner_id, at, kind, name, client_id=client_id, grant_id=grant_id)


def _owed(duty: ErasureDuty, now: datetime) -> Owed:
    waits = "overdue" if duty.due_at <= now else "open"
    return Owed(
        duty.grant_id,
        duty.client_id,
        duty.answer or waits,
        duty.asked_at,
        duty.due_at,
        duty.is_ordered,
        duty.statement,
        duty.answered_at,
    )
