"""Registering organizations: done by the operator."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.ids import new_id, parse_id
from app.organizations.errors import (
    KeyInvalid,
    OrganizationExists,
    OrganizationInvalid,
    PrefixInvalid,
    UnknownOrganization,
)
from app.organizations.models import Organization

_PREFIX = re.compile(r"[0-9]{4,12}")
_SHAPES = {
    "name": re.compile(r"(?=.*\S)[^\x00-\x1f\x7f]{1,200}"),
    "country": re.compile(r"[A-Z]{2}"),
    "website": re.compile(r"https?://[^\s\x00-\x1f]{1,490}"),
    "contact": re.compile(r"[^\x00-\x1f\x7f]{1,320}"),
    "verified_domain": re.compile(r"[a-z0-9.-]{1,253}"),
}
_RSA_BITS = 2048
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
_KEYS: dict[str, Any] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}


def create_organization(
    db: Session,
    clock: Clock,
    name: str,
    *,
    country: str | None = None,
    website: str | None = None,
    contact: str | None = None,
    verified_domain: str | None = None,
    gs1_prefixes: Sequence[str] = (),
    any_gtin: bool = False,
    ticket_key: dict[str, Any] | None = None,
) -> Organization:
    """Add an organization. OrganizationExists, OrganizationInvalid, PrefixInvalid, KeyInvalid."""
    _check_shapes(
        name=name,
        country=country,
        website=website,
        contact=contact,
        verified_domain=verified_domain,
    )
    slug = slug_of(name)
    if db.scalars(select(Organization).where(Organization.slug == slug)).first() is not None:
        raise OrganizationExists
    bad = [p for p in gs1_prefixes if not _PREFIX.fullmatch(p)]
    if bad:
        raise PrefixInvalid(f"{bad[0]!r} is not a GS1 company prefix of 4 to 12 digits.")
    organization = Organization(
        org_id=new_id(),
        slug=slug,
        name=name,
        country=country,
        website=website,
        contact=contact,
        verified_domain=verified_domain,
        gs1_prefixes=list(gs1_prefixes),
        any_gtin=any_gtin,
        ticket_key=ticket_key and check_ticket_key(ticket_key),
        created_at=clock.now(),
    )
    db.add(organization)
    db.flush()
    return organization


def find_organization(db: Session, slug_or_id: str) -> Organization:
    """An organization by its slug, its exact name or its id; UnknownOrganization."""
    org_id = parse_id(slug_or_id)
    found = db.get(Organization, org_id) if org_id else None
    if found is None:
        query = select(Organization).where(
            (Organization.slug == slug_or_id) | (Organization.slug == slug_of(slug_or_id))
        )
        found = db.scalars(query).first()
    if found is None:
        raise UnknownOrganization
    return found


def any_organization(db: Session) -> bool:
    """Whether anybody is registered yet."""
    return db.execute(select(Organization.org_id).limit(1)).first() is not None


def get_organization(db: Session, org_id: UUID) -> Organization:
    """An organization that is known to exist."""
    return db.get_one(Organization, org_id)


def check_ticket_key(jwk: dict[str, Any]) -> dict[str, Any]:
    """A public JWK that can verify tickets; KeyInvalid for anything else and for private keys."""
    if jwk.get("kty") not in _KEYS or _PRIVATE & jwk.keys():
        raise KeyInvalid
    if (jwk["kty"], jwk.get("crv")) not in {("EC", "P-256"), ("OKP", "Ed25519"), ("RSA", None)}:
        raise KeyInvalid
    try:
        key = _KEYS[jwk["kty"]].import_key(jwk)
        bits = key.raw_value.key_size if jwk["kty"] == "RSA" else _RSA_BITS
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise KeyInvalid from error
    if bits < _RSA_BITS:
        raise KeyInvalid(f"An RSA key needs at least {_RSA_BITS} bits.")
    return jwk


def _check_shapes(**parts: str | None) -> None:
    for name, text in parts.items():
        if text is not None and not _SHAPES[name].fullmatch(text):
            raise OrganizationInvalid(f"The {name.replace('_', ' ')} is not valid.")


def slug_of(name: str) -> str:
    """The name in small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80] or "organization"
