"""A maker, its product with streams, its things, and who has them: rows for tests of the log."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, update

from app.kit.clock import Clock
from app.kit.ids import derived_id, new_id
from app.objects.models import Object, Product, Stream, Tenure
from app.organizations.models import Organization
from app.usage.ingest import Taker
from app.usage.schema import StreamCache
from tests.factories.keys import MemoryKeys

STREAMS: list[dict[str, Any]] = [
    {
        "name": "wear",
        "category": "usage",
        "kind": "interval",
        "fields": [
            {"name": "steps", "type": "integer", "unit": "count", "minimum": 0},
            {"name": "minutes", "type": "number", "unit": "min", "minimum": 0, "maximum": 1440},
        ],
    },
    {
        "name": "wash",
        "category": "care",
        "kind": "instant",
        "fields": [
            {"name": "temperature", "type": "number", "unit": "Cel"},
            {"name": "programme", "type": "string", "enum": ["cotton", "delicate"]},
            {"name": "note", "type": "string"},
            {"name": "spun", "type": "boolean"},
        ],
    },
    {
        "name": "place",
        "category": "location",
        "kind": "instant",
        "fields": [
            {"name": "latitude", "type": "number", "unit": "lat"},
            {"name": "longitude", "type": "number", "unit": "lon"},
        ],
    },
    {
        "name": "cycles",
        "category": "condition",
        "kind": "counter",
        "fields": [{"name": "total", "type": "integer", "unit": "count"}],
    },
]


def make_taker(keys: MemoryKeys | None = None) -> Taker:
    """What ingest needs, with keys in memory."""
    return Taker(keys or MemoryKeys(), StreamCache(), timedelta(minutes=5))


def make_maker(conn: Connection, clock: Clock, name: str = "Big Denim") -> UUID:
    """An organization; its id."""
    org_id = new_id()
    row = {"org_id": org_id, "slug": f"{name.lower()}-{org_id}"[:80], "name": name}
    more = {"gs1_prefixes": [], "any_gtin": True, "created_at": clock.now()}
    conn.execute(insert(Organization), [row | more])
    return org_id


def make_product(
    conn: Connection,
    org_id: UUID,
    registered_at: datetime,
    streams: list[dict[str, Any]] = STREAMS,
) -> UUID:
    """A product with the streams; its id."""
    product_id = new_id()
    row = {"product_id": product_id, "org_id": org_id, "name": "Straight Leg", "kind": "jeans"}
    more = {"article_number": str(product_id), "passport": {}, "facts": {}}
    conn.execute(insert(Product), [row | more | {"registered_at": registered_at}])
    for place, stream in enumerate(streams):
        told = {"title": stream["name"], "facts": {}, "holder_copy": "Nothing."}
        conn.execute(insert(Stream), [stream | told | {"product_id": product_id, "place": place}])
    return product_id


def make_thing(conn: Connection, clock: Clock, org_id: UUID, product_id: UUID, serial: str) -> UUID:
    """An unclaimed object; its id."""
    object_id = derived_id(product_id, serial)
    row = {"object_id": object_id, "product_id": product_id, "org_id": org_id}
    conn.execute(insert(Object), [row | {"serial": serial, "minted_at": clock.now()}])
    return object_id


def give_thing(
    conn: Connection,
    clock: Clock,
    object_id: UUID,
    back: timedelta = timedelta(0),
    owner_id: UUID | None = None,
) -> UUID:
    """Open a tenure that starts `back` before now; its id."""
    tenure_id = new_id()
    row = {
        "object_id": object_id,
        "tenure_id": tenure_id,
        "owner_id": owner_id or new_id(),
        "used_by": "me",
        "starts_at": clock.now() - back,
        "claimed_at": clock.now(),
    }
    conn.execute(insert(Tenure), [row])
    return tenure_id


def end_tenure(conn: Connection, clock: Clock, object_id: UUID) -> None:
    """The owner's time with the object ends now."""
    ended = update(Tenure).where(Tenure.object_id == object_id, Tenure.ended_at.is_(None))
    conn.execute(ended.values(ended_at=clock.now()))
