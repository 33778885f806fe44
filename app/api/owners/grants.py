"""An owner's permissions by API: how they stand, and what holds them back or ends them."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from app.api.examples import (
    COPY_EXAMPLE,
    RECEIPT_EXAMPLE,
    RECEIPT_FILE_EXAMPLE,
    RECEIPTS_EXAMPLE,
    problem_responses,
)
from app.api.owners.reach import keep_nowhere, owner_of, touches
from app.api.views import (
    ReceiptForm,
    ReceiptNumber,
    owed_out,
    receipts_out,
    send_copy,
    send_receipt,
    send_receipt_file,
)
from app.consent.agreed import hash_text, held_of
from app.consent.duties import order
from app.consent.errors import GrantNotFound
from app.consent.grants import GrantView, get_grant, list_grants, pause, resume, revoke
from app.consent.receipts import signed
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.http import AppClock, AppDatabase, ReadDb, Session, StrictRoute
from app.oauth.protect import OwnerGranter, OwnerReader, Principal
from app.oauth.tools import AppAuthority, AppNotary
from app.usage.wire import rfc3339

router = APIRouter(
    prefix="/v1/me",
    tags=["Owners: history and copies"],
    route_class=StrictRoute,
    dependencies=[Depends(keep_nowhere)],
)


@router.get("/grants", summary="Your permissions", responses=problem_responses(401, 403))
def list_own_grants(caller: OwnerReader, db: ReadDb, clock: AppClock) -> dict[str, Any]:
    """Every permission you gave, with its status now; ended ones too."""
    views = list_grants(db, clock, owner_of(caller))
    return {"grants": [_grant_out(view) for view in views if touches(caller, view)]}


@router.get(
    "/grants/{grant_id}", summary="A permission", responses=problem_responses(401, 403, 404, 422)
)
def show_own_grant(
    grant_id: UUID, caller: OwnerReader, db: ReadDb, clock: AppClock
) -> dict[str, Any]:
    """One permission with its history."""
    view = get_grant(db, clock, owner_of(caller), grant_id)
    if not touches(caller, view):
        raise GrantNotFound
    return _grant_out(view)


@router.get(
    "/grants/{grant_id}/receipts",
    summary="The receipts of a permission",
    responses=problem_responses(401, 403, 404, 422) | {200: RECEIPTS_EXAMPLE},
)
def list_own_receipts(
    grant_id: UUID, caller: OwnerReader, db: ReadDb, clock: AppClock
) -> dict[str, Any]:
    """One for each thing that became of it, in order. Each is bound to the one before by its
    hash."""
    _own_grant(db, clock, caller, grant_id)
    return receipts_out(db, owner_of(caller), grant_id)


@router.get(
    "/grants/{grant_id}/receipts/file",
    summary="All receipts of a permission, signed",
    responses=problem_responses(401, 403, 404, 422) | {200: RECEIPT_FILE_EXAMPLE},
)
def show_own_receipt_file(
    grant_id: UUID,
    caller: OwnerReader,
    db: ReadDb,
    clock: AppClock,
    notary: AppNotary,
    authority: AppAuthority,
) -> Response:
    """A file that proves itself: each receipt as a JWS (RFC 7515 §7.2) over canonical JSON (RFC
    8785), with this service's public keys. `inseam receipt verify` checks it without the service;
    the vendor has the same."""
    _own_grant(db, clock, caller, grant_id)
    keys = authority.keyring.public_jwks()
    return send_receipt_file(signed(db, notary, keys, owner_of(caller), grant_id))


@router.get(
    "/grants/{grant_id}/receipts/{number}",
    summary="One receipt",
    responses=problem_responses(401, 403, 404, 422) | {200: RECEIPT_EXAMPLE},
)
def show_own_receipt(
    grant_id: UUID,
    number: ReceiptNumber,
    caller: OwnerReader,
    db: ReadDb,
    clock: AppClock,
    notary: AppNotary,
    form: ReceiptForm = "jsonld",
) -> Response:
    """What became of it then: JSON-LD with the fields of ISO/IEC TS 27560 in DPV terms, or a
    Kantara Consent Receipt v1.1. Nothing in it says who you are."""
    _own_grant(db, clock, caller, grant_id)
    return send_receipt(db, notary, owner_of(caller), grant_id, number, form)


@router.get(
    "/grants/{grant_id}/agreement",
    summary="The agreement of a permission",
    responses=problem_responses(401, 403, 404, 422) | {200: COPY_EXAMPLE},
)
def show_own_agreement(
    grant_id: UUID,
    caller: OwnerReader,
    db: ReadDb,
    clock: AppClock,
    version: Annotated[int | None, Query(ge=1, le=2**53 - 1)] = None,
) -> Response:
    """What you and the vendor agreed on, or had agreed on in a version: the very bytes that the
    vendor has. A JWS (RFC 7515 §7.2) whose first signature is this service's, for you."""
    view = get_grant(db, clock, owner_of(caller), grant_id)
    if not touches(caller, view):
        raise GrantNotFound
    return send_copy(held_of(db, owner_of(caller), grant_id, version))


