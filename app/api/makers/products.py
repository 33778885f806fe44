"""Makers register what they make, and read it again."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel

from app.api.examples import json_example, problem_responses
from app.api.kept import REPLAYED, OptionalKey, answer_once
from app.api.makers.caller import maker_of
from app.api.makers.examples import PRODUCT_OUT_EXAMPLE, PRODUCT_SPEC_EXAMPLE
from app.api.views import ProductOut, product_out, wire
from app.kit import jsonio
from app.kit.errors import InvalidCursor
from app.kit.http import AppClock, AppCursors, Db, ReadDb, StrictRoute
from app.kit.ids import parse_id
from app.oauth.protect import ProductWriter
from app.objects.products import get_product, list_products, register_product, streams_of
from app.objects.spec import ProductSpec

router = APIRouter(prefix="/v1/products", tags=["Makers: products"], route_class=StrictRoute)

Spec = Annotated[
    ProductSpec,
    Body(openapi_examples={"jeans": {"summary": "Jeans", "value": PRODUCT_SPEC_EXAMPLE}}),
]


class ProductPage(BaseModel):
    """A page of your products."""

    products: list[ProductOut]
    next: str | None


@router.post(
    "",
    status_code=201,
    summary="Register a product",
    response_model=ProductOut,
    responses=problem_responses(400, 401, 403, 409, 413, 415, 422)
    | {201: json_example("Registered.", PRODUCT_OUT_EXAMPLE)},
)
def register_a_product(
    spec: Spec, caller: ProductWriter, db: Db, clock: AppClock, key: OptionalKey = None
) -> Response:
    """Register a product with its passport, its streams and, for each stream, the facts that the
    EU Data Act, article 3(2), wants told before a sale. A registration without one of them is
    refused, and `errors` names it. All of it stands on the product's public page. The GTIN must
    lie under one of your GS1 prefixes (`gtin-outside-prefix`) and names one product for good."""
    maker = maker_of(caller)

    def work() -> object:
        product = register_product(db, clock, maker.org_id, spec)
        return wire(product_out(product, list(streams_of(db, product.product_id))))

    asked = ("POST /v1/products", spec)
    answer = answer_once(db, clock, maker.client_id, key, asked, work)
    headers = {"Location": f"/v1/products/{jsonio.loads(answer.body)['product_id']}"}
    if answer.is_replay:
        headers[REPLAYED] = "true"
    return Response(answer.body, answer.status, headers, "application/json")


@router.get(
    "",
    summary="List your products",
    responses=problem_responses(400, 401, 403, 422)
    | {200: json_example("A page.", {"products": [PRODUCT_OUT_EXAMPLE], "next": None})},
)
def list_own_products(
    caller: ProductWriter,
    db: ReadDb,
    cursors: AppCursors,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: str | None = None,
) -> ProductPage:
    """Your products. Follow `next` until it is null."""
    maker = maker_of(caller)
    bound = (maker.org_id, "products")
    position = parse_id(str(cursors.open(after, *bound))) if after else None
    if after and position is None:
        raise InvalidCursor
    rows = list_products(db, maker.org_id, after=position, limit=limit + 1)
    page = rows[:limit]
    more = len(rows) > limit
    return ProductPage(
        products=[product_out(row, list(streams_of(db, row.product_id))) for row in page],
        next=cursors.seal(str(page[-1].product_id), *bound) if more else None,
    )


@router.get(
    "/{product_id}",
    summary="Read a product",
    responses=problem_responses(401, 403, 404, 422)
    | {200: json_example("The product.", PRODUCT_OUT_EXAMPLE)},
)
def show_product(product_id: UUID, caller: ProductWriter, db: ReadDb) -> ProductOut:
    """A product of yours; anybody else's is 404."""
    maker = maker_of(caller)
    product = get_product(db, maker.org_id, product_id)
    return product_out(product, list(streams_of(db, product_id)))
