"""An object's serial, DID and links, for those who may see them."""

from uuid import UUID

from sqlalchemy import Connection, select

from app.objects.links import did, digital_link
from app.objects.models import Object, Product


def identity_of(conn: Connection, object_id: UUID, origin: str) -> dict[str, str]:
    """Serial, DID (did:web) and GS1 Digital Link of a known object."""
    query = (
        select(Object.serial, Product.gtin)
        .join(Product, Product.product_id == Object.product_id)
        .where(Object.object_id == object_id)
    )
    serial, gtin = conn.execute(query).one()
    return {
        "object_id": str(object_id),
        "serial": serial,
        "did": did(origin, object_id),
        "digital_link": digital_link(origin, gtin, serial, object_id),
    }
