"""Confirming that it is you: a fresh sign-in before something grave, then back to it."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Form, Query, Request
from starlette.responses import Response

from app.accounts import passkeys
from app.accounts.demo import is_demo_owner
from app.accounts.errors import FreshSignInNeeded
from app.kit.http import AppClock, AppDatabase, AppSettings, ReadDb
from app.web.link_mail import send_own_link
from app.web.pages import SignedIn, Text, render, safe_next, see_other

router = APIRouter()

_ACTS = (
    ("/security", "change how you get in"),
    ("/exports", "make an export"),
    ("/objects", "remove records for good"),
    ("/claim", "claim an object"),
)


@router.get("/confirm")
def show_confirm(
    request: Request,
    owner: SignedIn,
    db: ReadDb,
    settings: AppSettings,
    next: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """A fresh sign-in before something grave; where one just happened, straight on."""
    target = safe_next(next)
    if owner.is_fresh:
        return see_other(target)
    return render(
        request,
        "account/step_up.html",
        next=target,
        what=_act(target),
        has_passkey=bool(passkeys.list_of(db, owner.owner_id)),
        email_hint=_hint(owner.email),
        demo_owner=str(owner.owner_id) if settings.demo and is_demo_owner(owner.owner_id) else "",
    )


@router.post("/confirm/email")
def confirm_by_link(
    request: Request,
    tasks: BackgroundTasks,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    next: Annotated[Text, Form(max_length=1000)] = "",
) -> Response:
    """Send a link to the owner's own address; it works in this browser only."""
    if owner.email is None:
        raise FreshSignInNeeded
    return send_own_link(
        request, tasks, owner, database, clock, settings, owner.email, safe_next(next)
    )


def _act(path: str) -> str:
    """What someone is about to do, after “before you …”."""
    return next((act for start, act in _ACTS if path.startswith(start)), "go on")


def _hint(email: str | None) -> str:
    """“a…@mail.example”: enough to recognise one's own address."""
    local, _, domain = (email or "").partition("@")
    return f"{local[:1]}…@{domain}" if email else ""
