"""What an owner ticked and filled in on the consent page: from the form, into a choice, and once
more to the page when something was wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fastapi import Request
from starlette.responses import Response

from app.consent.errors import ChoiceTooWide, EndDateOutside
from app.consent.grant import Choice
from app.consent.offer import Kind
from app.kit.clock import Clock
from app.kit.errors import InvalidCursor
from app.kit.http import Session
from app.kit.ids import parse_id
from app.kit.paging import Cursors
from app.objects.tenures import held_objects
from app.settings import Settings
from app.web.format import Formatter
from app.web.pages import SignedInOwner, drop_cookie, set_cookie

_COOKIE = "__Host-choice"
_LIFE = timedelta(minutes=5)
_MOST = 60  # objects and kinds that fit into a cookie, which holds 4 kB
_DAYS_OFFERED = 182
_DIGITS = 3  # of the number of a part


@dataclass(frozen=True)
class ConsentForm:
    """The form as text, so that a page with errors shows it again. `kinds` None stands for those
    that are ticked at first; `ends` is "day", or "open" where an app of the owner's own asks. `how`
    and `where` are what was chosen of kinds, as `usage:day` and `1.location:10 km`."""

    objects: Sequence[str]
    kinds: Sequence[str] | None
    history: str
    history_from: str
    until: str
    ends: str = "day"
    how: Sequence[str] = ()
    where: Sequence[str] = ()


def first_form(
    db: Session, clock: Clock, owner: SignedInOwner, settings: Settings, is_own: bool
) -> ConsentForm:
    """Needed kinds are ticked, optional ones are not; an object only where there is just one."""
    held = held_objects(db, owner.owner_id)
    only = [str(h.object_id) for h in held] if len(held) == 1 else []
    fmt = Formatter(clock.now(), ZoneInfo(owner.time_zone))
    days = min(_DAYS_OFFERED, settings.grant_max_days - 1)
    until = (fmt.today() + timedelta(days=days)).isoformat()
    return ConsentForm(only, None, "today", "", until, "open" if is_own else "day")


def choice_of(form: ConsentForm, zone_name: str, clock: Clock) -> Choice:
    """What the form says; ChoiceTooWide and EndDateOutside name what does not read."""
    zone = ZoneInfo(zone_name)
    ids = [parse_id(text) for text in form.objects]
    if None in ids:
        raise ChoiceTooWide
    until = None if form.ends == "open" else _end_of(form.until, zone)
    start = clock.now().astimezone(zone).date()
    if form.history == "from":
        day = read_day(form.history_from)
        if day is None:
            raise ChoiceTooWide("Choose the day it starts.", field="history-from")
        start = min(day, start)
    return Choice(
        objects=frozenset(i for i in ids if i is not None),
        kinds=frozenset(_kind(text) for text in form.kinds or ()),
        until=until,
        history_from=datetime.combine(start, time.min, zone),
        how=_of_kinds(form.how),
        where=_of_kinds(form.where),
    )


def chosen_of(told: Sequence[str], name: str) -> str | None:
    """What was chosen of the kind of that name."""
    values = [one.removeprefix(f"{name}:") for one in told if one.startswith(f"{name}:")]
    return values[0] if values else None


def _of_kinds(told: Sequence[str]) -> dict[Kind, str]:
    found = {}
    for one in told:
        name, colon, value = one.partition(":")
        kind = _kind(name)
        if not colon or kind in found:
            raise ChoiceTooWide
        found[kind] = value
    return found


def kind_name(number: int, category: str) -> str:
    """How a tick box names a kind of data of a part of the request; the first part's by the kind
    alone."""
    return f"{number}.{category}" if number else category


def _kind(text: str) -> Kind:
    number, dot, category = text.partition(".")
    if not dot:
        return 0, text
    if not (number.isascii() and number.isdecimal() and len(number) <= _DIGITS):
        raise ChoiceTooWide
    return int(number), category


def _end_of(day: str, zone: ZoneInfo) -> datetime:
    last_day = read_day(day)
    if last_day is None:
        raise EndDateOutside("Choose the day it ends.")
    return datetime.combine(last_day + timedelta(days=1), time.min, zone)


def keep_choice(
    request: Request,
    response: Response,
    owner: SignedInOwner,
    ticket: str,
    form: ConsentForm,
    errors: Mapping[str, str],
) -> Response | None:
    """Let the page that follows show the form with its errors: sealed, and bound to the session
    and the request, so that nobody else can tick anything. None where it is too much to keep."""
    if len(form.objects) + len(form.kinds or ()) + len(form.how) + len(form.where) > _MOST:
        return None
    cursors: Cursors = request.app.state.cursors
    sealed = cursors.seal([asdict(form), dict(errors)], *_bound(owner, ticket))
    set_cookie(response, _COOKIE, sealed, _LIFE, "strict")
    return response


def kept_choice(
    request: Request, owner: SignedInOwner, ticket: str
) -> tuple[ConsentForm, dict[str, str]] | None:
    """The form and the errors that wait for the page of this request."""
    cursors: Cursors = request.app.state.cursors
    try:
        form, errors = cursors.open(request.cookies.get(_COOKIE, ""), *_bound(owner, ticket))
    except InvalidCursor:
        return None
    return ConsentForm(**form), errors


def drop_choice(request: Request, response: Response) -> Response:
    """Forget what was kept: the request is answered."""
    if _COOKIE in request.cookies:
        drop_cookie(response, _COOKIE)
    return response


def read_day(text: str) -> date | None:
    """A day of a date field."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    # The next day, and its midnight in any zone, must be in the calendar as well.
    return day if 1 < day.year < 9999 else None


def _bound(owner: SignedInOwner, ticket: str) -> tuple[object, ...]:
    return ("choice", owner.session_id, ticket)
