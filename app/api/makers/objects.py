"""Makers mint objects, see what they made, and renew claim codes."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.examples import json_example, problem_responses
from app.api.kept import REPLAYED, SecretKey, answer_once, require_key
from app.api.makers import examples
from app.api.makers.caller import maker_of
from app.api.makers.minted import MintAnswer, minted_rows, with_labels
from app.kit.errors import InvalidCursor, NotFound, WrongMember
from app.kit.http import (
    AppClock,
    AppCursors,
    AppDatabase,
    AppSettings,
    Db,
    ReadDb,
    Session,
    StrictRoute,
)
from app.kit.idempotency import Answer, wipe
from app.kit.ids import parse_id
from app.kit.paging import MAX_LIMIT
from app.oauth.protect import ObjectWriter
from app.objects.made import Made, get_made, list_made
from app.objects.mint import NotMinted, mint, minting_origin, renew_code
from app.objects.products import get_product, product_of_object

router = APIRouter(prefix="/v1", tags=["Makers: objects"], route_class=StrictRoute)

MAX_INLINE = 100
Serial = Annotated[str, Field(max_length=200, examples=["SL-000001"])]


class MintOrder(BaseModel):
    """One serial, or up to a hundred."""

    model_config = ConfigDict(extra="forbid")

    product_id: UUID
    serial: Serial | None = None
    serials: list[Serial] | None = Field(None, min_length=1, max_length=MAX_INLINE)

    @model_validator(mode="after")
    def check_choice(self) -> "MintOrder":
        if (self.serial is None) == (self.serials is None):
            raise WrongMember("serials", "send either serial or serials")
        return self


class ObjectOut(BaseModel):
    """An object of yours. `recording` says that it has an owner, never who."""

    object_id: UUID
    product_id: UUID
    serial: str
    did: str
    digital_link: str
    minted_at: datetime
    recording: bool


class ObjectPage(BaseModel):
    """A page of your objects."""

    objects: list[ObjectOut]
    next: str | None


Order = Annotated[
    MintOrder,
    Body(
        openapi_examples={
            "one": {"summary": "One", "value": examples.MINT_ONE_EXAMPLE},
            "several": {"summary": "Several", "value": examples.MINT_EXAMPLE},
        }
    ),
]


@router.post(
    "/objects",
    status_code=201,
    summary="Mint objects",
    response_model=MintAnswer,
    responses=problem_responses(400, 401, 403, 404, 409, 410, 412, 413, 415, 422)
    | {201: json_example("Minted.", {"objects": [examples.MINTED_EXAMPLE]})},
)
def mint_objects(
    order: Order,
    caller: ObjectWriter,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    key: SecretKey = None,
) -> Response:
    """Give up to 100 things an identity: id, DID, Digital Link, claim code and label. The claim
    code makes its holder the owner and is shown here only; print it and forget it. A serial that
    was minted before, or cannot be one, spoils only its own line (with `serial` alone: the call).
    The same call with the same Idempotency-Key gives the same answer for 24 hours, or until you
    acknowledge it at `POST /v1/answers/acknowledge`."""
    maker = maker_of(caller)
    asked = ("POST /v1/objects", order)
    with database.session() as db:
        answer = answer_once(
            db,
            clock,
            maker.client_id,
            key,
            asked,
            lambda: _mint(db, clock, settings, maker.org_id, order),
            is_secret=True,
        )
    return _secret(answer)


@router.post(
    "/objects/{object_id}/claim-code",
    status_code=201,
    summary="Renew a claim code",
    response_model=MintAnswer,
    responses=problem_responses(400, 401, 403, 404, 409, 410, 412, 422)
    | {201: json_example("The new code.", {"objects": [examples.MINTED_EXAMPLE]})},
)
def renew_claim_code(
    object_id: UUID,
    caller: ObjectWriter,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    key: SecretKey = None,
) -> Response:
    """A new code and label for an object without an owner, for a label that was lost. Older codes
    of the object are dead from now on. An object with an owner is refused (`object-claimed`)."""
    maker = maker_of(caller)
    asked = (f"POST /v1/objects/{object_id}/claim-code", None)
    with database.session() as db:
        answer = answer_once(
            db,
            clock,
            maker.client_id,
            key,
            asked,
            lambda: _renew(db, clock, settings, maker.org_id, object_id),
            is_secret=True,
        )
    return _secret(answer)


@router.post(
    "/answers/acknowledge",
    status_code=204,
    summary="Acknowledge an answer with secrets",
    responses=problem_responses(400, 401, 403, 404, 422),
)
def acknowledge_answer(caller: ObjectWriter, db: Db, key: SecretKey = None) -> None:
    """Say that you have the answer to the call with this Idempotency-Key: it is wiped here. A
    repetition of that call is then 410 (`answer-wiped`)."""
    maker = maker_of(caller)
    if not wipe(db.connection(), maker.client_id, require_key(key)):
        raise NotFound


@router.get(
    "/objects",
    summary="List your objects",
    responses=problem_responses(400, 401, 403, 422)
    | {200: json_example("A page.", {"objects": [examples.OBJECT_EXAMPLE], "next": None})},
)
def list_own_made_objects(
    caller: ObjectWriter,
    db: ReadDb,
    cursors: AppCursors,
    settings: AppSettings,
    product_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    after: str | None = None,
) -> ObjectPage:
    """The objects you minted, each with whether it records (it has an owner), never who owns it.
    Follow `next` until it is null."""
    maker = maker_of(caller)
    bound = (maker.org_id, "objects", product_id)
    position = parse_id(str(cursors.open(after, *bound))) if after else None
    if after and position is None:
        raise InvalidCursor
    found = list_made(
        db, maker.org_id, settings.origin, product_id=product_id, after=position, limit=limit + 1
    )
    page = found[:limit]
    more = len(found) > limit
    return ObjectPage(
        objects=[_object_out(made) for made in page],
        next=cursors.seal(str(page[-1].object_id), *bound) if more else None,
    )


@router.get(
    "/objects/{object_id}",
    summary="Read an object",
    responses=problem_responses(401, 403, 404, 422)
    | {200: json_example("The object.", examples.OBJECT_EXAMPLE)},
)
def show_object(
    object_id: UUID, caller: ObjectWriter, db: ReadDb, settings: AppSettings
) -> ObjectOut:
    """An object that you minted; anybody else's is 404."""
    maker = maker_of(caller)
    return _object_out(get_made(db, maker.org_id, object_id, settings.origin))


