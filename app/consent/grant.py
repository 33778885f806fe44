"""The owner's yes, narrowed as the owner likes: it makes a grant and its details."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.accesses.history import last_send_by
from app.accounts.models import Owner
from app.accounts.security_log import note_event
from app.consent import queries, request_views, requests
from app.consent.agreed import Notary, conclude
from app.consent.asked import Wish, wider_terms
from app.consent.errors import (
    AboveLimits,
    ChoiceTooWide,
    EndDateOutside,
    NothingChosen,
    RequestAnswered,
    RequestGone,
)
from app.consent.grants import end, note
from app.consent.models import AccessRequest, Grant, GrantDetail, GrantPlace, Pseudonym
from app.consent.offer import Kind, Part, choose
from app.consent.own import NO_END
from app.consent.precision import PLACES, TIMES, Precision, chosen
from app.consent.proffers import close_proffer, make_proffer
from app.consent.unasked import gatekeeper_excess
from app.kit.clock import Clock
from app.kit.db import take_turn
from app.kit.ids import new_id
from app.objects.tenures import Held, held_objects
from app.organizations.clients import KnownClient, find_client
from app.organizations.models import Client

_CARRIED = [column.key for column in GrantDetail.__table__.columns]


@dataclass(frozen=True)
class Choice:
    """What the owner left ticked: objects, for the parts of the request that name none, and of each
    part the kinds of data. `history_from` None gives the whole of their time with it;
    `until` None has no end, which an owner gives to an app of their own alone. `how` and `where`
    say how exactly the times and places of some kinds are told (`precision.chosen`)."""

    objects: frozenset[UUID]
    kinds: frozenset[Kind]
    until: datetime | None
    history_from: datetime | None
    how: Mapping[Kind, str] = field(default_factory=dict)
    where: Mapping[Kind, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Granted:
    """The answered request, its grant, and until when a replaced grant's readings may leave."""

    request: AccessRequest
    grant: Grant
    quiet_at: datetime


def allow(
    db: Session,
    clock: Clock,
    owner_id: UUID,
    ticket: str,
    choice: Choice,
    longest: timedelta,
    notary: Notary | None = None,
) -> Granted:
    """Give what was chosen, never more than was asked; it takes the place of a live grant to the
    same vendor for the same purpose. What the vendor answered to the owner's proffer holds from
    then on, sealed by `notary`.

    NothingChosen, ChoiceTooWide, EndDateOutside leave the request waiting; AboveLimits for a
    gatekeeper.
    """
    row = requests.take(db, clock, owner_id, ticket)
    now = clock.now()
    client = db.get_one(Client, row.client_id)
    change = request_views.change_of(db, row, owner_id)
    request_views.check_there(db, clock, row, change)
    known = _known(db, client)
    told = make_proffer(db, clock, row, owner_id)
    parts = request_views.offered(db, row, owner_id, change)
    if change is not None and change.action == "merge" and not parts:  # nothing of it is new
        close_proffer(db, clock, row, _held(change.grant), grant=change.grant)
        requests.close(db, clock, row, "granted", change.grant.grant_id)
        return Granted(row, change.grant, now)
    _check(parts, choice)
    until = _end_of(row, choice, now, longest)
    if not queries.has_had_grant(db, owner_id, row.client_id):
        note_event(db, owner_id, now, "new-client", client.name, client_id=row.client_id)
    if change is not None:
        grant, quiet_at = _renew(db, clock, row, change, until)
    else:
        quiet_at = _replace(db, clock, owner_id, row)
        grant = _give(db, row, client, until, owner_id, now)
    given = choose(parts, choice.kinds, choice.objects, _precisions(parts, choice))
    details = _details(db, grant, given, choice, until)
    if not details:
        raise _nothing(parts, choice)
    if change is not None and change.action == "merge":
        details = _merged(change.details, details, grant.version)
    grant.until = max(detail.until for detail in details)
    db.add_all(details)
    what, text = ("given", "You gave this permission.")
    if grant.version > 1:
        what, text = ("changed", "You changed this permission.")
    if told is not None:
        conclude(db, notary, row, grant, told, known.accepts, now)
    note(db, owner_id, grant.grant_id, grant.version, now, what, owner_id, text)
    if told is not None:
        close_proffer(db, clock, row, _held(grant), grant=grant)
    requests.close(db, clock, row, "granted", grant.grant_id)
    return Granted(row, grant, quiet_at)


