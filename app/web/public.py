"""Pages for anyone: the start, products, passports, and what every error means."""

import inspect
import json
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.demo import list_demo_owners
from app.kit import problems
from app.kit.errors import DomainError, NotFound
from app.kit.http import AppClock, AppDatabase, AppSettings, ReadDb
from app.kit.problems import STATUS, InternalError
from app.oauth.tools import AppOpenKeys
from app.objects.links import passport_link
from app.passports.service import (
    Passport,
    ProductPage,
    passport_by_link,
    passport_of,
    product_by_gtin,
    product_page,
)
from app.settings import Settings
from app.web.home import show_home
from app.web.pages import HOME, SignedIn, Visitor, render, see_other
from app.web.streams import maker_facts, passport_facts, stream_cards

router = APIRouter()


@router.get("/")
def show_start(request: Request, viewer: Visitor, db: ReadDb, settings: AppSettings) -> Response:
    """What this is; who is signed in goes home."""
    if viewer is not None:
        return see_other(HOME)
    owners = list_demo_owners(db) if settings.demo else []
    shown = [{"id": str(owner.owner_id), "name": owner.name} for owner in owners]
    return render(request, "public/landing.html", demo_owners=shown)


@router.get(HOME)
def show_own_start(
    request: Request,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    keys: AppOpenKeys,
    settings: AppSettings,
) -> Response:
    """The owner's objects, who reads them, what waits for an answer."""
    return show_home(request, owner, database, clock, keys, settings)


@router.get("/about")
def show_about(request: Request) -> Response:
    """Who runs this service."""
    return render(request, "public/about.html")


@router.get("/p/{product_id}")
def show_product(request: Request, product_id: UUID, db: ReadDb) -> Response:
    """What to know of a product before buying it (Data Act, article 3(2))."""
    return _product(request, product_page(db, product_id))


@router.get("/01/{gtin}")
def show_product_by_gtin(request: Request, gtin: str, db: ReadDb) -> Response:
    """The same by its GS1 Digital Link."""
    return _product(request, product_by_gtin(db, _plain(gtin)))


@router.get("/01/{gtin}/21/{serial:path}")
def show_object_by_link(
    request: Request, gtin: str, serial: str, db: ReadDb, settings: AppSettings
) -> Response:
    """An object's passport by its GS1 Digital Link."""
    found = passport_by_link(db, _plain(gtin), _plain(serial), settings.origin)
    return _passport(request, found, settings)


@router.get("/o/{object_id}")
def show_object(request: Request, object_id: UUID, db: ReadDb, settings: AppSettings) -> Response:
    """An object's passport by its id."""
    return _passport(request, passport_of(db, object_id, settings.origin), settings)


@router.get("/problems")
def show_problems(request: Request) -> Response:
    """Every error the API answers with."""
    listed = [
        {"slug": error.slug, "title": error.title, "status": _status(error)}
        for error in sorted(set(problems.all_errors()), key=lambda error: error.slug)
    ]
    return render(request, "public/problems.html", problems=listed)


@router.get("/problems/{slug}")
def show_problem(request: Request, slug: str, settings: AppSettings) -> Response:
    """What one error means; the `type` of a problem document leads here."""
    error = next((one for one in problems.all_errors() if one.slug == slug), None)
    if error is None:
        raise NotFound
    sample = error.__new__(error)
    DomainError.__init__(sample)  # some errors ask for more than their page has to tell
    example = problems.document(sample, settings.origin, _status(error))
    shown = {
        "slug": slug,
        "title": error.title,
        "status": _status(error),
        "text": inspect.cleandoc(error.__doc__ or error.title),
        "example": json.dumps(example, indent=2, ensure_ascii=False),
    }
    return render(request, "public/problem.html", problem=shown)


def _plain(text: str) -> str:
    """A part of an address; one that no database could hold leads to nothing."""
    if "\0" in text or not text.isprintable():
        raise NotFound
    return text


def _status(error: type[DomainError]) -> int:
    return 500 if error is InternalError else STATUS[error.kind]


def _product(request: Request, page: ProductPage) -> Response:
    product = {
        "id": str(page.product.product_id),
        "name": page.product.name,
        "kind": page.product.kind,
        "maker": page.maker.name,
        "gtin": page.product.gtin,
        "article_number": page.product.article_number,
    }
    return render(
        request,
        "public/product.html",
        product=product,
        facts=[*passport_facts(page), *maker_facts(page)],
        streams=stream_cards(page),
    )


def _passport(request: Request, found: Passport, settings: Settings) -> Response:
    product, maker = found.page.product, found.page.maker
    links = [("Digital Link", found.digital_link)]
    if product.gtin is not None:
        links.append(("This page", passport_link(settings.origin, found.object_id)))
    shown = {
        "id": str(found.object_id),
        "product_id": str(product.product_id),
        "product_name": product.name,
        "product_kind": product.kind,
        "maker": maker.name,
        "serial": found.serial,
        "did": found.did,
        "links": links,
    }
    facts = passport_facts(found.page)
    return render(request, "public/passport.html", object=shown, facts=facts, code="", errors={})
