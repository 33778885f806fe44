"""An owner's grants as they stand, and their end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, update
from sqlalchemy.orm import Session

from app.accesses.history import last_send_by
from app.accounts.security_log import note_event
from app.consent import duties, queries
from app.consent.decide import GrantState, live_status
from app.consent.errors import GrantNotFound, PermissionOver
from app.consent.lifecycle import LIVE, TOLD, is_over, turn
from app.consent.limits import Used, limits_of, with_use
from app.consent.models import Grant, GrantDetail, GrantEvent
from app.consent.receipts import write_receipt
from app.consent.uses import uses_of
from app.kit.clock import Clock
from app.kit.db import take_turn
from app.kit.ids import parse_id
from app.organizations.clients import names_of
from app.organizations.models import Client

_ENDS = ("revoke", "end")  # behind a newer grant the vendor may go on with what it read
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class GrantView:
    """A grant with the details of its version, its history, its status now, how often it was read
    where that is limited, and what its vendor owes once it has ended."""

    grant: Grant
    status: str
    details: Sequence[GrantDetail]
    events: Sequence[GrantEvent]
    uses: Mapping[tuple[UUID, str], Used]
    owed: duties.Owed | None

    def limits_of(self, detail: GrantDetail) -> dict[str, Any] | None:
        """How often a detail may be read and how often it was; None where it is not limited."""
        used = self.uses.get((detail.object_id, detail.category), Used())
        return with_use(limits_of(detail.terms), used)


def list_grants(db: Session, clock: Clock, owner_id: UUID) -> list[GrantView]:
    """All of an owner's grants, newest first, ended ones too."""
    return [_view(db, clock, grant) for grant in queries.grants_of(db, owner_id)]


def list_live(db: Session, clock: Clock, owner_id: UUID, client_id: str) -> list[Grant]:
    """What a vendor may read under now, whatever for, newest first."""
    now = clock.now()
    of_client = (g for g in queries.grants_of(db, owner_id) if g.client_id == client_id)
    return [g for g in of_client if live_status(g.status, g.until, now) in LIVE]


def get_grant(db: Session, clock: Clock, owner_id: UUID, grant_id: UUID) -> GrantView:
    """One grant of this owner, or GrantNotFound."""
    grant = queries.grant_by_id(db, owner_id, grant_id)
    if grant is None:
        raise GrantNotFound
    return _view(db, clock, grant)


@dataclass(frozen=True)
class GrantPlace:
    """Whose a grant is, and which client's."""

    grant_id: UUID
    client_id: str
    owner_id: UUID


def find_place(conn: Connection, grant_id: UUID) -> GrantPlace | None:
    """Where a grant is, for who knows no more than its id."""
    row = queries.place_of(conn, grant_id)
    return None if row is None else GrantPlace(row.grant_id, row.client_id, row.owner_id)


def find_own_place(conn: Connection, client_id: str | None, text: str) -> GrantPlace | None:
    """Where a grant is that a client names by its id; None where it has no such."""
    grant_id = parse_id(text)
    place = find_place(conn, grant_id) if grant_id is not None else None
    return place if place is not None and place.client_id == client_id else None


def places_of(
    conn: Connection, client_id: str, after: UUID | None, limit: int
) -> Sequence[GrantPlace]:
    """A client's grants, ended ones too, in the order of their ids."""
    rows = queries.places_of_client(conn, client_id, after, limit)
    return [GrantPlace(row.grant_id, client_id, row.owner_id) for row in rows]


@dataclass(frozen=True)
class Happening:
    """What became of a grant at some instant."""

    what: str
    at: datetime


@dataclass(frozen=True)
class Lately:
    """A grant as it stands, and what became of it within some time."""

    place: GrantPlace
    state: GrantState
    happened: Sequence[Happening]


def lately(
    conn: Connection, places: Sequence[GrantPlace], since: datetime | None, until: datetime
) -> list[Lately]:
    """What became of each of these grants with since < at <= until; time's own work too."""
    start = since or _BEGINNING
    ids = [(place.owner_id, place.grant_id) for place in places]
    states = queries.load_grants(conn, ids)
    events = queries.events_between(conn, ids, start, until)
    found = []
    for place, state, rows in zip(places, states, events, strict=True):
        if state is not None:
            happened = [Happening(row.what, row.at) for row in rows]
            if start < state.until <= until and state.status in (*LIVE, "expired"):
                happened.append(Happening("expired", state.until))
            found.append(Lately(place, state, happened))
    return found


def give_back(
    db: Session, clock: Clock, owner_id: UUID, grant_id: UUID, client_name: str
) -> datetime:
    """End a grant by its client's act; see `revoke`."""
    text = f"{client_name} gave it back."
    return end(db, clock, owner_id, grant_id, "end", None, text)


def find_grant(conn: Connection, owner_id: UUID, grant_id: UUID) -> GrantState | None:
    """A grant with its present details (hot path)."""
    return queries.load_grant(conn, owner_id, grant_id)


def lock_grant(conn: Connection, owner_id: UUID, grant_id: UUID) -> GrantState | None:
    """The same, held until the commit: whoever ends it waits, and then sees what was recorded."""
    return queries.load_grant(conn, owner_id, grant_id, lock=True)


def revoke(
    db: Session, clock: Clock, owner_id: UUID, grant_id: UUID, *, is_ordered: bool = False
) -> datetime:
    """End a grant by its owner's act; until when a reading authorised before may still leave. With
    `is_ordered` the vendor is to erase within a week what it read (`duties.order`).

    The caller commits, waits for that time on its clock, and only then answers (promise P5).
    Revoking twice changes nothing the second time. GrantNotFound for another owner's.
    """
    quiet_at = end(db, clock, owner_id, grant_id, "revoke", owner_id, "You ended this permission.")
    if is_ordered and duties.duty_of(db, clock, owner_id, grant_id) is not None:
        duties.order(db, clock, owner_id, grant_id)
    return quiet_at


