"""The consent page: what a vendor asks, narrowed and answered by the owner."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
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
from app.consent.grant import Choice, allow
from app.consent.requests import AnsweredRequest, RequestView, answered, refuse, view_request
from app.kit.clock import Clock
from app.kit.errors import DomainError
from app.kit.http import AppClock, AppDatabase, AppSettings, Session
from app.kit.ids import parse_id
from app.oauth.answer import redirect_allowed, redirect_refused
from app.objects.products import streams_of
from app.objects.tenures import Held, held_objects
from app.organizations.purposes import PURPOSES
from app.settings import Settings
from app.web import words
from app.web.format import Formatter
from app.web.headers import allow_form_to
from app.web.pages import SignedIn, render, see_other

router = APIRouter()

_DAYS_OFFERED = 182
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
            form = _first_form(db, clock, owner, settings)
            return _page(request, db, clock, owner, settings, asked, form, {})
    except (RequestNotFound, RequestAnswered, RequestExpired) as error:
        return _closed(request, database, owner, ticket, error)


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
) -> Response:
    """One answer to one request. What was narrowed is what is granted; then back to the vendor,
    once nothing of a permission it replaces can leave any more."""
    form = _Form(object or [], kind or [], history, history_from, until)
    try:
        if answer != "allow":
            with database.session() as db:
                row = refuse(db, clock, owner.owner_id, ticket)
                return see_other(redirect_refused(settings, row))
        with database.session() as db:
            choice = _choice(form, owner.time_zone, clock)
            longest = timedelta(days=settings.grant_max_days)
            given = allow(db, clock, owner.owner_id, ticket, choice, longest)
            url = redirect_allowed(db, clock, settings, given.request, given.grant)
        clock.wait_until(given.quiet_at)
        return see_other(url)
    except (RequestNotFound, RequestAnswered, RequestExpired) as error:
        return _closed(request, database, owner, ticket, error)
    except (NothingChosen, ChoiceTooWide, EndDateOutside) as error:
        errors = {error.field or _FIELDS[type(error)]: error.detail}
        with database.session() as db:
            asked = view_request(db, clock, owner.owner_id, ticket)
            return _page(request, db, clock, owner, settings, asked, form, errors)


class _Form:
    """What is ticked and filled in, as text, so that a page with errors shows it again."""

    def __init__(
        self,
        objects: Sequence[str],
        kinds: Sequence[str] | None,
        history: str,
        history_from: str,
        until: str,
    ) -> None:
        self.objects = objects
        self.kinds = kinds
        self.history = history
        self.history_from = history_from
        self.until = until


def _first_form(db: Session, clock: Clock, owner: SignedIn, settings: Settings) -> _Form:
    """Needed kinds are ticked, optional ones are not; an object only where there is just one."""
    held = held_objects(db, owner.owner_id)
    only = [str(h.object_id) for h in held] if len(held) == 1 else []
    fmt = Formatter(clock.now(), ZoneInfo(owner.time_zone))
    days = min(_DAYS_OFFERED, settings.grant_max_days - 1)
    return _Form(only, None, "today", "", (fmt.today() + timedelta(days=days)).isoformat())


def _choice(form: _Form, zone_name: str, clock: Clock) -> Choice:
    zone = ZoneInfo(zone_name)
    ids = [parse_id(text) for text in form.objects]
    if None in ids:
        raise ChoiceTooWide
    last_day = _day(form.until)
    if last_day is None:
        raise EndDateOutside("Choose the day it ends.")
    until = datetime.combine(last_day + timedelta(days=1), time.min, zone)
    start = clock.now().astimezone(zone).date()
    if form.history == "from":
        day = _day(form.history_from)
        if day is None:
            raise ChoiceTooWide("Choose the day it starts.", field="history-from")
        start = min(day, start)
    return Choice(
        objects=frozenset(i for i in ids if i is not None),
        categories=frozenset(form.kinds or ()),
        until=until,
        history_from=datetime.combine(start, time.min, zone),
    )


def _page(
    request: Request,
    db: Session,
    clock: Clock,
    owner: SignedIn,
    settings: Settings,
    asked: RequestView,
    form: _Form,
    errors: dict[str, str],
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
    last_day = _day(form.until) or latest
    response = render(
        request,
        "owner/consent.html",
        status=422 if errors else 200,
        asked=_asked(asked),
        vendor=_vendor(asked),
        purpose={
            "text": asked.purpose_title,
            "kind": PURPOSES.get(asked.purpose, asked.purpose),
        },
        objects=objects,
        needed=[k for k in kinds if k["needed"]],
        optional=[k for k in kinds if not k["needed"]],
        history={"choice": form.history, "asked_from": _day(form.history_from) or asked_from},
        history_earliest=asked_from,
        until={"value": last_day, "earliest": fmt.today(), "latest": latest},
        legal={"basis": asked.legal_basis, "text": ""},
        replaces=[fmt.on(g.created_at) for g in asked.replaces],
        summary=_summary(asked, objects, kinds, form, asked_from, last_day, fmt),
        errors=errors,
    )
    return allow_form_to(response, asked.redirect_origin)


def _kinds(
    db: Session, asked: RequestView, held: Sequence[Held], form: _Form
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


def _summary(
    asked: RequestView,
    objects: list[dict[str, Any]],
    kinds: list[dict[str, Any]],
    form: _Form,
    asked_from: date | None,
    until: date,
    fmt: Formatter,
) -> str:
    start = _day(form.history_from) or asked_from
    history = "from today on"
    if form.history == "from" and start is not None:
        history = f"from {fmt.on(start)} on"
    return words.consent_summary(
        asked.client_name,
        [str(o["name"]) for o in objects if o["ticked"]],
        [str(k["category"]) for k in kinds if k["ticked"]],
        history,
        fmt.on(until),
    )


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
    }


def _closed(
    request: Request,
    database: AppDatabase,
    owner: SignedIn,
    ticket: str,
    error: DomainError,
) -> Response:
    """A clear page for a request that is closed, answered or somebody else's."""
    with database.read() as db:
        known: AnsweredRequest | None = answered(db, owner.owner_id, ticket)
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
        permission_id=str(known.grant_id) if known and known.grant_id else None,
        back="",
    )


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    # The next day, and its midnight in any zone, must be in the calendar as well.
    return day if 1 < day.year < 9999 else None
