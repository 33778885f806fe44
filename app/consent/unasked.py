"""Requests that are refused before their owner is asked (R-21): beyond limits where the owner's
terms say so, and those of gatekeepers always (EU Data Act, article 5(3))."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.accounts.security_log import note_event
from app.consent import requests
from app.consent.asked import wishes_of
from app.consent.models import AccessRequest, LiftedLimits, Proffer
from app.consent.past import measured
from app.consent.proffers import (
    Proffered,
    answer_to,
    close_proffer,
    list_proffers,
    make_proffer,
    note_unasked,
)
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.errors import NotFound
from app.organizations.clients import KnownClient, find_client
from app.organizations.models import Organization
from app.terms.ceilings import Excess, check_all
from app.terms.gatekeepers import find_gatekeeper
from app.terms.service import Terms, terms_of

_SHOWN = 50


@dataclass(frozen=True)
class Unasked:
    """A request that was refused without its owner, and why. `attribute` of an excess is that of a
    limit, or "agreement", or "gatekeeper"."""

    excesses: Sequence[Excess]

    @property
    def said(self) -> str:
        """For the vendor, in one line: each attribute with what was asked and what is allowed."""
        return "; ".join(_line(one) for one in self.excesses)

    def written(self) -> list[dict[str, Any]]:
        """As it is kept, and told to programs."""
        return [dict(vars(one)) for one in self.excesses]


def refuse_unasked(
    db: Session, clock: Clock, owner_id: UUID, ticket: str, longest: timedelta
) -> tuple[AccessRequest, Unasked] | None:
    """Close an opened request that its owner is not to be asked; None where they are. Errors as in
    `view_request`."""
    row = requests.take(db, clock, owner_id, ticket)
    client = find_client(db, row.client_id)
    told = make_proffer(db, clock, row, owner_id)
    if client is None or told is None:
        return None
    why = judge(
        db.connection(),
        owner_id,
        terms_of(db, owner_id),
        client,
        told,
        asked=row.asked,
        at=row.created_at,
        longest=longest,
    )
    if why is None:
        return None
    close_proffer(db, clock, row, "unasked", excesses=why.written())
    requests.close(db, clock, row, "refused", None)
    _note(db, owner_id, clock.now(), client)
    return row, why


def refuse_early(
    conn: Connection,
    clock: Clock,
    owner_id: UUID,
    client: KnownClient,
    asked: dict[str, Any],
    longest: timedelta,
) -> Unasked | None:
    """The same for a request that says whose it is before anybody opens it: nothing waits then, and
    the owner sees that it was tried, once a day where it is always the same."""
    with Session(conn) as db:
        terms = terms_of(db, owner_id)
    told, now = answer_to(terms, client), clock.now()
    why = judge(conn, owner_id, terms, client, told, asked=asked, at=now, longest=longest)
    if why is None:
        return None
    attempt = f"{client.client_id}\0{asked['purpose']}\0{why.said}\0{now.date()}"
    is_first = note_unasked(
        conn,
        owner_id,
        sha256(attempt),
        told,
        terms.version,
        client=client,
        purpose=asked["purpose"],
        excesses=why.written(),
        at=now,
    )
    if is_first:
        _note(conn, owner_id, now, client)
    return why


def judge(
    conn: Connection,
    owner_id: UUID,
    terms: Terms,
    client: KnownClient,
    told: Proffered,
    *,
    asked: dict[str, Any],
    at: datetime,
    longest: timedelta,
) -> Unasked | None:
    """Why the owner is not to be asked; None where they are."""
    barred = gatekeeper_excess(conn, client)
    if barred is not None:
        return Unasked([barred])
    if not terms.refuses_unasked or is_lifted(conn, owner_id, client.client_id):
        return None
    found = check_all(
        terms.ceilings,
        (
            measured(wish, category, asked["purpose"], at, longest)
            for wish in wishes_of(asked)
            for category in sorted(wish.categories)
        ),
    )
    if told.is_short:
        found.append(Excess("agreement", "", client.accepts, told.own.id))
    return Unasked(found) if found else None


def gatekeeper_excess(conn: Connection, client: KnownClient) -> Excess | None:
    """Why a client can hold no grant at all (R-45): its company, its name or where it lives and has
    owners sent to is a gatekeeper's."""
    query = select(Organization.name, Organization.verified_domain, Organization.owner_id)
    company = conn.execute(query.where(Organization.org_id == client.org_id)).one()
    if company.owner_id is not None:
        return None
    uris = [client.client_id, *client.redirect_uris]
    hosts = [company.verified_domain, *(urlsplit(uri).hostname for uri in uris)]
    found = find_gatekeeper([company.name, client.name], hosts)
    return Excess("gatekeeper", "", found.name, None) if found else None


def is_lifted(conn: Connection, owner_id: UUID, client_id: str) -> bool:
    """Whether the owner wants to be asked by this vendor whatever their terms say."""
    query = select(LiftedLimits.at).where(
        LiftedLimits.owner_id == owner_id, LiftedLimits.client_id == client_id
    )
    return conn.execute(query).first() is not None


def list_unasked(db: Session, owner_id: UUID) -> Sequence[Proffer]:
    """The last attempts that were refused without the owner, newest first."""
    return list_proffers(db, owner_id, _SHOWN, status="unasked")


def lift(db: Session, clock: Clock, owner_id: UUID, client_id: str) -> str:
    """Let this vendor ask from now on; its name. Only one that was refused unasked, else
    NotFound."""
    query = select(Proffer.client_name).where(
        Proffer.owner_id == owner_id, Proffer.client_id == client_id, Proffer.status == "unasked"
    )
    name = db.scalars(query.limit(1)).first()
    if name is None:
        raise NotFound
    conn = db.connection()
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    values = {"owner_id": owner_id, "client_id": client_id, "at": clock.now()}
    conn.execute(dialect.insert(LiftedLimits).values(**values).on_conflict_do_nothing())
    return name


def put_back(db: Session, owner_id: UUID, client_id: str) -> None:
    """Hold this vendor to the limits again."""
    gone = delete(LiftedLimits).where(
        LiftedLimits.owner_id == owner_id, LiftedLimits.client_id == client_id
    )
    db.execute(gone)


def lifted_by(db: Session, owner_id: UUID) -> list[str]:
    """The vendors, by client, that this owner has lifted limits for."""
    query = select(LiftedLimits.client_id).where(LiftedLimits.owner_id == owner_id)
    return list(db.scalars(query.order_by(LiftedLimits.client_id)))


def _note(db: Session | Connection, owner_id: UUID, at: datetime, client: KnownClient) -> None:
    note_event(db, owner_id, at, "request-unasked", client.name, client_id=client.client_id)


def _line(one: Excess) -> str:
    if one.attribute == "gatekeeper":
        return f"gatekeeper: {one.asked} can hold no permission (Regulation (EU) 2023/2854, 5(3))"
    place = f" of {one.category}" if one.category else ""
    return f"{one.attribute}{place}: asked {_text(one.asked)}, allowed {_text(one.allowed)}"


def _text(value: Any) -> str:
    """A value without signs that this protocol's descriptions may not have."""
    if value is None:
        return "without limit"
    if isinstance(value, dict):
        parts = (f"{name} {_text(part)}" for name, part in value.items())
        return " ".join(parts)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return " ".join(map(_text, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
