"""The addresses of the authorization server; everything behind them stands in its own file."""

from typing import Any

from authlib.oauth2 import OAuth2Error
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.keys.ring import Keyring
from app.kit import jsonio, problems
from app.kit.errors import DomainError, TooManyRequests
from app.kit.http import AppDatabase, AppSettings
from app.kit.limits import Limit, spend
from app.oauth import device
from app.oauth.authority import TOKEN_PATH, Authority
from app.oauth.authorize import URI, NotTrusted, asking_client, authorize, push
from app.oauth.clientauth import Credentials, credentials_of
from app.oauth.desk import Endpoint, Filed
from app.oauth.errors import RESOURCE_METADATA
from app.oauth.http import (
    NO_STORE,
    domain_refusal,
    read_ask,
    refusal,
    respond,
    send_to,
)
from app.oauth.introspect import JWT
from app.oauth.metadata import resource_metadata, server_metadata
from app.oauth.outside import know, with_keys
from app.oauth.server import answer_introspection, answer_revocation, answer_token
from app.oauth.tools import AppAuthority

router = APIRouter(tags=["OAuth"])

_CACHED = {"Cache-Control": "public, max-age=300"}
_TITLE = "This link does not work"


def _form(example: dict[str, str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in example}}
    content = {"application/x-www-form-urlencoded": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def _example(value: dict[str, Any], status: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": {"example": value}}}}


_PUSHED = {
    "response_type": "code",
    "client_id": "mend-and-co-9f2c41d07ab3",
    "redirect_uri": "https://mend.example/back",
    "scope": "usage:read",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}
_TOKEN_ASKED = {"grant_type": "client_credentials", "scope": "log:write"}
_TOKEN_GIVEN = {
    "token_type": "Bearer",
    "scope": "log:write",
    "access_token": "inseam_at_2nZ3QX0rVb5iBf6v8nqKc1pJmY7w4TtDdLh9sGgA0eE",
    "expires_in": 600,
    "iss": "https://things.example",
}

_WORTH = {
    "active": True,
    "scope": "log:write",
    "client_id": "big-denim-9f2c41d07ab3",
    "token_type": "Bearer",
    "exp": 1764158400,
    "iat": 1764157800,
    "iss": "https://things.example",
    "aud": ["https://things.example"],
}

_DEVICE = {
    "device_code": "inseam_dc_…",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://things.example/device",
    "verification_uri_complete": "https://things.example/device?user_code=WDJB-MJHT",
    "expires_in": 900,
    "interval": 5,
}


@router.get("/oauth/authorize", summary="Ask an owner", response_class=Response)
async def start_authorization(
    request: Request, database: AppDatabase, authority: AppAuthority
) -> Response:
    """Send the owner's browser here with response_type=code, client_id, redirect_uri, scope or
    authorization_details (RFC 9396), state, code_challenge and code_challenge_method=S256
    (RFC 6749, RFC 7636); or with client_id and the request_uri of a pushed request (RFC 9126); or
    with client_id and a request object (RFC 9101). `purpose` chooses among the client's declared
    purposes; `resource` (RFC 8707) limits where tokens work; `dpop_jkt` binds the code (RFC 9449);
    `grant_management_action` and `grant_id` change a grant instead of making one. The owner answers
    on a page; then the browser returns to redirect_uri with code or error, state and iss
    (RFC 9207)."""
    query = request.scope["query_string"].decode("latin-1")
    limit = Limit("authorize", authority.settings.rate_authorize_per_minute, 60)
    host = request.client.host if request.client else ""

    def work() -> str:
        with database.session() as db:
            return authorize(db, authority, query)

    try:
        # Each valid request is kept until it closes, so nobody may leave thousands.
        await database.run(lambda conn: spend(conn, authority.clock, limit, host))
        await know(database, authority, asking_client(query), host)
        return send_to(await with_keys(authority, lambda: run_in_threadpool(work)))
    except (NotTrusted, TooManyRequests) as error:
        show = getattr(request.app.state, "oauth_error_page", _plain_page)
        response: Response = show(request, _TITLE, error.detail)
        if isinstance(error, TooManyRequests):
            response.status_code = problems.STATUS[error.kind]
            response.headers["Retry-After"] = str(error.extra["retry_after"])
        return response


@router.post(
    "/oauth/par",
    summary="Push an authorization request",
    status_code=201,
    openapi_extra=_form(_PUSHED),
    responses=_example({"request_uri": URI + "b2n…", "expires_in": 90}, 201),
)
async def push_request(
    request: Request, database: AppDatabase, authority: AppAuthority
) -> Response:
    """RFC 9126: the same parameters as at the authorization endpoint, or a request object, from the
    authenticated client. Then send the browser there with client_id and request_uri alone."""
    return await _answer(request, database, authority, push)


@router.post(
    TOKEN_PATH,
    summary="Get a token",
    openapi_extra=_form(_TOKEN_ASKED),
    responses=_example(_TOKEN_GIVEN),
)
async def give_token(request: Request) -> Response:
    """RFC 6749 §3.2: authorization_code with code_verifier, refresh_token (each works once; to a
    client that authenticates it gives the same next one again for ten seconds),
    client_credentials, the device_code of RFC 8628, and an object's own assertion (RFC 7523). The
    answer names what was granted, object by object."""
    tools = request.app.state  # nothing is injected: this is a hot road
    return await _answer(request, tools.db, tools.authority, answer_token)


@router.post(
    "/oauth/revoke",
    summary="End tokens",
    openapi_extra=_form({"token": "inseam_rt_…"}),
    responses=_example({}),
)
async def revoke_token(
    request: Request, database: AppDatabase, authority: AppAuthority
) -> Response:
    """RFC 7009: ends all tokens of one authorization. The owner's permission stays; the owner
    sees it and ends it."""
    return await _answer(request, database, authority, answer_revocation)


@router.post(
    "/oauth/introspect",
    summary="Ask what a token is worth",
    openapi_extra=_form({"token": "inseam_at_…"}),
    responses={200: {"content": {"application/json": {"example": _WORTH}, JWT: {}}}},
)
async def introspect_token(
    request: Request, database: AppDatabase, authority: AppAuthority
) -> Response:
    """RFC 7662: of a token of the client's own; with the scope tokens:introspect also of tokens of
    the clients and objects of its organization. Of any other `active` is false, as of one that
    does not work now. With Accept: application/token-introspection+jwt signed (RFC 9701)."""
    return await _answer(request, database, authority, answer_introspection)


@router.post(
    device.PATH,
    summary="Ask from a device",
    openapi_extra=_form({"client_id": "mend-and-co-9f2c41d07ab3", "scope": "condition:read"}),
    responses=_example(_DEVICE),
)
async def start_device_authorization(
    request: Request, database: AppDatabase, authority: AppAuthority
) -> Response:
    """RFC 8628, for things without a browser: shows the owner a code or its QR, and asks at the
    token endpoint until the owner has answered on another screen. Parameters are those of the
    authorization endpoint: scope, authorization_details, purpose, resource. A proof of possession
    (RFC 9449), or dpop_jkt, binds the tokens here already."""
    limit = Limit("device codes of an address", authority.settings.rate_device_per_minute, 60)
    host = request.client.host if request.client else ""
    try:
        await database.run(lambda conn: spend(conn, authority.clock, limit, host))
    except TooManyRequests as error:
        return respond(domain_refusal(error))
    return await _answer(request, database, authority, device.start_device)


@router.get("/.well-known/oauth-authorization-server", summary="Authorization server metadata")
async def show_server(settings: AppSettings) -> Response:
    """RFC 8414."""
    return _public(server_metadata(settings))


@router.get(RESOURCE_METADATA, summary="Protected resource metadata")
async def show_resource(settings: AppSettings) -> Response:
    """RFC 9728, for the whole API."""
    return _public(resource_metadata(settings))


@router.get(f"{RESOURCE_METADATA}/v1/data", summary="Protected resource metadata of vendors' data")
async def show_data_resource(settings: AppSettings) -> Response:
    """RFC 9728, for what vendors read."""
    return _public(resource_metadata(settings, "/v1/data"))


@router.get(
    "/oauth/jwks",
    summary="Public signing keys",
    response_class=Response,
    responses={200: {"content": {"application/jwk-set+json": {}}}},
)
@router.get("/.well-known/jwks.json", include_in_schema=False)
async def show_keys(request: Request) -> Response:
    """RFC 7517: keys that verify what this service signs."""
    keyring: Keyring = request.app.state.keyring
    return _public(keyring.public_jwks(), "application/jwk-set+json")


async def _answer(
    request: Request, database: AppDatabase, authority: Authority, endpoint: Endpoint
) -> Response:
    answer_together = request.app.state.answer_together
    try:
        ask = await read_ask(request)
        filed = Filed(ask, credentials_of(ask), endpoint)
        if isinstance(filed.shown, Credentials):
            host = request.client.host if request.client else ""
            await know(database, authority, filed.shown.client_id, host)
        answer = await with_keys(authority, lambda: database.run_jointly(answer_together, filed))
    except OAuth2Error as error:
        answer = refusal(error)
    except DomainError as error:
        answer = domain_refusal(error)
    return respond(answer)


HOT = [route for route in router.routes if isinstance(route, Route) and route.path == TOKEN_PATH]


def _plain_page(_: Request, title: str, detail: str) -> Response:
    return PlainTextResponse(f"{title}. {detail}", 400, NO_STORE)


def _public(value: dict[str, Any], media_type: str = "application/json") -> Response:
    return Response(jsonio.dumps(value), headers=_CACHED, media_type=media_type)
