"""The consent page: what a vendor asks, narrowed and answered by the owner."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from app.consent.errors import (
    ChoiceTooWide,
    EndDateOutside,
    NothingChosen,
    RequestAnswered,
    RequestExpired,
    RequestNotFound,
)
from app.consent.grant import allow
from app.consent.grants import list_live
from app.consent.requests import RequestView, answered, refuse, view_request
from app.kit.clock import Clock
from app.kit.http import AppClock, AppDatabase, AppSettings, Session
from app.oauth.answer import redirect_allowed, redirect_refused
from app.objects.products import streams_of
from app.objects.tenures import Held, held_objects
from app.organizations.purposes import PURPOSES
from app.settings import Settings
from app.web.consent_form import (
    ConsentForm,
    choice_of,
    drop_choice,
    first_form,
    keep_choice,
    kept_choice,
    read_day,
)
from app.web.format import Formatter
from app.web.headers import allow_form_to
from app.web.pages import SignedIn, render, see_other

router = APIRouter()

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
    """The request as it waits; reloading and coming back show the same."""
    try:
        with database.session() as db:
            asked = view_request(db, clock, owner.owner_id, ticket)
            kept = kept_choice(request, owner, ticket)
            form, errors = kept or (first_form(db, clock, owner, settings, asked.is_own), {})
            return _page(request, db, clock, owner, settings, asked, form, errors)
    except (RequestNotFound, RequestAnswered, RequestExpired):
        return _closed(request, database, clock, owner, ticket)


@router.post("/consent/{ticket}")
def answer_consent(
    request: Request,
    ticket: str,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    answer: Annotated[str, Form(max_length=10)] = "",
    object: Annotated[list[str] | None, Form()] = None,
    kind: Annotated[list[str] | None, Form()] = None,
    history: Annotated[str, Form(max_length=10)] = "today",
    history_from: Annotated[str, Form(max_length=10)] = "",
    until: Annotated[str, Form(max_length=10)] = "",
    ends: Annotated[str, Form(max_length=10)] = "day",
) -> Response:
    """One answer to one request. What was narrowed is what is granted; then back to the vendor,
    once nothing of a permission it replaces can leave any more. An answer that cannot be taken
    leads back to the page, which shows it again."""
    form = ConsentForm(object or [], kind or [], history, history_from, until, ends)
    try:
        if answer != "allow":
            with database.session() as db:
                row = refuse(db, clock, owner.owner_id, ticket)
                return drop_choice(request, see_other(redirect_refused(db, settings, row)))
        with database.session() as db:
            choice = choice_of(form, owner.time_zone, clock)
            longest = timedelta(days=settings.grant_max_days)
            given = allow(db, clock, owner.owner_id, ticket, choice, longest)
            url = redirect_allowed(db, clock, settings, given.request, given.grant)
        clock.wait_until(given.quiet_at)
        return drop_choice(request, see_other(url))
    except (RequestNotFound, RequestAnswered, RequestExpired):
        return _closed(request, database, clock, owner, ticket)
    except (NothingChosen, ChoiceTooWide, EndDateOutside) as error:
        errors = {error.field or _FIELDS[type(error)]: error.detail}
        with database.session() as db:
            asked = view_request(db, clock, owner.owner_id, ticket)
            shown = _offered(db, owner, asked, form)
            page = see_other(f"/consent/{asked.ticket}")
            kept = keep_choice(request, page, owner, ticket, shown, errors)
            return kept or _page(request, db, clock, owner, settings, asked, form, errors, 422)


def _offered(db: Session, owner: SignedIn, asked: RequestView, form: ConsentForm) -> ConsentForm:
    """The form without what no page of this request could tick."""
    ids = {str(h.object_id) for h in held_objects(db, owner.owner_id)}
    categories = {detail.category for detail in asked.details}
    return replace(
        form,
        objects=[one for one in dict.fromkeys(form.objects) if one in ids],
        kinds=[one for one in dict.fromkeys(form.kinds or ()) if one in categories],
    )


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
    held = held_objects(db, owner.owner_id)
    fmt = Formatter(clock.now(), ZoneInfo(owner.time_zone))
    kinds = _kinds(db, asked, held, form)
    objects = [
        {
            "id": str(h.object_id),
            "name": h.name,
            "maker": h.maker,
            "ticked": str(h.object_id) in form.objects,
        }
        for h in held
    ]
    oldest = min((h.starts_at for h in held), default=None)
    asked_from = fmt.local(oldest).date() if oldest else None
    if asked_from is not None and asked_from >= fmt.today():
        asked_from = None
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
        objects=objects,
        needed=[k for k in kinds if k["needed"]],
        optional=[k for k in kinds if not k["needed"]],
        history={"choice": form.history, "asked_from": read_day(form.history_from) or asked_from},
        history_earliest=asked_from,
        until={"value": last_day, "earliest": fmt.today(), "latest": latest, "ends": form.ends},
        legal={"basis": asked.legal_basis, "text": ""},
        replaces=[fmt.on(g.created_at) for g in asked.replaces],
        keeps=_keeps(db, clock, owner, asked.client_id, fmt),
        errors=errors,
    )
    return allow_form_to(response, asked.redirect_origin) if asked.redirect_origin else response


def _kinds(
    db: Session, asked: RequestView, held: Sequence[Held], form: ConsentForm
) -> list[dict[str, Any]]:
    """What is asked, with the titles of the streams behind each kind. A kind that none of the
    owner's things has is left out."""
    titles: dict[str, list[str]] = {"identity": []}
    for product_id in dict.fromkeys(h.product_id for h in held):
        for stream in streams_of(db, product_id):
            known = titles.setdefault(stream.category, [])
            if stream.title not in known:
                known.append(stream.title)
    return [
        {
            "category": detail.category,
            "needed": detail.needed,
            "why": detail.why,
            "streams": titles[detail.category],
            "ticked": detail.needed if form.kinds is None else detail.category in form.kinds,
        }
        for detail in asked.details
        if detail.category in titles
    ]


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
        known = answered(db, owner.owner_id, ticket)
        keeps = _keeps(db, clock, owner, known.client_id, fmt) if known else []
    if known is None:
        state, status = "not_yours", 404
    elif known.status == "waiting":
        state, status = "expired", 410
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
        back="",
    )