def _known(db: Session, client: Client) -> KnownClient:
    """The client as it acts now, unless nobody may give it anything (R-45)."""
    known = find_client(db, client.client_id)
    if known is None:
        raise RequestGone
    barred = gatekeeper_excess(db.connection(), known)
    if barred is not None:
        raise AboveLimits(limits=[dict(vars(barred))])
    return known


def _held(grant: Grant) -> str:
    return "unheld" if grant.agreement is None else "held"


def _give(
    db: Session, row: AccessRequest, client: Client, until: datetime, owner_id: UUID, now: datetime
) -> Grant:
    grant = Grant(
        owner_id=owner_id,
        grant_id=new_id(),
        client_id=row.client_id,
        org_id=client.org_id,
        purpose=row.asked["purpose"],
        legal_basis=row.asked["legal_basis"],
        agreement=None,
        agreement_hash=None,
        status="active",
        version=1,
        until=until,
        created_at=now,
        ended_at=None,
    )
    place = GrantPlace(grant_id=grant.grant_id, client_id=row.client_id, owner_id=owner_id)
    db.add_all([grant, place])
    db.flush()
    return grant


def _renew(
    db: Session, clock: Clock, row: AccessRequest, change: request_views.Change, until: datetime
) -> tuple[Grant, datetime]:
    """A new version of a live grant. Readings under the one before may leave until the second that
    is told: what a new version takes away must not."""
    grant = change.grant
    take_turn(db.connection(), grant.grant_id, is_shared=False)
    db.refresh(grant, with_for_update=True)
    if grant.version != _version_of(change):
        raise RequestAnswered("The permission was changed meanwhile; ask again.")
    is_merge = change.action == "merge"
    grant.version += 1
    grant.until = max(grant.until, until) if is_merge else until
    grant.purpose, grant.legal_basis = row.asked["purpose"], row.asked["legal_basis"]
    db.flush()
    return grant, last_send_by(db, grant.owner_id, grant.grant_id) or clock.now()


def _version_of(change: request_views.Change) -> int:
    return change.details[0].version if change.details else change.grant.version


def _merged(
    before: Sequence[GrantDetail], added: Sequence[GrantDetail], version: int
) -> list[GrantDetail]:
    """What was given before and what is added: of the same object and kind, the wider of the two in
    each respect."""
    found = {(d.object_id, d.category): d for d in added}
    for old in before:
        values = {n: getattr(old, n) for n in _CARRIED} | {"version": version}
        same = found.get((old.object_id, old.category))
        if same is None:
            found[old.object_id, old.category] = GrantDetail(**values)
            continue
        same.window_from = _earlier(same.window_from, old.window_from)
        same.window_to = _later(same.window_to, old.window_to)
        same.until = max(same.until, old.until)
        precision = same.precision.widened(old.precision)
        same.action, same.precision_time, same.precision_place = precision
        same.zone = _zone_of(precision, old.zone or same.zone)
        same.terms = wider_terms(same.terms, old.terms)
    return list(found.values())


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else min(one, other)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)


def _check(parts: Sequence[Part], choice: Choice) -> None:
    asked = {kind for part in parts for kind in part.kinds}
    named = {part.number for part in parts if part.object_id is not None}
    if not choice.kinds or (not choice.objects and not named & {n for n, _ in choice.kinds}):
        raise NothingChosen
    if not choice.kinds <= asked:
        raise ChoiceTooWide
    if not {*choice.how, *choice.where} <= asked:
        raise ChoiceTooWide
    for part in parts:
        precisions = _precisions([part], choice).values()
        if not all(part.wish.precision.covers(one) for one in precisions):
            raise ChoiceTooWide
    if len(named) == len(parts) and not choice.objects <= {part.object_id for part in parts}:
        raise ChoiceTooWide


