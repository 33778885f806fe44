"""What an owner decides of an object's recording: pausing it, how long it is kept, erasing a part.

What removes records is looked at first, with the number that go, and asks for a fresh sign-in.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from app.accounts import sessions
from app.kit.clock import Clock
from app.kit.errors import NotFound
from app.kit.http import AppClock, Connection, Db, ReadDb, Session
from app.kit.ids import parse_id
from app.oauth.tools import AppOpenKeys
from app.objects.products import stream_infos
from app.objects.recording import pause, resume
from app.objects.tenures import Held, get_held
from app.usage.own import count_within, erase, keep_for, kept_since, recording_of
from app.usage.remove import Range
from app.usage.retention import Keeping
from app.web.format import Formatter
from app.web.pages import FreshlySignedIn, SignedIn, Text, render, require_fresh, see_other
from app.web.recording_section import kept_words, span_words, title_of

router = APIRouter()

_LONGEST_DAYS = 36_500
_FIRST_YEAR, _LAST_YEAR = 1970, 2200

Name = Annotated[Text, Form(max_length=100)]
Day = Annotated[Text, Form(max_length=20)]
AskedName = Annotated[Text, Query(max_length=100)]
AskedDay = Annotated[Text, Query(max_length=20)]


class _Wrong(Exception):
    """A form that cannot be meant; errors by field id."""

    def __init__(self, **errors: str) -> None:
        self.errors = {name.replace("_", "-"): text for name, text in errors.items()}


@dataclass(frozen=True)
class _Part:
    """What was chosen to be erased, as typed; "" for no bound."""

    stream: str
    from_on: str
    to_on: str


@router.post("/objects/{object_id}/pause")
def pause_recording(
    object_id: str, owner: SignedIn, db: Db, clock: AppClock, stream: Name = ""
) -> Response:
    """Record nothing of it, or of one stream, from now on."""
    held = _held(db, owner, object_id)
    title = _chosen(db.connection(), held, stream)
    pause(db, clock, owner.owner_id, held.object_id, stream or None)
    said = (
        f"“{title}” is not recorded any more." if title else "Nothing of it is recorded any more."
    )
    sessions.leave_flash(db, owner.session_hash, "good", said)
    return _back(held)


@router.post("/objects/{object_id}/resume")
def resume_recording(
    object_id: str, owner: SignedIn, db: Db, clock: AppClock, stream: Name = ""
) -> Response:
    """Record it again, or one stream of it."""
    held = _held(db, owner, object_id)
    title = _chosen(db.connection(), held, stream)
    resume(db, clock, owner.owner_id, held.object_id, stream or None)
    said = f"“{title}” is recorded again." if title else "It records again."
    sessions.leave_flash(db, owner.session_hash, "good", said)
    return _back(held)


@router.get("/objects/{object_id}/keep/{stream}")
def show_keep(
    request: Request,
    object_id: str,
    stream: str,
    owner: SignedIn,
    db: ReadDb,
    clock: AppClock,
    keys: AppOpenKeys,
    days: AskedDay = "",
) -> Response:
    """How long a stream is kept; with a number of days, what that would remove."""
    held = _held(db, owner, object_id)
    if not days:
        return _keep_page(request, db, owner, clock, held, stream)
    try:
        wanted = _days(_keeping(db.connection(), owner, held, stream), days)
    except _Wrong as wrong:
        return _keep_page(request, db, owner, clock, held, stream, days, wrong.errors)
    require_fresh(owner)
    over = Range(stream, None, kept_since(clock, wanted))
    count = count_within(db.connection(), keys, owner.owner_id, held.object_id, over)
    look = {"days": wanted, "count": count, "before": over.to}
    return _keep_page(request, db, owner, clock, held, stream, days, look=look)


@router.post("/objects/{object_id}/keep/{stream}")
def keep_stream(
    request: Request,
    object_id: str,
    stream: str,
    owner: SignedIn,
    db: Db,
    clock: AppClock,
    keys: AppOpenKeys,
    days: Day = "",
) -> Response:
    """Keep it for so many days; for as long as its maker says where none is given."""
    held = _held(db, owner, object_id)
    keeping = _keeping(db.connection(), owner, held, stream)
    if days:
        require_fresh(owner)
    try:
        wanted = _days(keeping, days) if days else None
    except _Wrong as wrong:
        return _keep_page(request, db, owner, clock, held, stream, days, wrong.errors)
    keep_for(db, keys, owner.owner_id, held.object_id, stream, wanted)
    kept = kept_words(_keeping(db.connection(), owner, held, stream), _formatter(owner, clock))
    sessions.leave_flash(db, owner.session_hash, "good", f"{kept}.")
    return _back(held)


@router.get("/objects/{object_id}/erase")
def show_erase(
    request: Request,
    object_id: str,
    owner: SignedIn,
    db: ReadDb,
    clock: AppClock,
    keys: AppOpenKeys,
    stream: AskedName = "",
    from_on: AskedDay = "",
    to_on: AskedDay = "",
    look: AskedName = "",
) -> Response:
    """Choose what to erase; then see how many records that is."""
    held = _held(db, owner, object_id)
    part = _Part(stream, from_on, to_on)
    if not look:
        return _erase_page(request, db, clock, owner, held, part)
    try:
        wanted = _range(db.connection(), held, part, ZoneInfo(owner.time_zone))
    except _Wrong as wrong:
        return _erase_page(request, db, clock, owner, held, part, wrong.errors)
    require_fresh(owner)
    count = count_within(db.connection(), keys, owner.owner_id, held.object_id, wanted)
    fmt = _formatter(owner, clock)
    shown = {
        "count": count,
        "what": title_of(_streams(db.connection(), held), wanted.stream),
        "when": span_words(wanted.from_, wanted.to, fmt),
    }
    return _erase_page(request, db, clock, owner, held, part, look=shown)


@router.post("/objects/{object_id}/erase")
def erase_part(
    request: Request,
    object_id: str,
    owner: FreshlySignedIn,
    db: Db,
    clock: AppClock,
    keys: AppOpenKeys,
    stream: Name = "",
    from_on: Day = "",
    to_on: Day = "",
) -> Response:
    """Erase what was looked at."""
    held = _held(db, owner, object_id)
    part = _Part(stream, from_on, to_on)
    try:
        wanted = _range(db.connection(), held, part, ZoneInfo(owner.time_zone))
    except _Wrong as wrong:
        return _erase_page(request, db, clock, owner, held, part, wrong.errors)
    count = erase(db.connection(), clock, keys, owner.owner_id, held.object_id, wanted)
    said = _formatter(owner, clock).count(count, "record")
    text = f"{said} {'is' if count == 1 else 'are'} gone." if count else "There was nothing there."
    sessions.leave_flash(db, owner.session_hash, "good", text)
    return _back(held)


def _held(db: Session, owner: SignedIn, object_id: str) -> Held:
    found = parse_id(object_id)
    if found is None:
        raise NotFound
    return get_held(db, owner.owner_id, found)


def _back(held: Held) -> Response:
    return see_other(f"/objects/{held.object_id}#recording")


def _formatter(owner: SignedIn, clock: Clock) -> Formatter:
    return Formatter(clock.now(), ZoneInfo(owner.time_zone))


def _streams(conn: Connection, held: Held) -> dict[str, str]:
    """The titles of its streams by name."""
    return {stream.name: stream.title for stream in stream_infos(conn, held.product_id)}


def _chosen(conn: Connection, held: Held, stream: str) -> str:
    """The title of the stream that was chosen, "" where it was none; NotFound."""
    if not stream:
        return ""
    titles = _streams(conn, held)
    if stream not in titles:
        raise NotFound
    return titles[stream]


def _keeping(conn: Connection, owner: SignedIn, held: Held, stream: str) -> Keeping:
    for one in recording_of(conn, owner.owner_id, held.object_id).keeping:
        if one.stream == stream:
            return one
    raise NotFound


def _days(keeping: Keeping, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _LONGEST_DAYS):
        raise _Wrong(days=f"Give a number of days, from 1 to {_LONGEST_DAYS:,}.")
    if keeping.by_product is not None and int(text) > keeping.by_product:
        raise _Wrong(days=f"The maker keeps it for {keeping.by_product} days at most.")
    return int(text)


def _range(conn: Connection, held: Held, part: _Part, zone: ZoneInfo) -> Range:
    """The chosen days, both included, as instants."""
    if part.stream and part.stream not in _streams(conn, held):
        raise _Wrong(stream="Choose one of these.")
    first, last = _day("from_on", part.from_on), _day("to_on", part.to_on)
    if first is not None and last is not None and first > last:
        raise _Wrong(to_on="The last day lies before the first.")
    return Range(
        part.stream or None,
        None if first is None else datetime.combine(first, time.min, zone),
        None if last is None else datetime.combine(last + timedelta(days=1), time.min, zone),
    )


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise _Wrong(**{name: "Give a day, or none."}) from error
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise _Wrong(**{name: f"Give a day between {_FIRST_YEAR} and {_LAST_YEAR}."})
    return day


def _keep_page(
    request: Request,
    db: Session,
    owner: SignedIn,
    clock: Clock,
    held: Held,
    stream: str,
    days: str = "",
    errors: dict[str, str] | None = None,
    look: dict[str, Any] | None = None,
) -> Response:
    conn = db.connection()
    keeping = _keeping(conn, owner, held, stream)
    return render(
        request,
        "owner/keep.html",
        status=422 if errors else 200,
        object={"id": str(held.object_id), "name": held.name, "maker": held.maker},
        stream={"name": stream, "title": _chosen(conn, held, stream)},
        kept=kept_words(keeping, _formatter(owner, clock)),
        by_product=keeping.by_product,
        is_chosen=keeping.by_owner is not None,
        days=days or str(keeping.days or ""),
        longest=keeping.by_product or _LONGEST_DAYS,
        look=look,
        errors=errors or {},
    )


def _erase_page(
    request: Request,
    db: Session,
    clock: Clock,
    owner: SignedIn,
    held: Held,
    part: _Part,
    errors: dict[str, str] | None = None,
    look: dict[str, Any] | None = None,
) -> Response:
    fmt = _formatter(owner, clock)
    return render(
        request,
        "owner/erase.html",
        status=422 if errors else 200,
        object={"id": str(held.object_id), "name": held.name, "maker": held.maker},
        streams=list(_streams(db.connection(), held).items()),
        part=part,
        earliest=fmt.local(held.starts_at).date(),
        today=fmt.today(),
        look=look,
        errors=errors or {},
    )
