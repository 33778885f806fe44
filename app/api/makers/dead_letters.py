"""Makers see which of their messages from a broker were not stored, and why."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.api.examples import json_example, problem_responses
from app.api.makers import examples
from app.api.makers.caller import maker_of
from app.kit.http import AppCursors, ReadDb
from app.kit.paging import MAX_LIMIT
from app.oauth.protect import LogWriter
from app.organizations.dead_letters import list_letters
from app.organizations.models import DeadLetter

router = APIRouter(prefix="/v1", tags=["Makers: usage"])


class DeadLetterOut(BaseModel):
    """A message that was not stored, or not wholly. Its content is not kept."""

    letter_id: UUID
    topic: str = Field(description="Its topic; of a very long one the first 500 characters.")
    at: datetime = Field(description="When it last came.")
    reason: str = Field(description="The problem's slug; of several lines, the first one's.")
    refused: int | None = Field(description="How many lines were refused; null: all of it was.")
    line: int | None = Field(description="The first line that was refused, counted from 1.")
    size: int = Field(description="Bytes of its payload.")
    sha256: str = Field(description="SHA-256 of its payload, hexadecimal.")


class DeadLetterPage(BaseModel):
    """A page of dead letters, newest first."""

    letters: list[DeadLetterOut]
    next: str | None


@router.get(
    "/dead-letters",
    summary="List messages that were not stored",
    responses=problem_responses(400, 401, 403, 422)
    | {200: json_example("A page.", {"letters": [examples.DEAD_LETTER_EXAMPLE], "next": None})},
)
def list_dead_letters(
    caller: LogWriter,
    db: ReadDb,
    cursors: AppCursors,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    after: Annotated[str | None, Query(max_length=2000)] = None,
) -> DeadLetterPage:
    """Messages that came from your broker by MQTT in the last 30 days and were refused wholly or
    in part, newest first. Find yours by its SHA-256, mend the reason and publish it again: records
    with an `id` or a `sequence` are stored once. The same bytes on the same topic are one letter,
    with the time at which they last came. Follow `next` until it is null."""
    maker = maker_of(caller)
    bound = (maker.org_id, "dead-letters")
    position = _position(cursors.open(after, *bound)) if after else None
    found = list_letters(db, maker.org_id, after=position, limit=limit + 1)
    page = found[:limit]
    more = len(found) > limit
    return DeadLetterPage(
        letters=[_letter_out(letter) for letter in page],
        next=cursors.seal(_place(page[-1]), *bound) if more else None,
    )


def _place(letter: DeadLetter) -> list[str]:
    return [letter.at.isoformat(), str(letter.letter_id)]


def _position(place: list[str]) -> tuple[datetime, UUID]:
    at, letter_id = place
    return datetime.fromisoformat(at), UUID(letter_id)


def _letter_out(letter: DeadLetter) -> DeadLetterOut:
    return DeadLetterOut(
        letter_id=letter.letter_id,
        topic=letter.topic,
        at=letter.at,
        reason=letter.reason,
        refused=letter.refused,
        line=letter.line,
        size=letter.size,
        sha256=letter.sha256.hex(),
    )
