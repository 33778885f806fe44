"""Passports as JSON: what anyone may see of a product or an object."""

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from app.api.examples import json_example, problem_responses
from app.api.public.examples import PUBLIC_OBJECT_EXAMPLE, PUBLIC_PRODUCT_EXAMPLE
from app.api.views import ProductOut, product_out
from app.kit.http import AppSettings, ReadDb, StrictRoute
from app.passports.service import ProductPage, passport_of, product_page

router = APIRouter(prefix="/v1/public", tags=["Public"], route_class=StrictRoute)

ANYWHERE = {"Access-Control-Allow-Origin": "*"}


class MakerOut(BaseModel):
    """Who made it, and answers for what is said of it."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    country: str | None
    website: str | None
    contact: str | None
    verified_domain: str | None


class PublicProduct(ProductOut):
    """A product with its maker."""

    maker: MakerOut


class PublicObject(BaseModel):
    """One object: nothing about its use, its owner, or whether it has one."""

    object_id: UUID
    serial: str
    did: str
    digital_link: str
    product: PublicProduct


@router.get(
    "/products/{product_id}",
    summary="A product's passport",
    responses=problem_responses(404, 422)
    | {200: json_example("The product.", PUBLIC_PRODUCT_EXAMPLE)},
)
def show_public_product(product_id: UUID, db: ReadDb, response: Response) -> PublicProduct:
    """What anyone may know before buying: passport, streams, and for each stream the facts that
    the EU Data Act, article 3(2), wants told. No token needed."""
    response.headers.update(ANYWHERE)
    return _product(product_page(db, product_id))


@router.get(
    "/objects/{object_id}",
    summary="An object's passport",
    responses=problem_responses(404, 422)
    | {200: json_example("The object.", PUBLIC_OBJECT_EXAMPLE)},
)
def show_public_object(
    object_id: UUID, db: ReadDb, settings: AppSettings, response: Response
) -> PublicObject:
    """The identity of one object and its product's passport. No token needed."""
    response.headers.update(ANYWHERE)
    passport = passport_of(db, object_id, settings.origin)
    return PublicObject(
        object_id=passport.object_id,
        serial=passport.serial,
        did=passport.did,
        digital_link=passport.digital_link,
        product=_product(passport.page),
    )


def _product(page: ProductPage) -> PublicProduct:
    product = product_out(page.product, list(page.streams))
    maker = MakerOut.model_validate(page.maker)
    return PublicProduct(**product.model_dump(), maker=maker)
