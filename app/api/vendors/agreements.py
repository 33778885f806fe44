"""The agreement that holds for a permission, as its vendor has it, and the vendor's own signature
under it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.api.examples import COPY_EXAMPLE, problem_responses
from app.api.views import send_copy
from app.consent.agreed import Held, countersign, held_of
from app.consent.errors import GrantNotFound
from app.consent.grants import GrantPlace, find_own_place
from app.kit.http import AppClock, AppDatabase, ReadDb, Session, StrictRoute
from app.oauth.countersign import check_signature
from app.oauth.outside import with_keys
from app.oauth.protect import GrantsReader, Principal
from app.oauth.tools import AppAuthority
from app.organizations.clients import find_client

router = APIRouter(prefix="/v1/data", tags=["Vendors: data"], route_class=StrictRoute)

Version = Annotated[
    int | None, Query(ge=1, le=2**53 - 1, description="As it held in that version.")
]


class OwnSignature(BaseModel):
    """A compact JWS over the document: its payload is the payload of the copy, byte for byte."""

    model_config = ConfigDict(extra="forbid")

    jws: str = Field(max_length=24_000, examples=["eyJhbGciOiJFUzI1NiJ9.eyJhY2….MEUCI…"])


@router.get(
    "/grants/{grant_id}/agreement",
    summary="The agreement of a permission",
    responses=problem_responses(401, 403, 404, 422) | {200: COPY_EXAMPLE},
)
def show_agreement_held(
    grant_id: UUID, caller: GrantsReader, db: ReadDb, version: Version = None
) -> Response:
    """What you and the owner agreed on: a JWS (RFC 7515 §7.2) in canonical JSON, whose payload is
    the document and whose first signature is this service's, for the owner. The owner has the same
    bytes. Needs the scope grants:read."""
    place = place_of(db, caller, grant_id)
    return send_copy(held_of(db, place.owner_id, place.grant_id, version))


@router.post(
    "/grants/{grant_id}/agreement",
    summary="Sign the agreement with a key of your own",
    responses=problem_responses(400, 401, 403, 404, 409, 422) | {200: COPY_EXAMPLE},
)
async def sign_agreement_held(
    grant_id: UUID,
    signed: Annotated[OwnSignature, Body()],
    caller: GrantsReader,
    database: AppDatabase,
    clock: AppClock,
    authority: AppAuthority,
) -> Response:
    """Your signature is checked against your registered keys and added to the copy that both sides
    have; the owner sees that you signed. You have agreed without it as well, by your metadata. The
    same once more changes nothing. Needs the scope grants:read."""

    def sign() -> Held:
        with database.session() as db:
            place = place_of(db, caller, grant_id)
            client = find_client(db, place.client_id)
            if client is None:
                raise GrantNotFound
            held = held_of(db, place.owner_id, place.grant_id)
            parts = check_signature(authority, client, signed.jws, held.document)
            return countersign(db, clock, place.owner_id, place.grant_id, *parts)

    async def work() -> Held:
        return await run_in_threadpool(sign)

    return send_copy(await with_keys(authority, work))


def place_of(db: Session, caller: Principal, grant_id: UUID) -> GrantPlace:
    """Where a permission of this client is, also one that has ended. GrantNotFound."""
    place = find_own_place(db.connection(), caller.client_id, str(grant_id))
    if place is None:
        raise GrantNotFound
    return place
