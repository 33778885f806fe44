"""Secrets shown once: between the POST that makes them and the page that shows them they travel
in the owner's own cookie, sealed and bound to the session; the server keeps no copy."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import Request
from starlette.responses import Response

from app.kit.errors import InvalidCursor
from app.kit.paging import Cursors
from app.web.pages import SignedInOwner, drop_cookie, set_cookie

_COOKIE = "__Host-once"
_LIFE = timedelta(minutes=2)


@dataclass(frozen=True)
class Secret:
    """What the page shows; `leave` makes its answer the last one that does."""

    shown: dict[str, Any]

    def leave(self, response: Response) -> Response:
        drop_cookie(response, _COOKIE)
        return response


def keep_once(
    request: Request,
    response: Response,
    owner: SignedInOwner,
    kind: str,
    name: str,
    values: list[str],
) -> Response:
    """Let the next page show the secrets."""
    cursors: Cursors = request.app.state.cursors
    sealed = cursors.seal([name, values], *_bound(owner, kind))
    set_cookie(response, _COOKIE, sealed, _LIFE, "strict")
    return response


def take_once(request: Request, owner: SignedInOwner, kind: str) -> Secret | None:
    """The secrets of this kind that wait for this session."""
    cursors: Cursors = request.app.state.cursors
    try:
        name, values = cursors.open(request.cookies.get(_COOKIE, ""), *_bound(owner, kind))
    except InvalidCursor:
        return None
    return Secret({"kind": kind, "name": name, "values": values})


def _bound(owner: SignedInOwner, kind: str) -> tuple[object, ...]:
    return ("shown once", kind, owner.session_id)
