"""Registering organizations: done by the operator."""

import re
import unicodedata
from base64 import b32encode
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.db import take_turn
from app.kit.ids import new_id, parse_id
from app.organizations.errors import (
    KeyInvalid,
    OrganizationExists,
    OrganizationInvalid,
    PrefixInvalid,
    PrefixTaken,
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
_DOMAIN = re.compile(
    r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
)
_PREFIXES = UUID("3b1f0a52-9c1f-4c1d-8a57-8f1c2f0c6e55")
_USEFUL = 3
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
    slug: str | None = None,
) -> Organization:
    """Add an organization. Its `slug` is made of its name; one that comes by itself has another,
    which no name makes, so that it cannot take the name of a company that the operator enters.

    OrganizationExists, OrganizationInvalid, PrefixInvalid, PrefixTaken, KeyInvalid.
    """
    _check_shapes(
        name=name,
        country=country,
        website=website,
        contact=contact,
        verified_domain=verified_domain,
    )
    slug = slug or slug_of(name)
    if db.scalars(select(Organization).where(Organization.slug == slug)).first() is not None:
        raise OrganizationExists
    org_id = new_id()
    organization = Organization(
        org_id=org_id,
        slug=slug,
        name=name,
        country=country,
        website=website,
        contact=contact,
        verified_domain=verified_domain,
        gs1_prefixes=_check_prefixes(db, org_id, gs1_prefixes),
        any_gtin=any_gtin,
        ticket_key=None if ticket_key is None else check_ticket_key(ticket_key),
        created_at=clock.now(),
    )
    db.add(organization)
    db.flush()
    return organization


def verify_domain(organization: Organization, domain: str | None) -> None:
    """Say that a domain is an organization's own, or, with None, that none is known to be.
    OrganizationInvalid."""
    if domain is not None and not _DOMAIN.fullmatch(domain):
        raise OrganizationInvalid("A domain is written in small letters, such as mend.example.")
    organization.verified_domain = domain


def set_prefixes(db: Session, organization: Organization, gs1_prefixes: Sequence[str]) -> None:
    """Give an organization these GS1 prefixes in place of its own; its products stay.
    PrefixInvalid, PrefixTaken."""
    organization.gs1_prefixes = _check_prefixes(db, organization.org_id, gs1_prefixes)


def find_organization(db: Session, slug_or_id: str) -> Organization:
    """A company by its slug, its exact name or its id; UnknownOrganization, also for what stands
    for one owner."""
    org_id = parse_id(slug_or_id)
    found = db.get(Organization, org_id) if org_id else None
    if found is None:
        alike = select(Organization).where(Organization.slug.in_({slug_or_id, slug_of(slug_or_id)}))
        by_slug = {one.slug: one for one in db.scalars(alike)}
        found = by_slug.get(slug_or_id) or next(iter(by_slug.values()), None)
    if found is None or found.owner_id is not None:
        raise UnknownOrganization
    return found


def any_organization(db: Session) -> bool:
    """Whether any company is registered yet."""
    companies = select(Organization.org_id).where(Organization.owner_id.is_(None))
    return db.execute(companies.limit(1)).first() is not None


def get_organization(db: Session, org_id: UUID) -> Organization:
    """An organization that is known to exist."""
    return db.get_one(Organization, org_id)


def check_ticket_key(jwk: Any) -> dict[str, Any]:
    """A public JWK that can verify tickets; KeyInvalid for anything else and for private keys."""
    if not isinstance(jwk, dict) or _PRIVATE & jwk.keys():
        raise KeyInvalid
    if [jwk.get("kty"), jwk.get("crv")] not in (["EC", "P-256"], ["OKP", "Ed25519"], ["RSA", None]):
        raise KeyInvalid
    try:
        key = _KEYS[jwk["kty"]].import_key(jwk)
        bits = key.raw_value.key_size if jwk["kty"] == "RSA" else _RSA_BITS
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise KeyInvalid from error
    if bits < _RSA_BITS:
        raise KeyInvalid(f"An RSA key needs at least {_RSA_BITS} bits.")
    return jwk


def _check_prefixes(db: Session, org_id: UUID, prefixes: Sequence[str]) -> list[str]:
    """The prefixes, each once, where no other organization has one that overlaps."""
    bad = [p for p in prefixes if not _PREFIX.fullmatch(p)]
    if bad:
        raise PrefixInvalid(f"{bad[0]!r} is not a GS1 company prefix of 4 to 12 digits.")
    if prefixes:
        take_turn(db.connection(), _PREFIXES, is_shared=False)
    others = select(Organization).where(
        Organization.org_id != org_id, Organization.owner_id.is_(None)
    )
    for other in db.scalars(others) if prefixes else ():
        for theirs in other.gs1_prefixes:
            for prefix in prefixes:
                if prefix.startswith(theirs) or theirs.startswith(prefix):
                    raise PrefixTaken(f"{prefix} overlaps {theirs}, which is {other.name}'s.")
    return list(dict.fromkeys(prefixes))


def _check_shapes(**parts: str | None) -> None:
    for name, text in parts.items():
        if text is not None and not _SHAPES[name].fullmatch(text):
            raise OrganizationInvalid(f"The {name.replace('_', ' ')} is not valid.")


def slug_of(name: str) -> str:
    """The name in small letters, digits and hyphens, always the same for the same name.

    Where other scripts leave too little to tell names apart, a short code made of the whole name
    stands for it, or beside what is left.
    """
    text = unicodedata.normalize("NFKD", name.casefold())
    plain = re.sub(r"[^a-z0-9]+", "-", text.encode("ascii", "ignore").decode().lower())
    slug = plain[:80].strip("-")
    is_whole = not any(sign.isalnum() and not sign.isascii() for sign in text)
    if slug and is_whole:
        return slug
    code = b32encode(sha256(text))[:8].decode().lower()
    return f"{slug[:60].strip('-')}-{code}" if len(slug) >= _USEFUL else code
