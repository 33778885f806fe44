"""The claim: whoever holds an object's code, or its maker's ticket, becomes its owner."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.ids import new_id
from app.objects.claim_codes import hash_code
from app.objects.models import ClaimCode, Holding, Object, Product, Tenure, UsedTicket
from app.objects.tenures import find_open_tenure, lock_object
from app.objects.tickets import Ticket
from app.ownership.errors import (
    AlreadyOwned,
    ClaimCodeExpired,
    ClaimCodeUnknown,
    ClaimCodeUsed,
    StartOutside,
)

USED_BY = ("me", "household", "child", "staff")


@dataclass(frozen=True)
class Wish:
    """What the page asks at the claim: who uses the object, and since when.

    `asked_at` is when the start was chosen, so that a start which was allowed then still is when
    the claim has its turn; None is now.
    """

    used_by: str
    starts_at: datetime
    name: str = ""
    asked_at: datetime | None = None


def look_up(db: Session, clock: Clock, code: str) -> UUID:
    """The object a code would claim now, without using it.

    ClaimCodeUnknown, ClaimCodeUsed and ClaimCodeExpired all cost the same one lookup.
    """
    row = db.get(ClaimCode, hash_code(code))
    if row is None:
        raise ClaimCodeUnknown
    if row.used_at is not None:
        raise ClaimCodeUsed
    if row.expires_at <= clock.now():
        raise ClaimCodeExpired
    return row.object_id


def object_of_code(db: Session, code: str) -> UUID | None:
    """The object a code stands for, used or not; for whoever held the code already."""
    row = db.get(ClaimCode, hash_code(code))
    return row.object_id if row else None


def claim(
    db: Session, clock: Clock, owner_id: UUID, code: str, wish: Wish, backfill_days: int
) -> Tenure:
    """Make `owner_id` the owner of the object whose code this is; of several at once one wins."""
    object_id = look_up(db, clock, code)
    lock_object(db, object_id)
    _check_start(db, clock, object_id, wish, backfill_days)
    used = (
        update(ClaimCode)
        .where(ClaimCode.code_hash == hash_code(code), ClaimCode.used_at.is_(None))
        .values(used_at=clock.now())
        .returning(ClaimCode.object_id)
        .execution_options(synchronize_session=False)
    )
    if db.execute(used).first() is None:
        raise ClaimCodeUsed
    return _begin(db, clock, owner_id, object_id, wish)


def claim_with_ticket(
    db: Session, clock: Clock, owner_id: UUID, ticket: Ticket, wish: Wish, backfill_days: int
) -> Tenure:
    """The same for a maker's signed ticket, which works once; all codes of the object die.

    A ticket made before an earlier owner's time ended is as dead as that owner's code.
    """
    lock_object(db, ticket.object_id)
    _check_start(db, clock, ticket.object_id, wish, backfill_days)
    ended = _last_end(db, ticket.object_id)
    is_old = ended is not None and ticket.issued_at <= ended
    if is_old or db.get(UsedTicket, ticket.ticket_hash) is not None:
        raise ClaimCodeUsed("This ticket has been used.")
    db.add(UsedTicket(ticket_hash=ticket.ticket_hash, expires_at=ticket.expires_at))
    tenure = _begin(db, clock, owner_id, ticket.object_id, wish)
    db.execute(
        update(ClaimCode)
        .where(ClaimCode.object_id == ticket.object_id, ClaimCode.used_at.is_(None))
        .values(used_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return tenure


def earliest_start(db: Session, now: datetime, object_id: UUID, backfill_days: int) -> datetime:
    """How far back a tenure that is claimed at `now` may start: never before an earlier one's
    end."""
    ended = _last_end(db, object_id)
    back = now - timedelta(days=backfill_days)
    return back if ended is None else max(ended, back)


def _last_end(db: Session, object_id: UUID) -> datetime | None:
    last = select(func.max(Tenure.ended_at)).where(Tenure.object_id == object_id)
    ended: datetime | None = db.execute(last).scalar_one_or_none()
    return ended


def _check_start(
    db: Session, clock: Clock, object_id: UUID, wish: Wish, backfill_days: int
) -> None:
    asked_at = wish.asked_at or clock.now()
    earliest = earliest_start(db, asked_at, object_id, backfill_days)
    if not earliest <= wish.starts_at <= asked_at:
        raise StartOutside


def _begin(db: Session, clock: Clock, owner_id: UUID, object_id: UUID, wish: Wish) -> Tenure:
    if find_open_tenure(db, object_id) is not None:
        raise AlreadyOwned
    now = clock.now()
    tenure = Tenure(
        object_id=object_id,
        tenure_id=new_id(),
        owner_id=owner_id,
        used_by=wish.used_by,
        starts_at=wish.starts_at,
        claimed_at=now,
    )
    db.add(tenure)
    try:
        db.flush()
    except IntegrityError as error:
        raise AlreadyOwned from error
    name = db.execute(
        select(Product.name)
        .join(Object, Object.product_id == Product.product_id)
        .where(Object.object_id == object_id)
    ).scalar_one()
    db.add(
        Holding(
            owner_id=owner_id,
            object_id=object_id,
            tenure_id=tenure.tenure_id,
            name=(wish.name or name)[:100],
            since=wish.starts_at,
        )
    )
    db.flush()
    return tenure
