"""Objects that speak for themselves: an assertion by a registered key (RFC 7523 §2.1, §3)."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from joserfc.jws import CompactSignature
from sqlalchemy import Connection

from app.kit.ids import parse_id
from app.oauth.authority import Authority
from app.oauth.jwt import BadJwt, check_lifetime, is_for_us
from app.oauth.replay import burn, jti_of
from app.oauth.signatures import is_signed_by
from app.objects.device_keys import DeviceKey, signer_at
from app.objects.links import did

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_LONGEST = timedelta(minutes=10)  # that an assertion may live
_KEYS: dict[str, Any] = {"OKP": OKPKey, "EC": ECKey}


@dataclass(frozen=True)
class Device:
    """An object that proved to hold one of its keys, and whose it is."""

    object_id: UUID
    maker_id: UUID
    key_id: str


def object_of(authority: Authority, claims: Mapping[str, Any]) -> UUID | None:
    """The object that an assertion says it is of, by its id or its DID; not verified."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or claims.get("iss") != subject:
        return None
    prefix, _, last = subject.rpartition(":")
    object_id = parse_id(last)
    if object_id is None or (prefix and subject != did(authority.issuer, object_id)):
        return None
    return object_id


def open_assertion(
    conn: Connection,
    authority: Authority,
    object_id: UUID | None,
    signed: CompactSignature,
    claims: Mapping[str, Any],
) -> Device:
    """The object, where it signed this, for us, now, and for the first time; that it was used is
    written in this transaction. BadJwt."""
    now = authority.clock.now()
    known = signer_at(conn, object_id, now) if object_id is not None else None
    if object_id is None or known is None:
        raise BadJwt("The assertion is of no object here: iss and sub are both its id or its DID.")
    maker_id, keys = known
    header = signed.headers()
    if "crit" in header:
        raise BadJwt("The assertion's header has crit, which is not taken here.")
    key = _signer(signed, header, keys)
    ends = check_lifetime(claims, now, _LONGEST)
    jti = jti_of(claims)
    if not is_for_us(claims, authority):
        raise BadJwt("The assertion's aud is not this issuer.")
    if jti is None:
        raise BadJwt("The assertion has no jti.")
    if not burn(conn, "device", f"{object_id}\0{jti}", ends):
        raise BadJwt("The assertion was used before.")
    return Device(object_id, maker_id, key.key_id)


def _signer(signed: CompactSignature, header: dict[str, Any], keys: list[DeviceKey]) -> DeviceKey:
    kid, alg = header.get("kid"), header.get("alg")
    for key in keys:
        if key.allows(alg) and kid in (None, key.key_id):
            with suppress(JoseError, ValueError):
                if is_signed_by(signed, _KEYS[key.jwk["kty"]].import_key(dict(key.jwk))):
                    return key
    raise BadJwt("The assertion is not signed by a key that the object has now.")
