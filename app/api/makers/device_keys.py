"""Makers register the public keys of devices that speak for themselves."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict

from app.api.examples import json_example, problem_responses
from app.api.makers import examples
from app.api.makers.caller import maker_of
from app.kit.http import AppClock, Db, ReadDb, StrictRoute
from app.oauth.protect import ObjectWriter
from app.objects.device_keys import KeySpec, list_keys, register_key, revoke_key

router = APIRouter(
    prefix="/v1/objects/{object_id}/keys", tags=["Makers: objects"], route_class=StrictRoute
)

KeyId = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_-]{43}$", examples=["kPrK_qmxVWaYVA9wwBF6Iuo3v…"])
]
Order = Annotated[KeySpec, Body(examples=[examples.KEY_ORDER_EXAMPLE])]


class KeyOut(BaseModel):
    """A public key of an object. `key_id` is its RFC 7638 thumbprint: the `kid` of a signature."""

    model_config = ConfigDict(from_attributes=True)

    key_id: str
    alg: str
    jwk: dict[str, str]
    not_before: datetime
    not_after: datetime
    registered_at: datetime
    revoked_at: datetime | None


class KeyList(BaseModel):
    """The keys of an object."""

    keys: list[KeyOut]


@router.post(
    "",
    status_code=201,
    summary="Register a device's key",
    responses=problem_responses(400, 401, 403, 404, 409, 422)
    | {201: json_example("Registered.", examples.KEY_EXAMPLE)},
)
def register_device_key(
    object_id: UUID, order: Order, caller: ObjectWriter, db: Db, clock: AppClock
) -> KeyOut:
    """Register a public key (JWK, Ed25519 or P-256) that the device itself made and signs with.
    It counts from `not_before` until just before `not_after`, at most five years; up to eight may
    overlap, so that a new one is there before the old one ends. The same key with the same dates
    is answered as it stands; with other dates, or once revoked, it is refused (`key-conflict`).
    It stands in the object's DID document while it counts."""
    maker = maker_of(caller)
    return KeyOut.model_validate(register_key(db, clock, maker.org_id, object_id, order))


@router.get(
    "",
    summary="List a device's keys",
    responses=problem_responses(401, 403, 404, 422)
    | {200: json_example("The keys.", {"keys": [examples.KEY_EXAMPLE]})},
)
def list_device_keys(object_id: UUID, caller: ObjectWriter, db: ReadDb, clock: AppClock) -> KeyList:
    """The keys that count now or later, then revoked and ended ones from the newest on; a hundred
    at most."""
    maker = maker_of(caller)
    found = list_keys(db, clock, maker.org_id, object_id)
    return KeyList(keys=[KeyOut.model_validate(key) for key in found])


@router.delete(
    "/{key_id}",
    status_code=204,
    summary="Revoke a device's key",
    responses=problem_responses(401, 403, 404, 422),
)
def revoke_device_key(
    object_id: UUID, key_id: KeyId, caller: ObjectWriter, db: Db, clock: AppClock
) -> None:
    """From now on nothing that the key signs is taken, and it never comes back. What it signed
    before stays as it is. Revoking it again changes nothing."""
    maker = maker_of(caller)
    revoke_key(db, clock, maker.org_id, object_id, key_id)
