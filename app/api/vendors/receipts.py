"""The receipts of a permission, as its vendor has them: the same as its owner's, also when it has
ended."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.api.examples import (
    RECEIPT_EXAMPLE,
    RECEIPT_FILE_EXAMPLE,
    RECEIPTS_EXAMPLE,
    problem_responses,
)
from app.api.vendors.agreements import place_of
from app.api.views import (
    ReceiptForm,
    ReceiptNumber,
    receipts_out,
    send_receipt,
    send_receipt_file,
)
from app.consent.receipts import signed
from app.kit.http import ReadDb
from app.oauth.protect import GrantsReader
from app.oauth.tools import AppAuthority, AppNotary

router = APIRouter(prefix="/v1/data/grants/{grant_id}/receipts", tags=["Vendors: data"])


@router.get(
    "",
    summary="The receipts of a permission",
    responses=problem_responses(401, 403, 404, 422) | {200: RECEIPTS_EXAMPLE},
)
def list_receipts_held(grant_id: UUID, caller: GrantsReader, db: ReadDb) -> dict[str, Any]:
    """One for each thing that became of a permission of yours, ended ones too; each is bound to the
    one before by its hash. Needs the scope grants:read."""
    place = place_of(db, caller, grant_id)
    return receipts_out(db, place.owner_id, grant_id)


@router.get(
    "/file",
    summary="All receipts of a permission, signed",
    responses=problem_responses(401, 403, 404, 422) | {200: RECEIPT_FILE_EXAMPLE},
)
def show_receipt_file_held(
    grant_id: UUID, caller: GrantsReader, db: ReadDb, notary: AppNotary, authority: AppAuthority
) -> Response:
    """Each as a JWS (RFC 7515 §7.2) over canonical JSON (RFC 8785), with this service's public
    keys; `inseam receipt verify` checks it anywhere. Needs the scope grants:read."""
    place = place_of(db, caller, grant_id)
    keys = authority.keyring.public_jwks()
    return send_receipt_file(signed(db, notary, keys, place.owner_id, grant_id))


@router.get(
    "/{number}",
    summary="One receipt",
    responses=problem_responses(401, 403, 404, 422) | {200: RECEIPT_EXAMPLE},
)
def show_receipt_held(
    grant_id: UUID,
    number: ReceiptNumber,
    caller: GrantsReader,
    db: ReadDb,
    notary: AppNotary,
    form: ReceiptForm = "jsonld",
) -> Response:
    """JSON-LD with the fields of ISO/IEC TS 27560 in DPV terms, or a Kantara Consent Receipt v1.1.
    Needs the scope grants:read."""
    place = place_of(db, caller, grant_id)
    return send_receipt(db, notary, place.owner_id, grant_id, number, form)
