"""What an owner decides of an object's recording: pauses, and how long records are kept.

Both stand in the tenure's row, which taking records in locks, so they hold from the next call on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.errors import NotFound
from app.objects.errors import KeepTooLong, TooManyPauses, UnknownStreamName
from app.objects.models import Object, Stream, Tenure

ALL = "*"
_MOST_PAUSES = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Pause:
    """When an owner wanted nothing recorded of a stream (None: of the object); `to` is None while
    it lasts."""

    stream: str | None
    from_: datetime
    to: datetime | None


def pause(db: Session, clock: Clock, owner_id: UUID, object_id: UUID, stream: str | None) -> None:
    """Record nothing of the object, or of one stream, until it is resumed. What is paused stays
    paused. NotFound for another's object, UnknownStreamName, TooManyPauses."""
    tenure = _lock(db, owner_id, object_id)
    name = _check_stream(db, tenure, stream)
    pauses = list(tenure.pauses or [])
    if any(one[0] == name and one[2] is None for one in pauses):
        return
    if len(pauses) >= _MOST_PAUSES:
        raise TooManyPauses
    tenure.pauses = [*pauses, [name, _micros(clock.now()), None]]


def resume(db: Session, clock: Clock, owner_id: UUID, object_id: UUID, stream: str | None) -> None:
    """Record again. What happened during the pause stays unwanted. Without a stream every pause of
    the object ends; else the stream's own. NotFound for another's object."""
    tenure = _lock(db, owner_id, object_id)
    name = _check_stream(db, tenure, stream)
    now = _micros(clock.now())
    tenure.pauses = [
        [one, start, now if end is None and name in (ALL, one) else end]
        for one, start, end in tenure.pauses or []
    ]


def pauses_of(tenure_pauses: Sequence[Sequence[object]] | None) -> list[Pause]:
    """The pauses of a tenure, the newest first."""
    found = [
        Pause(
            None if name == ALL else str(name),
            _EPOCH + int(str(start)) * _MICROSECOND,
            None if end is None else _EPOCH + int(str(end)) * _MICROSECOND,
        )
        for name, start, end in tenure_pauses or []
    ]
    return sorted(found, key=lambda one: one.from_, reverse=True)


def choose_keep_days(
    db: Session, owner_id: UUID, object_id: UUID, stream: str, days: int | None
) -> Tenure:
    """Keep a stream's records for so many days; None for as long as the product says. KeepTooLong
    where the product keeps them shorter. The caller sets when the oldest record expires."""
    tenure = _lock(db, owner_id, object_id)
    _check_stream(db, tenure, stream)
    by_product = db.execute(_streams(tenure).where(Stream.name == stream)).one().keep_days
    if days is not None and by_product is not None and days > by_product:
        raise KeepTooLong(f"The maker lets this be kept for {by_product} days at most.")
    chosen = {name: one for name, one in (tenure.keep_days or {}).items() if name != stream}
    tenure.keep_days = chosen | ({} if days is None else {stream: days})
    return tenure


def _lock(db: Session, owner_id: UUID, object_id: UUID) -> Tenure:
    query = select(Tenure).where(
        Tenure.object_id == object_id, Tenure.owner_id == owner_id, Tenure.ended_at.is_(None)
    )
    found = db.scalars(query.with_for_update(key_share=True)).one_or_none()
    if found is None:
        raise NotFound
    return found


def _check_stream(db: Session, tenure: Tenure, stream: str | None) -> str:
    if stream is None:
        return ALL
    if db.execute(_streams(tenure).where(Stream.name == stream)).first() is None:
        raise UnknownStreamName(f"The object has no stream {stream[:40]!r}.", field="/stream")
    return stream


def _streams(tenure: Tenure) -> Select[str, int | None]:
    return (
        select(Stream.name, Stream.keep_days)
        .join(Object, Object.product_id == Stream.product_id)
        .where(Object.object_id == tenure.object_id)
    )


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND
