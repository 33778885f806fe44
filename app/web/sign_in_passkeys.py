"""Passkeys for the script of the sign-in, sign-up and confirmation pages: questions and answers."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from app.accounts import passkeys, sessions
from app.accounts.errors import PasskeyTryEnded
from app.accounts.owners import check_name, create_owner, guess_time_zone
from app.kit.http import AppClock, AppSettings, Db, StrictRoute
from app.kit.ids import new_id
from app.web.admit import (
    ConfirmChallenge,
    CreateChallenge,
    SignInChallenge,
    admit,
    bind_ceremony,
    limit_tries,
)
from app.web.pages import SignedIn, safe_next

router = APIRouter(route_class=StrictRoute)

_LIMITED = [Depends(limit_tries)]


class NewAccount(BaseModel):
    """What a new account starts with, as typed, and the zone the browser tells."""

    name: Annotated[str, Field(max_length=1000)] = ""
    time_zone: Annotated[str, Field(max_length=100)] = ""


class Answer(BaseModel):
    """A passkey's answer, and where to go afterwards."""

    credential: dict[str, Any]
    next: Annotated[str, Field(max_length=2000)] = ""


@router.post("/create/passkey/options", dependencies=_LIMITED)
def ask_for_new(body: NewAccount, db: Db, clock: AppClock, settings: AppSettings) -> Response:
    """The question for a passkey of an account that does not exist yet."""
    name = check_name(body.name)
    details = {"name": name, "time_zone": guess_time_zone(body.time_zone)}
    question = passkeys.ask_new(
        db, clock, settings, passkeys.CREATE, new_id(), name or "Inseam", details
    )
    return bind_ceremony(JSONResponse(question.options), question.ceremony)


@router.post("/create/passkey/verify")
def create_account(
    request: Request,
    body: Answer,
    challenge: CreateChallenge,
    db: Db,
    clock: AppClock,
    settings: AppSettings,
) -> Response:
    """The account comes to be with its first passkey, and is signed in."""
    if challenge is None or challenge.owner_id is None:
        raise PasskeyTryEnded
    owner = create_owner(db, clock, owner_id=challenge.owner_id, **challenge.details)
    device = sessions.describe_browser(request.headers.get("user-agent", ""))
    passkeys.add_passkey(db, clock, settings, challenge, body.credential, device)
    response = JSONResponse({"next": safe_next(body.next)})
    return admit(request, response, db, clock, settings, owner.owner_id, "passkey")


@router.post("/sign-in/passkey/options", dependencies=_LIMITED)
def ask_for_any(db: Db, clock: AppClock, settings: AppSettings) -> Response:
    """The question for whichever passkey of this site the device holds; no name is asked."""
    question = passkeys.ask_known(db, clock, settings, passkeys.SIGN_IN)
    return bind_ceremony(JSONResponse(question.options), question.ceremony)


@router.post("/sign-in/passkey/verify")
def sign_in(
    request: Request,
    body: Answer,
    challenge: SignInChallenge,
    db: Db,
    clock: AppClock,
    settings: AppSettings,
) -> Response:
    """Signed in as whom the passkey belongs to."""
    owner_id = passkeys.check_passkey(db, clock, settings, challenge, body.credential)
    response = JSONResponse({"next": safe_next(body.next)})
    return admit(request, response, db, clock, settings, owner_id, "passkey")


@router.post("/confirm/passkey/options", dependencies=_LIMITED)
def ask_for_own(owner: SignedIn, db: Db, clock: AppClock, settings: AppSettings) -> Response:
    """The question for a passkey of the owner who is signed in."""
    question = passkeys.ask_known(db, clock, settings, passkeys.CONFIRM, owner.owner_id)
    return bind_ceremony(JSONResponse(question.options), question.ceremony)


@router.post("/confirm/passkey/verify")
def confirm(
    request: Request,
    body: Answer,
    owner: SignedIn,
    challenge: ConfirmChallenge,
    db: Db,
    clock: AppClock,
    settings: AppSettings,
) -> Response:
    """A fresh session in place of this one, for the same owner only."""
    if challenge is None or challenge.owner_id != owner.owner_id:
        raise PasskeyTryEnded
    owner_id = passkeys.check_passkey(db, clock, settings, challenge, body.credential)
    response = JSONResponse({"next": safe_next(body.next)})
    return admit(request, response, db, clock, settings, owner_id, "passkey")
