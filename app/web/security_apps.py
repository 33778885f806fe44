"""Apps of the owner's own: registered on the security page, each with a page of its own."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from app.accounts.security_log import note_event
from app.consent.own import end_app
from app.kit.http import AppClock, AppDatabase, AppSettings, Db, ReadDb, Session
from app.oauth.authority import TOKEN_PATH
from app.oauth.scopes import VENDOR_SCOPES
from app.objects.categories import category_of
from app.organizations import own_apps
from app.organizations.client_rules import plain_name
from app.organizations.errors import OwnAppInvalid
from app.organizations.models import Client
from app.settings import Settings
from app.web import words
from app.web.app_list import permissions_of
from app.web.once import keep_once, take_once
from app.web.pages import FreshlySignedIn, SignedIn, SignedInOwner, Text, flash, render, see_other
from app.web.security_page import AppForm, Mistake, show_page

router = APIRouter()

_FIELDS = {"redirects": "app-redirects", "scopes": "app-scopes", "kind": "app-kind"}
_MANY = 100

Chosen = Annotated[list[Text], Form(max_length=_MANY)]
Short = Annotated[Text, Form(max_length=1000)]
Long = Annotated[Text, Form(max_length=25_000)]


@router.post("/security/apps")
def register_app(
    request: Request,
    owner: FreshlySignedIn,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    app_name: Short = "",
    app_redirects: Long = "",
    app_kind: Short = "",
    app_scope: Chosen = [],  # noqa: B006  # FastAPI copies defaults
) -> Response:
    """A new app; its page shows what it needs, and the secret once."""
    form = AppForm(app_name, app_redirects, app_scope, app_kind)
    try:
        with database.session() as db:
            made, secret = own_apps.create(
                db,
                clock,
                owner.owner_id,
                app_name,
                redirect_uris=app_redirects.splitlines(),
                kind=app_kind,
                scopes=app_scope,
                known_scopes=list(VENDOR_SCOPES),
            )
            client_id = made.client_id
            at, what = clock.now(), "app-registered"
            note_event(db, owner.owner_id, at, what, made.name, client_id=client_id)
    except OwnAppInvalid as error:
        place = _FIELDS.get(error.field or "", "app-name")
        with database.read() as db:
            mistake = Mistake({place: error.detail}, app_form=form)
            return show_page(request, owner, db, clock, settings, mistake)
    return _to_page(request, owner, client_id, secret)


@router.get("/security/apps/{client_id}")
def show_app(
    request: Request,
    client_id: Text,
    owner: SignedIn,
    db: ReadDb,
    clock: AppClock,
    settings: AppSettings,
) -> Response:
    """What the app needs to know, and what it has."""
    app = own_apps.get(db, owner.owner_id, client_id)
    secret = take_once(request, owner, _kind(client_id))
    page = render(
        request,
        "owner/app.html",
        app=_app(app),
        secret=secret.shown["values"][0] if secret else "",
        addresses=_addresses(settings),
        permissions=permissions_of(db, clock, owner.owner_id, client_id),
    )
    return secret.leave(page) if secret else page


@router.post("/security/apps/{client_id}/secret")
def renew_secret(request: Request, client_id: Text, owner: FreshlySignedIn, db: Db) -> Response:
    """Another secret; the old one stops at once."""
    secret = own_apps.rotate_secret(db, owner.owner_id, client_id)
    return _to_page(request, owner, client_id, secret)


@router.post("/security/apps/{client_id}/end")
def end_own_app(
    request: Request, client_id: Text, owner: SignedIn, database: AppDatabase, clock: AppClock
) -> Response:
    """The app and its permissions end; the answer comes when nothing more can leave."""
    with database.session() as db:
        name = _name(db, owner, client_id)
        quiet_at = end_app(db, clock, owner.owner_id, client_id)
    clock.wait_until(quiet_at)
    flash(request, owner, f"{name} has ended. It can read nothing any more.", "good")
    return see_other("/security")


def _name(db: Session, owner: SignedInOwner, client_id: str) -> str:
    return plain_name(own_apps.get(db, owner.owner_id, client_id).name)


def _to_page(
    request: Request, owner: SignedInOwner, client_id: str, secret: str | None
) -> Response:
    page = see_other(f"/security/apps/{client_id}")
    if secret is None:
        return page
    return keep_once(request, page, owner, _kind(client_id), "", [secret])


def _kind(client_id: str) -> str:
    return f"secret of {client_id}"


def _app(app: Client) -> dict[str, Any]:
    return {
        "id": app.client_id,
        "name": plain_name(app.name),
        "public": app.secret_hash is None,
        "redirects": app.redirect_uris,
        "scope": " ".join(app.scopes),
        "kinds": [words.kind(category_of(scope)).said for scope in app.scopes],
        "created_at": app.created_at,
    }


def _addresses(settings: Settings) -> dict[str, str]:
    origin = settings.origin
    return {
        "authorize": f"{origin}/oauth/authorize",
        "token": origin + TOKEN_PATH,
        "issuer": origin,
        "data": f"{origin}/v1/data/objects",
    }
