"""The security log: what happened to the account and its permissions, newest first."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.accounts.models import SecurityEvent
from app.accounts.security_log import list_events, read_position, write_position
from app.kit.http import AppCursors, ReadDb
from app.organizations.client_rules import plain_name
from app.web import words
from app.web.pages import SignedIn, render

router = APIRouter()

_PATH = "/security/log"
_PAGE = 50


@router.get(_PATH)
def show_security_log(
    request: Request,
    owner: SignedIn,
    db: ReadDb,
    cursors: AppCursors,
    after: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Permissions, new apps and companies, keys, ways in, and tokens that came twice."""
    bound = (owner.owner_id, "security-log")
    before = read_position(cursors.open(after, *bound)) if after else None
    rows = list_events(db, owner.owner_id, before=before, limit=_PAGE + 1)
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    older = ""
    if more:
        older = f"{_PATH}?{urlencode({'after': cursors.seal(write_position(rows[-1]), *bound)})}"
    return render(
        request,
        "owner/security_log.html",
        entries=[_entry(row) for row in rows],
        newer=_PATH if after else "",
        older=older,
    )


def _entry(row: SecurityEvent) -> dict[str, Any]:
    told = words.security_event(row.kind, plain_name(row.name))
    return {
        "at": row.at,
        "title": told.title,
        "note": told.note,
        "alarming": told.is_alarming,
        "permission_id": str(row.grant_id) if row.grant_id else None,
    }
