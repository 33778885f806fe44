"""Public keys of objects: registered by the maker, overlapping so that they rotate without an
outage, revoked for good. Who reads usage asks here which of them count at a moment."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field
from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, func, select
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.objects import queries
from app.objects.errors import (
    KeyConflict,
    KeyWindowInvalid,
    TooManyKeys,
    UnknownKey,
    UnknownObject,
)
from app.objects.jwk import DeviceKey, read_jwk
from app.objects.models import Object, ObjectKey
from app.objects.spec import Strict
from app.objects.tenures import lock_object

__all__ = [
    "DeviceKey",
    "KeySpec",
    "keys_at",
    "list_keys",
    "register_key",
    "revoke_key",
    "signer_at",
]

MOST_LIVE = 8
MOST_SHOWN = 100
LONGEST = timedelta(days=5 * 365 + 2)  # five years, with as many leap days as they may have

_CHUNK = 500
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)

# Built once: building a statement costs as much as running it.
_LIVE = (
    select(ObjectKey.object_id, ObjectKey.key_id, ObjectKey.alg, ObjectKey.jwk)
    .where(
        ObjectKey.object_id.in_(_IDS),
        ObjectKey.not_before <= bindparam("now"),
        ObjectKey.not_after > bindparam("now"),
        ObjectKey.revoked_at.is_(None),
    )
    .order_by(ObjectKey.object_id, ObjectKey.not_before, ObjectKey.key_id)
)

_MAKER = select(Object.org_id).where(Object.object_id == bindparam("object_id"))


def _check_written(value: object) -> object:
    """Refuse what pydantic would take besides: numbers, which could be seconds or milliseconds."""
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("a time is written as in RFC 3339, such as 2026-11-25T09:00:00Z")


Moment = Annotated[AwareDatetime, BeforeValidator(_check_written)]


class KeySpec(Strict):
    """A device's public key and when it counts."""

    jwk: dict[str, Any] = Field(
        max_length=30,
        description="The public key (RFC 7517): kty OKP, crv Ed25519, x; or kty EC, crv P-256, "
        "x and y. Never with d. Other members are not kept.",
    )
    not_before: Moment = Field(description="The first moment at which the key counts, with zone.")
    not_after: Moment = Field(description="The first moment at which it counts no more.")


def register_key(
    db: Session, clock: Clock, org_id: UUID, object_id: UUID, spec: KeySpec
) -> ObjectKey:
    """Give an object of this maker one more key; the same key with the same dates is there once.

    UnknownObject, KeyPrivate, DeviceKeyInvalid, KeyConflict, KeyWindowInvalid, TooManyKeys.
    """
    _check_own(db, org_id, object_id)
    key = read_jwk(spec.jwk)
    lock_object(db, object_id)
    known = db.get(ObjectKey, (object_id, key.key_id))
    if known is not None:
        return _check_same(known, spec)
    now = clock.now()
    _check_window(spec, now)
    if _count_live(db, object_id, now) >= MOST_LIVE:
        raise TooManyKeys
    made = ObjectKey(
        object_id=object_id,
        key_id=key.key_id,
        jwk=key.jwk,
        alg=key.alg,
        not_before=spec.not_before.astimezone(UTC),
        not_after=spec.not_after.astimezone(UTC),
        registered_at=now,
        revoked_at=None,
    )
    db.add(made)
    db.flush()
    return made


def list_keys(db: Session, clock: Clock, org_id: UUID, object_id: UUID) -> Sequence[ObjectKey]:
    """The keys of an object of this maker: those that count now or later, then the others from
    the newest on, a hundred in all. UnknownObject."""
    _check_own(db, org_id, object_id)
    order = (_is_live(clock.now()).desc(), ObjectKey.registered_at.desc(), ObjectKey.key_id)
    query = select(ObjectKey).where(ObjectKey.object_id == object_id)
    return db.scalars(query.order_by(*order).limit(MOST_SHOWN)).all()


def revoke_key(db: Session, clock: Clock, org_id: UUID, object_id: UUID, key_id: str) -> None:
    """Let a key count no more, from now on and for ever; again changes nothing.

    UnknownObject, UnknownKey.
    """
    _check_own(db, org_id, object_id)
    lock_object(db, object_id)
    known = db.get(ObjectKey, (object_id, key_id))
    if known is None:
        raise UnknownKey
    known.revoked_at = known.revoked_at or clock.now()


def keys_at(
    conn: Connection, object_ids: Collection[UUID], now: datetime
) -> dict[UUID, list[DeviceKey]]:
    """The keys that count at `now`, by object (hot path); an object without any is left out."""
    ids = list(object_ids)
    found: dict[UUID, list[DeviceKey]] = defaultdict(list)
    for start in range(0, len(ids), _CHUNK):
        rows = conn.execute(_LIVE, {"ids": ids[start : start + _CHUNK], "now": now})
        for object_id, *key in rows:
            found[object_id].append(DeviceKey(*key))
    return dict(found)


def signer_at(
    conn: Connection, object_id: UUID, now: datetime
) -> tuple[UUID, list[DeviceKey]] | None:
    """The maker's organization and the keys that count at `now`; None for an unknown object."""
    org_id = conn.execute(_MAKER, {"object_id": object_id}).scalar_one_or_none()
    if org_id is None:
        return None
    return org_id, keys_at(conn, [object_id], now).get(object_id, [])


def _is_live(now: datetime) -> ColumnElement[bool]:
    """Counts now or later."""
    return ObjectKey.revoked_at.is_(None) & (ObjectKey.not_after > now)


def _count_live(db: Session, object_id: UUID, now: datetime) -> int:
    query = select(func.count(ObjectKey.key_id))
    return db.scalars(query.where(ObjectKey.object_id == object_id, _is_live(now))).one()


def _check_own(db: Session, org_id: UUID, object_id: UUID) -> None:
    if queries.object_of_maker(db, org_id, object_id) is None:
        raise UnknownObject


def _check_same(known: ObjectKey, spec: KeySpec) -> ObjectKey:
    if known.revoked_at is not None:
        raise KeyConflict("This key was revoked, which is for good. Register a new one.")
    if (known.not_before, known.not_after) != (spec.not_before, spec.not_after):
        raise KeyConflict("The object has this key with other dates.")
    return known


def _check_window(spec: KeySpec, now: datetime) -> None:
    if spec.not_after <= spec.not_before:
        raise KeyWindowInvalid("not_after is not after not_before.", field="/not_after")
    if spec.not_after - spec.not_before > LONGEST:
        raise KeyWindowInvalid("A key counts for at most five years.", field="/not_after")
    if spec.not_after <= now:
        raise KeyWindowInvalid("not_after has passed already.", field="/not_after")
    if spec.not_before - now > LONGEST:
        raise KeyWindowInvalid("not_before is over five years ahead.", field="/not_before")
