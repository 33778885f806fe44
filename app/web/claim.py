"""Claiming an object: enter its code, see what it records, say who uses it and since when."""

from datetime import datetime, time, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from app.kit.clock import Clock
from app.kit.errors import DomainError, InvalidCursor, NotFound, TooManyRequests
from app.kit.http import AppClock, AppCursors, AppDatabase, AppSettings, Connection, ReadDb, Session
from app.kit.limits import Limit, spend
from app.kit.paging import Cursors
from app.objects.tenures import find_open_tenure, get_held
from app.objects.tickets import Ticket, read_ticket
from app.ownership.claim import (
    USED_BY,
    Wish,
    claim,
    claim_with_ticket,
    earliest_start,
    look_up,
    object_of_code,
)
from app.ownership.errors import AlreadyOwned, ClaimCodeExpired, ClaimCodeUsed, StartOutside
from app.passports.service import passport_of
from app.settings import Settings
from app.web.pages import SignedIn, Text, Visitor, flash, render, see_other, with_next
from app.web.streams import stream_cards

router = APIRouter()

_MAX_CODE = 4096
_DATE = "%Y-%m-%d"


@router.get("/claim")
def show_claim(request: Request) -> Response:
    """The field for a code; works signed out."""
    return render(request, "owner/claim.html", code="", errors={})


@router.post("/claim")
def look_at_code(
    request: Request,
    owner: Visitor,
    database: AppDatabase,
    clock: AppClock,
    cursors: AppCursors,
    settings: AppSettings,
    code: Annotated[str, Form(max_length=_MAX_CODE)] = "",
) -> Response:
    """See whether a code opens something now; nothing is claimed yet. Who is signed out signs in
    first, and the page's script keeps the code meanwhile."""
    if owner is None:
        return see_other(with_next("/sign-in", "/claim"))
    try:
        _spend(request, database, clock, settings, owner.owner_id)
        with database.read() as db:
            _find(db, clock, settings, code)
    except TooManyRequests as error:
        return _again(request, code, error, 429)
    except DomainError as error:
        return _again(request, code, error, 422)
    return see_other(f"/claim/{cursors.seal(code, 'claim', owner.owner_id)}")


@router.get("/claim/{claim_id}")
def show_object(
    request: Request,
    claim_id: str,
    owner: SignedIn,
    db: ReadDb,
    clock: AppClock,
    cursors: AppCursors,
    settings: AppSettings,
) -> Response:
    """What the object records, before it is claimed."""
    code = _open(cursors, claim_id, owner.owner_id)
    try:
        found = _find(db, clock, settings, code)
    except DomainError as error:
        return _again(request, "", error, 409)
    today = clock.now().astimezone(ZoneInfo(owner.time_zone)).date()
    since = found.since.date() if isinstance(found, Ticket) and found.since else today
    form = {"name": "", "used_by": "me", "since": "today", "since_on": since}
    return _look(request, owner, db, clock, settings, claim_id, _object_of(found), form, {})


@router.post("/claim/{claim_id}")
def claim_object(
    request: Request,
    claim_id: str,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    cursors: AppCursors,
    settings: AppSettings,
    used_by: Annotated[str, Form(max_length=20)] = "me",
    since: Annotated[str, Form(max_length=10)] = "today",
    since_on: Annotated[str, Form(max_length=10)] = "",
    name: Annotated[Text, Form(max_length=100)] = "",
) -> Response:
    """Become the owner; of several who come at once one does."""
    code = _open(cursors, claim_id, owner.owner_id)
    zone, now = ZoneInfo(owner.time_zone), clock.now()
    try:
        with database.session() as db:
            found = _find(db, clock, settings, code)
            object_id = _object_of(found)
            starts_at = _start(db, now, settings, object_id, since, since_on, zone)
            if used_by not in USED_BY:
                raise StartOutside("Say who uses it.", field="used-by")
            wish = Wish(used_by, starts_at, name.strip(), asked_at=now)
            if isinstance(found, Ticket):
                claim_with_ticket(db, clock, owner.owner_id, found, wish, settings.backfill_days)
            else:
                claim(db, clock, owner.owner_id, code, wish, settings.backfill_days)
    except StartOutside as error:
        with database.read() as db:
            form = {"name": name, "used_by": used_by, "since": since, "since_on": _day(since_on)}
            errors = {error.field or "since-on": error.detail}
            return _look(request, owner, db, clock, settings, claim_id, object_id, form, errors)
    except (ClaimCodeUsed, AlreadyOwned, ClaimCodeExpired):
        return see_other(f"/claim/{claim_id}/done")
    flash(request, owner, "Claimed. Its log is yours.", "good")
    return see_other(f"/claim/{claim_id}/done")


