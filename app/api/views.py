"""How products, duties and agreements appear to more than one caller."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from app.consent import receipts
from app.consent.agreed import MEDIA_TYPE, Held, Notary
from app.consent.duties import Owed
from app.consent.receipt_text import kantara_of
from app.kit import jsonio
from app.kit.http import Session
from app.objects.models import Product, Stream
from app.objects.spec import Category, FieldSpec, Passport, StreamFacts
from app.usage.wire import rfc3339


class StreamOut(BaseModel):
    """One kind of record, with what the law wants told of it before a sale."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["wear"])
    title: str = Field(examples=["When they are worn"])
    category: Category
    kind: Literal["instant", "interval", "counter"]
    fields: list[FieldSpec]
    facts: StreamFacts
    holder_copy: str
    keep_days: int | None = Field(
        None, description="Days that records are kept here; null: until their owner erases them."
    )


class ProductOut(BaseModel):
    """A product with its passport and streams."""

    product_id: UUID
    name: str
    kind: str
    gtin: str | None = Field(description="As 14 digits.")
    article_number: str | None
    passport: Passport
    streams: list[StreamOut]
    registered_at: datetime


def product_out(product: Product, streams: list[Stream]) -> ProductOut:
    """A product as its maker and the public see it."""
    return ProductOut(
        product_id=product.product_id,
        name=product.name,
        kind=product.kind,
        gtin=product.gtin,
        article_number=product.article_number,
        passport=Passport.model_validate(product.passport),
        streams=[StreamOut.model_validate(stream) for stream in streams],
        registered_at=product.registered_at,
    )


def wire(model: BaseModel) -> Any:
    """The model's JSON value, for an answer whose bytes are kept."""
    return model.model_dump(mode="json")


def owed_out(owed: Owed) -> dict[str, Any]:
    """What a vendor owes under a permission that has ended, and what it answered."""
    return {
        "grant_id": str(owed.grant_id),
        "state": owed.state,
        "asked_at": rfc3339(owed.asked_at),
        "due_at": rfc3339(owed.due_at),
        "is_ordered": owed.is_ordered,
        "statement": owed.statement,
        "answered_at": owed.answered_at and rfc3339(owed.answered_at),
    }


def send_copy(held: Held) -> Response:
    """An agreement, in the same bytes for whichever side asks."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": 'attachment; filename="agreement.json"',
    }
    return Response(held.copy, headers=headers, media_type=MEDIA_TYPE)


ReceiptNumber = Annotated[int, Path(ge=1, le=2**53 - 1, description="From 1 on.")]
ReceiptForm = Annotated[
    Literal["jsonld", "kantara"],
    Query(description="`jsonld` (ISO/IEC TS 27560 in DPV terms) or `kantara` (v1.1)."),
]


def receipts_out(db: Session, owner_id: UUID, grant_id: UUID) -> dict[str, Any]:
    """A permission's receipts in a list."""
    lines = receipts.list_receipts(db, owner_id, grant_id)
    return {
        "receipts": [
            {"number": one.number, "event": one.what, "at": rfc3339(one.at), "hash": one.hash}
            for one in lines
        ]
    }


def send_receipt(
    db: Session, notary: Notary, owner_id: UUID, grant_id: UUID, number: int, form: str
) -> Response:
    """One of them, as JSON-LD or by Kantara's specification."""
    told = receipts.read_receipt(db, notary.origin, owner_id, grant_id, number)
    if form == "kantara":
        body, kind = jsonio.dumps(kantara_of(told)), "application/json"
    else:
        body, kind = jsonio.dumps(told), "application/ld+json"
    return Response(body, headers={"Cache-Control": "no-store"}, media_type=kind)


def send_receipt_file(body: bytes) -> Response:
    """All of them, signed."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": 'attachment; filename="receipts.json"',
    }
    return Response(body, headers=headers, media_type="application/json")
