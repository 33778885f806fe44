"""Acts of the security page: passkeys, sessions, address, recovery codes, name and time zone."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Form, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from app.accounts import owners, passkeys, recovery, sessions
from app.accounts.errors import EmailNotValid, NameNotValid, PasskeyTryEnded
from app.kit.http import AppClock, AppDatabase, AppSettings, Db, ReadDb, StrictRoute
from app.web.admit import AddChallenge, bind_ceremony
from app.web.link_mail import send_own_link
from app.web.once import keep_once, take_once
from app.web.pages import FreshlySignedIn, SignedIn, Text, render, see_other
from app.web.security_page import Mistake, show_page

router = APIRouter(route_class=StrictRoute)

_PAGE = "/security"

Short = Annotated[Text, Form(max_length=1000)]


class Proof(BaseModel):
    """A new passkey as the browser gives it."""

    credential: dict[str, Any]


@router.get(_PAGE)
def show_security(
    request: Request, owner: SignedIn, db: ReadDb, clock: AppClock, settings: AppSettings
) -> Response:
    """How the owner gets in, where they are signed in, and keys for their own programs."""
    return show_page(request, owner, db, clock, settings)


@router.post("/security/passkeys/options")
def ask_for_another(
    owner: FreshlySignedIn, db: Db, clock: AppClock, settings: AppSettings
) -> Response:
    """The question for one more passkey of this owner."""
    label = owner.name or owner.email or "Inseam"
    question = passkeys.ask_new(db, clock, settings, passkeys.ADD, owner.owner_id, label, {})
    return bind_ceremony(JSONResponse(question.options), question.ceremony)


@router.post("/security/passkeys/verify")
def add_passkey(
    request: Request,
    body: Proof,
    owner: FreshlySignedIn,
    challenge: AddChallenge,
    db: Db,
    clock: AppClock,
    settings: AppSettings,
) -> Response:
    """One more way in."""
    if challenge is None or challenge.owner_id != owner.owner_id:
        raise PasskeyTryEnded
    device = sessions.describe_browser(request.headers.get("user-agent", ""))
    passkeys.add_passkey(db, clock, settings, challenge, body.credential, device)
    sessions.leave_flash(db, owner.session_hash, "good", "The passkey works from now on.")
    return JSONResponse({"next": _PAGE})


@router.post("/security/passkeys/{passkey_id}")
def rename_passkey(
    request: Request,
    passkey_id: UUID,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    name: Short = "",
) -> Response:
    """A name by which its owner recognises it."""
    try:
        with database.session() as db:
            passkeys.rename_passkey(db, owner.owner_id, passkey_id, name)
            sessions.leave_flash(db, owner.session_hash, "good", "The name is kept.")
    except NameNotValid as error:
        mistake = Mistake({f"passkey-name-{passkey_id}": error.detail})
        with database.read() as db:
            return show_page(request, owner, db, clock, settings, mistake)
    return see_other(_PAGE)


@router.post("/security/passkeys/{passkey_id}/remove")
def remove_passkey(passkey_id: UUID, owner: FreshlySignedIn, db: Db, clock: AppClock) -> Response:
    """One way in less; the last one stays."""
    passkeys.remove_passkey(db, clock, owner.owner_id, passkey_id)
    sessions.leave_flash(db, owner.session_hash, "good", "The passkey opens nothing here any more.")
    return see_other(_PAGE)


@router.post("/security/email")
def ask_to_set_email(
    request: Request,
    tasks: BackgroundTasks,
    owner: FreshlySignedIn,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    email: Short = "",
) -> Response:
    """Send a link to the new address; it counts once that link was opened in this browser."""
    try:
        address = owners.check_email(email)
    except EmailNotValid as error:
        mistake = Mistake({"email": error.detail}, email=email)
        with database.read() as db:
            return show_page(request, owner, db, clock, settings, mistake)
    return send_own_link(request, tasks, owner, database, clock, settings, address, _PAGE)


@router.post("/security/sessions/end-others")
def end_other_sessions(owner: SignedIn, db: Db, clock: AppClock) -> Response:
    """Signed in nowhere but here."""
    sessions.end_all_others(db, clock, owner.owner_id, owner.session_id)
    sessions.leave_flash(db, owner.session_hash, "good", "You are signed in here only.")
    return see_other(_PAGE)


@router.post("/security/sessions/{session_id}/end")
def end_session(session_id: UUID, owner: SignedIn, db: Db, clock: AppClock) -> Response:
    """Signed out there, from its next request on."""
    sessions.end(db, clock, owner.owner_id, session_id)
    return see_other(_PAGE)


@router.post("/security/recovery")
def make_recovery_codes(
    request: Request, owner: FreshlySignedIn, db: Db, clock: AppClock
) -> Response:
    """New codes in place of the old ones."""
    codes = recovery.make_codes(db, clock, owner.owner_id)
    return keep_once(request, see_other("/security/recovery"), owner, "recovery", "", codes)


@router.get("/security/recovery")
def show_recovery_codes(request: Request, owner: SignedIn) -> Response:
    """The codes, once."""
    return _show_secret(request, owner, "recovery")


@router.get("/security/tokens/new")
def show_new_token(request: Request, owner: SignedIn) -> Response:
    """The access key, once."""
    return _show_secret(request, owner, "token")


@router.post("/security/zone")
def set_time_zone(owner: SignedIn, db: Db, zone: Short = "") -> Response:
    """The zone in which days begin and times are shown."""
    owners.set_time_zone(db, owner.owner_id, zone)
    sessions.leave_flash(db, owner.session_hash, "good", "Days and times follow this zone now.")
    return see_other(_PAGE)


@router.post("/security/name")
def rename(
    request: Request,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    name: Short = "",
) -> Response:
    """What these pages call the owner; nobody else sees it."""
    try:
        with database.session() as db:
            owners.rename(db, owner.owner_id, name)
            sessions.leave_flash(db, owner.session_hash, "good", "The name is kept.")
    except NameNotValid as error:
        with database.read() as db:
            return show_page(request, owner, db, clock, settings, Mistake({"name": error.detail}))
    return see_other(_PAGE)


def _show_secret(request: Request, owner: SignedIn, kind: str) -> Response:
    secret = take_once(request, owner, kind)
    if secret is None:
        return see_other(_PAGE)
    return secret.leave(render(request, "owner/secret.html", secret=secret.shown))
