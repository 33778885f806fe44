"""What an owner is asked, and was asked lately, as terms measure it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.consent import queries
from app.consent.asked import Wish, wishes_of
from app.consent.models import AccessRequest
from app.consent.requests import is_own
from app.terms.ceilings import Asked, Frequency

_LOOKED_THROUGH = 5  # times as many, as requests of own apps are passed over


@dataclass(frozen=True)
class PastRequest:
    """A request of a vendor's that the owner has opened, and what it asked of each kind of data,
    measured from when it was made."""

    client_name: str
    purpose_title: str
    at: datetime
    asked: tuple[Asked, ...]


def last_requests(db: Session, owner_id: UUID, limit: int, longest: timedelta) -> list[PastRequest]:
    """The last of them, newest first; those of the owner's own apps are not among them. One that
    names no end asks for as long as a permission may last at all, which is `longest`."""
    rows = queries.opened_requests(db, owner_id, limit * _LOOKED_THROUGH)
    foreign = [row for row in rows if not is_own(row)][:limit]
    return [
        PastRequest(
            row.asked["client_name"],
            row.asked["purpose_title"],
            row.created_at,
            tuple(_asked(row, longest)),
        )
        for row in foreign
    ]


def measured(wish: Wish, category: str, purpose: str, at: datetime, longest: timedelta) -> Asked:
    """One kind of data of a wish that was made at a time, as limits measure it."""
    return Asked(
        category,
        purpose,
        at,
        # Limits know no summary: it tells nothing finer than the stretches that it is made of.
        precision=wish.precision.stretch,
        place=wish.precision.place,
        window_from=wish.window_from,
        until=wish.until or at + longest,
        count=wish.limits.count if wish.limits else None,
        frequency=_frequency(wish),
    )


def _asked(row: AccessRequest, longest: timedelta) -> Iterator[Asked]:
    purpose, at = row.asked["purpose"], row.created_at
    for wish in wishes_of(row.asked):
        for category in sorted(wish.categories):
            yield measured(wish, category, purpose, at, longest)


def _frequency(wish: Wish) -> Frequency | None:
    told = wish.limits.frequency if wish.limits else None
    if told is None:
        return None
    return Frequency.model_validate({"count": told.count, "per": told.per})
