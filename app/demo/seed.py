"""Seeding the demo: makers, things, two owners, a season of use, permissions and readings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.accounts.demo import demo_owner_id
from app.accounts.owners import create_owner
from app.consent.grant import Choice, allow
from app.consent.grants import get_grant, revoke
from app.consent.requests import open_request
from app.demo.products import JACKET, JEANS, WASHER
from app.demo.simulate import simulate
from app.disclosure.reader import Reader
from app.disclosure.records import Wanted, read_records
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
from app.usage.ingest import Call, Taker, ingest
from app.usage.items import read_items

DAYS = 120
ZONE = "Europe/Paris"
_SEED = 7
_WEEK = 7
_MAKER_SCOPES = ["products:write", "objects:write", "log:write"]
_CODE_DAYS = 3650
_LONGEST = timedelta(days=365)


@dataclass(frozen=True)
class Seeded:
    """What the vendor's site needs to know."""

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class _Thing:
    """An object with its owner and the product it was made of."""

    org_id: UUID
    object_id: UUID
    owner_id: UUID
    serial: str
    spec: dict[str, Any]


def seed(
    database: Database, cursors: Cursors, taker: Taker, now: datetime, vendor_url: str
) -> Seeded:
    """Write the whole story, as if it had happened in its own time."""
    start = datetime.combine((now - timedelta(days=DAYS)).date(), time(7), ZoneInfo(ZONE))
    clock = FixedClock(start - timedelta(days=20))
    with database.session() as db:
        things = _make_things(db, clock, start)
        mend, secret = _make_mend(db, clock, vendor_url)
        hearth = _make_hearth(db, clock)
    clock.set(start)
    _live(database, taker, clock, things, now)
    clock.set(now)
    _give(database, cursors, taker, hearth, things, now)
    assert secret is not None  # Mend & Co keeps one
    return Seeded(mend.client_id, secret)


def _make_things(db: Session, clock: FixedClock, start: datetime) -> list[_Thing]:
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
    for maker in (denim, drum):
        _client(db, clock, maker, f"{maker.name} gateway", _MAKER_SCOPES)
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
    return [_claimed(db, clock, *row) for row in made]


def _claimed(
    db: Session,
    clock: FixedClock,
    maker: Organization,
    product: Product,
    spec: dict[str, Any],
    serial: str,
    owner_id: UUID,
    used_by: str,
) -> _Thing:
    minted = mint(db.connection(), clock, product, [serial], _CODE_DAYS)[0]
    assert isinstance(minted, Minted)
    claim(db, clock, owner_id, minted.code, Wish(used_by, clock.now()), 30)
    return _Thing(maker.org_id, minted.object_id, owner_id, serial, spec)


def _client(
    db: Session,
    clock: FixedClock,
    organization: Organization,
    name: str,
    scopes: list[str],
    redirect_uri: str | None = None,
    purposes: list[dict[str, Any]] | None = None,
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
    )


def _make_mend(db: Session, clock: FixedClock, vendor_url: str) -> tuple[Client, str | None]:
    organization = create_organization(
        db,
        clock,
        "Mend & Co",
        country="FR",
        website="https://mend.example",
        contact="hello@mend.example",
        verified_domain="mend.example",
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


def _live(
    database: Database, taker: Taker, clock: FixedClock, things: list[_Thing], now: datetime
) -> None:
    """Each week the gateways send what the week held."""
    start = clock.now()
    while clock.now() < now:
        end = min(clock.now() + timedelta(days=_WEEK), now)
        batches = [_records(thing, clock.now(), end) for thing in things]
        clock.set(end)
        for thing, records in zip(things, batches, strict=True):
            if records:
                database.submit(_ingest_work(taker, clock, thing, records)).result(60)
    assert clock.now() > start


def _records(thing: _Thing, start: datetime, end: datetime) -> list[dict[str, Any]]:
    records = simulate(thing.spec, serial=thing.serial, seed=_SEED, start=start, end=end, zone=ZONE)
    return list(records)


def _ingest_work(
    taker: Taker, clock: FixedClock, thing: _Thing, records: list[dict[str, Any]]
) -> Callable[[Any], object]:
    call = Call(thing.org_id, read_items(records, thing.object_id))
    return lambda conn: ingest(conn, clock, taker, call)


def _give(
    database: Database,
    cursors: Cursors,
    taker: Taker,
    hearth: Client,
    things: list[_Thing],
    now: datetime,
) -> None:
    """One permission that lives and was read now and then, one that was taken back."""
    jacket, washer = things[1], things[2]
    given_at = now - timedelta(days=40)
    kept = _allow(
        database, given_at, hearth, "ServiceProvision", ["condition:read"], washer, history=True
    )
    for days in (38, 31, 24, 17, 10, 3):
        _read(database, cursors, taker, hearth, kept, washer, now - timedelta(days=days))
    ended = _allow(database, now - timedelta(days=70), hearth, "Marketing", ["usage:read"], jacket)
    _read(database, cursors, taker, hearth, ended, jacket, now - timedelta(days=69))
    clock = FixedClock(now - timedelta(days=66))
    with database.session() as db:
        revoke(db, clock, jacket.owner_id, ended)
    _read(database, cursors, taker, hearth, ended, jacket, now - timedelta(days=65, hours=5))


def _allow(
    database: Database,
    at: datetime,
    client: Client,
    purpose_name: str,
    scopes: list[str],
    thing: _Thing,
    *,
    history: bool = False,
) -> UUID:
    clock = FixedClock(at)
    purpose = next(p for p in client.purposes if p["purpose"] == purpose_name)
    with database.session() as db:
        ticket = open_request(
            db,
            clock,
            client=client,
            purpose=purpose,
            scopes=scopes,
            protocol={
                "redirect_uri": client.redirect_uris[0],
                "state": None,
                "code_challenge": "",
                "scopes": scopes,
            },
            redirect_host="hearth.example",
            life=timedelta(hours=1),
        )
        choice = Choice(
            objects=frozenset({thing.object_id}),
            categories=frozenset(scope.partition(":")[0] for scope in scopes),
            until=at + timedelta(days=182),
            history_from=None if history else at,
        )
        granted = allow(db, clock, thing.owner_id, ticket, choice, _LONGEST)
        return granted.grant.grant_id


def _read(
    database: Database,
    cursors: Cursors,
    taker: Taker,
    client: Client,
    grant_id: UUID,
    thing: _Thing,
    at: datetime,
) -> None:
    clock = FixedClock(at)
    scopes = frozenset(client.scopes)
    reader = Reader(client.client_id, client.org_id, client.name, thing.owner_id, grant_id, scopes)
    ref = str(_pseudonym(database, thing, grant_id))
    wanted = Wanted(None, None, None, 100, None)
    deadline = timedelta(seconds=2)
    database.submit(
        lambda conn: read_records(conn, clock, cursors, taker.keys, reader, ref, wanted, deadline)
    ).result(60)


def _pseudonym(database: Database, thing: _Thing, grant_id: UUID) -> UUID:
    with database.read() as db:
        view = get_grant(db, FixedClock(), thing.owner_id, grant_id)
        return view.details[0].pseudonym
