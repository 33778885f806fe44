"""What is measured upon: a maker, objects of a claimed log, a vendor with a permission.

Through the service's own functions, as the demo does it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc.jwk import ECKey
from sqlalchemy.orm import Session

from app.accounts.owners import create_owner
from app.consent.grant import Choice, allow
from app.consent.grants import get_grant
from app.consent.requests import open_request
from app.demo.products import JEANS
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.ids import new_id
from app.oauth.personal import create_token
from app.oauth.tokens import Family, mint
from app.objects.mint import Minted
from app.objects.mint import mint as mint_objects
from app.objects.products import register_product
from app.objects.spec import ProductSpec
from app.organizations.clients import create_client
from app.organizations.models import Client, Organization
from app.organizations.service import any_organization, create_organization
from app.ownership.claim import Wish, claim
from bench.passes import make_key

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
class Scene:
    """Who and what there is. `things` are (object, tenure); the permission is for the first. The
    log may begin at `start`."""

    org_id: UUID
    owner_id: UUID
    maker_id: str
    maker_secret: str
    vendor_id: str
    grant_id: UUID
    pseudonym: UUID
    things: list[tuple[UUID, UUID]]
    start: datetime
    signer_id: str
    signer_key: ECKey

    @property
    def object_id(self) -> UUID:
        return self.things[0][0]


@dataclass(frozen=True)
class Tokens:
    """What lets each of them in for an hour."""

    maker: str
    vendor: str
    owner: str


def seed(database: Database, now: datetime, start: datetime, objects: int = 1) -> Scene:
    """Write it all, the logs empty; NotEmpty where anything stands there."""
    clock = FixedClock(start)
    with database.session() as db:
        if any_organization(db):
            raise NotEmpty("The database is not empty; measure on one made for it.")
        denim = create_organization(db, clock, "Big Denim", gs1_prefixes=["950600"])
        gateway, secret = _client(db, clock, denim, ["log:write"])
        assert secret is not None
        key = make_key()
        signer, _ = _client(db, clock, denim, ["log:write"], registered=_by_key(key))
        product = register_product(db, clock, denim.org_id, ProductSpec.model_validate(JEANS))
        serials = [f"SL-{number:06}" for number in range(1, objects + 1)]
        minted = mint_objects(db.connection(), clock, product, serials, 30)
        owner_id = create_owner(db, clock, "An owner", time_zone="Europe/Paris").owner_id
        things = []
        for one in minted:
            assert isinstance(one, Minted)
            tenure = claim(db, clock, owner_id, one.code, Wish("me", start), 30)
            things.append((one.object_id, tenure.tenure_id))
        mend = create_organization(db, clock, "Mend & Co")
        vendor, _ = _client(db, clock, mend, _READS, [_PURPOSE])
    clock.set(now)
    with database.session() as db:
        grant_id = _allow(db, clock, vendor, owner_id, things[0][0])
        pseudonym = get_grant(db, clock, owner_id, grant_id).details[0].pseudonym
    return Scene(
        denim.org_id,
        owner_id,
        gateway.client_id,
        secret,
        vendor.client_id,
        grant_id,
        pseudonym,
        things,
        start,
        signer.client_id,
        key,
    )


def let_in(database: Database, scene: Scene, now: datetime) -> Tokens:
    """Tokens for whoever sends and reads."""
    ends = now + timedelta(hours=1)
    maker = Family(new_id(), scene.maker_id, None, None)
    vendor = Family(new_id(), scene.vendor_id, scene.owner_id, scene.grant_id)
    with database.session() as db:
        _, personal = create_token(
            db,
            FixedClock(now),
            scene.owner_id,
            "bench",
            scopes=["own:read", "own:export"],
            objects=None,
            until=ends,
        )
        return Tokens(
            mint(db.connection(), now, "access", maker, ["log:write"], ends),
            mint(db.connection(), now, "access", vendor, _READS, ends),
            personal,
        )


def _client(
    db: Session,
    clock: FixedClock,
    organization: Organization,
    scopes: list[str],
    purposes: list[dict[str, Any]] | None = None,
    registered: dict[str, Any] | None = None,
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
        registered=registered,
    )


def _by_key(key: ECKey) -> dict[str, Any]:
    """How a client registers that authenticates by its key (RFC 7591 §2)."""
    keys = {"keys": [key.as_dict(private=False) | {"kid": "bench", "alg": "ES256"}]}
    return {"token_endpoint_auth_method": "private_key_jwt", "jwks": keys}


def _allow(db: Session, clock: FixedClock, vendor: Client, owner_id: UUID, object_id: UUID) -> UUID:
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
        objects=frozenset({object_id}),
        kinds=frozenset((0, scope.partition(":")[0]) for scope in _READS),
        until=clock.now() + timedelta(days=90),
        history_from=None,
    )
    return allow(db, clock, owner_id, ticket, choice, timedelta(days=365)).grant.grant_id
