"""Grant management (OpenID Grant Management, draft 03): a client looks at a permission, or gives it
back. That an owner takes one back is the owner's act, on the page."""

from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.consent.grants import GrantPlace, find_own_place, give_back
from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.errors import NotFound
from app.kit.http import AppClock, AppDatabase, AppSettings
from app.oauth.granted import Granted, load_granted
from app.oauth.http import NO_STORE
from app.oauth.protect import GrantEnder, GrantViewer, Principal
from app.objects.categories import scope_of

PATH = "/oauth/grants"

router = APIRouter(tags=["OAuth"])

_ENTRY = {
    "type": "urn:inseam:object-data",
    "identifier": "4f3d8a52-3c84-4c1b-9d5e-0a7f1f6f2b10",
    "actions": ["read"],
    "datatypes": ["usage"],
    "window": {"from": "2026-11-02T00:00:00Z", "to": None},
    "until": "2027-05-02T00:00:00Z",
    "purpose": "RepairImpairments",
}
GRANT_EXAMPLE = {
    "grant_id": "0b9f2f5e-2c0e-4a5e-9f5b-6f1d2d7f4c11",
    "status": "active",
    "version": 1,
    "until": "2027-05-02T00:00:00Z",
    "purpose": "RepairImpairments",
    "scopes": [{"scope": "usage:read", "resource": ["https://things.example/v1/data"]}],
    "authorization_details": [_ENTRY],
}


def told(granted: Granted, origin: str) -> dict[str, Any]:
    """A grant as its client is told of it; one that has ended gives nothing any more."""
    entries = granted.entries() if granted.is_issuing else []
    kinds = sorted({kind for entry in entries for kind in entry.datatypes})
    scopes = " ".join(scope_of(kind) for kind in kinds)
    return {
        "grant_id": str(granted.grant_id),
        "status": granted.status,
        "version": granted.version,
        "until": granted.until.isoformat().replace("+00:00", "Z"),
        "purpose": granted.purpose,
        "scopes": [{"scope": scopes, "resource": [f"{origin}/v1/data"]}] if scopes else [],
        "authorization_details": [entry.written() for entry in entries],
    }


@router.get(
    PATH + "/{grant_id}",
    summary="Look at a permission",
    responses={200: {"content": {"application/json": {"example": GRANT_EXAMPLE}}}},
)
def show_grant(
    grant_id: str,
    caller: GrantViewer,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
) -> Response:
    """What the owner gives this client at this moment. 404 for a permission that is not this
    client's, and for one that has ended. Needs the scope grant_management_query."""
    with database.read() as db:
        _, granted = _find(db.connection(), clock, caller, grant_id)
    return Response(jsonio.dumps(told(granted, settings.origin)), 200, NO_STORE, "application/json")


@router.delete(PATH + "/{grant_id}", summary="Give a permission back", status_code=204)
async def end_grant(
    grant_id: str, caller: GrantEnder, database: AppDatabase, clock: AppClock
) -> Response:
    """Ends the permission with all its tokens; when the answer comes, nothing is read under it any
    more. The owner sees that the client gave it back. Needs the scope grant_management_revoke."""

    def work() -> None:
        with database.session() as db:
            place, _ = _find(db.connection(), clock, caller, grant_id)
            quiet_at = give_back(db, clock, place.owner_id, place.grant_id, caller.name)
        clock.wait_until(quiet_at)

    await run_in_threadpool(work)
    return Response(status_code=204, headers=NO_STORE)


def _find(
    conn: Connection, clock: Clock, caller: Principal, text: str
) -> tuple[GrantPlace, Granted]:
    place = find_own_place(conn, caller.client_id, text)
    if place is not None:
        granted = load_granted(conn, clock.now(), place.owner_id, place.grant_id)
        if granted is not None and granted.is_issuing:
            return place, granted
    raise NotFound("This client has no such permission.")
