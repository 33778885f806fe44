"""Minting by the thousand: a job, its progress, and a report that only its caller can open."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.examples import json_example, problem_responses
from app.api.kept import SecretKey, require_key
from app.api.makers import examples
from app.api.makers.caller import maker_of
from app.api.makers.minted import MintedOut, report_row, with_label
from app.kit.errors import WrongMember
from app.kit.http import AppClock, AppSettings, Db, ReadDb, StrictRoute
from app.kit.jobs import Job
from app.oauth.protect import ObjectWriter
from app.objects import bulk
from app.objects.mint import minting_origin
from app.objects.products import get_product

router = APIRouter(prefix="/v1", tags=["Makers: objects"], route_class=StrictRoute)

MAX_LABELS = 100
Serial = Annotated[str, Field(max_length=200)]
Prefix = Annotated[str, Field(min_length=1, max_length=100, examples=["SL-"])]


class BulkOrder(BaseModel):
    """Serials, or how many and what each begins with: `SL-` and 500 gives SL-001 to SL-500."""

    model_config = ConfigDict(extra="forbid")

    product_id: UUID
    serials: list[Serial] | None = Field(None, min_length=1, max_length=bulk.MAX_SERIALS)
    count: int | None = Field(None, ge=1, le=bulk.MAX_SERIALS)
    serial_prefix: Prefix | None = None

    @model_validator(mode="after")
    def check_choice(self) -> "BulkOrder":
        is_counted = self.count is not None and self.serial_prefix is not None
        is_neither = self.count is None and self.serial_prefix is None
        if not (is_counted and self.serials is None) and not (is_neither and self.serials):
            raise WrongMember("serials", "send either serials, or count and serial_prefix")
        return self


class JobOut(BaseModel):
    """How far a job is."""

    job_id: UUID
    state: str = Field(description="waiting, running, done or failed.")
    done: int
    total: int
    failure: str | None
    report: str
    created_at: datetime
    finished_at: datetime | None


class ReportPage(BaseModel):
    """A page of a report. `next` is the value of `after` for the page that follows."""

    rows: list[MintedOut]
    next: int | None


Order = Annotated[
    BulkOrder,
    Body(
        openapi_examples={
            "counted": {"summary": "Numbered", "value": examples.BULK_EXAMPLE},
            "listed": {"summary": "Your own serials", "value": examples.BULK_LIST_EXAMPLE},
        }
    ),
]


@router.post(
    "/objects/bulk",
    status_code=202,
    summary="Mint objects in bulk",
    responses=problem_responses(400, 401, 403, 404, 409, 412, 413, 415, 422)
    | {202: json_example("Accepted.", examples.JOB_EXAMPLE)},
)
def mint_in_bulk(
    order: Order,
    caller: ObjectWriter,
    db: Db,
    clock: AppClock,
    settings: AppSettings,
    response: Response,
    key: SecretKey = None,
) -> JobOut:
    """Mint up to 10,000 objects as a job. Its report is sealed to a key made from your
    Idempotency-Key, which is stored nowhere: keep it, or the claim codes are lost and have to be
    renewed one by one. The same call with the same key gives the same job."""
    maker = maker_of(caller)
    secret = require_key(key)
    minting_origin(settings)
    product = get_product(db, maker.org_id, order.product_id)
    serials = order.serials or bulk.numbered(str(order.serial_prefix), order.count or 0)
    job = bulk.order(db, clock, maker.client_id, product, serials, secret)
    response.headers["Location"] = f"/v1/jobs/{job.job_id}"
    return _job_out(job)


@router.get(
    "/jobs/{job_id}",
    summary="Look at a job",
    responses=problem_responses(401, 403, 404, 422)
    | {200: json_example("The job.", examples.JOB_EXAMPLE)},
)
def show_job(job_id: UUID, caller: ObjectWriter, db: ReadDb) -> JobOut:
    """How many rows are done, for the client that asked for them. Rows that are done can be read
    from the report already."""
    maker = maker_of(caller)
    return _job_out(bulk.get_job(db, maker.client_id, job_id))


@router.get(
    "/jobs/{job_id}/report",
    summary="Read a job's report",
    responses=problem_responses(400, 401, 403, 404, 410, 422)
    | {200: json_example("A page of rows.", examples.REPORT_EXAMPLE)},
)
def read_job_report(
    job_id: UUID,
    caller: ObjectWriter,
    db: ReadDb,
    settings: AppSettings,
    response: Response,
    key: SecretKey = None,
    after: Annotated[int, Query(ge=0, le=bulk.MAX_SERIALS, description="Last line seen.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
    labels: Annotated[bool, Query(description="Add the label; at most 100 rows a page.")] = False,
) -> ReportPage:
    """The rows done so far, with the same Idempotency-Key as the minting. The report is wiped
    after 24 hours, or when you acknowledge it (DELETE). While the job runs `next` may point to
    rows that are still to come."""
    maker = maker_of(caller)
    secret = require_key(key)
    job = bulk.get_job(db, maker.client_id, job_id)
    size = min(limit, MAX_LABELS) if labels else limit
    found = bulk.read_report(db, maker.client_id, job_id, secret, after, size)
    product = get_product(db, maker.org_id, UUID(job.payload["product_id"]))
    rows = [report_row(settings.origin, product, row) for row in found]
    if labels:
        rows = [with_label(row, product.name) for row in rows]
    last = found[-1].line if found else after
    end = job.done if job.finished_at else job.total
    response.headers["Cache-Control"] = "no-store"
    return ReportPage(
        rows=[MintedOut.model_validate(row) for row in rows],
        next=last if last < end else None,
    )


@router.delete(
    "/jobs/{job_id}/report",
    status_code=204,
    summary="Acknowledge a report",
    responses=problem_responses(400, 401, 403, 404, 409, 422),
)
def acknowledge_report(job_id: UUID, caller: ObjectWriter, db: Db, key: SecretKey = None) -> None:
    """Say, with the same Idempotency-Key as the minting, that you have the report: it is wiped
    here. Refused while the job works."""
    maker = maker_of(caller)
    bulk.wipe_report(db, maker.client_id, job_id, require_key(key))


def _job_out(job: Job) -> JobOut:
    return JobOut(
        job_id=job.job_id,
        state=job.state,
        done=job.done,
        total=job.total,
        failure=job.failure,
        report=f"/v1/jobs/{job.job_id}/report",
        created_at=job.created_at,
        finished_at=job.finished_at,
    )