@router.get("/claim/{claim_id}/done")
def show_done(
    request: Request,
    claim_id: str,
    owner: SignedIn,
    db: ReadDb,
    clock: AppClock,
    cursors: AppCursors,
    settings: AppSettings,
) -> Response:
    """How it went: claimed, or somebody was faster, or the code ran out."""
    code = _open(cursors, claim_id, owner.owner_id)
    object_id = _known_object(db, clock, settings, code)
    state, name = "expired", ""
    if object_id is not None:
        tenure = find_open_tenure(db, object_id)
        if tenure is not None and tenure.owner_id == owner.owner_id:
            state, name = "claimed", get_held(db, owner.owner_id, object_id).name
        elif tenure is not None:
            state = "taken"
    shown = {"id": str(object_id or ""), "name": name}
    return render(request, "owner/claim_done.html", state=state, object=shown)


def _find(db: Session, clock: Clock, settings: Settings, code: str) -> UUID | Ticket:
    """What a typed text opens: a code's object, or a maker's ticket."""
    if code.count(".") == 2:
        ticket = read_ticket(db, clock, code.strip(), settings.origin)
        if find_open_tenure(db, ticket.object_id) is not None:
            raise AlreadyOwned
        return ticket
    return look_up(db, clock, code)


def _object_of(found: UUID | Ticket) -> UUID:
    return found.object_id if isinstance(found, Ticket) else found


def _known_object(db: Session, clock: Clock, settings: Settings, code: str) -> UUID | None:
    """The object, also after the code was used."""
    if code.count(".") == 2:
        try:
            return read_ticket(db, clock, code.strip(), settings.origin).object_id
        except DomainError:
            return None
    return object_of_code(db, code)


def _open(cursors: Cursors, claim_id: str, owner_id: UUID) -> str:
    try:
        return str(cursors.open(claim_id, "claim", owner_id))
    except InvalidCursor as error:
        raise NotFound("This page has closed. Enter the code again.") from error


def _start(
    db: Session,
    now: datetime,
    settings: Settings,
    object_id: UUID,
    since: str,
    since_on: str,
    zone: ZoneInfo,
) -> datetime:
    """The chosen day's first instant, but never before what is allowed."""
    if since != "earlier":
        return now
    earliest = earliest_start(db, now, object_id, settings.backfill_days)
    try:
        day = datetime.strptime(since_on, _DATE).replace(tzinfo=zone).date()
    except ValueError as error:
        raise StartOutside("Choose a day.", field="since-on") from error
    start = datetime.combine(day, time.min, zone)
    if day == earliest.astimezone(zone).date():
        return max(start, earliest)
    if not earliest <= start <= now:
        raise StartOutside(field="since-on")
    return start


def _day(text: str) -> object:
    try:
        return datetime.strptime(text, _DATE).replace(tzinfo=ZoneInfo("UTC")).date()
    except ValueError:
        return None


def _look(
    request: Request,
    owner: SignedIn,
    db: Session,
    clock: Clock,
    settings: Settings,
    claim_id: str,
    object_id: UUID,
    form: dict[str, object],
    errors: dict[str, str],
) -> Response:
    page = passport_of(db, object_id, settings.origin).page
    zone = ZoneInfo(owner.time_zone)
    now = clock.now()
    today = now.astimezone(zone).date()
    earliest = earliest_start(db, now, object_id, settings.backfill_days)
    form = form | {"id": claim_id, "name": form["name"] or page.product.name}
    form["since_on"] = form["since_on"] or today
    product = {
        "id": str(page.product.product_id),
        "name": page.product.name,
        "kind": page.product.kind,
    }
    return render(
        request,
        "owner/claim_look.html",
        status=422 if errors else 200,
        claim=form,
        product=product | {"maker": page.maker.name},
        streams=stream_cards(page),
        required_by_law=[],
        earliest=min(earliest.astimezone(zone).date(), today),
        today=today,
        errors=errors,
    )


def _again(request: Request, code: str, error: DomainError, status: int) -> Response:
    shown = code if len(code) <= 200 else ""
    page = render(
        request, "owner/claim.html", status=status, code=shown, errors={"code": error.detail}
    )
    if "retry_after" in error.extra:
        page.headers["Retry-After"] = str(error.extra["retry_after"])
    return page


def _spend(
    request: Request, database: AppDatabase, clock: Clock, settings: Settings, owner_id: UUID
) -> None:
    """Count the try for the person and for where it comes from, before anything is looked up."""
    limit = Limit("claim", settings.rate_claim_per_minute, 60)
    host = request.client.host if request.client else ""

    def count(conn: Connection) -> None:
        spend(conn, clock, limit, str(owner_id))
        spend(conn, clock, limit, f"host {host}", cost=1)

    database.submit(count).result(timeout=timedelta(seconds=30).total_seconds())