@router.post(
    "/grants/{grant_id}/pause",
    summary="Pause a permission",
    responses=problem_responses(401, 403, 404, 409, 422),
)
def pause_own_grant(
    grant_id: UUID, caller: OwnerGranter, database: AppDatabase, clock: AppClock
) -> dict[str, Any]:
    """Nothing is read under it until you resume it; answered once nothing more can leave. Pausing
    what is paused changes nothing. Needs `own:grants`."""
    return _hold_back(pause, grant_id, caller, database, clock)


@router.post(
    "/grants/{grant_id}/resume",
    summary="Resume a permission",
    responses=problem_responses(401, 403, 404, 409, 422),
)
def resume_own_grant(
    grant_id: UUID, caller: OwnerGranter, database: AppDatabase, clock: AppClock
) -> dict[str, Any]:
    """It can be read again as it was given. Needs `own:grants`."""
    return _hold_back(resume, grant_id, caller, database, clock)


@router.post(
    "/grants/{grant_id}/revoke",
    summary="End a permission",
    responses=problem_responses(401, 403, 404, 422),
)
def revoke_own_grant(
    grant_id: UUID, caller: OwnerGranter, database: AppDatabase, clock: AppClock
) -> dict[str, Any]:
    """It is over for good; answered once nothing more can leave. Ending twice changes nothing.
    Needs `own:grants`."""
    return _hold_back(revoke, grant_id, caller, database, clock)


@router.post(
    "/grants/{grant_id}/erasure",
    summary="Order it erased",
    responses=problem_responses(401, 403, 404, 409, 422),
)
def order_own_erasure(
    grant_id: UUID, caller: OwnerGranter, database: AppDatabase, clock: AppClock
) -> dict[str, Any]:
    """The vendor of a permission that has ended is told to erase within seven days what it read.
    Ordering twice changes nothing. Needs `own:grants`."""
    return _hold_back(order, grant_id, caller, database, clock)


def _hold_back(
    act: Callable[[Session, Clock, UUID, UUID], datetime],
    grant_id: UUID,
    caller: Principal,
    database: Database,
    clock: Clock,
) -> dict[str, Any]:
    """Do it, wait until nothing that it takes away can leave, and tell how it stands."""
    with database.session() as db:
        if not touches(caller, get_grant(db, clock, owner_of(caller), grant_id)):
            raise GrantNotFound
        quiet_at = act(db, clock, owner_of(caller), grant_id)
        told = _grant_out(get_grant(db, clock, owner_of(caller), grant_id))
    clock.wait_until(quiet_at)
    return told


def _own_grant(db: Session, clock: AppClock, caller: Principal, grant_id: UUID) -> None:
    if not touches(caller, get_grant(db, clock, owner_of(caller), grant_id)):
        raise GrantNotFound


def _grant_out(view: GrantView) -> dict[str, Any]:
    grant = view.grant
    return {
        "id": str(grant.grant_id),
        "client_id": grant.client_id,
        "purpose": grant.purpose,
        "legal_basis": grant.legal_basis,
        "agreement": grant.agreement
        and {"id": grant.agreement, "hash": hash_text(grant.agreement_hash or b"")},
        "status": view.status,
        "version": grant.version,
        "given_at": rfc3339(grant.created_at),
        "until": rfc3339(grant.until),
        "ended_at": grant.ended_at and rfc3339(grant.ended_at),
        "erasure": view.owed and owed_out(view.owed),
        "details": [
            {
                "object_id": str(d.object_id),
                "category": d.category,
                "action": d.action,
                "precision": {"time": d.precision_time, "place": d.precision_place},
                "window": {
                    "from": d.window_from and rfc3339(d.window_from),
                    "to": d.window_to and rfc3339(d.window_to),
                },
                "until": rfc3339(d.until),
                "limits": view.limits_of(d),
                "retention": (d.terms or {}).get("retention"),
            }
            for d in view.details
        ],
        "history": [
            {"at": rfc3339(e.at), "what": e.what, "version": e.version} for e in view.events
        ],
    }
