"""A whole small world through the services: makers, owners with things, a vendor that asks."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.accounts.owners import create_owner
from app.consent.asked import wishes_of
from app.consent.grant import Choice, Granted, allow
from app.consent.offer import Kind
from app.consent.queries import request_by_hash
from app.consent.requests import open_request
from app.disclosure import coarse
from app.disclosure.reader import Disclosed, NotDisclosed, Reader
from app.disclosure.records import Wanted, read_records
from app.kit.clock import FixedClock
from app.kit.crypto import sha256
from app.kit.db import Database
from app.kit.ids import new_id
from app.kit.paging import Cursors
from app.objects.categories import VENDOR_SCOPES
from app.organizations.clients import create_client
from app.organizations.models import Client
from app.ownership.claim import Wish, claim
from app.usage.ingest import Call, LineResult, Taker, ingest
from app.usage.items import read_items
from tests.factories import objects as things
from tests.factories.usage import make_taker

LONGEST = timedelta(days=365)
DEADLINE = timedelta(seconds=2)
REDIRECT = "https://vendor.example/callback"
STREAM_CATEGORY = {"wear": "usage", "wash": "care", "fit": "body", "place": "location"}


def purpose(scopes: Iterable[str], name: str = "RepairImpairments") -> dict[str, Any]:
    """A registered purpose that needs nothing in particular."""
    return {
        "purpose": name,
        "title": "We tell you what to mend.",
        "legal_basis": "Contract",
        "scopes": {scope: {"needed": False, "why": ""} for scope in scopes},
    }


@dataclass
class World:
    """Everything is done at the clock's time, each act in its own transaction."""

    database: Database
    clock: FixedClock
    cursors: Cursors = field(init=False)
    taker: Taker = field(default_factory=make_taker)

    def __post_init__(self) -> None:
        keys = {"k": b"k" * 32}
        self.cursors = Cursors(lambda: keys, self.clock, timedelta(hours=24))
        with self.database.session() as db:
            self.maker = things.make_maker(db, self.clock)
            streams = [
                things.stream_body("wear", "usage", [things.field_body("steps")]),
                things.stream_body("wash", "care", [things.field_body("temperature", "Cel")]),
                things.stream_body("fit", "body", [things.field_body("tension", "N")]),
                things.stream_body(
                    "place",
                    "location",
                    [things.field_body("latitude", "lat"), things.field_body("longitude", "lon")],
                ),
            ]
            self.product = things.make_product(db, self.clock, self.maker, streams=streams)
            self.client = self._client(db, "Mend & Co")
            self.other_client = self._client(db, "Hearth Insurance")

    def _client(self, db: Any, name: str) -> Client:
        organization = things.make_maker(db, self.clock, name, gs1_prefixes=[])
        scopes = list(VENDOR_SCOPES)
        client, _ = create_client(
            db,
            self.clock,
            organization,
            name,
            is_public=False,
            redirect_uris=[REDIRECT],
            grant_types=["authorization_code", "refresh_token"],
            scopes=scopes,
            purposes=[purpose(scopes), purpose(scopes, "Marketing")],
            known_scopes=scopes,
        )
        return client

    def owner(self, name: str = "An owner") -> UUID:
        with self.database.session() as db:
            return create_owner(db, self.clock, name, time_zone="Europe/Paris").owner_id

    def minted(self, serial: str = "SL-1") -> tuple[UUID, str]:
        """An unclaimed object and its code."""
        with self.database.session() as db:
            made = things.make_object(db, self.clock, self.product, serial)
            return made.object_id, made.code

    def owned(self, owner_id: UUID, serial: str = "SL-1") -> UUID:
        """An object that this owner claimed now."""
        object_id, code = self.minted(serial)
        with self.database.session() as db:
            claim(db, self.clock, owner_id, code, Wish("me", self.clock.now()), 30)
        return object_id

    def send(self, object_id: UUID, records: list[dict[str, Any]]) -> list[LineResult]:
        items = read_items(json.loads(json.dumps(records)), object_id)
        call = Call(self.maker.org_id, items)
        return self.database.submit(lambda conn: ingest(conn, self.clock, self.taker, call)).result(
            30
        )

    def wear(self, object_id: UUID, *times: datetime, stream: str = "wear") -> None:
        """Store one record a time; each must be taken."""
        values = {
            "wear": {"steps": 100},
            "wash": {"temperature": 40},
            "fit": {"tension": 3},
            "place": {"latitude": 48.85, "longitude": 2.35},
        }[stream]
        records = [{"stream": stream, "at": t.isoformat(), "values": values} for t in times]
        assert {r.status for r in self.send(object_id, records)} <= {"stored"}

    def ask(
        self,
        scopes: Iterable[str] = ("usage:read", "care:read"),
        client: Client | None = None,
        purpose_name: str = "RepairImpairments",
        life: timedelta = timedelta(hours=1),
        entries: Iterable[dict[str, Any]] | None = None,
        changes: tuple[str | None, UUID] | None = None,
    ) -> str:
        """A waiting request; its ticket. With entries it asks by them alone."""
        if entries is not None:
            entries = list(entries)
            scopes = dict.fromkeys(f"{kind}:read" for one in entries for kind in one["datatypes"])
        scopes = list(scopes)
        with self.database.session() as db:
            return open_request(
                db,
                self.clock,
                client=client or self.client,
                purpose=purpose(scopes, purpose_name),
                scopes=list(scopes),
                protocol={"redirect_uri": REDIRECT, "state": "s", "scopes": list(scopes)},
                redirect_host="vendor.example",
                life=life,
                open_scopes=None if entries is None else [],
                entries=list(entries or ()),
                changes=changes,
            )

    def allow(
        self,
        owner_id: UUID,
        objects: Iterable[UUID],
        categories: Iterable[str] = ("usage", "care"),
        ticket: str | None = None,
        until: datetime | None = None,
        history_from: datetime | None = None,
        how: str | None = None,
    ) -> Granted:
        """A grant of what is chosen; by default of the whole history, for 90 days. All of it is
        told as `how` says (`precision.chosen`)."""
        categories = list(categories)
        ticket = ticket or self.ask([f"{c}:read" for c in categories])
        kinds = self.kinds(ticket, categories)
        choice = Choice(
            frozenset(objects),
            kinds,
            until or self.clock.now() + timedelta(days=90),
            history_from,
            {} if how is None else dict.fromkeys(kinds, how),
        )
        with self.database.session() as db:
            return allow(db, self.clock, owner_id, ticket, choice, LONGEST)

    def kinds(self, ticket: str, categories: Iterable[str]) -> frozenset[Kind]:
        """These kinds of data of every part of a request that asks for them; of its first part
        also what it does not ask for."""
        with self.database.read() as db:
            row = request_by_hash(db, sha256(ticket))
            wishes = wishes_of(row.asked) if row else []
        wanted = set(categories)
        found = {(n, one) for n, wish in enumerate(wishes) for one in wish.categories & wanted}
        return frozenset(found | {(0, one) for one in wanted - {kind for _, kind in found}})

    def reader(
        self,
        granted: Granted | None,
        client: Client | None = None,
        scopes: Iterable[str] = tuple(VENDOR_SCOPES),
        dead_reason: str | None = None,
    ) -> Reader:
        client = client or self.client
        return Reader(
            client.client_id,
            client.org_id,
            client.name,
            granted and granted.grant.owner_id,
            granted and granted.grant.grant_id,
            frozenset(scopes),
            dead_reason,
        )

    def read(
        self, reader: Reader, ref: object, limit: int = 1000, after: str | None = None, **query: Any
    ) -> Disclosed | NotDisclosed:
        window = query.get("from_"), query.get("to")
        is_whole = query.get("is_whole", False)
        wanted = Wanted(query.get("stream"), *window, limit, after, is_whole)
        return self.database.submit(
            lambda conn: read_records(
                conn, self.clock, self.cursors, self.taker.keys, reader, str(ref), wanted, DEADLINE
            )
        ).result(30)

    def coarse(
        self, reader: Reader, ref: object, stream: str, size: Any = None, **query: Any
    ) -> Disclosed | NotDisclosed:
        """What stretches come to, or a summary without a size."""
        wanted = coarse.Wanted(stream, size, **query)
        tools = self.clock, self.cursors
        plan = self.database.submit(
            lambda conn: coarse.plan_reading(conn, *tools, reader, str(ref), wanted)
        ).result(30)
        if isinstance(plan, NotDisclosed):
            return plan
        with self.database.read() as db:
            found = coarse.look(db.connection(), self.taker.keys, plan)
        return self.database.submit(
            lambda conn: coarse.record_reading(conn, *tools, plan, found, DEADLINE)
        ).result(30)

    def buckets(
        self, reader: Reader, ref: object, stream: str, size: str, **query: Any
    ) -> list[dict[str, Any]]:
        """All pages of stretches; a refusal fails the test."""
        found: list[dict[str, Any]] = []
        after = None
        while True:
            outcome = self.coarse(reader, ref, stream, size, after=after, **query)
            assert isinstance(outcome, Disclosed), outcome
            found += json.loads(outcome.body)["buckets"]
            after = outcome.next_cursor
            if after is None:
                return found

    def summary(self, reader: Reader, ref: object, stream: str) -> dict[str, Any]:
        """A few words; a refusal fails the test."""
        outcome = self.coarse(reader, ref, stream)
        assert isinstance(outcome, Disclosed), outcome
        told: dict[str, Any] = json.loads(outcome.body)
        return told

    def records(self, reader: Reader, ref: object, **query: Any) -> list[dict[str, Any]]:
        """What was given; a refusal fails the test."""
        outcome = self.read(reader, ref, **query)
        assert isinstance(outcome, Disclosed), outcome
        found: list[dict[str, Any]] = json.loads(outcome.body)["records"]
        return found

    def rule(self, reader: Reader, ref: object, **query: Any) -> str:
        """Why it was refused; a reading fails the test."""
        outcome = self.read(reader, ref, **query)
        assert isinstance(outcome, NotDisclosed), outcome
        return outcome.rule

    def pseudonym(self, granted: Granted, object_id: UUID) -> UUID:
        from app.consent.grants import get_grant

        with self.database.read() as db:
            view = get_grant(db, self.clock, granted.grant.owner_id, granted.grant.grant_id)
        return next(d.pseudonym for d in view.details if d.object_id == object_id)


UNKNOWN = new_id()