def _precisions(parts: Sequence[Part], choice: Choice) -> dict[Kind, Precision]:
    """How exactly each kind is told. ChoiceTooWide for what is no precision."""
    is_known = set(choice.how.values()) <= {*TIMES, "summary"}
    if not is_known or not set(choice.where.values()) <= set(PLACES):
        raise ChoiceTooWide
    return {
        kind: chosen(part.wish.precision, choice.how.get(kind), choice.where.get(kind))
        for part in parts
        for kind in part.kinds
    }


def _nothing(parts: Sequence[Part], choice: Choice) -> NothingChosen:
    """Why nothing comes of what was chosen."""
    ends = [part.wish.window_to for part in parts if part.kinds & choice.kinds]
    if all(end is not None and choice.history_from and end <= choice.history_from for end in ends):
        text = "They ask for what was recorded before. To give it, choose that too."
        return NothingChosen(text, field="history-from")
    return NothingChosen("None of the chosen things records what you chose.")


def _end_of(row: AccessRequest, choice: Choice, now: datetime, longest: timedelta) -> datetime:
    if choice.until is None and requests.is_own(row):
        return now + NO_END
    if choice.until is None or not now < choice.until <= now + longest:
        raise EndDateOutside
    return choice.until


def _replace(db: Session, clock: Clock, owner_id: UUID, row: AccessRequest) -> datetime:
    quiet_at = clock.now()
    for old in request_views.replaced(db, row, owner_id):
        text = "A newer permission took its place."
        over = end(db, clock, owner_id, old.grant_id, "supersede", owner_id, text)
        quiet_at = max(quiet_at, over)
    return quiet_at


def _details(
    db: Session,
    grant: Grant,
    chosen: Mapping[tuple[UUID, str], Wish],
    choice: Choice,
    until: datetime,
) -> Sequence[GrantDetail]:
    held = {h.object_id: h for h in held_objects(db, grant.owner_id)}
    if not choice.objects | {object_id for object_id, _ in chosen} <= held.keys():
        raise ChoiceTooWide
    zone = db.get_one(Owner, grant.owner_id).time_zone
    details: list[GrantDetail] = []
    names: dict[UUID, UUID] = {}
    for object_id, category in sorted(chosen, key=str):
        holding, wish = held[object_id], chosen[object_id, category]
        start = max_of(choice.history_from, wish.window_from)
        is_empty = start is not None and wish.window_to is not None and start >= wish.window_to
        if is_empty or category not in request_views.offered_categories(db, holding.product_id):
            continue
        if object_id not in names:
            names[object_id] = _pseudonym(db, grant, holding)
        details.append(
            GrantDetail(
                owner_id=grant.owner_id,
                grant_id=grant.grant_id,
                version=grant.version,
                object_id=object_id,
                category=category,
                tenure_id=holding.tenure_id,
                pseudonym=names[object_id],
                action=wish.precision.action,
                precision_time=wish.precision.time,
                precision_place=wish.precision.place,
                window_from=start,
                window_to=wish.window_to,
                until=min(until, wish.until or until),
                terms=wish.terms,
                zone=_zone_of(wish.precision, zone),
            )
        )
    return details


def _zone_of(precision: Precision, zone: str | None) -> str | None:
    """Whose days they are, fixed with the grant: were they to follow the owner on a journey, two
    kinds of days would tell what lies between them."""
    return None if precision.is_exact else zone


def max_of(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two starts, where None is no start at all."""
    return max((t for t in (one, other) if t is not None), default=None)


def _pseudonym(db: Session, grant: Grant, holding: Held) -> UUID:
    """By which id the vendor knows an object; at first a new one, which is written down."""
    known = queries.pseudonym_of(db, grant.owner_id, grant.org_id, holding.tenure_id)
    if known is not None:
        return known
    made = Pseudonym(
        pseudonym=new_id(),
        org_id=grant.org_id,
        owner_id=grant.owner_id,
        object_id=holding.object_id,
        tenure_id=holding.tenure_id,
    )
    db.add(made)
    return made.pseudonym