def pause(db: Session, clock: Clock, owner_id: UUID, grant_id: UUID) -> datetime:
    """Let nothing be read until it is resumed; the permission stays. The time to wait for, as in
    `revoke`. Pausing twice changes nothing. GrantNotFound, PermissionOver."""
    return _rest(db, clock, owner_id, grant_id, "pause", "You paused this permission.")


def resume(db: Session, clock: Clock, owner_id: UUID, grant_id: UUID) -> datetime:
    """Let it be read again, as before the pause; nothing has to be waited for. Resuming twice
    changes nothing. GrantNotFound, PermissionOver."""
    return _rest(db, clock, owner_id, grant_id, "resume", "You resumed this permission.")


def end(
    db: Session,
    clock: Clock,
    owner_id: UUID,
    grant_id: UUID,
    act: str,
    actor_id: UUID | None,
    text: str,
) -> datetime:
    """Do what ends a live grant, as a new version; see `revoke`."""
    at = _change(db, clock, owner_id, grant_id, act, actor_id, text)
    return last_send_by(db, owner_id, grant_id) or at


def keep(db: Session, clock: Clock, owner_id: UUID, grant_id: UUID) -> datetime:
    """Note that the owner still wants a live grant: a version that gives the same; when that was.
    GrantNotFound for another owner's."""
    text = "You said that you still want it."
    return _change(db, clock, owner_id, grant_id, "keep", owner_id, text)


def _rest(
    db: Session, clock: Clock, owner_id: UUID, grant_id: UUID, act: str, text: str
) -> datetime:
    at = _change(db, clock, owner_id, grant_id, act, owner_id, text)
    grant = db.get_one(Grant, (owner_id, grant_id), populate_existing=True)
    if is_over(live_status(grant.status, grant.until, at)):
        raise PermissionOver
    return last_send_by(db, owner_id, grant_id) or at


def note(
    db: Session,
    owner_id: UUID,
    grant_id: UUID,
    version: int,
    at: datetime,
    what: str,
    actor_id: UUID | None,
    text: str,
) -> None:
    """Write a grant's change, with its details, into its history and into its owner's security
    log, and a receipt of it."""
    grant = db.get_one(Grant, (owner_id, grant_id))
    client_id = grant.client_id
    name, kind = db.get_one(Client, client_id).name, f"grant-{what}"
    note_event(db, owner_id, at, kind, name, client_id=client_id, grant_id=grant_id)
    db.add(
        GrantEvent(
            owner_id=owner_id,
            grant_id=grant_id,
            version=version,
            at=at,
            what=what,
            actor_id=actor_id,
            text=text,
        )
    )
    db.flush()
    write_receipt(db, grant, what, at)


def mark_expired(conn: Connection, clock: Clock) -> int:
    """Write down what time has done already: decisions never wait for this."""
    now = clock.now()
    statement = (
        update(Grant)
        .where(Grant.status.in_(LIVE), Grant.until <= now)
        .values(status="expired", ended_at=Grant.until)
        .returning(Grant.owner_id, Grant.grant_id, Grant.client_id, Grant.until)
    )
    ended = conn.execute(statement).all()
    names = names_of(conn, {row.client_id for row in ended})
    for row in ended:
        name, place = names[row.client_id], {"client_id": row.client_id, "grant_id": row.grant_id}
        note_event(conn, row.owner_id, row.until, "grant-expired", name, **place)
        duties.ask(conn, row.owner_id, row.grant_id, row.client_id, row.until)
    with Session(conn) as db:
        for row in ended:
            grant = db.get_one(Grant, (row.owner_id, row.grant_id))
            write_receipt(db, grant, "expired", row.until)
    return len(ended)


def _change(
    db: Session,
    clock: Clock,
    owner_id: UUID,
    grant_id: UUID,
    act: str,
    actor_id: UUID | None,
    text: str,
) -> datetime:
    """A next version of a grant by an act that its status knows, with its line in the history; by
    any other, nothing. When it was: behind the lock, so that whoever follows changes by their time
    misses none."""
    take_turn(db.connection(), grant_id, is_shared=False)
    grant = db.get(Grant, (owner_id, grant_id), populate_existing=True, with_for_update=True)
    if grant is None:
        raise GrantNotFound
    now = clock.now()
    status = turn(grant.status, act)
    if status is not None:
        grant.version += 1
        if is_over(status):
            grant.status, grant.ended_at = status, now
        else:
            grant.status = status
        db.flush()
        _carry_details(db, owner_id, grant_id, grant.version)
        note(db, owner_id, grant_id, grant.version, now, TOLD[act], actor_id, text)
        if act in _ENDS:
            duties.ask(db, owner_id, grant_id, grant.client_id, now)
    return now


def _carry_details(db: Session, owner_id: UUID, grant_id: UUID, version: int) -> None:
    """The version gives, or shows, what the one before gave."""
    for old in queries.details_of(db, owner_id, grant_id, version - 1):
        names = [c.key for c in GrantDetail.__table__.columns if c.key != "version"]
        db.add(GrantDetail(version=version, **{name: getattr(old, name) for name in names}))


def _view(db: Session, clock: Clock, grant: Grant) -> GrantView:
    owner_id, grant_id = grant.owner_id, grant.grant_id
    return GrantView(
        grant,
        live_status(grant.status, grant.until, clock.now()),
        queries.details_of(db, owner_id, grant_id, grant.version),
        queries.events_of(db, owner_id, grant_id),
        uses_of(db, owner_id, grant_id),
        duties.duty_of(db, clock, owner_id, grant_id),
    )
