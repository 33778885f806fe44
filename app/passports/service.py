"""Public views of products and objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit.errors import NotFound
from app.objects.device_keys import DeviceKey, keys_at
from app.objects.gs1 import normalise_gtin
from app.objects.links import did, digital_link
from app.objects.models import Object, Product, Stream
from app.objects.products import streams_of
from app.organizations.models import Organization


@dataclass(frozen=True)
class ProductPage:
    """A product, its maker and its streams with the facts told before a sale."""

    product: Product
    maker: Organization
    streams: Sequence[Stream]


@dataclass(frozen=True)
class Passport:
    """One object: its product's page, its own serial and addresses."""

    object_id: UUID
    serial: str
    did: str
    digital_link: str
    page: ProductPage


def product_page(db: Session, product_id: UUID) -> ProductPage:
    """A product's public page, or NotFound."""
    product = db.get(Product, product_id)
    if product is None:
        raise NotFound
    maker = db.get_one(Organization, product.org_id)
    return ProductPage(product, maker, streams_of(db, product_id))


def product_by_gtin(db: Session, text: str) -> ProductPage:
    """The same by GTIN in any of its lengths."""
    gtin = normalise_gtin(text)
    if gtin is None:  # and never the products that have no GTIN
        raise NotFound
    product = db.scalars(select(Product).where(Product.gtin == gtin)).one_or_none()
    if product is None:
        raise NotFound
    return product_page(db, product.product_id)


def passport_of(db: Session, object_id: UUID, origin: str) -> Passport:
    """An object's passport by its id, or NotFound."""
    found = db.get(Object, object_id)
    if found is None:
        raise NotFound
    return _passport(db, found, origin)


def passport_by_link(db: Session, gtin: str, serial: str, origin: str) -> Passport:
    """An object's passport by its GS1 Digital Link (AI 01 and 21), or NotFound."""
    page = product_by_gtin(db, gtin)
    query = select(Object).where(
        Object.product_id == page.product.product_id, Object.serial == serial
    )
    found = db.scalars(query).one_or_none()
    if found is None:
        raise NotFound
    return _passport(db, found, origin)


def did_document_at(db: Session, now: datetime, object_id: UUID, origin: str) -> dict[str, Any]:
    """The DID document of an object with the keys that count at `now`, or NotFound."""
    passport = passport_of(db, object_id, origin)
    keys = keys_at(db.connection(), [object_id], now)
    return did_document(passport, keys.get(object_id, []))


def did_document(passport: Passport, keys: Sequence[DeviceKey]) -> dict[str, Any]:
    """The object's DID document (DID Core §5): where its passport is, and the keys with which it
    says something itself (§5.3.2), as JsonWebKey (Controlled Identifiers §2.2.3)."""
    methods = [_verification_method(passport.did, key) for key in keys]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
        "id": passport.did,
        "alsoKnownAs": [passport.digital_link],
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
        "service": [
            {
                "id": f"{passport.did}#passport",
                "type": "ProductPassport",
                "serviceEndpoint": passport.digital_link,
            }
        ],
    }


def _verification_method(did_: str, key: DeviceKey) -> dict[str, Any]:
    return {
        "id": f"{did_}#{key.key_id}",
        "type": "JsonWebKey",
        "controller": did_,
        "publicKeyJwk": key.jwk | {"kid": key.key_id},
    }


def _passport(db: Session, found: Object, origin: str) -> Passport:
    page = product_page(db, found.product_id)
    link = digital_link(origin, page.product.gtin, found.serial, found.object_id)
    return Passport(found.object_id, found.serial, did(origin, found.object_id), link, page)
