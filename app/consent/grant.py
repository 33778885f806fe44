"""The owner's yes, narrowed as the owner likes: it makes a grant and its details."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.consent import queries, requests
from app.consent.errors import ChoiceTooWide, EndDateOutside, NothingChosen
from app.consent.grants import end, note
from app.consent.models import AccessRequest, Grant, GrantDetail, GrantPlace, Pseudonym
from app.consent.own import NO_END
from app.kit.clock import Clock
from app.kit.ids import new_id
from app.objects.products import streams_of
from app.objects.tenures import held_objects
from app.organizations.models import Client

_ANYTHING = "identity"


@dataclass(frozen=True)
class Choice:
    """What the owner left ticked. `history_from` None gives the whole of their time with it;
    `until` None has no end, which an owner gives to an app of their own alone."""

    objects: frozenset[UUID]
    categories: frozenset[str]
    until: datetime | None
    history_from: datetime | None


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
) -> Granted:
    """Give what was chosen, never more than was asked; it takes the place of a live grant to the
    same vendor for the same purpose.

    NothingChosen, ChoiceTooWide, EndDateOutside leave the request waiting.
    """
    row = requests.take(db, clock, owner_id, ticket)
    now = clock.now()
    _check(row, choice)
    until = _end_of(row, choice, now, longest)
    client = db.get_one(Client, row.client_id)
    quiet_at = _replace(db, clock, owner_id, row)
    grant = Grant(
        owner_id=owner_id,
        grant_id=new_id(),
        client_id=row.client_id,
        org_id=client.org_id,
        purpose=row.asked["purpose"],
        legal_basis=row.asked["legal_basis"],
        agreement=None,
        status="active",
        version=1,
        until=until,
        created_at=now,
        ended_at=None,
    )
    place = GrantPlace(grant_id=grant.grant_id, client_id=row.client_id, owner_id=owner_id)
    db.add_all([grant, place])
    db.flush()
    details = _details(db, grant, choice)
    if not details:
        raise NothingChosen("None of the chosen things records what you chose.")
    db.add_all(details)
    note(db, owner_id, grant.grant_id, 1, now, "given", owner_id, "You gave this permission.")
    requests.close(db, clock, row, "granted", grant.grant_id)
    return Granted(row, grant, quiet_at)


def offered_categories(db: Session, product_id: UUID) -> frozenset[str]:
    """The kinds of data a product's objects have."""
    return frozenset({s.category for s in streams_of(db, product_id)} | {_ANYTHING})


def _check(row: AccessRequest, choice: Choice) -> None:
    if not choice.objects or not choice.categories:
        raise NothingChosen
    asked = {detail["category"] for detail in row.asked["details"]}
    if not choice.categories <= asked:
        raise ChoiceTooWide


def _end_of(row: AccessRequest, choice: Choice, now: datetime, longest: timedelta) -> datetime:
    if choice.until is None and requests.is_own(row):
        return now + NO_END
    if choice.until is None or not now < choice.until <= now + longest:
        raise EndDateOutside
    return choice.until


def _replace(db: Session, clock: Clock, owner_id: UUID, row: AccessRequest) -> datetime:
    quiet_at = clock.now()
    for old in queries.active_grants_like(db, owner_id, row.client_id, row.asked["purpose"]):
        text = "A newer permission took its place."
        over = end(db, clock, owner_id, old.grant_id, "superseded", owner_id, text)
        quiet_at = max(quiet_at, over)
    return quiet_at


def _details(db: Session, grant: Grant, choice: Choice) -> Sequence[GrantDetail]:
    held = {h.object_id: h for h in held_objects(db, grant.owner_id)}
    if not choice.objects <= held.keys():
        raise ChoiceTooWide
    details = []
    for object_id in sorted(choice.objects, key=str):
        holding = held[object_id]
        has = offered_categories(db, holding.product_id)
        pseudonym = _pseudonym(db, grant, object_id, holding.tenure_id)
        for category in sorted(choice.categories & has):
            details.append(
                GrantDetail(
                    owner_id=grant.owner_id,
                    grant_id=grant.grant_id,
                    version=grant.version,
                    object_id=object_id,
                    category=category,
                    tenure_id=holding.tenure_id,
                    pseudonym=pseudonym,
                    action="read",
                    precision_time="exact",
                    precision_place="exact",
                    window_from=choice.history_from,
                    window_to=None,
                    until=grant.until,
                )
            )
    return details


def _pseudonym(db: Session, grant: Grant, object_id: UUID, tenure_id: UUID) -> UUID:
    known = queries.pseudonym_of(db, grant.owner_id, grant.org_id, tenure_id)
    if known is not None:
        return known
    fresh = new_id()
    db.add(
        Pseudonym(
            pseudonym=fresh,
            org_id=grant.org_id,
            owner_id=grant.owner_id,
            object_id=object_id,
            tenure_id=tenure_id,
        )
    )
    return fresh
