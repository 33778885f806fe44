"""An owner's terms by API: read them, change them, see every version, try them out."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from app.api.examples import json_example, problem_responses
from app.api.owners.reach import keep_nowhere, owner_of
from app.api.public.agreements import hash_text
from app.consent.models import Proffer
from app.consent.past import last_requests
from app.consent.proffers import list_proffers, state_of
from app.kit.errors import NotFound
from app.kit.http import AppClock, AppSettings, Db, ReadDb, StrictRoute
from app.oauth.protect import OwnerReader, Principal, TermsChanger
from app.terms.ceilings import DEFAULT_CEILINGS, Ceilings
from app.terms.roster import Agreement
from app.terms.service import (
    Difference,
    Terms,
    change_terms,
    dry_run,
    list_versions,
    terms_of,
    trial,
)

router = APIRouter(
    prefix="/v1/me/terms",
    tags=["Owners: your terms"],
    route_class=StrictRoute,
    dependencies=[Depends(keep_nowhere)],
)

_LAST = 20
_MOST_PROFFERS = 100

AgreementId = Annotated[str, StringConstraints(min_length=1, max_length=40)]

_SPEC: dict[str, Any] = {
    "agreement": "SD-BASE-DP",
    "ceilings": DEFAULT_CEILINGS.written(),
    "refuses_unasked": False,
}
NEW_EXAMPLE = _SPEC | {"version": 1}
_TERMS = _SPEC | {
    "version": 1,
    "at": "2026-11-02T08:00:00Z",
    "agreement": {"id": "SD-BASE-DP", "version": 1, "hash": "sha256:…"},
}
_REQUEST = {
    "client_name": "Mend & Co client",
    "purpose_title": "We tell you what to mend before it tears.",
    "at": "2026-11-02T08:00:00Z",
    "outcome": "marked",
    "excesses": [
        {"attribute": "history_days", "category": "location", "asked": None, "allowed": 0}
    ],
}
TERMS_EXAMPLE = json_example("Your terms.", _TERMS)
_CHANGE = {
    "attribute": "precision",
    "category": "usage",
    "group": None,
    "before": "exact",
    "after": "day",
}
VERSIONS_EXAMPLE = json_example(
    "Every version.", {"versions": [_TERMS | {"differences": [_CHANGE]}]}
)
TRIAL_EXAMPLE = json_example("What they would have answered.", {"requests": [_REQUEST]})


_PROFFER = {
    "client_id": "mend-and-co-4f1c",
    "client_name": "Mend & Co client",
    "purpose": "RepairImpairments",
    "at": "2026-11-02T08:00:00Z",
    "terms_version": 1,
    "proffered": "SD-BASE-DP",
    "answer": "accept",
    "answered": "SD-BASE-DP",
    "state": "AgreementAccepted",
    "closed_at": "2026-11-02T08:01:00Z",
    "grant_id": "0b0f2f39-54f7-4be4-9d6a-6f5a3b0e8a41",
    "excesses": [],
}
PROFFERS_EXAMPLE = json_example("What was proffered.", {"proffers": [_PROFFER]})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TermsSpec(_Strict):
    """All of your terms. `version` is the one that you have seen and change."""

    version: Annotated[StrictInt, Field(ge=1, le=2**53 - 1)]
    agreement: AgreementId
    ceilings: Ceilings
    refuses_unasked: StrictBool


class TrialSpec(_Strict):
    """What to try; what is left out is as in your terms."""

    agreement: AgreementId | None = None
    ceilings: Ceilings | None = None
    refuses_unasked: StrictBool | None = None


NewTerms = Annotated[TermsSpec, Body(examples=[NEW_EXAMPLE])]
Trial = Annotated[TrialSpec | None, Body(examples=[_SPEC])]


class AgreementRef(BaseModel):
    """An agreement of the roster (`/v1/agreements/{id}`)."""

    id: str
    version: int
    hash: str


class TermsOut(BaseModel):
    """One version of your terms: the agreement you proffer, and for each kind of data, and for
    groups of purposes, the most that may be asked."""

    version: int
    at: datetime | None
    agreement: AgreementRef
    ceilings: Ceilings
    refuses_unasked: bool


class DifferenceOut(BaseModel):
    """What a version has otherwise than the one before."""

    attribute: str
    category: str | None
    group: str | None
    before: Any
    after: Any


class VersionOut(TermsOut):
    """A version with what it changed."""

    differences: list[DifferenceOut]


class VersionList(BaseModel):
    """Newest first."""

    versions: list[VersionOut]


class ExcessOut(BaseModel):
    """What of a request lies above a limit; null stands for no bound at all."""

    attribute: str
    category: str
    asked: Any
    allowed: Any


class TriedOut(BaseModel):
    """What the terms would have said: it `fits`, its excesses are `marked`, or it is `refused`."""

    client_name: str
    purpose_title: str
    at: datetime
    outcome: str = Field(examples=["fits", "marked", "refused"])
    excesses: list[ExcessOut]


class TrialOut(BaseModel):
    """The last requests, newest first."""

    requests: list[TriedOut]


class ProfferOut(BaseModel):
    """One proffer. `state` is a term of the IEEE 7012 extension of DPV; `answered` the agreement
    that the vendor answered with, null for none."""

    client_id: str
    client_name: str
    purpose: str
    at: datetime
    terms_version: int
    proffered: str
    answer: str = Field(examples=["accept", "alternative", "reject"])
    answered: str | None
    state: str = Field(examples=["AgreementAccepted"])
    closed_at: datetime | None
    grant_id: UUID | None
    excesses: list[ExcessOut]


class ProfferList(BaseModel):
    """Newest first."""

    proffers: list[ProfferOut]


@router.get(
    "",
    summary="Your terms",
    responses=problem_responses(401, 403, 404) | {200: TERMS_EXAMPLE},
)
def show_terms(caller: OwnerReader, db: ReadDb) -> TermsOut:
    """The present version. Who never said anything has the first, which everybody begins with."""
    return _terms_out(terms_of(db, _owner(caller)))


@router.put(
    "",
    summary="Change your terms",
    responses=problem_responses(400, 401, 403, 404, 409, 422) | {200: TERMS_EXAMPLE},
)
def put_terms(spec: NewTerms, caller: TermsChanger, db: Db, clock: AppClock) -> TermsOut:
    """Keep a new version, with all that it has. `terms-changed` where `version` is not the present
    one any more; what changes nothing makes no version. Needs `own:terms`."""
    changed = change_terms(
        db,
        clock,
        _owner(caller),
        spec.version,
        agreement=spec.agreement,
        ceilings=spec.ceilings,
        refuses_unasked=spec.refuses_unasked,
    )
    return _terms_out(changed)


@router.get(
    "/versions",
    summary="Every version of your terms",
    responses=problem_responses(401, 403, 404) | {200: VERSIONS_EXAMPLE},
)
def list_own_versions(caller: OwnerReader, db: ReadDb) -> VersionList:
    """Newest first, each with what it has otherwise than the one before."""
    return VersionList(
        versions=[
            VersionOut(
                **_terms_out(one.terms).model_dump(),
                differences=[_difference_out(d) for d in one.differences],
            )
            for one in list_versions(db, _owner(caller))
        ]
    )


@router.get(
    "/proffers",
    summary="What you proffered, and what came of it",
    responses=problem_responses(401, 403, 404) | {200: PROFFERS_EXAMPLE},
)
def list_own_proffers(caller: OwnerReader, db: ReadDb, clock: AppClock) -> ProfferList:
    """The last hundred vendors that asked you, newest first: the agreement you proffered, what
    the vendor answered, and how it stands; failed attempts too. `excesses` is why one was refused
    without asking you."""
    now = clock.now()
    rows = list_proffers(db, _owner(caller), _MOST_PROFFERS)
    return ProfferList(proffers=[_proffer_out(row, now) for row in rows])


@router.post(
    "/dry-run",
    summary="Try terms out",
    responses=problem_responses(400, 401, 403, 404, 422) | {200: TRIAL_EXAMPLE},
)
def try_terms(
    caller: OwnerReader,
    db: ReadDb,
    settings: AppSettings,
    spec: Trial = None,
) -> TrialOut:
    """What these terms, or without a body your present ones, would have said to the last twenty
    requests of vendors that you opened. Nothing is kept. A request that names no end asks for as
    long as a permission may last."""
    owner_id = _owner(caller)
    spec = spec or TrialSpec()
    terms = trial(
        terms_of(db, owner_id),
        agreement=spec.agreement,
        ceilings=spec.ceilings,
        refuses_unasked=spec.refuses_unasked,
    )
    past = last_requests(db, owner_id, _LAST, timedelta(days=settings.grant_max_days))
    answers = dry_run(terms, [one.asked for one in past])
    return TrialOut(
        requests=[
            TriedOut(
                client_name=one.client_name,
                purpose_title=one.purpose_title,
                at=one.at,
                outcome=said.outcome,
                excesses=[ExcessOut(**vars(excess)) for excess in said.excesses],
            )
            for one, said in zip(past, answers, strict=True)
        ]
    )


def _owner(caller: Principal) -> UUID:
    """Terms are for all of an owner's things: a token for some of them does not reach them."""
    if caller.objects is not None:
        raise NotFound
    return owner_of(caller)


def _terms_out(terms: Terms) -> TermsOut:
    return TermsOut(
        version=terms.version,
        at=terms.at,
        agreement=_ref(terms.agreement),
        ceilings=terms.ceilings,
        refuses_unasked=terms.refuses_unasked,
    )


def _proffer_out(row: Proffer, now: datetime) -> ProfferOut:
    return ProfferOut(
        client_id=row.client_id,
        client_name=row.client_name,
        purpose=row.purpose,
        at=row.at,
        terms_version=row.terms_version,
        proffered=row.agreement,
        answer=row.answer,
        answered=row.answered,
        state=state_of(row, now),
        closed_at=row.closed_at,
        grant_id=row.grant_id,
        excesses=[ExcessOut(**one) for one in row.excesses],
    )


def _ref(one: Agreement) -> AgreementRef:
    return AgreementRef(id=one.id, version=one.version, hash=hash_text(one))


def _difference_out(one: Difference) -> DifferenceOut:
    return DifferenceOut(
        attribute=one.attribute,
        category=one.category,
        group=one.group,
        before=_told(one.before),
        after=_told(one.after),
    )


def _told(value: Any) -> Any:
    return _ref(value).model_dump() if isinstance(value, Agreement) else value
