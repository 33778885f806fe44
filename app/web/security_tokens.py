"""Access keys on the security page: an owner's own keys for their own programs."""

from datetime import date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from app.accounts import sessions
from app.kit.clock import Clock
from app.kit.http import AppClock, AppDatabase, AppSettings, Db, Session
from app.kit.ids import NOBODY, parse_id
from app.oauth.errors import PersonalTokenInvalid
from app.oauth.personal import create_token, revoke_token
from app.web.once import keep_once
from app.web.pages import FreshlySignedIn, SignedIn, SignedInOwner, Text, see_other
from app.web.security_page import Mistake, TokenForm, show_page

router = APIRouter()

_FIELDS = {"name": "token-name", "scopes": "token-scopes", "until": "token-until"}
_MANY = 1000

Chosen = Annotated[list[Text], Form(max_length=_MANY)]
Short = Annotated[Text, Form(max_length=1000)]


@router.post("/security/tokens")
def make_token(
    request: Request,
    owner: FreshlySignedIn,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    token_name: Short = "",
    token_until: Short = "",
    scope: Chosen = [],  # noqa: B006  # FastAPI copies defaults
    object: Chosen = [],  # noqa: B006
) -> Response:
    """A new access key, shown once on the page that follows."""
    form = TokenForm(token_name, scope, object, _day(token_until))
    try:
        with database.session() as db:
            secret = _create(db, clock, owner, form)
    except PersonalTokenInvalid as error:
        place = _FIELDS.get(error.field or "", "token-name")
        with database.read() as db:
            mistake = Mistake({place: error.detail}, form)
            return show_page(request, owner, db, clock, settings, mistake)
    page = see_other("/security/tokens/new")
    return keep_once(request, page, owner, "token", form.name.strip(), [secret])


@router.post("/security/tokens/{token_id}/revoke")
def end_token(token_id: UUID, owner: SignedIn, db: Db, clock: AppClock) -> Response:
    """The key stops working at once."""
    revoke_token(db, clock, owner.owner_id, token_id)
    sessions.leave_flash(db, owner.session_hash, "good", "The key opens nothing any more.")
    return see_other("/security")


def _create(db: Session, clock: Clock, owner: SignedInOwner, form: TokenForm) -> str:
    if form.until is None:
        raise PersonalTokenInvalid("Choose the day on which it ends.", field="until")
    # An id that is none is nobody's, and is refused as any object of someone else.
    objects = [parse_id(one) or NOBODY for one in form.objects] or None
    _, secret = create_token(
        db,
        clock,
        owner.owner_id,
        form.name,
        scopes=form.scopes,
        objects=objects,
        until=_end_of(form.until, owner.time_zone),
    )
    return secret


def _end_of(day: date, zone: str) -> datetime:
    """The last instant of the owner's day: a key that ends today works today."""
    try:
        return datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(zone))
    except OverflowError as error:
        raise PersonalTokenInvalid("It ends within a year from now.", field="until") from error


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
