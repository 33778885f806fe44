"""DID documents of objects, by the did:web method."""

from uuid import UUID

from fastapi import APIRouter, Response

from app.api.examples import problem_responses
from app.api.public.examples import DID_EXAMPLE
from app.api.public.passports import ANYWHERE
from app.kit import jsonio
from app.kit.http import AppClock, AppSettings, ReadDb, StrictRoute
from app.passports.service import did_document_at

router = APIRouter(tags=["Public"], route_class=StrictRoute)

DOCUMENT = "application/did+ld+json"


@router.get(
    "/o/{object_id}/did.json",
    summary="An object's DID document",
    response_class=Response,
    responses=problem_responses(404, 422)
    | {200: {"description": "The document.", "content": {DOCUMENT: {"example": DID_EXAMPLE}}}},
)
def show_did_document(
    object_id: UUID, db: ReadDb, clock: AppClock, settings: AppSettings
) -> Response:
    """What `did:web:{host}:o:{object_id}` resolves to (DID Core §5): the object's Digital Link,
    its passport, and the public keys it signs with now. No token needed."""
    document = did_document_at(db, clock.now(), object_id, settings.origin)
    return Response(jsonio.dumps(document), headers=ANYWHERE, media_type=DOCUMENT)
