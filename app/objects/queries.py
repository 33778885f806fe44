"""Selects of products and objects; they never decide."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select
from sqlalchemy.orm import Session

from app.objects.models import MintReport, Object, Product, Stream, Tenure
from app.organizations.models import Organization


def product_by_gtin(db: Session, gtin: str) -> Product | None:
    return db.scalars(select(Product).where(Product.gtin == gtin)).one_or_none()


def product_by_article(db: Session, org_id: UUID, article: str) -> Product | None:
    query = select(Product).where(Product.org_id == org_id, Product.article_number == article)
    return db.scalars(query).one_or_none()


def product_of_object(conn: Connection, object_id: UUID) -> Row[UUID, str, str, str | None, str]:
    """Product columns and the maker's name, for an object that exists."""
    query = (
        select(
            Product.product_id,
            Product.name,
            Product.kind,
            Product.gtin,
            Organization.name.label("maker"),
        )
        .join(Object, Object.product_id == Product.product_id)
        .join(Organization, Organization.org_id == Product.org_id)
        .where(Object.object_id == object_id)
    )
    return conn.execute(query).one()


def stream_rows(conn: Connection, product_id: UUID) -> Sequence[Row[Any]]:
    query = select(Stream.name, Stream.title, Stream.category, Stream.kind, Stream.fields).where(
        Stream.product_id == product_id
    )
    return conn.execute(query.order_by(Stream.place)).all()


def object_of_maker(db: Session, org_id: UUID, object_id: UUID) -> Object | None:
    query = select(Object).where(Object.object_id == object_id, Object.org_id == org_id)
    return db.scalars(query).one_or_none()


def objects_of_maker(
    db: Session, org_id: UUID, product_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[Row[Object, str | None, bool]]:
    """A maker's objects in order of id, with the product's GTIN and whether a tenure is open."""
    query = _maker_view(org_id)
    if product_id is not None:
        query = query.where(Object.product_id == product_id)
    if after is not None:
        query = query.where(Object.object_id > after)
    return db.execute(query.order_by(Object.object_id).limit(limit)).all()


def maker_view(db: Session, org_id: UUID, object_id: UUID) -> Row[Object, str | None, bool] | None:
    """One of them, or None."""
    return db.execute(_maker_view(org_id).where(Object.object_id == object_id)).one_or_none()


def report_parts(db: Session, job_id: UUID, parts: range) -> Sequence[MintReport]:
    query = select(MintReport).where(
        MintReport.job_id == job_id, MintReport.part >= parts.start, MintReport.part < parts.stop
    )
    return db.scalars(query.order_by(MintReport.part)).all()


def _maker_view(org_id: UUID) -> Select[Object, str | None, bool]:
    return (
        select(Object, Product.gtin, Tenure.tenure_id.is_not(None))
        .join(Product, Product.product_id == Object.product_id)
        .outerjoin(Tenure, (Tenure.object_id == Object.object_id) & Tenure.ended_at.is_(None))
        .where(Object.org_id == org_id)
    )
