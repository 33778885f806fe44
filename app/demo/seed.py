"""Seeding the demo: makers with their clients, things, two owners; then the story goes its way."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.accounts.demo import demo_owner_id
from app.accounts.owners import create_owner
from app.demo.products import JACKET, JEANS, WASHER
from app.demo.story import ZONE, Thing, tell
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.paging import Cursors
from app.objects.categories import VENDOR_SCOPES
from app.objects.mint import Minted, mint
from app.objects.models import Product
from app.objects.products import register_product
from app.objects.spec import ProductSpec
from app.organizations.clients import create_client
from app.organizations.models import Client, Organization
from app.organizations.service import create_organization
from app.ownership.claim import Wish, claim
from app.usage.ingest import Taker

DAYS = 120
_MAKER_SCOPES = ["products:write", "objects:write", "log:write"]
_CODE_DAYS = 3650


@dataclass(frozen=True)
class Seeded:
    """What those need to know who go on from here: the vendor's site, and the gateway of the
    jeans' maker. `worn` has each pair with the end of its last wear."""

    client_id: str
    client_secret: str
    gateway: tuple[str, str]
    worn: dict[UUID, datetime]


def seed(
    database: Database, cursors: Cursors, taker: Taker, now: datetime, vendor_url: str
) -> Seeded:
    """Write the whole story, as if it had happened in its own time and order."""
    start = datetime.combine((now - timedelta(days=DAYS)).date(), time(7), ZoneInfo(ZONE))
    clock = FixedClock(start - timedelta(days=20))
    with database.session() as db:
        gateway, things = _make_things(db, clock, start)
        mend, secret = _make_mend(db, clock, vendor_url)
        hearth = _make_hearth(db, clock)
    clock.set(start)
    worn = tell(database, cursors, taker, clock, hearth, things, now)
    assert secret is not None  # Mend & Co keeps one
    return Seeded(mend.client_id, secret, gateway, worn)


def _make_things(
    db: Session, clock: FixedClock, start: datetime
) -> tuple[tuple[str, str], list[Thing]]:
    """The makers with their things; Big Denim's gateway can sign in."""
    denim = create_organization(
        db,
        clock,
        "Big Denim",
        country="FR",
        website="https://big-denim.example",
        contact="owners@big-denim.example",
        gs1_prefixes=["950600"],
    )
    drum = create_organization(
        db,
        clock,
        "Drum Works",
        country="DE",
        website="https://drum-works.example",
        contact="service@drum-works.example",
        gs1_prefixes=["950611"],
    )
    (gateway, secret), _ = (
        _client(db, clock, maker, f"{maker.name} gateway", _MAKER_SCOPES) for maker in (denim, drum)
    )
    assert secret is not None  # a gateway keeps one
    jeans, jacket, washer = (
        register_product(db, clock, maker.org_id, ProductSpec.model_validate(spec))
        for maker, spec in ((denim, JEANS), (denim, JACKET), (drum, WASHER))
    )
    one, two = (
        create_owner(db, clock, name, time_zone=ZONE, owner_id=demo_owner_id(number)).owner_id
        for number, name in ((1, "Demo owner"), (2, "Second demo owner"))
    )
    made = [
        (denim, jeans, JEANS, "SL-000001", one, "me"),
        (denim, jacket, JACKET, "FJ-000001", one, "me"),
        (drum, washer, WASHER, "D7-000001", one, "household"),
        (denim, jeans, JEANS, "SL-000002", two, "me"),
    ]
    clock.set(start)
    return (gateway.client_id, secret), [_claimed(db, clock, *row) for row in made]


def _claimed(
    db: Session,
    clock: FixedClock,
    maker: Organization,
    product: Product,
    spec: dict[str, Any],
    serial: str,
    owner_id: UUID,
    used_by: str,
) -> Thing:
    minted = mint(db.connection(), clock, product, [serial], _CODE_DAYS)[0]
    assert isinstance(minted, Minted)
    claim(db, clock, owner_id, minted.code, Wish(used_by, clock.now()), 30)
    return Thing(maker.org_id, minted.object_id, owner_id, serial, spec)


def _client(
    db: Session,
    clock: FixedClock,
    organization: Organization,
    name: str,
    scopes: list[str],
    redirect_uri: str | None = None,
    purposes: list[dict[str, Any]] | None = None,
    accepts: list[str] | None = None,
) -> tuple[Client, str | None]:
    grants = ["authorization_code", "refresh_token"] if redirect_uri else []
    return create_client(
        db,
        clock,
        organization,
        name,
        is_public=False,
        redirect_uris=[redirect_uri] if redirect_uri else [],
        grant_types=[*grants, "client_credentials"],
        scopes=scopes,
        purposes=purposes or [],
        known_scopes=[*_MAKER_SCOPES, *VENDOR_SCOPES],
        registered={"door": "operator", "inseam_agreements": accepts} if accepts else None,
    )


def _make_mend(db: Session, clock: FixedClock, vendor_url: str) -> tuple[Client, str | None]:
    organization = create_organization(
        db,
        clock,
        "Mend & Co",
        country="FR",
        website=vendor_url,
        contact="hello@mend.example",
        # The demo knows whose address that is: it starts the site there itself.
        verified_domain=urlsplit(vendor_url).hostname,
    )
    purpose = {
        "purpose": "RepairImpairments",
        "title": "We look at how your jeans are worn and washed, and tell you what to mend before "
        "it tears.",
        "legal_basis": "Contract",
        "scopes": {
            "usage:read": {"needed": True, "why": "Wear tells us where the cloth grows thin."},
            "care:read": {"needed": True, "why": "Hot washes weaken the thread."},
            "condition:read": {"needed": False, "why": "Faults it reports help us to find them."},
            "body:read": {"needed": False, "why": "For alterations that fit."},
            "identity:read": {"needed": False, "why": "To find your pair when you bring it in."},
        },
    }
    return _client(
        db,
        clock,
        organization,
        "Mend & Co",
        list(purpose["scopes"]),
        f"{vendor_url}/callback",
        [purpose],
        ["SD-BASE", "SD-BASE-DP"],
    )


def _make_hearth(db: Session, clock: FixedClock) -> Client:
    organization = create_organization(
        db,
        clock,
        "Hearth Insurance",
        country="DE",
        website="https://hearth.example",
        contact="data@hearth.example",
    )
    purposes = [
        {
            "purpose": "ServiceProvision",
            "title": "We insure your machine and pay for a repair when it reports a fault.",
            "legal_basis": "Contract",
            "scopes": {
                "condition:read": {"needed": True, "why": "A reported fault is your claim."},
                "usage:read": {"needed": False, "why": "Few washes make it cheaper."},
            },
        },
        {
            "purpose": "Marketing",
            "title": "We would like to offer you cover for your jacket on your travels.",
            "legal_basis": "Consent",
            "scopes": {
                "usage:read": {"needed": False, "why": "How often you are out in it."},
                "location:read": {"needed": False, "why": "Where you travel."},
            },
        },
    ]
    scopes = ["condition:read", "usage:read", "location:read"]
    redirect = "https://hearth.example/callback"
    client, _ = _client(db, clock, organization, "Hearth Insurance", scopes, redirect, purposes)
    return client
