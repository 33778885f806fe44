"""All permissions of a client, for a back end that keeps one token for them all."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.examples import json_example, problem_responses
from app.consent.grants import places_of
from app.kit import jsonio
from app.kit.http import AppClock, AppCursors, AppSettings, ReadDb
from app.kit.ids import parse_id
from app.kit.paging import MAX_LIMIT
from app.oauth.grant_routes import GRANT_EXAMPLE, told
from app.oauth.granted import load_granted
from app.oauth.protect import GrantsReader

router = APIRouter(prefix="/v1/data", tags=["Vendors: data"])

_EXAMPLE = json_example("A page of permissions.", {"grants": [GRANT_EXAMPLE], "next": None})


@router.get(
    "/grants",
    summary="List your permissions",
    responses=problem_responses(400, 401, 403, 422) | {200: _EXAMPLE},
)
def list_permissions(
    caller: GrantsReader,
    db: ReadDb,
    clock: AppClock,
    cursors: AppCursors,
    settings: AppSettings,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Permissions a page.")] = 100,
    after: Annotated[
        str | None, Query(max_length=2000, description="Cursor of the page before.")
    ] = None,
) -> Response:
    """What owners have given this client, ended ones too with what became of them, in an order that
    stays. Read under one of them with the header Inseam-Grant. Needs the scope grants:read."""
    conn, bound = db.connection(), (caller.client_id, "grants")
    last = parse_id(str(cursors.open(after, *bound))) if after else None
    places = places_of(conn, str(caller.client_id), last, limit + 1)
    found = []
    for place in places[:limit]:
        granted = load_granted(conn, clock.now(), place.owner_id, place.grant_id)
        if granted is not None:
            found.append(told(granted, settings.origin))
    is_more = len(places) > limit
    cursor = cursors.seal(str(places[limit - 1].grant_id), *bound) if is_more else None
    body = jsonio.dumps({"grants": found, "next": cursor})
    return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")
