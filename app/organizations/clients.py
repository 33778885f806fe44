"""OAuth clients of organizations: registration by the operator, lookup, secrets."""

import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.ids import new_secret
from app.kit.prepared import Prepared
from app.organizations.client_rules import check_members, check_name
from app.organizations.errors import (
    ClientInvalid,
    UnknownClient,
)
from app.organizations.models import Client, Organization
from app.organizations.service import slug_of

OWNER_DOOR = "owner"

_PREFIX = "inseam_cs_"
_NO_SECRET = sha256("no client has this secret")


@dataclass(frozen=True)
class KnownClient:
    """A client that may act now (hot path). `purposes` and `registered` as in `Client`."""

    client_id: str
    org_id: UUID
    name: str
    secret_hash: bytes | None
    redirect_uris: list[str]
    grant_types: list[str]
    scopes: list[str]
    purposes: list[dict[str, Any]]
    registered: dict[str, Any] | None = None

    @property
    def auth_method(self) -> str:
        """How it authenticates (RFC 7591 §2): private_key_jwt, client_secret_basic or none."""
        told = (self.registered or {}).get("token_endpoint_auth_method")
        return str(told or ("none" if self.secret_hash is None else "client_secret_basic"))

    @property
    def is_public(self) -> bool:
        return self.auth_method == "none"

    @property
    def jwks(self) -> dict[str, Any] | None:
        """Its public keys, where it registered them by value."""
        return (self.registered or {}).get("jwks")

    @property
    def jwks_uri(self) -> str | None:
        """Where its public keys are."""
        return (self.registered or {}).get("jwks_uri")

    @property
    def requires_par(self) -> bool:
        """Whether it asks by pushed requests only (RFC 9126 §6)."""
        return bool((self.registered or {}).get("require_pushed_authorization_requests"))

    @property
    def requires_dpop(self) -> bool:
        """Whether each of its tokens is bound to a key (RFC 9449 §5.2)."""
        return bool((self.registered or {}).get("dpop_bound_access_tokens"))

    @property
    def accepts(self) -> list[str]:
        """The agreements of the roster that it accepts, by their ids."""
        return list((self.registered or {}).get("inseam_agreements", []))

    @property
    def keeps_refresh(self) -> bool:
        """Whether its refresh token stays the same: an owner's own app that keeps a secret, so
        that a restored backup of it still works."""
        is_own = (self.registered or {}).get("door") == OWNER_DOOR
        return is_own and not self.is_public

    @property
    def is_fapi(self) -> bool:
        """Whether it keeps to the FAPI 2.0 Security Profile, and is held to it."""
        return self.requires_par and self.requires_dpop


# Built once: building a statement costs as much as running it.
_KNOWN = Prepared(
    select(*(getattr(Client, name) for name in KnownClient.__dataclass_fields__)).where(
        Client.client_id == bindparam("client_id"), Client.disabled_at.is_(None)
    )
)


def create_client(
    db: Session,
    clock: Clock,
    organization: Organization,
    name: str,
    *,
    is_public: bool,
    redirect_uris: Sequence[str],
    grant_types: Sequence[str],
    scopes: Sequence[str],
    purposes: Sequence[dict[str, Any]],
    known_scopes: Sequence[str],
    registered: dict[str, Any] | None = None,
    client_id: str | None = None,
) -> tuple[Client, str | None]:
    """Register a client; the row, and its secret in the only clear copy there is. One that
    authenticates by its keys (`registered`) has none. `client_id` is made of the name, unless the
    client is known by one that it chose.

    ClientInvalid, RedirectInvalid, ScopeUnknown, PurposeInvalid.
    """
    name = name.strip()
    check_name(name, (registered or {}).get("door") == OWNER_DOOR)
    columns = check_members(is_public, redirect_uris, grant_types, scopes, purposes, known_scopes)
    has_keys = (registered or {}).get("token_endpoint_auth_method") == "private_key_jwt"
    secret = None if is_public or has_keys else new_secret(_PREFIX)
    client = Client(
        client_id=client_id or f"{slug_of(name)[:60].strip('-')}-{secrets.token_hex(6)}",
        org_id=organization.org_id,
        name=name,
        secret_hash=secret and sha256(secret),
        registered=registered,
        created_at=clock.now(),
        **columns,
    )
    db.add(client)
    db.flush()
    return client, secret


