"""Clients that register themselves (RFC 7591) and look after their registration (RFC 7592)."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc7591 import InvalidClientMetadataError
from sqlalchemy import Connection, delete, or_, update
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.errors import DomainError
from app.kit.ids import new_secret
from app.oauth.client_metadata import ClientMetadata, in_protocol, read_metadata
from app.oauth.models import RegistrationToken
from app.organizations.clients import (
    KnownClient,
    check_secret,
    create_client,
    disable_client,
    find_client,
    replace_client,
)
from app.organizations.models import Client, Organization
from app.organizations.service import create_organization, get_organization, slug_of
from app.settings import Settings

PATH = "/oauth/register"
DOOR = "registration"

_INITIAL = "inseam_ia_"
_MANAGING = "inseam_ra_"
_OURS = {"door", "fetched_at", "max_age", "lapsed"}


class RegistrationRefused(OAuth2Error):
    """The operator makes the clients here, and nobody else."""

    error, status_code = "access_denied", 403
    description = "Clients are made by the operator here."


class BearerMissing(OAuth2Error):
    """There is no token (RFC 6750 §3.1)."""

    error, status_code = "invalid_token", 401
    description = "Send the token in the header Authorization, as Bearer."


class BearerRefused(OAuth2Error):
    """One answer for a wrong token, a used one, and a client that does not exist."""

    error, status_code = "invalid_token", 401
    description = "The token does not work here."


def invite(db: Session, clock: Clock, life: timedelta) -> tuple[str, datetime]:
    """An initial access token (RFC 7591 §3) for one registration, and when it ends."""
    token, now = new_secret(_INITIAL), clock.now()
    _keep(db, token, None, now, now + life)
    return token, now + life


def register(
    db: Session, clock: Clock, settings: Settings, bearer: str | None, told: Any
) -> dict[str, Any]:
    """Add a client and an organization for it, which nobody has verified; the client's information
    (RFC 7591 §3.2.1). The token is used up with it, or not at all.

    OAuth2Error where it is refused.
    """
    check_open(settings)
    if settings.registration == "token":
        _use_initial(db, clock, bearer)
    metadata = read_metadata(told, allow_local=settings.fetch_local)
    try:
        client, secret = _create(db, clock, metadata)
    except DomainError as error:
        raise in_protocol(error) from error
    token = new_secret(_MANAGING)
    _keep(db, token, client.client_id, clock.now(), None)
    return _describe(settings, client, token, secret)


def check_open(settings: Settings) -> None:
    """RegistrationRefused where the operator makes the clients."""
    if settings.registration == "closed":
        raise RegistrationRefused


def show(db: Session, settings: Settings, client_id: str, bearer: str | None) -> dict[str, Any]:
    """What is registered (RFC 7592 §2.1), but for the secret, of which there is a hash only."""
    client = _managed(db, client_id, bearer)
    return _describe(settings, client, str(bearer), None)


def replace(
    db: Session, settings: Settings, client_id: str, bearer: str | None, told: Any
) -> dict[str, Any]:
    """Put other metadata in the place of all that is registered (RFC 7592 §2.2). The token stays:
    an answer that is lost must not shut the client out of its own registration.

    OAuth2Error where it is refused.
    """
    client = _managed(db, client_id, bearer)
    metadata = read_metadata(told, allow_local=settings.fetch_local)
    known = find_client(db, client.client_id)
    if known is None:
        raise BearerRefused
    _check_same(known, metadata, told)
    try:
        registered = metadata.registered(DOOR)
        secret = replace_client(client, registered=registered, **metadata.values())
    except DomainError as error:
        raise in_protocol(error) from error
    organization = get_organization(db, client.org_id)
    if organization.verified_domain is None:  # what the operator has verified keeps its name
        organization.name = client.name
    return _describe(settings, client, str(bearer), secret)


def remove(db: Session, clock: Clock, client_id: str, bearer: str | None) -> None:
    """Shut the client out for good (RFC 7592 §2.3): its tokens are dead with it."""
    client = _managed(db, client_id, bearer)
    disable_client(db, clock, client.client_id)
    _end_tokens(db, clock, client.client_id)


def forget_old(conn: Connection, clock: Clock) -> int:
    """Drop tokens that ended; the number dropped."""
    now = clock.now()
    old = or_(RegistrationToken.expires_at <= now, RegistrationToken.dead_at.is_not(None))
    return conn.execute(delete(RegistrationToken).where(old)).rowcount


def _create(db: Session, clock: Clock, metadata: ClientMetadata) -> tuple[Client, str | None]:
    organization = _organization(db, clock, metadata.name)
    return create_client(
        db,
        clock,
        organization,
        is_public=metadata.is_public,
        registered=metadata.registered(DOOR),
        **metadata.values(),
    )


def _organization(db: Session, clock: Clock, name: str) -> Organization:
    """Always one of its own, whose slug is no name's: who is quick takes nobody's."""
    slug = f"{slug_of(name)[:60].strip('-')}-{secrets.token_hex(6)}"
    return create_organization(db, clock, name, slug=slug)


def _keep(
    db: Session, token: str, client_id: str | None, now: datetime, until: datetime | None
) -> None:
    db.add(
        RegistrationToken(
            token_hash=sha256(token), client_id=client_id, created_at=now, expires_at=until
        )
    )
    db.flush()


def _use_initial(db: Session, clock: Clock, bearer: str | None) -> None:
    """Claimed before anything is made, so that of two at once only one registers."""
    if bearer is None:
        raise BearerMissing
    now = clock.now()
    claimed = (
        update(RegistrationToken)
        .where(
            RegistrationToken.token_hash == sha256(bearer),
            RegistrationToken.client_id.is_(None),
            RegistrationToken.dead_at.is_(None),
            RegistrationToken.expires_at > now,
        )
        .values(dead_at=now)
        .returning(RegistrationToken.token_hash)
        .execution_options(synchronize_session=False)
    )
    if db.execute(claimed).first() is None:
        raise BearerRefused


def _managed(db: Session, client_id: str, bearer: str | None) -> Client:
    """The client whose registration token this is. The id is compared, never looked up."""
    if bearer is None:
        raise BearerMissing
    row = db.get(RegistrationToken, sha256(bearer))
    if row is None or row.dead_at is not None or row.client_id is None:
        raise BearerRefused
    if row.client_id != client_id:
        raise BearerRefused
    client = db.get_one(Client, row.client_id)
    if client.disabled_at is not None:
        raise BearerRefused
    return client


def _check_same(known: KnownClient, metadata: ClientMetadata, told: dict[str, Any]) -> None:
    """Who it is stays, and so does whether it keeps a secret: those who trusted it knew that."""
    if told.get("client_id") not in (None, known.client_id):
        raise InvalidClientMetadataError("client_id: this is another client.")
    secret = told.get("client_secret")
    if secret is not None and not (isinstance(secret, str) and check_secret(known, secret)):
        raise InvalidClientMetadataError("client_secret: this is not the secret it has.")
    if metadata.is_public != known.is_public:
        raise InvalidClientMetadataError(
            "token_endpoint_auth_method: a public client stays public, a confidential one "
            "confidential; register another."
        )


def _end_tokens(db: Session, clock: Clock, client_id: str) -> None:
    ended = update(RegistrationToken).where(
        RegistrationToken.client_id == client_id, RegistrationToken.dead_at.is_(None)
    )
    db.execute(ended.values(dead_at=clock.now()))


def _describe(
    settings: Settings, client: Client, bearer: str, secret: str | None
) -> dict[str, Any]:
    """Client information (RFC 7591 §3.2.1): all that is registered, and a secret that is new."""
    rest = {n: v for n, v in (client.registered or {}).items() if n not in _OURS}
    new = {"client_secret": secret, "client_secret_expires_at": 0} if secret else {}
    return {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at.timestamp()),
        **new,
        "registration_access_token": bearer,
        "registration_client_uri": f"{settings.origin}{PATH}/{client.client_id}",
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "grant_types": client.grant_types,
        "response_types": ["code"] if "authorization_code" in client.grant_types else [],
        "scope": " ".join(client.scopes),
        "purposes": client.purposes,
        **rest,
    }
