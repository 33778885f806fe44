"""Clients, grants and answered requests for tests: one plain function each."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.consent.models import Grant, GrantDetail, GrantPlace
from app.kit.clock import Clock
from app.kit.ids import new_id
from app.oauth.scopes import CLIENT_SCOPES
from app.organizations.clients import create_client
from app.organizations.models import Client, Organization
from app.organizations.service import create_organization

REDIRECT = "https://mend.example/back?from=inseam"
VENDOR_SCOPES = ("usage:read", "care:read", "location:read")


def make_purpose(**changes: Any) -> dict[str, Any]:
    """A purpose that needs how a thing is used, and would like how it is cared for."""
    purpose = {
        "purpose": "RepairImpairments",
        "title": "Tell you when to mend",
        "legal_basis": "Consent",
        "scopes": {
            "usage:read": {"needed": True, "why": "Wear decides when a seam gives."},
            "care:read": {},
        },
    }
    return purpose | changes


def make_vendor(
    db: Session, clock: Clock, name: str = "Mend & Co", **changes: Any
) -> tuple[Client, str | None]:
    """A vendor's client with one purpose, and its secret."""
    organization = create_organization(db, clock, f"Vendor {new_id()}")
    values: dict[str, Any] = {
        "is_public": False,
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scopes": VENDOR_SCOPES,
        "purposes": [make_purpose()],
        "known_scopes": list(CLIENT_SCOPES),
    }
    return create_client(db, clock, organization, name, **(values | changes))


def make_public_vendor(db: Session, clock: Clock, **changes: Any) -> Client:
    """A vendor's client that keeps no secret."""
    values = {"is_public": True, "grant_types": ["authorization_code", "refresh_token"]}
    return make_vendor(db, clock, "Mend app", **(values | changes))[0]


def make_maker_client(
    db: Session, clock: Clock, organization: Organization | None = None, **changes: Any
) -> tuple[Client, str | None]:
    """A maker's client for its gateway, and its secret."""
    organization = organization or create_organization(db, clock, f"Big Denim {new_id()}")
    values: dict[str, Any] = {
        "is_public": False,
        "redirect_uris": [],
        "grant_types": ["client_credentials"],
        "scopes": ["products:write", "objects:write", "log:write"],
        "purposes": [],
        "known_scopes": list(CLIENT_SCOPES),
    }
    return create_client(db, clock, organization, "Gateway", **(values | changes))


def make_grant(
    db: Session,
    clock: Clock,
    client: Client,
    *,
    owner_id: UUID | None = None,
    categories: Sequence[str] = ("usage", "care"),
    until: datetime | None = None,
    window_from: datetime | None = None,
) -> Grant:
    """An active grant on one object that nobody looks at."""
    now = clock.now()
    grant = Grant(
        owner_id=owner_id or new_id(),
        grant_id=new_id(),
        client_id=client.client_id,
        org_id=client.org_id,
        purpose="RepairImpairments",
        legal_basis="Consent",
        agreement=None,
        status="active",
        version=1,
        until=until or now + timedelta(days=180),
        created_at=now,
        ended_at=None,
    )
    place = {"grant_id": grant.grant_id, "client_id": grant.client_id, "owner_id": grant.owner_id}
    db.add_all([grant, GrantPlace(**place)])
    db.flush()
    same = {"object_id": new_id(), "tenure_id": new_id(), "pseudonym": new_id()}
    for category in categories:
        db.add(make_detail(grant, category, window_from=window_from, **same))
    db.flush()
    return grant


def make_detail(grant: Grant, category: str, **changes: Any) -> GrantDetail:
    """One detail of a grant's version."""
    values = {
        "owner_id": grant.owner_id,
        "grant_id": grant.grant_id,
        "version": grant.version,
        "category": category,
        "action": "read",
        "precision_time": "exact",
        "precision_place": "exact",
        "window_from": None,
        "window_to": None,
        "until": grant.until,
    }
    return GrantDetail(**(values | changes))
