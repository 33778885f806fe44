"""Idempotency-Key at the API: the first answer is kept and given again, byte for byte."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header
from pydantic import BaseModel

from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.http import Session
from app.kit.idempotency import Answer, begin, check_key, finish

REPLAYED = "Idempotent-Replayed"

KEY_WORDS = "Makes a retry safe: for 24 hours the same key gives the same answer."
OptionalKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description=KEY_WORDS,
        max_length=255,
    ),
]
SecretKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Required: 22 to 255 characters that nobody can guess, such as a random "
        "UUID. The answer holds secrets and is kept sealed under this key for 24 hours; only "
        "you, with this key, can fetch it again.",
        max_length=255,
    ),
]


def require_key(key: str | None) -> str:
    """The key of a call whose answer holds secrets; IdempotencyKeyMissing without a good one."""
    checked = check_key(key, is_secret=True)
    assert checked is not None  # a secret answer is never given without a key
    return checked


def answer_once(
    db: Session,
    clock: Clock,
    caller: str,
    key: str | None,
    request: tuple[str, BaseModel | None],
    work: Callable[[], Any],
    *,
    status: int = 201,
    is_secret: bool = False,
) -> Answer:
    """Do the work and keep its answer, or give the one that was kept.

    `request` is the operation with its address, and the body: another one under the same key is
    refused.
    """
    checked = check_key(key, is_secret=is_secret)
    if checked is None:
        return Answer(status, jsonio.dumps(work()))
    conn = db.connection()
    name, body = request
    asked = f"{name}\n{body.model_dump_json() if body else ''}".encode()
    kept = begin(conn, clock, caller, checked, asked, is_secret=is_secret)
    if kept is not None:
        return kept
    answer = Answer(status, jsonio.dumps(work()))
    finish(conn, caller, checked, answer, is_secret=is_secret)
    return answer
