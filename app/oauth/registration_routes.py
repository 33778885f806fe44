"""The addresses at which clients register and look after their registration."""

from collections.abc import Callable
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc7591 import InvalidClientMetadataError
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.errors import DomainError, InvalidJson
from app.kit.http import AppClock, AppDatabase, AppSettings, Session
from app.kit.limits import Limit, spend
from app.oauth import registration
from app.oauth.client_metadata import say
from app.oauth.http import MAX_BODY, NO_STORE, Answer, domain_refusal, refusal, respond
from app.oauth.registration import BearerMissing, BearerRefused
from app.settings import Settings

router = APIRouter(tags=["OAuth"])

_JSON = "application/json"
_HOUR = 3600
_METADATA: dict[str, Any] = {
    "client_name": "Mend & Co",
    "redirect_uris": ["https://mend.example/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "client_secret_basic",
    "scope": "usage:read care:read",
    "client_uri": "https://mend.example",
    "contacts": ["data@mend.example"],
    "purposes": [
        {
            "purpose": "RepairImpairments",
            "title": "Tell you when to mend",
            "legal_basis": "Consent",
            "scopes": {
                "usage:read": {"needed": True, "why": "Wear decides when a seam gives."},
                "care:read": {"needed": False, "why": ""},
            },
        }
    ],
}
_ISSUED: dict[str, Any] = {
    "client_id": "mend-co-5f0c3a9be1d2",
    "client_id_issued_at": 1793610000,
    "client_secret": "inseam_cs_2nZ3QX0rVb5iBf6v8nqKc1pJmY7w4TtDdLh9sGgA0eE",
    "client_secret_expires_at": 0,
    "registration_access_token": "inseam_ra_Jd0w8s3vYt6mQk2xLr9eUb4nHc7zPfGiToA1yWqVjXk",
    "registration_client_uri": "https://things.example/oauth/register/mend-co-5f0c3a9be1d2",
    "response_types": ["code"],
}
_SHOWN = {name: value for name, value in _ISSUED.items() if "secret" not in name} | _METADATA


def _told(example: dict[str, Any]) -> dict[str, Any]:
    content = {_JSON: {"schema": {"type": "object"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def _refused(status: int, error: str, description: str) -> dict[int | str, dict[str, Any]]:
    example = {"error": error, "error_description": description}
    return {status: {"description": "Refused", "content": {_JSON: {"example": example}}}}


def _answered(status: int, example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": "Registered", "content": {_JSON: {"example": example}}}}


_NO_TOKEN = _refused(401, "invalid_token", BearerRefused.description)
_NO_METADATA = _refused(
    400, "invalid_redirect_uri", "redirect_uris: a client that asks owners has at least one."
)
_CLOSED = _refused(403, "access_denied", registration.RegistrationRefused.description)
_TOO_OFTEN = _refused(429, "temporarily_unavailable", "Too many requests; wait a moment.")


@router.post(
    registration.PATH,
    status_code=201,
    summary="Register a client",
    openapi_extra=_told(_METADATA),
    responses=_answered(201, _ISSUED | _METADATA) | _NO_METADATA | _NO_TOKEN | _CLOSED | _TOO_OFTEN,
)
async def register_client(
    request: Request, database: AppDatabase, clock: AppClock, settings: AppSettings
) -> Response:
    """RFC 7591. Where the operator invites, send the initial access token as Bearer; it works
    once. `purposes` says what owners will be asked, and on what legal basis; owners are told that
    nobody has verified you. The secret and the registration_access_token are told this once."""

    def register(db: Session, bearer: str | None, told: Any) -> Answer:
        return Answer(201, registration.register(db, clock, settings, bearer, told))

    limit = Limit("register", settings.rate_register_per_hour, _HOUR)
    return await _answer(request, database, clock, settings, register, limit, is_new=True)


@router.get(
    registration.PATH + "/{client_id}",
    summary="Show a registration",
    responses=_answered(200, _SHOWN) | _NO_TOKEN,
)
async def show_client(
    client_id: str, request: Request, database: AppDatabase, settings: AppSettings, clock: AppClock
) -> Response:
    """RFC 7592 §2.1, with the registration_access_token as Bearer. A client's secret is kept as a
    hash, so it is not told again."""

    def show(db: Session, bearer: str | None, _: Any) -> Answer:
        return Answer(200, registration.show(db, settings, client_id, bearer))

    return await _answer(request, database, clock, settings, show)


@router.put(
    registration.PATH + "/{client_id}",
    summary="Replace a registration",
    openapi_extra=_told({"client_id": _ISSUED["client_id"]} | _METADATA),
    responses=_answered(200, _SHOWN) | _NO_METADATA | _NO_TOKEN | _TOO_OFTEN,
)
async def replace_client(
    client_id: str, request: Request, database: AppDatabase, settings: AppSettings, clock: AppClock
) -> Response:
    """RFC 7592 §2.2: what is not told any more is not registered any more. What owners have
    allowed stays as it is: they are asked anew for more. A client cannot become public, nor a
    public one confidential. The registration_access_token stays the same."""

    def replace(db: Session, bearer: str | None, told: Any) -> Answer:
        return Answer(200, registration.replace(db, settings, client_id, bearer, told))

    limit = Limit("register-again", settings.rate_register_per_hour, _HOUR)
    return await _answer(request, database, clock, settings, replace, limit)


@router.delete(
    registration.PATH + "/{client_id}",
    status_code=204,
    summary="End a registration",
    responses=_NO_TOKEN,
)
async def remove_client(
    client_id: str, request: Request, database: AppDatabase, settings: AppSettings, clock: AppClock
) -> Response:
    """RFC 7592 §2.3: the client, its tokens and its registration_access_token stop at once."""

    def remove(db: Session, bearer: str | None, _: Any) -> Answer:
        registration.remove(db, clock, client_id, bearer)
        return Answer(204, {})

    return await _answer(request, database, clock, settings, remove)


async def _answer(
    request: Request,
    database: Database,
    clock: Clock,
    settings: Settings,
    work: Callable[[Session, str | None, Any], Answer],
    limit: Limit | None = None,
    *,
    is_new: bool = False,
) -> Response:
    """One transaction counts the call, another does the work: a refusal must not undo the count."""
    host = request.client.host if request.client else ""

    def run(bearer: str | None, body: bytes | None) -> Answer:
        if limit is not None:
            database.submit(lambda conn: spend(conn, clock, limit, host)).result()
        told = None if body is None else _read(body)
        with database.session() as db:
            return work(db, bearer, told)

    try:
        if is_new:
            registration.check_open(settings)
        bearer = _bearer(request)
        body = await _body(request) if request.method in ("POST", "PUT") else None
        answer = await run_in_threadpool(run, bearer, body)
    except OAuth2Error as error:
        answer = _challenged(error)
    except DomainError as error:
        answer = domain_refusal(error)
    if answer.status == 204:
        return Response(status_code=204, headers=NO_STORE)
    return respond(answer)


def _bearer(request: Request) -> str | None:
    """The token in the header Authorization, where there is one of that kind."""
    given = request.headers.getlist("authorization")
    scheme, _, token = given[0].partition(" ") if given else ("", "", "")
    if scheme.lower() != "bearer":
        return None
    if len(given) > 1 or not token.strip():
        raise BearerRefused
    return token.strip()


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        raise InvalidClientMetadataError(f"Send the metadata as {_JSON}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise InvalidClientMetadataError(f"The metadata is larger than {MAX_BODY} bytes.")
    return bytes(body)


def _read(body: bytes) -> Any:
    try:
        return jsonio.loads(body)
    except InvalidJson as error:
        raise InvalidClientMetadataError(say(error.detail)) from error


def _challenged(error: OAuth2Error) -> Answer:
    """The error as it is said, with the challenge that belongs to it (RFC 6750 §3)."""
    answer = refusal(error)
    if isinstance(error, BearerMissing):
        return answer._replace(headers={"WWW-Authenticate": "Bearer"})
    if isinstance(error, BearerRefused):
        return answer._replace(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    return answer
