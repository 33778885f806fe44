"""Access requests as their owner sees them: who asks, what can be given, what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.orm import Session

from app.consent import queries
from app.consent.asked import wishes_of
from app.consent.decide import live_status
from app.consent.errors import RequestGone, RequestNotFound
from app.consent.lifecycle import is_over
from app.consent.models import AccessRequest, Grant, GrantDetail
from app.consent.offer import Part, only_new, parts_of
from app.consent.proffers import Proffered, find_proffer, make_proffer
from app.consent.requests import is_own, take
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.objects.products import streams_of
from app.objects.tenures import held_objects
from app.organizations.clients import find_client

_ANYTHING = "identity"


@dataclass(frozen=True)
class AskedDetail:
    """One kind of data a vendor asks for; `why` is in the vendor's own words."""

    scope: str
    category: str
    needed: bool
    why: str


@dataclass(frozen=True)
class Change:
    """A request to add to a grant (merge), or to put another in its place (replace)."""

    action: str
    grant: Grant
    details: Sequence[GrantDetail]


@dataclass(frozen=True)
class RequestView:
    """What the owner is shown: who asks, what for, what, and what it would replace. Without a
    `redirect_origin` it was asked on a device that has no browser. `proffered` is known once the
    owner looks at it; an app of their own has none."""

    ticket: str
    client_id: str
    client_name: str
    organization: str
    verified_domain: str | None
    redirect_host: str
    redirect_origin: str | None
    is_own: bool
    purpose: str
    purpose_title: str
    legal_basis: str
    details: Sequence[AskedDetail]
    created_at: datetime
    expires_at: datetime
    replaces: Sequence[Grant]
    parts: Sequence[Part]
    changes: Change | None
    proffered: Proffered | None = None


def view_request(db: Session, clock: Clock, owner_id: UUID, ticket: str) -> RequestView:
    """The request behind a page; the first owner to open it keeps it.

    RequestNotFound for an unknown or another owner's, RequestAnswered, RequestExpired, RequestGone.
    """
    row = take(db, clock, owner_id, ticket)
    check_there(db, clock, row, change_of(db, row, owner_id))
    told = make_proffer(db, clock, row, owner_id)
    return replace(_view(db, owner_id, row, ticket), proffered=told)


def _view(db: Session, owner_id: UUID, row: AccessRequest, ticket: str) -> RequestView:
    asked, change = row.asked, change_of(db, row, owner_id)
    return RequestView(
        ticket=ticket,
        client_id=row.client_id,
        client_name=asked["client_name"],
        organization=asked["organization"],
        verified_domain=asked["verified_domain"],
        redirect_host=asked["redirect_host"],
        redirect_origin=_origin_of(row.protocol["redirect_uri"]),
        is_own=is_own(row),
        purpose=asked["purpose"],
        purpose_title=asked["purpose_title"],
        legal_basis=asked["legal_basis"],
        details=[AskedDetail(**detail) for detail in asked["details"]],
        created_at=row.created_at,
        expires_at=row.expires_at,
        replaces=replaced(db, row, owner_id),
        parts=offered(db, row, owner_id, change),
        changes=change,
    )


def replaced(db: Session, row: AccessRequest, owner_id: UUID) -> Sequence[Grant]:
    """The live grants that a yes takes the place of: those of the same vendor and purpose, unless
    the request is to change one."""
    if row.asked.get("changes"):
        return []
    return queries.active_grants_like(db, owner_id, row.client_id, row.asked["purpose"])


def check_there(db: Session, clock: Clock, row: AccessRequest, change: Change | None) -> None:
    """RequestGone where the client has ended, or the grant that the request is to change."""
    if find_client(db, row.client_id) is None:
        raise RequestGone
    if change is not None:
        grant = change.grant
        if is_over(live_status(grant.status, grant.until, clock.now())):
            raise RequestGone


def change_of(db: Session, row: AccessRequest, owner_id: UUID) -> Change | None:
    """The owner's grant that the request is to change; RequestNotFound where it is another's."""
    if not row.asked.get("changes"):
        return None
    action, grant_id = row.asked["changes"]
    grant = queries.grant_by_id(db, owner_id, UUID(grant_id))
    if grant is None:
        raise RequestNotFound
    details = queries.details_of(db, owner_id, grant.grant_id, grant.version)
    return Change(action, grant, details)


def offered(
    db: Session, row: AccessRequest, owner_id: UUID, change: Change | None
) -> Sequence[Part]:
    """What the owner can give: the parts of the request, without what they would give again where
    it is to add to a grant."""
    wishes, org_id = wishes_of(row.asked), UUID(row.asked["org_id"])
    own = {}
    for name in {wish.identifier for wish in wishes if wish.identifier is not None}:
        known = queries.own_pseudonym(db, owner_id, org_id, name)
        if known is not None:
            own[name] = known.object_id
    parts = parts_of(wishes, own)
    if change is None or change.action != "merge":
        return parts
    has = {h.object_id: offered_categories(db, h.product_id) for h in held_objects(db, owner_id)}
    return only_new(parts, change.details, has)


def offered_categories(db: Session, product_id: UUID) -> frozenset[str]:
    """The kinds of data a product's objects have."""
    return frozenset({s.category for s in streams_of(db, product_id)} | {_ANYTHING})


@dataclass(frozen=True)
class AnsweredRequest:
    """What became of a request: granted, refused, expired, gone; or it is waiting still."""

    client_id: str
    client_name: str
    status: str
    grant_id: UUID | None


def answered(db: Session, clock: Clock, owner_id: UUID, ticket: str) -> AnsweredRequest | None:
    """What became of a request, for the owner who opened it or, where nobody has, might have; None
    for another owner's or an unknown one."""
    row = queries.request_by_hash(db, sha256(ticket))
    if row is None or row.owner_id not in (None, owner_id):
        return None
    if row.asked["own_of"] not in (None, str(owner_id)):
        return None
    status, name = row.status, row.asked["client_name"]
    if status == "waiting" and row.expires_at <= clock.now():
        status = "expired"
    elif status == "waiting":
        try:
            check_there(db, clock, row, change_of(db, row, owner_id))
            find_proffer(db, row, owner_id)
        except RequestNotFound:
            return None
        except RequestGone:
            status = "gone"
    return AnsweredRequest(row.client_id, name, status, row.grant_id)


def list_answered(db: Session, owner_id: UUID, limit: int) -> Sequence[AccessRequest]:
    """The owner's answered and closed requests of the last month, newest first."""
    return queries.answered_requests(db, owner_id, limit)


def list_waiting(db: Session, clock: Clock, owner_id: UUID) -> list[RequestView]:
    """The owner's open requests, newest first."""
    entries = queries.waiting_entries(db, owner_id, clock.now())
    rows = [take(db, clock, owner_id, entry.ticket) for entry in entries]
    return [
        _view(db, owner_id, row, entry.ticket) for row, entry in zip(rows, entries, strict=True)
    ]


def _origin_of(uri: str | None) -> str | None:
    if uri is None:
        return None
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
