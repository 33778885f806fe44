"""Minting: objects of a product with their claim codes, each code shown once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, delete, insert
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.ids import derived_id
from app.objects import queries
from app.objects.claim_codes import hash_code, new_code
from app.objects.errors import ObjectClaimed, SerialInvalid, SerialTaken, UnknownObject
from app.objects.gs1 import is_serial
from app.objects.models import ClaimCode, Object, Product
from app.objects.tenures import find_open_tenure

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


def mint(
    conn: Connection, clock: Clock, product: Product, serials: Sequence[str], code_days: int
) -> list[Minted | NotMinted]:
    """One object for each serial, in order; a bad or known serial spoils only itself."""
    ids = {serial: derived_id(product.product_id, serial) for serial in serials}
    known = queries.known_ids(conn, list(ids.values()))
    outcome: list[Minted | NotMinted] = []
    for serial in serials:
        object_id = ids[serial]
        if not can_be_serial(serial, has_gtin=product.gtin is not None):
            outcome.append(NotMinted(serial, SerialInvalid()))
        elif object_id in known:
            outcome.append(NotMinted(serial, SerialTaken()))
        else:
            known.add(object_id)
            outcome.append(Minted(object_id, serial, new_code()))
    fresh = [one for one in outcome if isinstance(one, Minted)]
    if fresh:
        _insert(conn, clock, product, fresh, code_days)
    return outcome


def can_be_serial(serial: str, *, has_gtin: bool) -> bool:
    """Whether a product's object can have this serial; see SerialInvalid."""
    if has_gtin:
        return is_serial(serial)
    return 1 <= len(serial) <= _LONGEST_SERIAL and serial.isprintable() and serial == serial.strip()


def renew_code(
    db: Session, clock: Clock, org_id: UUID, object_id: UUID, code_days: int
) -> Minted:
    """A new code for an unclaimed object of this maker; older ones are dead."""
    found = queries.object_of_maker(db, org_id, object_id)
    if found is None:
        raise UnknownObject
    conn = db.connection()
    if find_open_tenure(conn, object_id) is not None:
        raise ObjectClaimed
    conn.execute(delete(ClaimCode).where(ClaimCode.object_id == object_id))
    minted = Minted(object_id, found.serial, new_code())
    conn.execute(insert(ClaimCode), [_code_row(clock, minted, code_days)])
    return minted


def _insert(
    conn: Connection, clock: Clock, product: Product, fresh: list[Minted], code_days: int
) -> None:
    now = clock.now()
    rows = [
        {
            "object_id": one.object_id,
            "product_id": product.product_id,
            "org_id": product.org_id,
            "serial": one.serial,
            "minted_at": now,
        }
        for one in fresh
    ]
    conn.execute(insert(Object), rows)
    conn.execute(insert(ClaimCode), [_code_row(clock, one, code_days) for one in fresh])


def _code_row(clock: Clock, minted: Minted, code_days: int) -> dict[str, object]:
    now = clock.now()
    return {
        "code_hash": hash_code(minted.code),
        "object_id": minted.object_id,
        "created_at": now,
        "expires_at": now + timedelta(days=code_days),
        "used_at": None,
    }
