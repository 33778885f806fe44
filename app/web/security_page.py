"""The security page as it stands now, also after a form on it was wrong."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Request
from starlette.responses import Response

from app.accounts import owners, passkeys, recovery, sessions
from app.kit.clock import Clock
from app.kit.http import Session
from app.oauth.personal import MAX_DAYS, is_live, list_tokens
from app.oauth.scopes import OWNER_SCOPES, VENDOR_SCOPES
from app.objects.categories import category_of
from app.objects.tenures import held_objects
from app.settings import Settings
from app.web import words
from app.web.app_list import apps_of
from app.web.pages import SignedInOwner, render

_DEFAULT_DAYS = 90
_GONE = "an object you no longer have"


@dataclass(frozen=True)
class TokenForm:
    """What was chosen for a new access key, to be shown again after a mistake."""

    name: str = ""
    scopes: list[str] = field(default_factory=lambda: ["own:read"])
    objects: list[str] = field(default_factory=list)
    until: date | None = None


@dataclass(frozen=True)
class AppForm:
    """What was filled in for a new app of one's own, likewise."""

    name: str = ""
    redirects: str = ""
    scopes: list[str] = field(default_factory=list)
    kind: str = "confidential"


@dataclass(frozen=True)
class Mistake:
    """What was wrong with a form, by field id, and what to show in the fields again."""

    errors: dict[str, str]
    form: TokenForm = TokenForm()
    app_form: AppForm = AppForm()
    email: str = ""


NO_MISTAKE = Mistake({})


def show_page(
    request: Request,
    owner: SignedInOwner,
    db: Session,
    clock: Clock,
    settings: Settings,
    mistake: Mistake = NO_MISTAKE,
) -> Response:
    """Everything on one page; reads only."""
    left, made_at = recovery.codes_left(db, owner.owner_id)
    held = [(str(h.object_id), h.name) for h in held_objects(db, owner.owner_id)]
    return render(
        request,
        "owner/security.html",
        status=422 if mistake.errors else 200,
        passkeys=_passkeys(db, owner.owner_id),
        sessions=_sessions(db, clock, settings, owner),
        recovery={"left": left, "made_at": made_at},
        email=owner.email or "",
        name=owner.name,
        zones=[(zone, zone.replace("_", " ")) for zone in owners.time_zones()],
        zone=owner.time_zone,
        tokens=_tokens(db, clock, owner.owner_id, dict(held)),
        token_form=_form(mistake.form, clock, owner.time_zone),
        scopes=[(scope, *words.OWN_SCOPES[scope]) for scope in OWNER_SCOPES],
        objects=held,
        apps=apps_of(db, clock, owner.owner_id),
        app_form=mistake.app_form,
        app_scopes=[(scope, words.kind(category_of(scope))) for scope in VENDOR_SCOPES],
        typed_email=mistake.email,
        errors=mistake.errors,
    )


def _passkeys(db: Session, owner_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            "id": str(passkey.passkey_id),
            "name": passkey.name,
            "added_at": passkey.created_at,
            "last_used_at": passkey.last_used_at,
            "synced": passkey.is_synced,
        }
        for passkey in passkeys.list_of(db, owner_id)
    ]


def _sessions(
    db: Session, clock: Clock, settings: Settings, owner: SignedInOwner
) -> list[dict[str, Any]]:
    """The one of this browser first."""
    shown = [
        {
            "id": str(one.session_id),
            "device": one.browser,
            "method": one.method,
            "place": "",
            "created_at": one.created_at,
            "seen_at": one.last_seen_at,
            "is_current": one.session_id == owner.session_id,
        }
        for one in sessions.list_sessions(db, clock, settings, owner.owner_id)
    ]
    return sorted(shown, key=lambda one: not one["is_current"])


def _tokens(
    db: Session, clock: Clock, owner_id: UUID, names: dict[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "id": str(token.token_id),
            "name": token.name,
            "may": words.join(words.own_scope(scope) for scope in token.scopes),
            "objects": [names.get(one, _GONE) for one in token.objects or []],
            "until": token.dead_at or token.expires_at,
            "used_at": token.last_used_at,
            "is_live": is_live(token, clock.now()),
        }
        for token in list_tokens(db, owner_id)
    ]


def _form(form: TokenForm, clock: Clock, zone: str) -> dict[str, Any]:
    today = clock.now().astimezone(ZoneInfo(zone)).date()
    return {
        "name": form.name,
        "scopes": form.scopes,
        "objects": form.objects,
        "until": form.until or today + timedelta(days=_DEFAULT_DAYS),
        "earliest": today,
        "latest": today + timedelta(days=MAX_DAYS - 1),
    }
