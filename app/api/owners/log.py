"""What an owner sees and decides of an object's log by API: how much it holds, what it lacks, when
it rests, how long it is kept, and what is erased of it."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app.api.examples import BEARER, problem_responses
from app.api.gaps import GAPS_EXAMPLE, GapsOut, gaps_out
from app.api.owners.log_views import (
    ERASURES_EXAMPLE,
    RECORDING_EXAMPLE,
    REMOVED_EXAMPLE,
    STATS_EXAMPLE,
    WHOLE,
    ErasuresOut,
    RecordingOut,
    RemovedOut,
    Retention,
    What,
    Which,
    erasure_out,
    recording_out,
)
from app.api.vendors.data import send
from app.disclosure.own import count_own
from app.disclosure.reader import Disclosed, NotDisclosed
from app.kit.errors import NotFound
from app.kit.http import AppClock, AppDatabase, AppSettings, Connection, Db, ReadDb, StrictRoute
from app.oauth.protect import (
    OwnerManager,
    OwnerReader,
    Principal,
    credential_of,
    own_principal,
    own_reader,
)
from app.oauth.tools import AppOpenKeys
from app.objects.recording import pause, resume
from app.usage.own import erase, keep_for, own_counters, recording_of, removals
from app.usage.remove import Range

router = APIRouter(prefix="/v1/me", tags=["Owners: your log"], route_class=StrictRoute)


@router.get(
    "/objects/{object_id}/stats",
    summary="Count your object's records",
    openapi_extra=BEARER,
    responses=problem_responses(401, 403, 404) | {200: STATS_EXAMPLE},
)
async def count_own_records(
    request: Request,
    object_id: str,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
) -> Response:
    """How many records each stream holds, from when to when, and how many on each day of UTC;
    known without opening any. Records that a later one corrects are counted too. Needs a personal
    token with `own:read`, and stands in your history."""
    shown = credential_of(request)
    deadline = timedelta(seconds=settings.send_deadline_seconds)

    def work(conn: Connection) -> Disclosed | NotDisclosed:
        caller = own_principal(conn, clock, shown, "own:read", "stats")
        if isinstance(caller, NotDisclosed):
            return caller
        return count_own(conn, clock, own_reader(caller), object_id, deadline)

    return send(await database.run(work), clock)


@router.get(
    "/objects/{object_id}/gaps",
    summary="See which records never came",
    responses=problem_responses(401, 403, 404, 422) | {200: GAPS_EXAMPLE},
)
def show_own_gaps(object_id: UUID, caller: OwnerReader, db: ReadDb) -> GapsOut:
    """The holes in the numbers that devices count their records with, by stream and by `epoch`,
    during your time with the object. They are shown, and never filled by anybody else. What was
    not recorded because you had paused it is a hole as well."""
    return gaps_out(own_counters(db.connection(), _owner(caller, object_id), object_id))


@router.get(
    "/objects/{object_id}/recording",
    summary="See how your object is recorded",
    responses=problem_responses(401, 403, 404, 422) | {200: RECORDING_EXAMPLE},
)
def show_recording(object_id: UUID, caller: OwnerReader, db: ReadDb) -> RecordingOut:
    """What is paused, and how many days each stream is kept: by the product, by you, and the
    shorter of the two, which counts."""
    return recording_out(recording_of(db.connection(), _owner(caller, object_id), object_id))


@router.post(
    "/objects/{object_id}/pause",
    summary="Pause the recording",
    responses=problem_responses(400, 401, 403, 404, 409, 422) | {200: RECORDING_EXAMPLE},
)
def pause_recording(
    object_id: UUID, caller: OwnerManager, db: Db, clock: AppClock, which: Which = WHOLE
) -> RecordingOut:
    """From now on nothing of the object, or of one stream, is stored; whoever sends it is told
    `recording-paused`. Pausing what rests changes nothing. Needs `own:manage`."""
    owner_id = _owner(caller, object_id)
    pause(db, clock, owner_id, object_id, which.stream)
    return _now(db, owner_id, object_id)


@router.post(
    "/objects/{object_id}/resume",
    summary="Record again",
    responses=problem_responses(400, 401, 403, 404, 422) | {200: RECORDING_EXAMPLE},
)
def resume_recording(
    object_id: UUID, caller: OwnerManager, db: Db, clock: AppClock, which: Which = WHOLE
) -> RecordingOut:
    """Store again what happens from now on. Without a stream every pause of the object ends. What
    happened meanwhile stays refused. Needs `own:manage`."""
    owner_id = _owner(caller, object_id)
    resume(db, clock, owner_id, object_id, which.stream)
    return _now(db, owner_id, object_id)


@router.put(
    "/objects/{object_id}/retention/{stream}",
    summary="Say how long a stream is kept",
    responses=problem_responses(400, 401, 403, 404, 422) | {200: RECORDING_EXAMPLE},
)
def choose_retention(
    object_id: UUID,
    stream: Annotated[str, Path(max_length=40)],
    wanted: Retention,
    caller: OwnerManager,
    db: Db,
    keys: AppOpenKeys,
) -> RecordingOut:
    """Keep its records for fewer days than the product says (`keep-too-long` otherwise), counted
    in whole days of UTC. What is older then is removed for good, soon after. Needs
    `own:manage`."""
    owner_id = _owner(caller, object_id)
    keep_for(db, keys, owner_id, object_id, stream, wanted.days)
    return _now(db, owner_id, object_id)


@router.post(
    "/objects/{object_id}/erasures",
    summary="Erase a part of the log",
    responses=problem_responses(400, 401, 403, 404, 422) | {200: REMOVED_EXAMPLE},
)
def erase_records(
    object_id: UUID, wanted: What, caller: OwnerManager, db: Db, clock: AppClock, keys: AppOpenKeys
) -> RemovedOut:
    """Remove every record placed in the range, at once and for everybody, with an entry in the log
    that says so. The keys that sealed them are destroyed soon after (`final_at`). The log still
    verifies: it shows that something was there, and nothing of it. Needs `own:manage`."""
    owner_id = _owner(caller, object_id)
    part = Range(wanted.stream, wanted.from_, wanted.to)
    return RemovedOut(removed=erase(db.connection(), clock, keys, owner_id, object_id, part))


@router.get(
    "/objects/{object_id}/erasures",
    summary="See what was removed",
    responses=problem_responses(401, 403, 404, 422) | {200: ERASURES_EXAMPLE},
)
def list_erasures(object_id: UUID, caller: OwnerReader, db: ReadDb) -> ErasuresOut:
    """What was removed from the log of your time with the object, by you or because its time to be
    kept was over, the newest first."""
    found = removals(db.connection(), _owner(caller, object_id), object_id)
    return ErasuresOut(erasures=[erasure_out(one) for one in found])


def _owner(caller: Principal, object_id: UUID) -> UUID:
    """The owner behind a token that reaches this object; NotFound where it does not."""
    assert caller.owner_id is not None  # a personal token has an owner
    if caller.objects is not None and object_id not in caller.objects:
        raise NotFound
    return caller.owner_id


def _now(db: Db, owner_id: UUID, object_id: UUID) -> RecordingOut:
    db.flush()
    return recording_out(recording_of(db.connection(), owner_id, object_id))
