"""What is measured upon: a maker, an object of a claimed log, a vendor with a permission.

Through the service's own functions, as the demo does it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.accounts.owners import create_owner
from app.consent.grant import Choice, allow
from app.consent.grants import get_grant
from app.consent.requests import open_request
from app.demo.products import JEANS
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.ids import new_id
from app.oauth.tokens import Family, mint
from app.objects.mint import Minted
from app.objects.mint import mint as mint_objects
from app.objects.products import register_product
from app.objects.spec import ProductSpec
from app.organizations.clients import create_client
from app.organizations.models import Client, Organization
from app.organizations.service import any_organization, create_organization
from app.ownership.claim import Wish, claim
from app.usage.ingest import STORED, Call, LineResult, Taker, ingest
from app.usage.items import MAX_RECORDS, read_items

BACK = timedelta(days=29)
SEEDED = timedelta(minutes=MAX_RECORDS)
_READS = ["usage:read", "care:read"]
_PURPOSE = {
    "purpose": "RepairImpairments",
    "title": "We tell you what to mend.",
    "legal_basis": "Contract",
    "scopes": {scope: {"needed": False, "why": ""} for scope in _READS},
}


class NotEmpty(Exception):
    """The database holds something already, and measuring would write into it."""


@dataclass(frozen=True)
class Seeded:
    """What the requests need. `start` is where the log begins, a record a minute for SEEDED."""

    maker_id: str
    maker_secret: str
    maker_token: str
    vendor_token: str
    object_id: str
    pseudonym: str
    start: datetime


def seed(database: Database, taker: Taker, now: datetime) -> Seeded:
    """Write it all; NotEmpty where anything stands there."""
    start = (now - BACK).replace(microsecond=0)
    clock = FixedClock(start)
    with database.session() as db:
        if any_organization(db):
            raise NotEmpty("The database is not empty; measure on one made for it.")
        denim = create_organization(db, clock, "Big Denim", gs1_prefixes=["950600"])
        gateway, secret = _client(db, clock, denim, ["log:write"])
        product = register_product(db, clock, denim.org_id, ProductSpec.model_validate(JEANS))
        minted = mint_objects(db.connection(), clock, product, ["SL-000001"], 30)[0]
        assert isinstance(minted, Minted)
        assert secret is not None
        owner_id = create_owner(db, clock, "An owner", time_zone="Europe/Paris").owner_id
        claim(db, clock, owner_id, minted.code, Wish("me", start), 30)
        mend = create_organization(db, clock, "Mend & Co")
        vendor, _ = _client(db, clock, mend, _READS, [_PURPOSE])
    clock.set(now)
    _fill(database, taker, clock, denim, minted, start)
    with database.session() as db:
        grant_id = _allow(db, clock, vendor, owner_id, minted)
        pseudonym = get_grant(db, clock, owner_id, grant_id).details[0].pseudonym
        ends = now + timedelta(hours=1)
        own = Family(new_id(), gateway.client_id, None, None)
        granted = Family(new_id(), vendor.client_id, owner_id, grant_id)
        return Seeded(
            gateway.client_id,
            secret,
            mint(db, now, "access", own, ["log:write"], ends),
            mint(db, now, "access", granted, _READS, ends),
            str(minted.object_id),
            str(pseudonym),
            start,
        )


def _client(
    db: Session,
    clock: FixedClock,
    organization: Organization,
    scopes: list[str],
    purposes: list[dict[str, Any]] | None = None,
) -> tuple[Client, str | None]:
    return create_client(
        db,
        clock,
        organization,
        organization.name,
        is_public=False,
        redirect_uris=["https://vendor.example/callback"] if purposes else [],
        grant_types=["authorization_code" if purposes else "client_credentials"],
        scopes=scopes,
        purposes=purposes or [],
        known_scopes=scopes,
    )


def _fill(
    database: Database, taker: Taker, clock: FixedClock, maker: Organization, minted: Minted, start: datetime
) -> None:
    """A record a minute, wear and wash in turn, for SEEDED."""
    values: dict[str, Any] = {"wear": {"steps": 90, "minutes": 1}, "wash": {"temperature": 30}}
    records = []
    for minute in range(int(SEEDED / timedelta(minutes=1))):
        at = (start + timedelta(minutes=minute)).isoformat()
        stream = "wash" if minute % 2 else "wear"
        until = {"until": at} if stream == "wear" else {}
        records.append({"stream": stream, "at": at, "values": values[stream]} | until)
    items = read_items(records, minted.object_id)

    def work(conn: Connection) -> list[LineResult]:
        return ingest(conn, clock, taker, Call(maker.org_id, items))

    assert {one.status for one in database.submit(work).result(60)} == {STORED}


def _allow(db: Session, clock: FixedClock, vendor: Client, owner_id: UUID, minted: Minted) -> UUID:
    ticket = open_request(
        db,
        clock,
        client=vendor,
        purpose=vendor.purposes[0],
        scopes=_READS,
        protocol={"redirect_uri": vendor.redirect_uris[0], "state": None, "scopes": _READS},
        redirect_host="vendor.example",
        life=timedelta(hours=1),
    )
    choice = Choice(
        objects=frozenset({minted.object_id}),
        categories=frozenset(scope.partition(":")[0] for scope in _READS),
        until=clock.now() + timedelta(days=90),
        history_from=None,
    )
    return allow(db, clock, owner_id, ticket, choice, timedelta(days=365)).grant.grant_id
