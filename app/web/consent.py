"""The consent page: what a vendor asks, narrowed and answered by the owner."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from app.consent.asked import Wish
from app.consent.duties import count_overdue
from app.consent.errors import (
    ChoiceTooWide,
    EndDateOutside,
    NothingChosen,
    RequestAnswered,
    RequestExpired,
    RequestGone,
    RequestNotFound,
)
from app.consent.grant import allow
from app.consent.grants import list_live
from app.consent.past import measured
from app.consent.precision import PLACES, TIMES
from app.consent.request_views import RequestView, answered, view_request
from app.consent.requests import refuse
from app.consent.unasked import refuse_unasked
from app.kit.clock import Clock
from app.kit.http import AppClock, AppDatabase, AppSettings, Session
from app.oauth.answer import redirect_allowed, redirect_refused
from app.oauth.tools import AppNotary
from app.objects.tenures import held_objects
from app.organizations.purposes import PURPOSES
from app.settings import Settings
from app.terms.ceilings import Excess, check
from app.terms.service import terms_of
from app.web.consent_form import (
    ConsentForm,
    choice_of,
    drop_choice,
    first_form,
    keep_choice,
    kept_choice,
    kind_name,
    read_day,
)
from app.web.consent_parts import (
    Above,
    agreement_said,
    asked_from,
    given_before,
    load_things,
    shown_parts,
)
from app.web.format import Formatter
from app.web.headers import allow_form_to
from app.web.pages import SignedIn, render, see_other

router = APIRouter()

_CLOSED = (RequestNotFound, RequestAnswered, RequestExpired, RequestGone)
_FIELDS = {
    NothingChosen: "objects",
    ChoiceTooWide: "objects",
    EndDateOutside: "until",
}


@router.get("/consent/{ticket}")
def show_consent(
    request: Request,
    ticket: str,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
) -> Response:
    """The request as it waits; reloading and coming back show the same. One that the owner's terms
    or the law refuse goes back at once."""
    try:
        with database.session() as db:
            away = _refused_unasked(db, clock, settings, owner, ticket)
            if away is not None:
                return away
            asked = view_request(db, clock, owner.owner_id, ticket)
            kept = kept_choice(request, owner, ticket)
            form, errors = kept or (first_form(db, clock, owner, settings, asked.is_own), {})
            return _page(request, db, clock, owner, settings, asked, form, errors)
    except _CLOSED:
        return _closed(request, database, clock, owner, ticket)


@router.post("/consent/{ticket}")
def answer_consent(
    request: Request,
    ticket: str,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    notary: AppNotary,
    answer: Annotated[str, Form(max_length=10)] = "",
    object: Annotated[list[str] | None, Form()] = None,
    kind: Annotated[list[str] | None, Form()] = None,
    history: Annotated[str, Form(max_length=10)] = "today",
    history_from: Annotated[str, Form(max_length=10)] = "",
    until: Annotated[str, Form(max_length=10)] = "",
    ends: Annotated[str, Form(max_length=10)] = "day",
    how: Annotated[list[str] | None, Form()] = None,
    where: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """One answer to one request. What was narrowed is what is granted; then back to the vendor,
    once nothing of a permission it replaces can leave any more. An answer that cannot be taken
    leads back to the page, which shows it again."""
    form = ConsentForm(
        object or [], kind or [], history, history_from, until, ends, how or [], where or []
    )
    try:
        if answer == "close":
            with database.session() as db:
                refuse(db, clock, owner.owner_id, ticket)
            return drop_choice(request, see_other("/requests"))
        if answer != "allow":
            with database.session() as db:
                row = refuse(db, clock, owner.owner_id, ticket)
                return drop_choice(request, see_other(redirect_refused(db, settings, row)))
        with database.session() as db:
            away = _refused_unasked(db, clock, settings, owner, ticket)
            if away is not None:
                return drop_choice(request, away)
            choice = choice_of(form, owner.time_zone, clock)
            longest = timedelta(days=settings.grant_max_days)
            given = allow(db, clock, owner.owner_id, ticket, choice, longest, notary)
            url = redirect_allowed(db, clock, settings, given.request, given.grant)
        clock.wait_until(given.quiet_at)
        return drop_choice(request, see_other(url))
    except _CLOSED:
        return _closed(request, database, clock, owner, ticket)
    except (NothingChosen, ChoiceTooWide, EndDateOutside) as error:
        errors = {error.field or _FIELDS[type(error)]: error.detail}
        with database.session() as db:
            asked = view_request(db, clock, owner.owner_id, ticket)
            shown = _offered(db, owner, asked, form)
            page = see_other(f"/consent/{asked.ticket}")
            kept = keep_choice(request, page, owner, ticket, shown, errors)
            return kept or _page(request, db, clock, owner, settings, asked, form, errors, 422)


def _refused_unasked(
    db: Session, clock: Clock, settings: Settings, owner: SignedIn, ticket: str
) -> Response | None:
    longest = timedelta(days=settings.grant_max_days)
    found = refuse_unasked(db, clock, owner.owner_id, ticket, longest)
    return found and see_other(redirect_refused(db, settings, *found))


def _offered(db: Session, owner: SignedIn, asked: RequestView, form: ConsentForm) -> ConsentForm:
    """The form without what no page of this request could tick."""
    ids = {str(h.object_id) for h in held_objects(db, owner.owner_id)}
    names = {kind_name(number, category) for p in asked.parts for number, category in p.kinds}
    return replace(
        form,
        objects=[one for one in dict.fromkeys(form.objects) if one in ids],
        kinds=[one for one in dict.fromkeys(form.kinds or ()) if one in names],
        how=_known(form.how, names, (*TIMES, "summary")),
        where=_known(form.where, names, PLACES),
    )


def _known(told: Sequence[str], names: set[str], values: Sequence[str]) -> list[str]:
    """Of what was chosen of kinds, what could be."""
    pairs = [(one, *one.partition(":")[::2]) for one in dict.fromkeys(told)]
    return [one for one, name, value in pairs if name in names and value in values]


def _page(
    request: Request,
    db: Session,
    clock: Clock,
    owner: SignedIn,
    settings: Settings,
    asked: RequestView,
    form: ConsentForm,
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    fmt = Formatter(clock.now(), ZoneInfo(owner.time_zone))
    things = load_things(db, held_objects(db, owner.owner_id))
    above = _above(db, owner, settings, asked)
    parts = shown_parts(asked, things, form, fmt, above)
    objects = [
        {
            "id": str(h.object_id),
            "name": h.name,
            "maker": h.maker,
            "ticked": str(h.object_id) in form.objects,
        }
        for h in things.held.values()
    ]
    oldest = asked_from(asked, things, fmt)
    earliest = fmt.local(oldest).date() if oldest else None
    latest = fmt.today() + timedelta(days=settings.grant_max_days - 1)
    last_day = read_day(form.until) or latest
    response = render(
        request,
        "owner/consent.html",
        status=status,
        asked=_asked(asked),
        vendor=_vendor(asked),
        purpose={
            "text": asked.purpose_title,
            "kind": PURPOSES.get(asked.purpose, asked.purpose),
        },
        objects=objects if any(not part["object"] for part in parts) else [],
        parts=parts,
        agreement=agreement_said(asked),
        change=_change(asked, fmt),
        before=given_before(asked, things, fmt),
        history={"choice": form.history, "asked_from": read_day(form.history_from) or earliest},
        history_earliest=earliest,
        until={"value": last_day, "earliest": fmt.today(), "latest": latest, "ends": form.ends},
        legal={"basis": asked.legal_basis, "text": ""},
        replaces=[fmt.on(g.created_at) for g in asked.replaces],
        keeps=_keeps(db, clock, owner, asked.client_id, fmt),
        overdue=0 if asked.is_own else count_overdue(db, clock, asked.client_id),
        errors=errors,
    )
    return allow_form_to(response, asked.redirect_origin) if asked.redirect_origin else response


def _above(db: Session, owner: SignedIn, settings: Settings, asked: RequestView) -> Above:
    """What of a wish lies above the owner's limits (R-21); of an app of their own nothing does."""
    ceilings, longest = terms_of(db, owner.owner_id).ceilings, timedelta(settings.grant_max_days)

    def look(wish: Wish, category: str) -> list[Excess]:
        told = measured(wish, category, asked.purpose, asked.created_at, longest)
        return [] if asked.is_own else check(ceilings, told)

    return look


