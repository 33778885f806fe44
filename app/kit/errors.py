"""Domain errors: a class is a slug, a kind and one sentence for people. No status numbers here."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar


class Kind(StrEnum):
    """What went wrong, in eleven words; `kit/problems.py` maps each to a status."""

    invalid = "invalid"
    malformed = "malformed"
    unauthenticated = "unauthenticated"
    forbidden = "forbidden"
    not_found = "not_found"
    conflict = "conflict"
    gone = "gone"
    precondition = "precondition"
    too_large = "too_large"
    unsupported = "unsupported"
    too_many = "too_many"
    out_of_space = "out_of_space"
    unavailable = "unavailable"


class DomainError(Exception):
    """Something a caller can act on. The docstring of each subclass explains it on its page.

    `detail` says what is so in this case, `field` points to the part of the input (a JSON
    pointer), `extra` holds further members of the problem document (RFC 9457 §3.2).
    """

    kind: ClassVar[Kind] = Kind.invalid
    slug: ClassVar[str] = ""
    title: ClassVar[str] = ""

    def __init__(self, detail: str = "", *, field: str | None = None, **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.field = field
        self.extra = extra


class WrongMember(ValueError):
    """What a model's rule about several members raises: the member that mends it, and why."""

    def __init__(self, member: str, detail: str) -> None:
        super().__init__(detail)
        self.member = member


def fault_text(fault: Mapping[str, Any]) -> str:
    """What pydantic says is wrong, in the words of the rule alone."""
    cause = fault.get("ctx", {}).get("error")
    return str(cause) if isinstance(cause, ValueError) else str(fault["msg"])


class InvalidRequest(DomainError):
    """The request was understood as JSON or a form, but a field of it is missing or wrong.
    The member `errors` names each field by its JSON pointer."""

    kind, slug, title = Kind.invalid, "invalid-request", "A part of the request is not valid."


class MalformedRequest(DomainError):
    """The body is not what its content type says, or a query parameter cannot be read."""

    kind, slug, title = Kind.malformed, "malformed-request", "The request could not be read."


class InvalidJson(DomainError):
    """The body is no JSON this service takes: it must be valid UTF-8 JSON without duplicate
    keys, NaN or infinities, NUL, lone surrogates, integers beyond 2^53-1 or more than 32 levels."""

    kind, slug, title = Kind.invalid, "invalid-json", "The body is not JSON that can be stored."


class InvalidCursor(DomainError):
    """A page cursor is bound to its caller, its query and its permission, and works for a day.
    Start again without `after`."""

    kind, slug, title = Kind.malformed, "invalid-cursor", "The page cursor does not work here."


class BodyTooLarge(DomainError):
    """The body is over the limit. Split it into several calls."""

    kind, slug, title = Kind.too_large, "body-too-large", "The body is too large."


class UnsupportedEncoding(DomainError):
    """The body has a content encoding or content type this endpoint does not take."""

    kind, slug, title = Kind.unsupported, "unsupported-encoding", "This form of body is not taken."


class NotFound(DomainError):
    """There is nothing here that this caller may see."""

    kind, slug, title = Kind.not_found, "not-found", "There is nothing here that you may see."


class TooManyRequests(DomainError):
    """A limit on how often was reached. Wait for the seconds given in Retry-After."""

    kind, slug, title = Kind.too_many, "too-many-requests", "Too many requests; wait a moment."


class IdempotencyKeyMissing(DomainError):
    """The Idempotency-Key is missing where it is required, or cannot be used: 1 to 255 printable
    characters. Where a call answers with secrets that only the same key can fetch again, it is
    required, and has at least 22 characters that nobody can guess, such as a random UUID."""

    kind, slug, title = (
        Kind.malformed,
        "idempotency-key-missing",
        "The Idempotency-Key is missing or cannot be used.",
    )


class IdempotencyKeyReused(DomainError):
    """The same Idempotency-Key came with another request. Nothing of this one was done."""

    kind, slug, title = (
        Kind.conflict,
        "idempotency-key-reused",
        "This Idempotency-Key belongs to another request.",
    )


class AnswerWiped(DomainError):
    """The answer held secrets and was wiped: it was acknowledged, or 24 hours have passed."""

    kind, slug, title = Kind.gone, "answer-wiped", "This answer was wiped."


class Unavailable(DomainError):
    """The database did not take the request in time. Send it again with the same
    Idempotency-Key; nothing is stored twice."""

    kind, slug, title = Kind.unavailable, "unavailable", "Please try again in a moment."


class OutOfSpace(DomainError):
    """The disk is full. What was acknowledged is safe; nothing new can be stored now."""

    kind, slug, title = Kind.out_of_space, "out-of-space", "There is no space to store this."
