"""A maker looks up which numbers of its devices never came."""

from uuid import UUID

from fastapi import APIRouter

from app.api.examples import problem_responses
from app.api.gaps import GAPS_EXAMPLE, GapsOut, gaps_out
from app.api.makers.caller import maker_of
from app.kit.http import AppSettings, ReadDb
from app.oauth.protect import LogWriter
from app.objects.made import get_made
from app.usage.own import present_counters

router = APIRouter(prefix="/v1", tags=["Makers: usage"])


@router.get(
    "/objects/{object_id}/gaps",
    summary="See which numbers never came",
    responses=problem_responses(401, 403, 404, 422) | {200: GAPS_EXAMPLE},
)
def show_gaps(object_id: UUID, caller: LogWriter, db: ReadDb, settings: AppSettings) -> GapsOut:
    """The holes in what you sent of an object with a `sequence`, for each stream and each `epoch`
    of the device's counter, during the present owner's time. A record that was refused is a hole
    too. Nothing for an object without an owner. What its owner erased is no hole: it came."""
    get_made(db, maker_of(caller).org_id, object_id, settings.origin)
    return gaps_out(present_counters(db.connection(), object_id))