def _mint(
    db: Session, clock: AppClock, settings: AppSettings, org_id: UUID, order: MintOrder
) -> dict[str, Any]:
    origin = minting_origin(settings)
    product = get_product(db, org_id, order.product_id)
    serials = order.serials or [str(order.serial)]
    outcome = mint(db.connection(), clock, product, serials, settings.claim_code_days)
    if order.serial is not None and isinstance(outcome[0], NotMinted):
        raise outcome[0].error
    return {"product_name": product.name, "objects": minted_rows(origin, product, outcome)}


def _renew(
    db: Session, clock: AppClock, settings: AppSettings, org_id: UUID, object_id: UUID
) -> dict[str, Any]:
    origin = minting_origin(settings)
    minted = renew_code(db, clock, org_id, object_id, settings.claim_code_days)
    product = product_of_object(db, object_id)
    return {"product_name": product.name, "objects": minted_rows(origin, product, [minted])}


def _object_out(made: Made) -> ObjectOut:
    return ObjectOut(
        object_id=made.object_id,
        product_id=made.product_id,
        serial=made.serial,
        did=made.did,
        digital_link=made.digital_link,
        minted_at=made.minted_at,
        recording=made.is_recording,
    )


def _secret(answer: Answer) -> Response:
    """The kept answer with its labels, drawn after the transaction so that it holds nobody up."""
    headers = {"Cache-Control": "no-store"}
    if answer.is_replay:
        headers[REPLAYED] = "true"
    return Response(with_labels(answer.body), answer.status, headers, "application/json")
