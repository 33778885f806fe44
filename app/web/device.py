"""Typing the code that a device shows (RFC 8628 §3.3), and where the browser stays afterwards."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from app.consent.errors import RequestNotFound
from app.kit.errors import NotFound, TooManyRequests
from app.kit.http import AppClock, AppDatabase
from app.kit.limits import Limit, check
from app.oauth.device import open_code, plain_code
from app.oauth.tools import AppAuthority
from app.web.pages import SignedIn, Text, render, see_other, spend_once

router = APIRouter()

_WRONG = Limit("wrong device codes", 5, 900)
_SAID = ("allowed", "refused")


@router.get("/device")
def show_device(
    request: Request, owner: SignedIn, user_code: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """The field for a code. One that came in the address is filled in and sent by nobody but the
    person, who has to see that the device shows the same."""
    return _page(request, plain_code(user_code))


@router.post("/device")
def take_code(
    request: Request,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    authority: AppAuthority,
    user_code: Annotated[Text, Form(max_length=100)] = "",
) -> Response:
    """On to what the code stands for. Wrong ones are counted by session and by address."""
    tried = {owner.session_id.hex, request.client.host if request.client else ""}
    try:
        with database.read() as db:
            for subject in tried:
                check(db.connection(), clock, _WRONG, subject)
    except TooManyRequests as error:
        minutes = -(-error.extra["retry_after"] // 60)
        text = f"That were several wrong codes. Try again in {minutes} minutes."
        return _page(request, user_code, text, 429)
    try:
        with database.session() as db:
            ticket = open_code(db, authority, owner.owner_id, user_code)
    except RequestNotFound:
        ticket = None
    if ticket is not None:
        return see_other(f"/consent/{ticket}")
    for subject in tried:
        spend_once(database, clock, _WRONG, subject)
    return _page(
        request, user_code, "There is no such code now. Codes run out after some minutes.", 422
    )


@router.get("/device/{said}")
def show_done(request: Request, owner: SignedIn, said: str) -> Response:
    """Back to the device: nothing more happens here."""
    if said not in _SAID:
        raise NotFound
    return render(request, "owner/device_done.html", is_allowed=said == "allowed")


def _page(request: Request, code: str, wrong: str = "", status: int = 200) -> Response:
    errors = {"user-code": wrong} if wrong else {}
    return render(request, "owner/device.html", status=status, code=code, errors=errors)
