"""Claim tickets: a maker's signed word that whoever shows it is the object's holder (JWT)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import Connection, delete, select
from sqlalchemy.orm import Session

from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.crypto import sha256, unb64u
from app.kit.errors import InvalidJson
from app.kit.ids import parse_id
from app.objects.errors import TicketInvalid
from app.objects.models import Object, UsedTicket
from app.organizations.models import Organization

_TYPE = "claim-ticket+jwt"
_LONGEST = timedelta(days=7)
_LEEWAY = timedelta(seconds=60)
_ALGORITHMS = {"EC": "ES256", "OKP": "Ed25519", "RSA": "PS256"}
_KEYS: dict[str, Any] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
_MAX_LENGTH = 4096


@dataclass(frozen=True)
class Ticket:
    """A verified ticket. `since` is when the maker says the holder's time began.

    `ticket_hash` is of issuer, object and `jti`, not of the text: a signature or its base64url
    can be written in several ways, and each would be good for another use.
    """

    object_id: UUID
    since: datetime | None
    ticket_hash: bytes
    issued_at: datetime
    expires_at: datetime


def read_ticket(db: Session, clock: Clock, text: str, audience: str) -> Ticket:
    """Verify a ticket: signature by the object's own maker, `typ`, `aud`, `sub` (object id),
    `iss` (the maker's slug), `iat`, `exp` at most 7 days later, `jti`. TicketInvalid otherwise."""
    if len(text) > _MAX_LENGTH:
        raise TicketInvalid
    claims = _verify(db, text)
    now = clock.now()
    try:
        issued = datetime.fromtimestamp(claims["iat"], UTC)
        expires = datetime.fromtimestamp(claims["exp"], UTC)
        since = claims.get("since")
        began = None if since is None else datetime.fromtimestamp(since, UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise TicketInvalid("The ticket's times are missing or wrong.") from error
    if claims.get("aud") != audience or not isinstance(claims.get("jti"), str):
        raise TicketInvalid("The ticket is not made for this service.")
    if not issued - _LEEWAY <= now < expires or expires - issued > _LONGEST:
        raise TicketInvalid("The ticket has expired, or lives too long.")
    burnt = sha256("\0".join(("ticket", claims["iss"], claims["sub"], claims["jti"])))
    return Ticket(UUID(claims["sub"]), began, burnt, issued, expires)


def forget_old(conn: Connection, clock: Clock) -> int:
    """Drop what is known of tickets that have expired; the number dropped."""
    old = delete(UsedTicket).where(UsedTicket.expires_at <= clock.now())
    return conn.execute(old).rowcount


def _verify(db: Session, text: str) -> dict[str, Any]:
    try:
        unverified = _peek(text)
    except ValueError as error:
        raise TicketInvalid from error
    object_id = parse_id(str(unverified.get("sub")))
    key_data = _maker_key(db, object_id, str(unverified.get("iss"))) if object_id else None
    if key_data is None or key_data.get("kty") not in _KEYS:
        raise TicketInvalid
    try:
        key = _KEYS[key_data["kty"]].import_key(key_data)
        token = jwt.decode(text, key, algorithms=[_ALGORITHMS[key_data["kty"]]])
    except (JoseError, ValueError) as error:
        raise TicketInvalid from error
    if token.header.get("typ") != _TYPE:
        raise TicketInvalid("The ticket's type is wrong.")
    return dict(token.claims)


def _peek(text: str) -> dict[str, Any]:
    """The claims before anything is verified: they only tell which key to verify with."""
    parts = text.split(".")
    if len(parts) != 3:
        raise ValueError("no compact JWT")
    try:
        claims = jsonio.loads(unb64u(parts[1]))
    except InvalidJson as error:
        raise ValueError("no JSON") from error
    if not isinstance(claims, dict):
        raise ValueError("no claims")
    return claims


def _maker_key(db: Session, object_id: UUID, slug: str) -> dict[str, Any] | None:
    query = (
        select(Organization.ticket_key)
        .join(Object, Object.org_id == Organization.org_id)
        .where(Object.object_id == object_id, Organization.slug == slug)
    )
    found: dict[str, Any] | None = db.execute(query).scalar_one_or_none()
    return found
