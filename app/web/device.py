"""Typing the code that a device shows (RFC 8628 §3.3), and where the browser stays afterwards."""

from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from app.consent.errors import RequestNotFound
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.errors import NotFound, TooManyRequests
from app.kit.http import AppClock, AppDatabase, ReadDb
from app.kit.limits import Limit, give_back
from app.oauth.device import PAGE, Typed, find_answer, look_up, plain_code
from app.oauth.tools import AppAuthority
from app.web.pages import SignedIn, Text, Visitor, render, see_other, spend_once, with_next

router = APIRouter()

_WRONG = Limit("wrong device codes", 5, 900)
_WAIT_SECONDS = 30.0
_UNKNOWN = "There is no such code now. Codes run out after some minutes."
_OVER = "This code has run out. Have the device show a new one."


@router.get(PAGE)
def show_device(
    request: Request, owner: SignedIn, user_code: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """The field for a code. One that came in the address is filled in and sent by nobody but the
    person, who has to see that the device shows the same."""
    return _page(request, plain_code(user_code))


@router.post(PAGE)
def take_code(
    request: Request,
    viewer: Visitor,
    database: AppDatabase,
    clock: AppClock,
    authority: AppAuthority,
    user_code: Annotated[Text, Form(max_length=100)] = "",
) -> Response:
    """On to what the code stands for. Wrong ones are counted by session and by address; whoever is
    not signed in any more comes back to what was typed."""
    if viewer is None:
        typed = f"{PAGE}?{urlencode({'user_code': plain_code(user_code)})}"
        return see_other(with_next("/sign-in", typed))
    tried = [viewer.session_id.hex, request.client.host if request.client else ""]
    try:
        for subject in tried:  # before anything is looked up, so that many at once are many
            spend_once(database, clock, _WRONG, subject)
    except TooManyRequests as error:
        minutes = -(-error.extra["retry_after"] // 60)
        when = "in a minute" if minutes == 1 else f"in {minutes} minutes"
        return _page(request, user_code, f"That were several wrong codes. Try again {when}.", 429)
    try:
        with database.session() as db:
            found = look_up(db, authority, viewer.owner_id, user_code)
    except RequestNotFound:
        found = Typed()
    if found.is_known:
        for subject in tried:
            _give_back(database, clock, subject)
    if found.ticket is not None:
        return see_other(f"/consent/{found.ticket}")
    if found.answer is not None:
        return see_other(f"{PAGE}/{found.answer}")
    return _page(request, user_code, _OVER if found.is_over else _UNKNOWN, 422)


@router.get(PAGE + "/{answer}")
def show_done(request: Request, owner: SignedIn, answer: str, db: ReadDb) -> Response:
    """Back to the device: nothing more happens here."""
    found = find_answer(db, owner.owner_id, answer)
    if found is None:
        raise NotFound
    return render(
        request, "owner/device_done.html", vendor=found.client_name, permission_id=found.grant_id
    )


def _give_back(database: Database, clock: Clock, subject: str) -> None:
    less = partial(give_back, clock=clock, limit=_WRONG, subject=subject)
    database.submit(less).result(_WAIT_SECONDS)


def _page(request: Request, code: str, wrong: str = "", status: int = 200) -> Response:
    errors = {"user-code": wrong} if wrong else {}
    return render(request, "owner/device.html", status=status, code=code, errors=errors)
