"""The pages of Mend & Co. `make_site` is the whole application."""

import secrets
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from authlib.integrations.starlette_client import OAuthError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from app.demo.vendor import charts, garment
from app.demo.vendor.memory import Copies, Link, Links, Note
from app.demo.vendor.service import SCOPES, Later, Service, WrongIssuer
from app.demo.vendor.times import when

HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
DENIED = Note(
    "You said no, and that is fine",
    "We were given nothing and keep nothing. You can also bring the jeans to the bench and tell "
    "us about them yourself.",
)
UNKNOWN = Note(
    "We do not know this connection",
    "It was started too long ago, finished already, or not started here. Nothing was connected.",
)
MIXED = Note(
    "This answer did not come from the service we asked",
    "To be safe we did not use it. Nothing was connected.",
)
FAILED = Note("The connection did not work", "Nothing was connected. Please start again.")
FORGOTTEN = Note(
    "You are disconnected",
    "We gave up our keys and forgot everything we had read, so we can read nothing any more. The "
    "permission itself still stands at Inseam, and is yours to end.",
)
UNHEARD = Note(
    "You are disconnected",
    "We forgot our keys and everything we had read. Inseam could not be told just now, so end the "
    "permission there too.",
)


def make_site(
    service_url: str, client_id: str, client_secret: str, own_url: str, transport: Any = None
) -> Starlette:
    """The site as a client of one service; `transport` replaces the network in tests."""
    own_url = own_url.rstrip("/")
    session = Middleware(
        SessionMiddleware,
        secret_key=secrets.token_urlsafe(32),
        session_cookie="mend-and-co",
        max_age=8 * 3600,
        same_site="lax",
        https_only=own_url.startswith("https:"),
    )
    site = Starlette(
        routes=[
            Route("/", landing),
            Route("/connect", connect),
            Route("/callback", callback),
            Route("/callback", finish_here, methods=["POST"]),
            Route("/counter/ask", ask_at_counter, methods=["POST"]),
            Route("/counter", counter),
            Route("/counter", show_here, methods=["POST"]),
            Route("/jeans", jeans),
            Route("/look", look_again, methods=["POST"]),
            Route("/disconnect", disconnect, methods=["POST"]),
            Route("/disconnected", disconnected),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[session],
        exception_handlers={Later: _later, WrongIssuer: _wrong_issuer, 403: _plain, 404: _plain},
    )
    site.state.service = Service(service_url, client_id, client_secret, own_url, transport)
    site.state.links = Links()
    site.state.own_url = own_url
    site.state.pages = Jinja2Templates(directory=HERE / "templates")
    return site


async def landing(request: Request) -> Response:
    return _page(request, "landing.html", connected=_link(request) is not None)


async def connect(request: Request) -> Response:
    """Start at the own address only: the session must be there when the answer comes back."""
    own_url = request.app.state.own_url
    if request.url.netloc != urlsplit(own_url).netloc:
        return RedirectResponse(f"{own_url}/connect")
    return await _service(request).start(request)


async def callback(request: Request) -> Response:
    """The owner's answer. A code is redeemed at once only in the browser that asked for it."""
    service, told = _service(request), request.query_params
    state = told.get("state", "")
    await service.check_issuer(told.get("iss"))
    if not await service.started_anywhere(state):
        return _message(request, UNKNOWN, 400)
    if "error" in told:
        return _message(request, DENIED if told["error"] == "access_denied" else FAILED)
    if service.started_here(request, state):
        return await _finish(request)
    if service.is_counters(state):
        return await _finish_at_counter(request, state)
    request.session["offered"] = state
    return _page(request, "finish.html", told={k: told.get(k, "") for k in ("state", "code")})


async def finish_here(request: Request) -> Response:
    """The visitor wants a connection that was allowed in another browser."""
    _check_same_site(request)
    service, form = _service(request), await request.form()
    state = str(form.get("state", ""))
    if request.session.pop("offered", None) != state or not await service.started_anywhere(state):
        return _message(request, UNKNOWN, 400)
    service.take_over(request, state)
    return await _finish(request)


async def ask_at_counter(request: Request) -> Response:
    """For the workshop's own machines: a request for an owner who is there in person."""
    if not _service(request).is_own(*_basic(request)):
        return JSONResponse({"error": "Not the workshop."}, 401, {"WWW-Authenticate": "Basic"})
    return JSONResponse({"ask_at": await _service(request).start_at_counter()}, headers=HEADERS)


async def counter(request: Request) -> Response:
    """What the owner sees after an answer to the counter's request."""
    link = _links(request).get(request.session.get("counter"))
    if link is None:
        return RedirectResponse("/", 303)
    names = [one["product"]["name"] for one in link.copies.objects] if link.copies else []
    return _page(request, "counter.html", names=names, note=link.note)


async def show_here(request: Request) -> Response:
    """The visitor wants to see here what the counter was given. Not without a press: the address
    that led here might have been a stranger's."""
    _check_same_site(request)
    name = request.session.pop("counter", None)
    if _links(request).get(name) is None:
        return RedirectResponse("/", 303)
    _links(request).drop(request.session.get("link"))
    request.session["link"] = name
    return RedirectResponse("/jeans", 303)


async def jeans(request: Request) -> Response:
    """What we were given and what we read; nothing is read anew unless the time is over."""
    link = _link(request)
    if link is None:
        return RedirectResponse("/", 303)
    if link.copies and _is_over(link.copies):
        await _service(request).look(link)
    if link.ended:
        return _page(request, "message.html", note=link.note, cleared=True)
    end_at = _service(request).permission_url(link.token.get("grant_id"))
    return _page(
        request, "jeans.html", link=link, given=_given(link), shown=_shown(link), end_at=end_at
    )


async def look_again(request: Request) -> Response:
    _check_same_site(request)
    link = _link(request)
    if link is not None:
        await _service(request).look(link)
    return RedirectResponse("/jeans", 303)


async def disconnect(request: Request) -> Response:
    _check_same_site(request)
    link = _link(request)
    _links(request).drop(request.session.pop("link", None))
    request.session["left"] = link.token.get("grant_id") if link else None
    heard = link is None or await _service(request).hand_back(link)
    return RedirectResponse("/disconnected" if heard else "/disconnected?unheard", 303)


async def disconnected(request: Request) -> Response:
    note = UNHEARD if "unheard" in request.query_params else FORGOTTEN
    end_at = _service(request).permission_url(request.session.get("left"))
    return _page(request, "message.html", note=note, end_at=end_at)


async def _finish_at_counter(request: Request, state: str) -> Response:
    """The counter started it, so the counter finishes it, whatever browser brings the answer."""
    service = _service(request)
    service.take_over(request, state)
    try:
        link = await service.redeem(request)
    except OAuthError:
        return _message(request, FAILED, 400)
    request.session["counter"] = _links(request).put(link)
    await service.look(link)
    return RedirectResponse("/counter", 303)


async def _finish(request: Request) -> Response:
    links = _links(request)
    try:
        link = await _service(request).redeem(request)
    except OAuthError:
        return _message(request, FAILED, 400)
    links.drop(request.session.get("link"))
    request.session["link"] = links.put(link)
    await _service(request).look(link)
    return RedirectResponse("/jeans", 303)


def _given(link: Link) -> dict[str, Any]:
    """The token answer in plain words."""
    objects = link.copies.objects if link.copies else []
    names = {one["id"]: one["product"]["name"] for one in objects}
    details = link.token.get("authorization_details", [])
    return {
        "lines": [garment.given_words(detail, names) for detail in details],
        "kept": garment.kept_words(SCOPES, link.token.get("scope", "")),
    }


def _shown(link: Link) -> list[dict[str, Any]]:
    """Each garment with its drawings and what we would say of it."""
    copies = link.copies
    if copies is None:
        return []
    read = [
        garment.read_garment(one, copies.records[one["id"]], copies.read_at)
        for one in copies.objects
    ]
    return [_shown_one(one, copies.read_at) for one in read]


def _shown_one(one: garment.Garment, read_at: datetime) -> dict[str, Any]:
    most = max((times for _, times in one.by_temperature), default=0)
    washed = [day for day, _ in one.washes or []]
    headline, reasons = garment.advise(one)
    return {
        "garment": one,
        "headline": headline,
        "reasons": reasons,
        "days": charts.day_bars(one.minutes or {}, washed, read_at.date()),
        "tallest": f"{charts.tallest(one.minutes or {}, read_at.date()):.0f}",
        "washes": [(t, n, charts.stitches(n, most)) for t, n in one.by_temperature],
    }


def _is_over(copies: Copies) -> bool:
    ends = [datetime.fromisoformat(one["until"]) for one in copies.objects]
    return bool(ends) and max(ends) <= datetime.now(UTC)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _links(request: Request) -> Links:
    links: Links = request.app.state.links
    return links


def _link(request: Request) -> Link | None:
    return _links(request).get(request.session.get("link"))


def _basic(request: Request) -> tuple[str, str]:
    """The two halves of an HTTP Basic header (RFC 7617), empty where there is none."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        name, _, password = b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (name, password) if scheme.lower() == "basic" else ("", "")


def _check_same_site(request: Request) -> None:
    """A form of another site may not act here."""
    site = request.headers.get("sec-fetch-site")
    own = request.headers.get("origin", request.app.state.own_url) == request.app.state.own_url
    if site not in (None, "same-origin") or (site is None and not own):
        raise HTTPException(403)


def _page(request: Request, name: str, status: int = 200, **context: Any) -> Response:
    pages: Jinja2Templates = request.app.state.pages
    context["when"] = when
    context["service"] = _service(request).url
    return pages.TemplateResponse(request, name, context, status, HEADERS)


def _message(request: Request, note: Note | None, status: int = 200) -> Response:
    return _page(request, "message.html", status, note=note)


async def _later(request: Request, error: Exception) -> Response:
    return _message(request, error.note if isinstance(error, Later) else FAILED, 503)


async def _wrong_issuer(request: Request, _: Exception) -> Response:
    return _message(request, MIXED, 400)


async def _plain(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = "There is no such page." if status == 404 else "That came from another site."
    return _message(request, Note("Not here", text), status)
