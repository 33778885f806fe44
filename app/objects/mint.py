"""Minting: objects of a product with their claim codes, each code shown once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, delete, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.ids import derived_id
from app.objects import queries
from app.objects.claim_codes import hash_code, new_code
from app.objects.errors import (
    ObjectClaimed,
    PublicUrlMissing,
    SerialInvalid,
    SerialTaken,
    UnknownObject,
)
from app.objects.gs1 import is_serial
from app.objects.models import ClaimCode, Object, Product
from app.objects.tenures import find_open_tenure, lock_object
from app.settings import Settings

_LONGEST_SERIAL = 100


@dataclass(frozen=True)
class Minted:
    """A new object and the only copy of its claim code in the clear."""

    object_id: UUID
    serial: str
    code: str


@dataclass(frozen=True)
class NotMinted:
    """A serial that made no object, and why."""

    serial: str
    error: SerialInvalid | SerialTaken


def minting_origin(settings: Settings) -> str:
    """The origin that labels and DIDs carry for good; PublicUrlMissing until it is decided."""
    if not settings.public_url and not settings.demo:
        raise PublicUrlMissing
    return settings.origin


def mint(
    conn: Connection, clock: Clock, product: Product, serials: Sequence[str], code_days: int
) -> list[Minted | NotMinted]:
    """One object for each serial, in order; a bad or known serial spoils only itself."""
    has_gtin = product.gtin is not None
    good = {s: derived_id(product.product_id, s) for s in serials if can_be_serial(s, has_gtin)}
    fresh = _insert_objects(conn, clock, product, good)
    outcome: list[Minted | NotMinted] = []
    for serial in serials:
        object_id = good.get(serial)
        if object_id is None:
            outcome.append(NotMinted(serial, SerialInvalid()))
        elif object_id in fresh:
            fresh.discard(object_id)
            outcome.append(Minted(object_id, serial, new_code()))
        else:
            outcome.append(NotMinted(serial, SerialTaken()))
    codes = [_code_row(clock, one, code_days) for one in outcome if isinstance(one, Minted)]
    if codes:
        conn.execute(insert(ClaimCode), codes)
    return outcome


def can_be_serial(serial: str, has_gtin: bool) -> bool:
    """Whether a product's object can have this serial; see SerialInvalid."""
    if has_gtin:
        return is_serial(serial)
    return 1 <= len(serial) <= _LONGEST_SERIAL and serial.isprintable() and serial == serial.strip()


def renew_code(db: Session, clock: Clock, org_id: UUID, object_id: UUID, code_days: int) -> Minted:
    """A new code for an unclaimed object of this maker; older ones are dead."""
    found = queries.object_of_maker(db, org_id, object_id)
    if found is None:
        raise UnknownObject
    conn = db.connection()
    lock_object(conn, object_id)
    if find_open_tenure(conn, object_id) is not None:
        raise ObjectClaimed
    conn.execute(delete(ClaimCode).where(ClaimCode.object_id == object_id))
    minted = Minted(object_id, found.serial, new_code())
    conn.execute(insert(ClaimCode), [_code_row(clock, minted, code_days)])
    return minted


def _insert_objects(
    conn: Connection, clock: Clock, product: Product, good: dict[str, UUID]
) -> set[UUID]:
    """Insert what is new, in order of id so that two calls at once cannot deadlock; its ids."""
    if not good:
        return set()
    now = clock.now()
    rows = [
        {
            "object_id": object_id,
            "product_id": product.product_id,
            "org_id": product.org_id,
            "serial": serial,
            "minted_at": now,
        }
        for serial, object_id in sorted(good.items(), key=lambda pair: pair[1])
    ]
    dialect = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    fresh = dialect(Object).on_conflict_do_nothing().returning(Object.object_id)
    return set(conn.execute(fresh, rows).scalars())


def _code_row(clock: Clock, minted: Minted, code_days: int) -> dict[str, object]:
    now = clock.now()
    return {
        "code_hash": hash_code(minted.code),
        "object_id": minted.object_id,
        "created_at": now,
        "expires_at": now + timedelta(days=code_days),
        "used_at": None,
    }
