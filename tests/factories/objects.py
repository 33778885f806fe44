"""Makers, products and objects for tests: one plain function each, flushed and not committed."""

import copy
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy.orm import Session

from app.api.makers.examples import PRODUCT_SPEC_EXAMPLE
from app.kit.clock import Clock
from app.kit.ids import new_id
from app.objects.mint import Minted, mint
from app.objects.models import Product, Tenure
from app.objects.products import register_product
from app.objects.spec import ProductSpec
from app.organizations.models import Organization
from app.organizations.service import create_organization

GTIN = "09506000134376"
PREFIX = "9506000"
HOLDER = "Big Denim"
CODE_DAYS = 30


def make_maker(db: Session, clock: Clock, name: str = HOLDER, **more: Any) -> Organization:
    """A maker that may register the example GTIN: the holder of its prefix, or by leave."""
    leave = {"gs1_prefixes": [PREFIX]} if name == HOLDER else {"any_gtin": True}
    return create_organization(
        db, clock, name, **(more if "gs1_prefixes" in more else leave | more)
    )


def product_body(**changes: Any) -> dict[str, Any]:
    """The registration that the API's description shows, with changes of its top members."""
    return copy.deepcopy(PRODUCT_SPEC_EXAMPLE) | changes


def stream_body(name: str, category: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    """One more stream for a registration."""
    facts = copy.deepcopy(PRODUCT_SPEC_EXAMPLE["streams"][0]["facts"])
    return {
        "name": name,
        "title": name.capitalize(),
        "category": category,
        "kind": "instant",
        "fields": fields,
        "facts": facts,
        "holder_copy": "Nothing.",
    }


def field_body(name: str, unit: str | None = "count", type_: str = "number") -> dict[str, Any]:
    """A field; without a unit for strings and booleans."""
    body = {"name": name, "title": name, "type": type_, "senml_name": name}
    return body if unit is None else body | {"unit": unit}


def make_product(db: Session, clock: Clock, maker: Organization, **changes: Any) -> Product:
    """A registered product."""
    spec = ProductSpec.model_validate(product_body(**changes))
    return register_product(db, clock, maker.org_id, spec)


def make_object(db: Session, clock: Clock, product: Product, serial: str = "SL-1") -> Minted:
    """A minted object with its claim code."""
    minted = mint(db.connection(), clock, product, [serial], CODE_DAYS)[0]
    assert isinstance(minted, Minted)
    return minted


def make_tenure(db: Session, clock: Clock, object_id: UUID, **changes: Any) -> Tenure:
    """An open tenure of an owner who has no account: enough where only the object is looked at."""
    now = clock.now()
    values = {"owner_id": new_id(), "used_by": "me", "starts_at": now, "claimed_at": now}
    tenure = Tenure(object_id=object_id, tenure_id=new_id(), **(values | changes))
    db.add(tenure)
    db.flush()
    return tenure


def make_ticket_key() -> ECKey:
    """A maker's key for claim tickets."""
    return ECKey.generate_key("P-256", auto_kid=True)


def make_ticket(key: Any, claims: dict[str, Any], **header: Any) -> str:
    """A signed claim ticket."""
    head = {"alg": "ES256", "typ": "claim-ticket+jwt"} | header
    return jwt.encode(head, claims, key, algorithms=[head["alg"]])
