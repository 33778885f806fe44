"""An owner's terms: what they are now, a new version, what changed between versions, and what they
would have answered to requests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.accounts.owners import get_owner
from app.accounts.security_log import note_event
from app.kit.clock import Clock
from app.kit.errors import WrongMember, fault_text
from app.terms import queries, roster
from app.terms.ceilings import DEFAULT_CEILINGS, Asked, Ceiling, Ceilings, Excess, check_all
from app.terms.errors import AgreementNotOffered, AgreementUnknown, TermsChanged, TermsInvalid
from app.terms.models import TermsVersion
from app.terms.roster import DEFAULT_AGREEMENT, Agreement

Outcome = Literal["fits", "marked", "refused"]


@dataclass(frozen=True)
class Terms:
    """What an owner proffers. `at` None stands for terms that nobody has: the defaults, or those
    of a trial."""

    version: int
    at: datetime | None
    agreement: Agreement
    ceilings: Ceilings
    refuses_unasked: bool


DEFAULT_TERMS = Terms(1, None, roster.find(DEFAULT_AGREEMENT, 1), DEFAULT_CEILINGS, False)


@dataclass(frozen=True)
class Difference:
    """One thing that a version has otherwise than the one before. `attribute` is "agreement",
    "refuses_unasked" or a field of `Ceiling`, of the limit for `category`, in the exception for
    `group` where that is not None. Where an exception was made or taken away, `attribute` is
    "exception", and `before` or `after` is None."""

    attribute: str
    before: Any
    after: Any
    category: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Version:
    """A version with its differences from the one before, of which the first has none."""

    terms: Terms
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Answer:
    """What terms say to a request: it fits, or its excesses are marked for the owner, or it is
    refused for them without asking the owner."""

    outcome: Outcome
    excesses: tuple[Excess, ...]


def terms_of(db: Session, owner_id: UUID) -> Terms:
    """The present version; the defaults where the owner never said anything."""
    row = queries.newest_version(db, owner_id)
    return _terms(row) if row is not None else _first(get_owner(db, owner_id).created_at)


def list_versions(db: Session, owner_id: UUID) -> list[Version]:
    """Every version, newest first, with what it changed."""
    found = [_terms(row) for row in queries.versions_of(db, owner_id)]
    found = found or [_first(get_owner(db, owner_id).created_at)]
    pairs = zip(found, [*found[1:], None], strict=True)
    return [Version(new, tuple(differences(old, new)) if old else ()) for new, old in pairs]


def change_terms(
    db: Session,
    clock: Clock,
    owner_id: UUID,
    based_on: int,
    *,
    agreement: str | None = None,
    ceilings: Ceilings | None = None,
    refuses_unasked: bool | None = None,
) -> Terms:
    """Keep a new version, which has what is given otherwise than the present one; the present one
    where nothing is.

    `based_on` is the version that the owner has seen. TermsChanged where that is not the present
    one, so that of two changes at once neither is lost unseen; AgreementNotOffered.
    """
    owner = queries.lock_owner(db, owner_id)
    present = terms_of(db, owner_id)
    wanted = _with(present, agreement, ceilings, refuses_unasked)
    if wanted == present:
        return present
    if based_on != present.version:
        raise TermsChanged(
            f"This changes version {based_on}; the present one is {present.version}.",
            version=present.version,
        )
    if queries.newest_version(db, owner_id) is None:  # the defaults were the first
        db.add(_row(owner_id, present, owner.created_at))
    now = clock.now()
    row = _row(owner_id, replace(wanted, version=present.version + 1), now)
    db.add(row)
    db.flush()
    note_event(db, owner_id, now, "terms-changed")
    return _terms(row)


def trial(
    present: Terms,
    *,
    agreement: str | None = None,
    ceilings: Ceilings | None = None,
    refuses_unasked: bool | None = None,
) -> Terms:
    """Terms as a change would make them, kept nowhere. AgreementNotOffered."""
    return replace(_with(present, agreement, ceilings, refuses_unasked), at=None)


def read_ceilings(told: object) -> Ceilings:
    """Ceilings from what somebody filled in; TermsInvalid with the field that is wrong."""
    try:
        return Ceilings.model_validate(told)
    except ValidationError as error:
        fault = error.errors()[0]
        cause = fault.get("ctx", {}).get("error")
        path = [*fault["loc"], *([cause.member] if isinstance(cause, WrongMember) else [])]
        pointer = "".join(f"/{step}" for step in path)
        raise TermsInvalid(fault_text(dict(fault)), field=f"/ceilings{pointer}") from error


def answer(terms: Terms, asked: Iterable[Asked]) -> Answer:
    """What these terms say to one request, which may ask for several kinds of data."""
    found = tuple(check_all(terms.ceilings, asked))
    outcome: Outcome = "marked" if found else "fits"
    return Answer("refused" if found and terms.refuses_unasked else outcome, found)


def dry_run(terms: Terms, requests: Iterable[Sequence[Asked]]) -> list[Answer]:
    """What these terms would have said to each of these requests."""
    return [answer(terms, asked) for asked in requests]


def differences(old: Terms, new: Terms) -> list[Difference]:
    """What `new` has otherwise, in the order of pages."""
    found = []
    if old.agreement.hash != new.agreement.hash:
        found.append(Difference("agreement", old.agreement, new.agreement))
    if old.refuses_unasked != new.refuses_unasked:
        found.append(Difference("refuses_unasked", old.refuses_unasked, new.refuses_unasked))
    limits, others = _limits(old.ceilings), _limits(new.ceilings)
    for place in list(dict.fromkeys([*others, *limits])):
        found += _changed(place, limits.get(place), others.get(place))
    return found


_Place = tuple[str | None, str]


def _limits(ceilings: Ceilings) -> dict[_Place, Ceiling]:
    """Every limit by group, None for none, and category."""
    told: dict[_Place, Ceiling] = {(None, name): one for name, one in ceilings.categories.items()}
    for group, some in ceilings.exceptions.items():
        told |= {(group, name): one for name, one in some.items()}
    return told


def _changed(place: _Place, old: Ceiling | None, new: Ceiling | None) -> list[Difference]:
    group, category = place
    if old is None or new is None:
        return [Difference("exception", old, new, category, group)]
    return [
        Difference(name, getattr(old, name), getattr(new, name), category, group)
        for name in Ceiling.model_fields
        if getattr(old, name) != getattr(new, name)
    ]


def _with(
    present: Terms,
    agreement: str | None,
    ceilings: Ceilings | None,
    refuses_unasked: bool | None,
) -> Terms:
    return replace(
        present,
        agreement=present.agreement if agreement is None else _offered(agreement),
        ceilings=ceilings or present.ceilings,
        refuses_unasked=present.refuses_unasked if refuses_unasked is None else refuses_unasked,
    )


def _offered(agreement_id: str) -> Agreement:
    try:
        found = roster.find(agreement_id)
    except AgreementUnknown as error:
        raise AgreementNotOffered("There is no such agreement.", field="/agreement") from error
    if found.kind != roster.SERVICE:
        raise AgreementNotOffered(field="/agreement")
    return found


def _first(at: datetime) -> Terms:
    return replace(DEFAULT_TERMS, at=at)


def _terms(row: TermsVersion) -> Terms:
    return Terms(
        row.version,
        row.at,
        roster.find_by_hash(row.agreement_hash),
        Ceilings.model_validate(row.ceilings),
        row.refuses_unasked,
    )


def _row(owner_id: UUID, terms: Terms, at: datetime) -> TermsVersion:
    return TermsVersion(
        owner_id=owner_id,
        version=terms.version,
        at=at,
        agreement=terms.agreement.id,
        agreement_hash=terms.agreement.hash,
        ceilings=terms.ceilings.written(),
        refuses_unasked=terms.refuses_unasked,
    )
