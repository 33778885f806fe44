"""Domain errors as RFC 9457 problem documents: the one place that knows status numbers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from app.kit import jsonio
from app.kit.errors import (
    BodyTooLarge,
    DomainError,
    InvalidRequest,
    Kind,
    MalformedRequest,
    NotFound,
    OutOfSpace,
    TooManyRequests,
    Unavailable,
    WrongMember,
    fault_text,
)
from app.kit.faults import translate
from app.kit.logs import request_id

STATUS = {
    Kind.malformed: 400,
    Kind.unauthenticated: 401,
    Kind.forbidden: 403,
    Kind.not_found: 404,
    Kind.conflict: 409,
    Kind.gone: 410,
    Kind.precondition: 412,
    Kind.too_large: 413,
    Kind.unsupported: 415,
    Kind.invalid: 422,
    Kind.too_many: 429,
    Kind.unavailable: 503,
    Kind.out_of_space: 507,
}

_RETRY_SECONDS: dict[type[DomainError], int] = {Unavailable: 1, OutOfSpace: 30}


class MethodNotAllowed(DomainError):
    """The address is right, the method is not. The header Allow lists what it takes."""

    kind, slug, title = Kind.malformed, "method-not-allowed", "This address does not take that."


class InternalError(DomainError):
    """A fault of this service. The operator finds it by the request id; retrying is safe with an
    Idempotency-Key."""

    kind, slug, title = Kind.unavailable, "internal-error", "Something went wrong on our side."


def all_errors(root: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """Every error class that has a page."""
    for error in root.__subclasses__():
        if error.slug:
            yield error
        yield from all_errors(error)


def document(error: DomainError, origin: str, status: int | None = None) -> dict[str, Any]:
    """The problem's members (RFC 9457 §3.1); `instance` is the request's id."""
    problem: dict[str, Any] = {
        "type": f"{origin}/problems/{error.slug}",
        "title": error.title,
        "status": status or STATUS[error.kind],
        "detail": error.detail,
        "instance": f"urn:request:{request_id()}",
    }
    if error.field is not None:
        problem["errors"] = [{"pointer": error.field, "detail": error.detail}]
    return problem | error.extra


def answer(error: DomainError, origin: str, status: int | None = None) -> Response:
    """The answer a caller of the JSON API sees."""
    code = status or STATUS[error.kind]
    headers = {"Cache-Control": "no-store"}
    retry = error.extra.get("retry_after", _RETRY_SECONDS.get(type(error)))
    if retry is not None:
        headers["Retry-After"] = str(retry)
    challenge = error.extra.get("challenge")
    if challenge:
        headers["WWW-Authenticate"] = challenge.replace("{origin}", origin)
    if "dpop_nonce" in error.extra:
        headers["DPoP-Nonce"] = error.extra["dpop_nonce"]
    body = document(error, origin, code)
    body.pop("challenge", None)
    body.pop("dpop_nonce", None)
    return Response(jsonio.dumps(body), code, headers, "application/problem+json")


def from_http(error: HTTPException) -> tuple[DomainError, int]:
    """The framework's own refusals in our words, and their status."""
    known: dict[int, type[DomainError]] = {
        404: NotFound,
        405: MethodNotAllowed,
        413: BodyTooLarge,
        429: TooManyRequests,
    }
    found = known.get(error.status_code)
    if found is None:
        return MalformedRequest(str(error.detail)), error.status_code
    return found(), error.status_code


def invalid_parts(faults: Iterable[Mapping[str, Any]]) -> InvalidRequest:
    """Every part that is wrong, each with its JSON pointer (RFC 6901), from pydantic's faults.

    A rule about several members points at the one that mends it (WrongMember).
    """
    fields = []
    for fault in faults:
        place, *rest = fault["loc"] or ("body",)
        path = list[Any](rest)
        cause = fault.get("ctx", {}).get("error")
        if isinstance(cause, WrongMember):
            path.append(cause.member)
        steps = "".join(f"/{str(p).replace('~', '~0').replace('/', '~1')}" for p in path)
        pointer = steps if place == "body" else f"{place}:{steps.strip('/')}"
        fields.append({"pointer": pointer, "detail": fault_text(fault)})
    first = fields[0] if fields else {"pointer": "", "detail": "invalid"}
    where = first["pointer"] or "the body"
    return InvalidRequest(f"{where}: {first['detail']}.", errors=fields)


FAILURES = (
    DomainError,
    HTTPException,
    RequestValidationError,
    DBAPIError,
    PoolTimeout,
    ClientDisconnect,
)


def explain(error: Exception) -> tuple[DomainError, int]:
    """Any of FAILURES, or a fault of our own, as a domain error with its status."""
    if isinstance(error, HTTPException) and isinstance(error.__cause__, DomainError):
        error = error.__cause__  # the framework calls any error while reading a body a 400
    if isinstance(error, HTTPException):
        return from_http(error)
    found: DomainError = InternalError()
    if isinstance(error, RequestValidationError):
        found = invalid_parts(error.errors())
    elif isinstance(error, DBAPIError | PoolTimeout):
        found = translate(error)
    elif isinstance(error, ClientDisconnect):
        found = MalformedRequest("The body ended early.")
    elif isinstance(error, DomainError):
        found = error
    return found, 500 if isinstance(found, InternalError) else STATUS[found.kind]


def install(app: FastAPI, origin: str) -> None:
    """Answer every error of a JSON app with a problem document."""

    async def handle(_: Request, error: Exception) -> Response:
        found, status = explain(error)
        response = answer(found, origin, status)
        for name, value in (getattr(error, "headers", None) or {}).items():
            response.headers[name] = value
        return response

    for failure in (*FAILURES, Exception):
        app.add_exception_handler(failure, handle)
