"""Who has which object, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Select, bindparam, select
from sqlalchemy.orm import Session

from app.kit.errors import NotFound
from app.objects.models import Holding, Object, Product, Tenure
from app.organizations.models import Organization

# Built once: building a statement costs as much as running it.
_OPEN = select(Tenure.tenure_id, Tenure.owner_id, Tenure.starts_at).where(
    Tenure.object_id == bindparam("object_id"), Tenure.ended_at.is_(None)
)
_MINE_EVER = select(Holding.tenure_id, Holding.object_id, Holding.name).where(
    Holding.owner_id == bindparam("owner_id")
)
_MINE_NOW = _MINE_EVER.where(Holding.ended_at.is_(None))
_THINGS = (
    select(
        Object.object_id,
        Tenure.tenure_id,
        Product.product_id,
        Product.name.label("product_name"),
        Product.kind.label("product_kind"),
        Product.gtin,
        Organization.name.label("maker"),
        Object.serial,
        Tenure.used_by,
        Tenure.starts_at,
        Tenure.claimed_at,
    )
    .join(Tenure, Tenure.object_id == Object.object_id)
    .join(Product, Product.product_id == Object.product_id)
    .join(Organization, Organization.org_id == Product.org_id)
    .where(
        Object.object_id.in_(bindparam("objects", expanding=True)),
        Tenure.owner_id == bindparam("owner_id"),
        Tenure.tenure_id.in_(bindparam("tenures", expanding=True)),
    )
    .order_by(Tenure.claimed_at.desc(), Object.object_id)
)


@dataclass(frozen=True)
class Held:
    """An object in its owner's hands. `starts_at` is when its log may begin."""

    object_id: UUID
    tenure_id: UUID
    product_id: UUID
    name: str
    product_name: str
    product_kind: str
    gtin: str | None
    maker: str
    serial: str
    used_by: str
    starts_at: datetime
    claimed_at: datetime


@dataclass(frozen=True)
class OpenTenure:
    """The present tenure of an object (hot path)."""

    object_id: UUID
    tenure_id: UUID
    owner_id: UUID
    starts_at: datetime


def held_objects(db: Session | Connection, owner_id: UUID) -> Sequence[Held]:
    """What an owner holds now, the newest first."""
    return _held(db, owner_id, _MINE_NOW)


def all_held(db: Session | Connection, owner_id: UUID) -> Sequence[Held]:
    """What an owner holds or has held, for the names in their history."""
    return _held(db, owner_id, _MINE_EVER)


def _held(
    db: Session | Connection, owner_id: UUID, mine: Select[UUID, UUID, str]
) -> Sequence[Held]:
    """Two reads, because no join crosses families: the owner's side, then the objects'."""
    holdings = {row.tenure_id: row for row in db.execute(mine, {"owner_id": owner_id})}
    if not holdings:
        return []
    objects = {row.object_id for row in holdings.values()}
    values = {"owner_id": owner_id, "objects": list(objects), "tenures": list(holdings)}
    found = db.execute(_THINGS, values)
    return [Held(name=holdings[row.tenure_id].name, **row._mapping) for row in found]


def get_held(db: Session | Connection, owner_id: UUID, object_id: UUID) -> Held:
    """One object of this owner; NotFound for anybody else's."""
    for held in held_objects(db, owner_id):
        if held.object_id == object_id:
            return held
    raise NotFound


def lock_object(db: Connection | Session, object_id: UUID) -> None:
    """Hold the object until the transaction ends: who changes its owner or codes comes alone.

    On SQLite every writer is alone already.
    """
    row = select(Object.object_id).where(Object.object_id == object_id)
    db.execute(row.with_for_update(key_share=True))


def find_open_tenure(conn: Connection | Session, object_id: UUID) -> OpenTenure | None:
    """Whose an object is now, or None where it is unclaimed or unknown."""
    row = conn.execute(_OPEN, {"object_id": object_id}).one_or_none()
    return row and OpenTenure(object_id, row.tenure_id, row.owner_id, row.starts_at)
