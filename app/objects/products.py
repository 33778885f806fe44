"""Registering products, and what is known of them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.ids import new_id
from app.objects import queries
from app.objects.errors import GtinInvalid, GtinOutsidePrefix, ProductExists, UnknownProduct
from app.objects.gs1 import has_prefix, normalise_gtin
from app.objects.models import Object, Product, Stream
from app.objects.spec import ProductSpec
from app.organizations.models import Organization

# Built once: building a statement costs as much as running it.
_CATEGORIES = (
    select(Stream.name, Stream.category)
    .join(Object, Object.product_id == Stream.product_id)
    .where(Object.object_id == bindparam("object_id"))
    .order_by(Stream.place)
)


@dataclass(frozen=True)
class StreamInfo:
    """A stream as readers of its records need it."""

    name: str
    title: str
    category: str
    kind: str
    fields: list[dict[str, Any]]


def register_product(db: Session, clock: Clock, org_id: UUID, spec: ProductSpec) -> Product:
    """Add a product with its streams. GtinInvalid, GtinOutsidePrefix, ProductExists."""
    organization = db.get_one(Organization, org_id)
    gtin = _check_gtin(organization, spec.gtin)
    _check_new(db, org_id, gtin, spec.article_number)
    product = Product(
        product_id=new_id(),
        org_id=org_id,
        name=spec.name,
        kind=spec.kind,
        gtin=gtin,
        article_number=spec.article_number,
        passport=spec.passport.model_dump(exclude_none=True),
        facts={},
        registered_at=clock.now(),
    )
    db.add(product)
    _flush_new(db)
    for place, stream in enumerate(spec.streams):
        db.add(
            Stream(
                product_id=product.product_id,
                name=stream.name,
                title=stream.title,
                category=stream.category,
                kind=stream.kind,
                fields=[f.model_dump(exclude_none=True) for f in stream.fields],
                facts=stream.facts.model_dump(),
                holder_copy=stream.holder_copy,
                keep_days=stream.keep_days,
                place=place,
            )
        )
    db.flush()
    return product


def get_product(db: Session, org_id: UUID, product_id: UUID) -> Product:
    """A product of this maker; UnknownProduct for anybody else's."""
    product = db.get(Product, product_id)
    if product is None or product.org_id != org_id:
        raise UnknownProduct
    return product


def list_products(
    db: Session, org_id: UUID, *, after: UUID | None = None, limit: int = 1000
) -> Sequence[Product]:
    """A maker's products in order of id, after the one named."""
    query = select(Product).where(Product.org_id == org_id)
    if after is not None:
        query = query.where(Product.product_id > after)
    return db.scalars(query.order_by(Product.product_id).limit(limit)).all()


def streams_of(db: Session, product_id: UUID) -> Sequence[Stream]:
    """A product's streams in the maker's order."""
    query = select(Stream).where(Stream.product_id == product_id).order_by(Stream.place)
    return db.scalars(query).all()


def product_of_object(db: Session, object_id: UUID) -> Product:
    """The product of an object that exists."""
    found = select(Product).join(Object, Object.product_id == Product.product_id)
    return db.scalars(found.where(Object.object_id == object_id)).one()


def stream_categories(conn: Connection, object_id: UUID) -> dict[str, str]:
    """The category of each of an object's streams, by stream name (hot path)."""
    found = conn.execute(_CATEGORIES, {"object_id": object_id})
    return {row.name: row.category for row in found}


def stream_infos(conn: Connection, product_id: UUID) -> list[StreamInfo]:
    """A product's streams in the maker's order (hot path)."""
    rows = queries.stream_rows(conn, product_id)
    return [StreamInfo(r.name, r.title, r.category, r.kind, r.fields) for r in rows]


def streams_of_object(conn: Connection, object_id: UUID) -> dict[str, StreamInfo]:
    """An object's streams by their names."""
    product = queries.product_of_object(conn, object_id)
    return {one.name: one for one in stream_infos(conn, product.product_id)}


def describe_object(conn: Connection, object_id: UUID) -> dict[str, Any]:
    """What a reader needs to understand an object's records: product, maker, streams, units."""
    product = queries.product_of_object(conn, object_id)
    return {
        "name": product.name,
        "kind": product.kind,
        "maker": product.maker,
        "gtin": product.gtin,
        "streams": [asdict(stream) for stream in stream_infos(conn, product.product_id)],
    }


def _check_gtin(organization: Organization, text: str | None) -> str | None:
    if text is None:
        return None
    gtin = normalise_gtin(text)
    if gtin is None:
        raise GtinInvalid(field="/gtin")
    if not organization.any_gtin and not has_prefix(gtin, organization.gs1_prefixes):
        raise GtinOutsidePrefix(field="/gtin")
    return gtin


def _flush_new(db: Session) -> None:
    """Two registrations at once both pass the check; the unique key lets one of them in."""
    try:
        db.flush()
    except IntegrityError as error:
        raise ProductExists from error


def _check_new(db: Session, org_id: UUID, gtin: str | None, article: str | None) -> None:
    if gtin is not None and queries.product_by_gtin(db, gtin) is not None:
        raise ProductExists(field="/gtin")
    if article is not None and queries.product_by_article(db, org_id, article) is not None:
        raise ProductExists(field="/article_number")
