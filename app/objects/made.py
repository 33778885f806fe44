"""What a maker sees of the objects it made: whether they record, never for whom."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.objects import queries
from app.objects.errors import UnknownObject
from app.objects.links import did, digital_link
from app.objects.models import Object


@dataclass(frozen=True)
class Made:
    """An object in its maker's eyes. `is_recording` says that it has an owner, not which."""

    object_id: UUID
    product_id: UUID
    serial: str
    did: str
    digital_link: str
    minted_at: datetime
    is_recording: bool


def list_made(
    db: Session,
    org_id: UUID,
    origin: str,
    *,
    product_id: UUID | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Made]:
    """A maker's objects in order of id."""
    rows = queries.objects_of_maker(db, org_id, product_id, after, limit)
    return [_made(row, origin) for row in rows]


def get_made(db: Session, org_id: UUID, object_id: UUID, origin: str) -> Made:
    """One object of this maker; UnknownObject for anybody else's."""
    row = queries.maker_view(db, org_id, object_id)
    if row is None:
        raise UnknownObject
    return _made(row, origin)


def _made(row: Row[Object, str | None, bool], origin: str) -> Made:
    found, gtin, is_recording = row
    return Made(
        object_id=found.object_id,
        product_id=found.product_id,
        serial=found.serial,
        did=did(origin, found.object_id),
        digital_link=digital_link(origin, gtin, found.serial, found.object_id),
        minted_at=found.minted_at,
        is_recording=is_recording,
    )
