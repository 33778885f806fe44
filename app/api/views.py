"""How products, duties and agreements appear to more than one caller."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from app.consent.agreed import MEDIA_TYPE, Held
from app.consent.duties import Owed
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
