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
    PrefixInvalid,
    UnknownOrganization,
)
from app.organizations.models import Organization

_PREFIX = re.compile(r"[0-9]{4,12}")
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
    """Add an organization. OrganizationExists, PrefixInvalid, KeyInvalid."""
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


def get_organization(db: Session, org_id: UUID) -> Organization:
    """An organization that is known to exist."""
    return db.get_one(Organization, org_id)


def check_ticket_key(jwk: dict[str, Any]) -> dict[str, Any]:
    """A public JWK that can verify tickets; KeyInvalid for anything else, private keys above all."""
    if not isinstance(jwk, dict) or jwk.get("kty") not in _KEYS or _PRIVATE & jwk.keys():
        raise KeyInvalid
    if (jwk["kty"], jwk.get("crv")) not in {("EC", "P-256"), ("OKP", "Ed25519"), ("RSA", None)}:
        raise KeyInvalid
    try:
        _KEYS[jwk["kty"]].import_key(jwk)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise KeyInvalid from error
    return jwk


def slug_of(name: str) -> str:
    """The name in small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80] or "organization"
