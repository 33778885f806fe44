"""The web client: one app, mounted below the API, with its own errors, headers and CSRF check."""

from collections.abc import Mapping
from typing import Any

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount, Route
from starlette.types import Scope

from app.kit.errors import NotFound
from app.kit.http import SameOrigin
from app.settings import Settings
from app.web import (
    agreements,
    claim,
    confirm,
    consent,
    device,
    docs,
    errors,
    exports,
    history,
    mail,
    objects,
    permissions,
    public,
    recording,
    security,
    security_apps,
    security_log,
    security_tokens,
    sign_in,
    sign_in_passkeys,
    terms,
)
from app.web.assets import Assets, load_assets
from app.web.environment import make_environment
from app.web.headers import LocalName, PageHeaders
from app.web.pages import find_viewer

ROUTERS = (
    public.router,
    agreements.router,
    docs.router,
    mail.router,
    sign_in.router,
    sign_in_passkeys.router,
    confirm.router,
    security.router,
    security_tokens.router,
    security_apps.router,
    security_log.router,
    claim.router,
    objects.router,
    recording.router,
    consent.router,
    device.router,
    permissions.router,
    terms.router,
    history.router,
    exports.router,
)

_KEPT = "public, max-age=31536000, immutable"
_API = ("/v1", "/oauth", "/.well-known", "/ledger", "/healthz", "/readyz", "/metrics")


class PagesMount(Mount):
    """Everything below "/" but the API's paths: there the API itself says what it does not know."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope.get("path", "")
        if any(path == prefix or path.startswith(f"{prefix}/") for prefix in _API):
            return Match.NONE, {}
        return super().matches(scope)


def create_web(settings: Settings, tools: Mapping[str, Any]) -> FastAPI:
    """The pages. `tools` are those of the composition root."""
    web = FastAPI(
        title="Inseam pages",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(find_viewer)],
    )
    assets = load_assets()
    for name, tool in tools.items():
        setattr(web.state, name, tool)
    web.state.environment = make_environment(assets)
    web.add_middleware(SameOrigin, refuse=errors.refuse)
    web.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    web.add_middleware(LocalName, origin=settings.origin)
    web.add_middleware(PageHeaders, is_https=settings.origin.startswith("https:"))
    errors.install(web)
    web.router.routes.append(Route("/static/{hash}/{path:path}", _serve(assets)))
    for router in ROUTERS:
        web.include_router(router)
    return web


def mount(app: FastAPI, web: FastAPI) -> None:
    """Put the pages behind all routes of the API, and lend the API its page for errors."""
    app.router.routes.append(PagesMount("", app=web, name="pages"))
    app.state.environment = web.state.environment
    app.state.oauth_error_page = errors.oauth_error_page


def _serve(assets: Assets) -> Any:
    async def serve(request: Request) -> Response:
        asset = assets.find(request.path_params["hash"], request.path_params["path"])
        if asset is None:
            raise NotFound
        return Response(
            asset.content, media_type=asset.media_type, headers={"cache-control": _KEPT}
        )

    return serve