def replace_client(
    client: Client,
    name: str,
    *,
    redirect_uris: Sequence[str],
    grant_types: Sequence[str],
    scopes: Sequence[str],
    purposes: Sequence[dict[str, Any]],
    known_scopes: Sequence[str],
    registered: dict[str, Any],
) -> str | None:
    """Put other metadata in the place of all that a client had; its new secret, where it needs one
    now and had none. What owners have allowed it stays as it is. Errors as in `create_client`."""
    name, method = name.strip(), registered["token_endpoint_auth_method"]
    check_name(name, registered.get("door") == OWNER_DOOR)
    columns = check_members(
        method == "none", redirect_uris, grant_types, scopes, purposes, known_scopes
    )
    client.name = name
    for column, value in columns.items():
        setattr(client, column, value)
    client.registered = registered
    secret = None
    if method in ("none", "private_key_jwt"):
        client.secret_hash = None
    elif client.secret_hash is None:
        secret = new_secret(_PREFIX)
        client.secret_hash = sha256(secret)
    return secret


def rotate_secret(db: Session, client_id: str) -> str:
    """Give a confidential client a new secret; the old one stops at once. UnknownClient."""
    client = _get(db, client_id)
    if client.secret_hash is None:
        raise ClientInvalid("A public client has no secret.")
    secret = new_secret(_PREFIX)
    client.secret_hash = sha256(secret)
    return secret


def disable_client(db: Session, clock: Clock, client_id: str) -> None:
    """Shut a client out: it cannot authenticate, and its tokens are dead. UnknownClient."""
    client = _get(db, client_id)
    client.disabled_at = client.disabled_at or clock.now()
    if client.registered is not None:  # a document that comes back does not let it in again
        client.registered = {n: v for n, v in client.registered.items() if n != "lapsed"}


@dataclass(frozen=True)
class ListedClient:
    """A client as the operator looks through them: `door` is the way it came."""

    client_id: str
    organization: str
    name: str
    door: str
    created_at: datetime
    disabled_at: datetime | None


def list_clients(db: Session, organization: Organization | None = None) -> list[ListedClient]:
    """All clients, or those of one organization, the oldest first."""
    query = (
        select(Client, Organization.slug)
        .join(Organization, Organization.org_id == Client.org_id)
        .order_by(Client.created_at, Client.client_id)
    )
    if organization is not None:
        query = query.where(Client.org_id == organization.org_id)
    return [
        ListedClient(
            row.client_id,
            slug,
            row.name,
            str((row.registered or {}).get("door", "operator")),
            row.created_at,
            row.disabled_at,
        )
        for row, slug in db.execute(query)
    ]


def find_client(conn: Connection | Session, client_id: str) -> KnownClient | None:
    """A client that is not disabled (hot path)."""
    if len(client_id) > 100 or "\x00" in client_id:
        return None
    if isinstance(conn, Session):
        conn.flush()
        conn = conn.connection()
    row = _KNOWN.one(conn, {"client_id": client_id})
    return KnownClient(*row) if row is not None else None


@dataclass(frozen=True)
class ClientFace:
    """How owners know a client: its name, its organization's checked domain, its purposes, and
    whether it is an app of their own."""

    client_id: str
    name: str
    organization: str
    verified_domain: str | None
    purposes: list[dict[str, Any]]
    is_own: bool = False

    def purpose_title(self, purpose: str) -> str:
        """The client's own words for a purpose."""
        titles = [str(p["title"]) for p in self.purposes if p["purpose"] == purpose]
        return titles[0] if titles else purpose


def client_face(db: Session, client_id: str) -> ClientFace:
    """A client as owners see it; a disabled one keeps its name."""
    client = db.get_one(Client, client_id)
    organization = db.get_one(Organization, client.org_id)
    return ClientFace(
        client_id,
        client.name,
        organization.name,
        organization.verified_domain,
        client.purposes,
        organization.owner_id is not None,
    )


def is_owners_own(conn: Connection | Session, client_id: str) -> bool:
    """Whether a client is an app of its owner's own."""
    query = (
        select(Organization.owner_id)
        .join(Client, Client.org_id == Organization.org_id)
        .where(Client.client_id == client_id)
    )
    return conn.execute(query).scalar_one_or_none() is not None


def names_of(conn: Connection, client_ids: Collection[str]) -> dict[str, str]:
    """What clients are called."""
    if not client_ids:
        return {}
    query = select(Client.client_id, Client.name).where(Client.client_id.in_(client_ids))
    return {row.client_id: row.name for row in conn.execute(query)}


def check_secret(client: KnownClient | None, secret: str) -> bool:
    """Whether the secret is the client's; an unknown client costs the same comparison."""
    expected = client.secret_hash if client and client.secret_hash else _NO_SECRET
    return hmac.compare_digest(expected, sha256(secret)) and expected is not _NO_SECRET


def _get(db: Session, client_id: str) -> Client:
    client = db.get(Client, client_id)
    if client is None:
        raise UnknownClient
    return client
