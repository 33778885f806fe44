"""Whether the process runs, and whether it can do its work."""

from fastapi import APIRouter

from app.api.examples import json_example, problem_responses
from app.kit.http import AppDatabase

router = APIRouter(tags=["Public: service"])


@router.head("/healthz", include_in_schema=False)
@router.get(
    "/healthz",
    summary="Is the process alive?",
    responses={200: json_example("It runs.", {"status": "ok"})},
)
async def tell_alive() -> dict[str, str]:
    """Answers without touching anything; for restarts."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Can it serve?",
    responses=problem_responses(503, 507) | {200: json_example("It serves.", {"status": "ready"})},
)
def tell_ready(database: AppDatabase) -> dict[str, str]:
    """Asks the database; 503 while it does not answer, 507 while its disk is full. For load
    balancers."""
    database.ping()
    return {"status": "ready"}