def _change(asked: RequestView, fmt: Formatter) -> dict[str, Any] | None:
    """What the request wants with which permission; None where it asks for a new one."""
    if asked.changes is None:
        return None
    grant = asked.changes.grant
    return {
        "adds": asked.changes.action == "merge",
        "id": str(grant.grant_id),
        "on": fmt.on(grant.created_at),
    }


def _keeps(
    db: Session, clock: Clock, owner: SignedIn, client_id: str, fmt: Formatter
) -> list[dict[str, str]]:
    """The permissions that a no leaves as they are."""
    live = list_live(db, clock, owner.owner_id, client_id)
    return [{"id": str(g.grant_id), "on": fmt.on(g.created_at)} for g in live]


def _asked(asked: RequestView) -> dict[str, Any]:
    return {
        "id": asked.ticket,
        "closes_at": asked.expires_at,
        "redirect_host": asked.redirect_host,
    }


def _vendor(asked: RequestView) -> dict[str, Any]:
    return {
        "name": asked.client_name,
        "organization": asked.organization,
        "domain": asked.verified_domain or "",
        "verified": asked.verified_domain is not None,
        "own": asked.is_own,
    }


def _closed(
    request: Request,
    database: AppDatabase,
    clock: Clock,
    owner: SignedIn,
    ticket: str,
) -> Response:
    """A clear page for a request that is closed, answered or somebody else's."""
    fmt = Formatter(clock.now(), ZoneInfo(owner.time_zone))
    with database.read() as db:
        known = answered(db, clock, owner.owner_id, ticket)
        keeps = _keeps(db, clock, owner, known.client_id, fmt) if known else []
    if known is None or known.status == "waiting":
        state, status = "not_yours", 404
    elif known.status in ("expired", "gone"):
        state, status = known.status, 410
    else:
        state, status = ("allowed" if known.status == "granted" else "refused"), 200
        if request.method == "POST":
            state = "used"
    return render(
        request,
        "owner/consent_result.html",
        status=status,
        state=state,
        vendor=known.client_name if known else "",
        keeps=keeps,
        permission_id=str(known.grant_id) if known and known.grant_id else None,
        ticket=ticket,
        back="",
    )
