"""Home: the owner's objects, who can read them, what waits for an answer."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from app.accounts.demo import is_demo_owner
from app.accounts.passkeys import count_ways_in, list_of
from app.consent.grants import GrantView, list_grants
from app.consent.own import has_no_end
from app.consent.request_views import list_waiting
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.http import Session
from app.objects.products import stream_infos
from app.objects.tenures import Held, held_objects
from app.organizations.client_rules import plain_name
from app.organizations.clients import ClientFace, client_face
from app.settings import Settings
from app.usage.days import week_to
from app.usage.read import Log, last_heard
from app.usage.segments import Opener
from app.web import words
from app.web.format import Formatter
from app.web.object_plots import Amount, amount_of, main_stream
from app.web.pages import SignedIn, render
from app.web.permissions import reminders
from app.web.plots.small import sparkline


def show_home(
    request: Request,
    owner: SignedIn,
    database: Database,
    clock: Clock,
    keys: Opener,
    settings: Settings,
) -> Response:
    """The signed-in start page; `public.py` calls it for the address "/"."""
    fmt = Formatter(clock.now(), ZoneInfo(owner.time_zone))
    with database.session() as db:
        waiting = [
            {
                "id": asked.ticket,
                "vendor": asked.client_name,
                "purpose": asked.purpose_title,
                "at": asked.created_at,
            }
            for asked in list_waiting(db, clock, owner.owner_id)
        ]
    with database.read() as db:
        live = [v for v in list_grants(db, clock, owner.owner_id) if v.status == "active"]
        conn = db.connection()
        held = held_objects(db, owner.owner_id)
        faces = {v.grant.client_id: client_face(db, v.grant.client_id) for v in live}
        names = {client_id: face.name for client_id, face in faces.items()}
        asked_about = reminders(db, live, fmt)
        is_demo = settings.demo and is_demo_owner(owner.owner_id)
        way_in = "" if is_demo else _way_in(db, owner)
        cards = [
            _card(Log(conn, keys, one.object_id, one.tenure_id), one, live, fmt) for one in held
        ]
    return render(
        request,
        "owner/home.html",
        objects=cards,
        readers_text=words.readers_sentence(len(names), _readers(faces)),
        next_expiry=_next_expiry(live, names),
        requests=waiting,
        reminders=asked_about,
        way_in=way_in,
    )


def _readers(faces: Mapping[str, ClientFace]) -> list[str]:
    """Who can read, companies first."""
    companies = {face.name for face in faces.values() if not face.is_own}
    own = {f"“{plain_name(face.name)}” (your own app)" for face in faces.values() if face.is_own}
    return sorted(companies) + sorted(own)


def _way_in(db: Session, owner: SignedIn) -> str:
    """Which word of advice fits who has one way in or none: what they have decides."""
    if count_ways_in(db, owner.owner_id) > 1:
        return ""
    if list_of(db, owner.owner_id):
        return "passkey"
    return "email" if owner.email else "codes"


def _card(log: Log, one: Held, live: Sequence[GrantView], fmt: Formatter) -> dict[str, Any]:
    week, said = _week(log, one, fmt)
    readers = {
        v.grant.client_id for v in live if any(d.object_id == one.object_id for d in v.details)
    }
    return {
        "id": str(one.object_id),
        "name": one.name,
        "product_name": one.product_name,
        "product_kind": one.product_kind,
        "maker": one.maker,
        "last_heard": last_heard(log.conn, one.object_id, one.tenure_id),
        "week": week,
        "week_words": said,
        "readers": len(readers),
    }


def _week(log: Log, one: Held, fmt: Formatter) -> tuple[Any, str]:
    """Seven days of the stream that tells most of the object's use."""
    stream = main_stream(stream_infos(log.conn, one.product_id))
    if stream is None:
        return "", ""
    days = week_to(log, stream.name, stream.kind, fmt.zone, fmt.today())
    amount: Amount = amount_of(stream)
    values = [amount.of_day(day) for day in days]
    heard = [value for value in values if value is not None]
    if not heard:
        return "", "Nothing recorded this week"
    said = f"On {fmt.count(len(heard), 'day')} this week, {amount.said(sum(heard), fmt)}"
    return sparkline(said, values), said


def _next_expiry(live: Sequence[GrantView], names: dict[str, str]) -> dict[str, Any] | None:
    ending = [view for view in live if not has_no_end(view.grant)]
    if not ending:
        return None
    first = min(ending, key=lambda view: view.grant.until).grant
    return {"id": str(first.grant_id), "vendor": names[first.client_id], "until": first.until}
