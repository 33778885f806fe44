"""What a vendor owes when a permission has ended, and its answer."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from app.api.examples import json_example, problem_responses
from app.api.views import owed_out
from app.consent.duties import answer, list_duties
from app.kit import jsonio
from app.kit.http import AppClock, AppCursors, Db, ReadDb, StrictRoute
from app.kit.paging import MAX_LIMIT
from app.oauth.protect import GrantsReader

router = APIRouter(prefix="/v1/data", tags=["Vendors: data"], route_class=StrictRoute)

_DUTY = {
    "grant_id": "0b9f2f5e-2c0e-4a5e-9f5b-6f1d2d7f4c11",
    "state": "open",
    "asked_at": "2026-11-27T09:00:00Z",
    "due_at": "2026-12-27T09:00:00Z",
    "is_ordered": False,
    "statement": "",
    "answered_at": None,
}
_PAGE = json_example("A page of duties.", {"duties": [_DUTY], "next": None})
_ONE = json_example("The duty as it stands.", _DUTY | {"state": "erased"})


class DutyAnswer(BaseModel):
    """What became of what was read: `erased`, or `kept` with the law that asks for it."""

    model_config = ConfigDict(extra="forbid")

    answer: Literal["erased", "kept"]
    statement: str = Field("", max_length=1000, examples=["Invoices, ten years, by tax law."])


@router.get(
    "/duties",
    summary="See what you have to erase",
    responses=problem_responses(400, 401, 403, 422) | {200: _PAGE},
)
def list_own_duties(
    caller: GrantsReader,
    db: ReadDb,
    clock: AppClock,
    cursors: AppCursors,
    answered: Annotated[bool, Query(description="Those that were answered, instead.")] = False,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Duties a page.")] = 100,
    after: Annotated[
        str | None, Query(max_length=2000, description="Cursor of the page before.")
    ] = None,
) -> Response:
    """Permissions that have ended and under which this client read something: erase it, and say so.
    What is due first comes first. Needs the scope grants:read."""
    client_id, bound = str(caller.client_id), (caller.client_id, "duties", answered)
    last = cursors.open(after, *bound) if after else None
    position = (datetime.fromisoformat(last[0]), UUID(last[1])) if last else None
    found = list_duties(db, clock, client_id, is_answered=answered, after=position, limit=limit + 1)
    more, found = len(found) > limit, found[:limit]
    end = [found[-1].due_at.isoformat(), str(found[-1].grant_id)] if more else None
    cursor = cursors.seal(end, *bound) if end else None
    return _json({"duties": [owed_out(one) for one in found], "next": cursor})


@router.post(
    "/duties/{grant_id}",
    summary="Say that you erased it",
    responses=problem_responses(401, 403, 404, 409, 422) | {200: _ONE},
)
def answer_duty(
    grant_id: UUID, said: DutyAnswer, caller: GrantsReader, db: Db, clock: AppClock
) -> Response:
    """The owner sees the answer. What was kept may be erased later; what was erased stays so. Needs
    the scope grants:read."""
    owed = answer(db, clock, str(caller.client_id), grant_id, said.answer, said.statement)
    return _json(owed_out(owed))


def _json(body: dict[str, Any]) -> Response:
    text = jsonio.dumps(body)
    return Response(text, headers={"Cache-Control": "no-store"}, media_type="application/json")
