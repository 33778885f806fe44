"""OAuth clients of organizations: registration by the operator, lookup, secrets."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.ids import new_secret
from app.organizations.errors import PurposeInvalid, RedirectInvalid, ScopeUnknown
from app.organizations.models import Client, Organization
from app.organizations.purposes import PurposeSpec
from app.organizations.service import slug_of

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_NO_SECRET = sha256("no client has this secret")


@dataclass(frozen=True)
class KnownClient:
    """A client that may act now (hot path). `purposes` as registered."""

    client_id: str
    org_id: UUID
    name: str
    secret_hash: bytes | None
    redirect_uris: list[str]
    grant_types: list[str]
    scopes: list[str]
    purposes: list[dict[str, Any]]

    @property
    def is_public(self) -> bool:
        return self.secret_hash is None


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
) -> tuple[Client, str | None]:
    """Register a client; the row, and its secret in the only clear copy there is.

    RedirectInvalid, ScopeUnknown, PurposeInvalid.
    """
    for scope in scopes:
        if scope not in known_scopes:
            raise ScopeUnknown(f"There is no scope {scope!r}.")
    secret = None if is_public else new_secret("inseam_cs_")
    client = Client(
        client_id=f"{slug_of(name)[:60]}-{secrets.token_hex(6)}",
        org_id=organization.org_id,
        name=name,
        secret_hash=secret and sha256(secret),
        redirect_uris=[check_redirect_uri(uri) for uri in redirect_uris],
        grant_types=list(grant_types),
        scopes=list(scopes),
        purposes=[_check_purpose(purpose, scopes) for purpose in purposes],
        created_at=clock.now(),
    )
    db.add(client)
    db.flush()
    return client, secret


def find_client(conn: Connection | Session, client_id: str) -> KnownClient | None:
    """A client that is not disabled (hot path)."""
    if len(client_id) > 100 or "\x00" in client_id:
        return None
    columns = [getattr(Client, name) for name in KnownClient.__dataclass_fields__]
    query = select(*columns).where(Client.client_id == client_id, Client.disabled_at.is_(None))
    row = conn.execute(query).one_or_none()
    return KnownClient(*row) if row is not None else None


@dataclass(frozen=True)
class ClientFace:
    """How owners know a client: its name, its organization's checked domain, its purposes."""

    client_id: str
    name: str
    organization: str
    verified_domain: str | None
    purposes: list[dict[str, Any]]

    def purpose_title(self, purpose: str) -> str:
        """The client's own words for a purpose."""
        titles = [str(p["title"]) for p in self.purposes if p["purpose"] == purpose]
        return titles[0] if titles else purpose


def client_face(db: Session, client_id: str) -> ClientFace:
    """A client as owners see it; a disabled one keeps its name."""
    client = db.get_one(Client, client_id)
    organization = db.get_one(Organization, client.org_id)
    return ClientFace(
        client_id, client.name, organization.name, organization.verified_domain, client.purposes
    )


def check_secret(client: KnownClient | None, secret: str) -> bool:
    """Whether the secret is the client's; an unknown client costs the same comparison."""
    expected = client.secret_hash if client and client.secret_hash else _NO_SECRET
    return hmac.compare_digest(expected, sha256(secret)) and expected is not _NO_SECRET


def check_redirect_uri(uri: str) -> str:
    """The URI itself where it can be registered, or RedirectInvalid."""
    parts = urlsplit(uri)
    is_plain_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    is_odd = (
        parts.fragment
        or "#" in uri
        or parts.username
        or parts.password
        or "*" in uri
        or "\\" in uri
        or not uri.isprintable()
        or " " in uri
        or len(uri) > 2000
        or any(step in (".", "..") for step in parts.path.split("/"))
    )
    if not parts.hostname or is_odd or not (parts.scheme == "https" or is_plain_local):
        raise RedirectInvalid(f"{uri[:200]!r} cannot be registered as a redirect URI.")
    return uri


def _check_purpose(purpose: dict[str, Any], scopes: Sequence[str]) -> dict[str, Any]:
    try:
        spec = PurposeSpec.model_validate(purpose)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(p) for p in fault["loc"])
        raise PurposeInvalid(f"{where}: {fault['msg']}.") from error
    foreign = set(spec.scopes) - set(scopes)
    if foreign:
        raise PurposeInvalid(f"The client does not have the scope {min(foreign)!r}.")
    return spec.model_dump()
