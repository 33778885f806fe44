"""Your terms: the agreement you proffer, your limits, what they would have said, every version."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from app.consent.past import last_requests
from app.kit.errors import NotFound
from app.kit.http import AppClock, AppDatabase, AppSettings, ReadDb, Session
from app.objects.categories import CATEGORIES
from app.settings import Settings
from app.terms import roster
from app.terms.ceilings import Ceilings
from app.terms.errors import AgreementUnknown, TermsChanged
from app.terms.purposes import GROUPS
from app.terms.service import Terms, change_terms, dry_run, list_versions, terms_of, trial
from app.web import terms_words
from app.web.pages import SignedIn, SignedInOwner, Text, flash, render, see_other
from app.web.terms_form import LimitForm, Wrong, form_of, limit_of, with_limit

router = APIRouter()

_PAGE = "/terms"
_LAST = 20
_CHANGED = "Your terms had changed meanwhile. Look at them, and change them again."

Short = Annotated[Text, Form(max_length=1000)]
Number = Annotated[int, Form(ge=1, le=2**53)]
Name = Annotated[Text, Query(max_length=40)]


@router.get(_PAGE)
def show_terms(request: Request, owner: SignedIn, db: ReadDb, settings: AppSettings) -> Response:
    """What anybody who asks has to keep to."""
    return _page(request, db, owner, settings)


@router.post(_PAGE)
def change_agreement(
    request: Request,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    version: Number,
    agreement: Short = "",
    hands_over: Short = "",
    refuses: Short = "",
) -> Response:
    """Another agreement, and whether what is above the limits is refused unasked."""
    try:
        base = roster.find(agreement)
        wanted = roster.variant(base, bool(hands_over)).id
        if base.kind != roster.SERVICE:
            raise AgreementUnknown
        with database.session() as db:
            change_terms(
                db,
                clock,
                owner.owner_id,
                version,
                agreement=wanted,
                refuses_unasked=bool(refuses),
            )
    except AgreementUnknown:
        with database.read() as db:
            errors = {"agreement": "Choose one of these agreements."}
            return _page(request, db, owner, settings, errors)
    except TermsChanged:
        flash(request, owner, _CHANGED, "bad")
        return see_other(_PAGE)
    flash(request, owner, "Your terms are kept.")
    return see_other(_PAGE)


@router.get("/terms/limits")
def show_limit(
    request: Request, owner: SignedIn, db: ReadDb, kind: Name = "", purpose: Name = ""
) -> Response:
    """The form for one limit: of a kind of data, or of an exception for what it is asked for."""
    group = _group(kind, purpose)
    terms = terms_of(db, owner.owner_id)
    exceptions = terms.ceilings.exceptions.get(group or "", {})
    form = form_of(exceptions.get(kind, terms.ceilings.categories[kind]))
    return _form_page(request, terms, kind, group, form, {})


@router.post("/terms/limits")
def change_limit(
    request: Request,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    version: Number,
    kind: Short = "",
    purpose: Short = "",
    precision: Short = "",
    place: Short = "",
    history_days: Short = "",
    duration_days: Short = "",
    times: Short = "",
    per: Short = "",
    onward: Short = "",
    ai_training: Short = "",
    countries: Short = "",
    answer: Short = "",
) -> Response:
    """Keep the limit; or, with `answer=try`, say what it would have answered and keep nothing."""
    group = _group(kind, purpose)
    form = LimitForm(
        precision,
        place,
        history_days.strip(),
        duration_days.strip(),
        times.strip(),
        per,
        bool(onward),
        bool(ai_training),
        countries,
    )
    try:
        limit = limit_of(form)
    except Wrong as wrong:
        with database.read() as db:
            terms = terms_of(db, owner.owner_id)
            return _form_page(request, terms, kind, group, form, wrong.errors)
    if answer == "try":
        with database.read() as db:
            terms = terms_of(db, owner.owner_id)
            tried = trial(terms, ceilings=with_limit(terms.ceilings, kind, group, limit))
            shown = _tried(db, owner, settings, tried)
            return _form_page(request, terms, kind, group, form, {}, shown)
    said = f"{terms_words.subject(kind, group)}: the limit is kept."
    return _keep(request, owner, database, clock, version, kind, group, limit, said)


@router.post("/terms/limits/remove")
def remove_exception(
    request: Request,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    version: Number,
    kind: Short = "",
    purpose: Short = "",
) -> Response:
    """No exception any more: the limit of the kind of data counts."""
    group = _group(kind, purpose)
    if group is None:
        raise NotFound
    said = f"{terms_words.subject(kind, group)}: the exception is gone."
    return _keep(request, owner, database, clock, version, kind, group, None, said)


def _keep(
    request: Request,
    owner: SignedInOwner,
    database: AppDatabase,
    clock: AppClock,
    version: int,
    kind: str,
    group: str | None,
    limit: Any,
    said: str,
) -> Response:
    try:
        with database.session() as db:
            present = terms_of(db, owner.owner_id).ceilings
            wanted = with_limit(present, kind, group, limit)
            change_terms(db, clock, owner.owner_id, version, ceilings=wanted)
    except TermsChanged:
        flash(request, owner, _CHANGED, "bad")
        return see_other(_PAGE)
    flash(request, owner, said)
    return see_other(_PAGE)


def _group(kind: str, purpose: str) -> str | None:
    """The group of purposes that was chosen, None for any; NotFound for what is not known."""
    if kind not in CATEGORIES or (purpose and purpose not in GROUPS):
        raise NotFound
    return purpose or None


def _page(
    request: Request,
    db: Session,
    owner: SignedInOwner,
    settings: Settings,
    errors: dict[str, str] | None = None,
) -> Response:
    terms = terms_of(db, owner.owner_id)
    return render(
        request,
        "owner/terms.html",
        status=422 if errors else 200,
        version=terms.version,
        agreements=_agreements(terms),
        agreement={
            "title": terms.agreement.title,
            "page": f"/agreements/{terms.agreement.id}?version={terms.agreement.version}",
        },
        hands_over=terms.agreement.hands_over,
        refuses=terms.refuses_unasked,
        limits=_limits(terms.ceilings),
        exceptions=_exceptions(terms.ceilings),
        groups=list(terms_words.GROUPS.items()),
        tried=_tried(db, owner, settings, terms),
        versions=[
            {
                "number": one.terms.version,
                "at": one.terms.at,
                "said": [terms_words.difference(change) for change in one.differences],
            }
            for one in list_versions(db, owner.owner_id)
        ],
        errors=errors or {},
    )


def _form_page(
    request: Request,
    terms: Terms,
    kind: str,
    group: str | None,
    form: LimitForm,
    errors: dict[str, str],
    tried: list[dict[str, Any]] | None = None,
) -> Response:
    return render(
        request,
        "owner/terms_limit.html",
        status=422 if errors else 200,
        version=terms.version,
        kind=kind,
        group=group or "",
        title=terms_words.subject(kind, group),
        is_exception=kind in terms.ceilings.exceptions.get(group or "", {}),
        form=form,
        precisions=[(name, said.capitalize()) for name, said in terms_words.PRECISIONS.items()],
        places=[(name, said.capitalize()) for name, said in terms_words.PLACES.items()],
        periods=[
            (name, said.removeprefix("in ").capitalize())
            for name, said in terms_words.PERIODS.items()
        ],
        tried=tried,
        errors=errors,
    )


def _agreements(terms: Terms) -> list[dict[str, Any]]:
    """Those to choose from, without the duty to hand data over, which is a choice of its own; of
    each what it does not share with all."""
    chosen = roster.variant(terms.agreement, False)
    return [
        {
            "value": one.id,
            "title": one.title,
            "note": " ".join(one.says[1:-1]),
            "is_chosen": one == chosen,
        }
        for one in roster.newest(roster.SERVICE)
        if not one.hands_over
    ]


def _limits(ceilings: Ceilings) -> list[dict[str, str]]:
    return [
        {"kind": kind, "said": terms_words.limit(kind, ceilings.categories[kind])}
        for kind in CATEGORIES
    ]


def _exceptions(ceilings: Ceilings) -> list[dict[str, str]]:
    return [
        {
            "kind": kind,
            "group": group,
            "title": terms_words.subject(kind, group),
            "said": terms_words.limit(kind, ceilings.exceptions[group][kind]),
        }
        for group in GROUPS
        for kind in CATEGORIES
        if kind in ceilings.exceptions.get(group, {})
    ]


def _tried(
    db: Session, owner: SignedInOwner, settings: Settings, terms: Terms
) -> list[dict[str, Any]]:
    """What these terms would have said to the last requests."""
    past = last_requests(db, owner.owner_id, _LAST, timedelta(days=settings.grant_max_days))
    answers = dry_run(terms, [one.asked for one in past])
    return [
        {
            "vendor": one.client_name,
            "purpose": one.purpose_title,
            "at": one.at,
            "outcome": terms_words.OUTCOMES[said.outcome],
            "said": [terms_words.excess(excess) for excess in said.excesses],
        }
        for one, said in zip(past, answers, strict=True)
    ]
