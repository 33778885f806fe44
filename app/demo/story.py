"""The demo's story in order of time: what the things live through, who may read, who reads."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from app.consent.grant import Choice, allow
from app.consent.grants import get_grant, revoke
from app.consent.requests import open_request
from app.demo.products import WEAR
from app.demo.simulate import simulate
from app.disclosure.reader import Reader
from app.disclosure.records import Wanted, read_records
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.paging import MAX_LIMIT, Cursors
from app.organizations.models import Client
from app.usage.ingest import Call, Taker, ingest
from app.usage.items import read_items

ZONE = "Europe/Paris"
_SEED = 7
_WEEK = timedelta(days=7)
_LONGEST = timedelta(days=365)
_GIVEN = {"ServiceProvision": "condition:read", "Marketing": "usage:read"}

Act = tuple[datetime, Callable[[], None]]


@dataclass(frozen=True)
class Thing:
    """An object with its owner and the product it was made of."""

    org_id: UUID
    object_id: UUID
    owner_id: UUID
    serial: str
    spec: dict[str, Any]


def tell(
    database: Database,
    cursors: Cursors,
    taker: Taker,
    clock: FixedClock,
    vendor: Client,
    things: list[Thing],
    now: datetime,
) -> dict[UUID, datetime]:
    """Everything from the clock's time until now; when each pair of jeans was last taken off."""
    story = Story(database, cursors, taker, clock, vendor)
    life = Life(database, taker, clock, things)
    for at, act in sorted(_acts(story, things, now), key=lambda one: one[0]):
        life.go_on(at)
        act()
    life.go_on(now)
    return life.worn


class Life:
    """What the things go through. Their gateways send it week by week, and before each act of the
    story what has happened until then."""

    def __init__(
        self, database: Database, taker: Taker, clock: FixedClock, things: list[Thing]
    ) -> None:
        self._database = database
        self._taker = taker
        self._clock = clock
        self._things = things
        self.worn: dict[UUID, datetime] = {}

    def go_on(self, to: datetime) -> None:
        """Live and send until this time, which the clock then shows."""
        while (start := self._clock.now()) < to:
            end = min(start + _WEEK, to)
            batches = [(thing, _records(thing, start, end)) for thing in self._things]
            self._clock.set(end)
            for thing, records in batches:
                if records:
                    self._send(thing, records)

    def _send(self, thing: Thing, records: list[dict[str, Any]]) -> None:
        call = Call(thing.org_id, read_items(records, thing.object_id))
        self._database.submit(lambda conn: ingest(conn, self._clock, self._taker, call)).result(60)
        for one in records:
            if one["stream"] == WEAR:
                self.worn[thing.object_id] = datetime.fromisoformat(one["until"])


def _records(thing: Thing, start: datetime, end: datetime) -> list[dict[str, Any]]:
    records = simulate(thing.spec, serial=thing.serial, seed=_SEED, start=start, end=end, zone=ZONE)
    return list(records)


@dataclass
class Story:
    """Who gave what to whom, each act at the time that the clock shows."""

    database: Database
    cursors: Cursors
    taker: Taker
    clock: FixedClock
    vendor: Client
    grants: dict[str, UUID] = field(default_factory=dict)
    read_at: dict[str, datetime] = field(default_factory=dict)

    def allow(self, purpose_name: str, thing: Thing, *, history: bool) -> None:
        now, client = self.clock.now(), self.vendor
        purpose = next(p for p in client.purposes if p["purpose"] == purpose_name)
        scopes = [_GIVEN[purpose_name]]
        with self.database.session() as db:
            ticket = open_request(
                db,
                self.clock,
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
                kinds=frozenset((0, scope.partition(":")[0]) for scope in scopes),
                until=now + timedelta(days=182),
                history_from=None if history else now,
            )
            granted = allow(db, self.clock, thing.owner_id, ticket, choice, _LONGEST)
            self.grants[purpose_name] = granted.grant.grant_id

    def read(self, purpose_name: str, thing: Thing) -> None:
        """What is new since the last time."""
        client, grant_id = self.vendor, self.grants[purpose_name]
        scopes = frozenset(client.scopes)
        reader = Reader(
            client.client_id, client.org_id, client.name, thing.owner_id, grant_id, scopes
        )
        with self.database.read() as db:
            details = get_grant(db, self.clock, thing.owner_id, grant_id).details
        ref = str(details[0].pseudonym)
        wanted = Wanted(None, self.read_at.get(purpose_name), None, MAX_LIMIT, None)
        self.read_at[purpose_name] = self.clock.now()
        deadline = timedelta(seconds=2)
        self.database.submit(
            lambda conn: read_records(
                conn, self.clock, self.cursors, self.taker.keys, reader, ref, wanted, deadline
            )
        ).result(60)

    def revoke(self, purpose_name: str, thing: Thing) -> None:
        with self.database.session() as db:
            revoke(db, self.clock, thing.owner_id, self.grants[purpose_name])


def _acts(story: Story, things: list[Thing], now: datetime) -> list[Act]:
    """One permission that was taken back and tried once more, one that lives and is read now and
    then: each act with its time."""
    jacket, washer = things[1], things[2]

    def before(days: int, hours: int = 0) -> datetime:
        return now - timedelta(days=days, hours=hours)

    return [
        (before(70), partial(story.allow, "Marketing", jacket, history=False)),
        (before(69), partial(story.read, "Marketing", jacket)),
        (before(66), partial(story.revoke, "Marketing", jacket)),
        (before(65, hours=5), partial(story.read, "Marketing", jacket)),
        (before(40), partial(story.allow, "ServiceProvision", washer, history=True)),
        *(
            (before(days), partial(story.read, "ServiceProvision", washer))
            for days in (38, 31, 24, 17, 10, 3)
        ),
    ]
