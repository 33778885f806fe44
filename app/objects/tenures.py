"""Who has which object, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from app.kit.errors import NotFound
from app.objects.models import Holding, Object, Product, Tenure
from app.organizations.models import Organization


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
    """What an owner holds now, the newest first. Two reads: the owner's side, then the objects'."""
    mine = select(Holding.object_id, Holding.tenure_id, Holding.name).where(
        Holding.owner_id == owner_id, Holding.ended_at.is_(None)
    )
    names = {row.object_id: (row.tenure_id, row.name) for row in db.execute(mine)}
    if not names:
        return []
    found = select(
        Object.object_id,
        Object.serial,
        Tenure.tenure_id,
        Tenure.used_by,
        Tenure.starts_at,
        Tenure.claimed_at,
        Product.product_id,
        Product.name,
        Product.kind,
        Product.gtin,
        Organization.name,
    )
    joined = (
        found.join(Tenure, Tenure.object_id == Object.object_id)
        .join(Product, Product.product_id == Object.product_id)
        .join(Organization, Organization.org_id == Product.org_id)
        .where(Object.object_id.in_(names), Tenure.owner_id == owner_id, Tenure.ended_at.is_(None))
        .order_by(Tenure.claimed_at.desc(), Object.object_id)
    )
    return [
        Held(
            object_id=object_id,
            tenure_id=tenure_id,
            product_id=product_id,
            name=names[object_id][1],
            product_name=product_name,
            product_kind=kind,
            gtin=gtin,
            maker=maker,
            serial=serial,
            used_by=used_by,
            starts_at=starts_at,
            claimed_at=claimed_at,
        )
        for (
            object_id,
            serial,
            tenure_id,
            used_by,
            starts_at,
            claimed_at,
            product_id,
            product_name,
            kind,
            gtin,
            maker,
        ) in db.execute(joined)
    ]


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
    query = select(Tenure.tenure_id, Tenure.owner_id, Tenure.starts_at).where(
        Tenure.object_id == object_id, Tenure.ended_at.is_(None)
    )
    row = conn.execute(query).one_or_none()
    return row and OpenTenure(object_id, row.tenure_id, row.owner_id, row.starts_at)
