"""Minting in bulk over HTTP: a job, a report, an acknowledgement."""

from uuid import uuid4

import pytest
from fastapi import FastAPI

from app.worker import Worker
from tests.api.makers.conftest import Caller, Makers

KEY = "6c1f6c1b-7c55-4b07-a2a7-0f8e8f0d4b07"


@pytest.fixture
def product_id(maker: Caller) -> str:
    return maker.product()


@pytest.fixture
def worker(app: FastAPI) -> Worker:
    state = app.state
    return Worker(state.settings, state.db, state.clock, state.keyring, state.log_keys)


def work_all(worker: Worker) -> None:
    for _ in range(100):
        if not worker.work_once():
            return


def test_bulk_is_a_job_with_progress_and_a_report(
    maker: Caller, product_id: str, worker: Worker
) -> None:
    body = {"product_id": product_id, "count": 700, "serial_prefix": "SL-"}
    answer = maker.post("/v1/objects/bulk", body, KEY)
    assert answer.status_code == 202
    job = answer.headers["location"]
    assert answer.json()["report"] == f"{job}/report"
    state = maker.get(job).json()
    assert (state["state"], state["done"], state["total"]) == ("waiting", 0, 700)
    work_all(worker)
    state = maker.get(job).json()
    assert (state["state"], state["done"]) == ("done", 700)
    rows, after = [], 0
    while after is not None:
        page = maker.get(f"{job}/report", KEY, after=after, limit=300)
        assert page.headers["cache-control"] == "no-store"
        rows += page.json()["rows"]
        after = page.json()["next"]
    assert [row["line"] for row in rows] == list(range(1, 701))
    assert (rows[0]["serial"], rows[-1]["serial"]) == ("SL-001", "SL-700")
    assert rows[3]["claim_link"] == f"{rows[3]['digital_link']}#claim={rows[3]['claim_code']}"
    assert rows[3]["label_svg"] is None
    shown = maker.get(f"/v1/objects/{rows[3]['object_id']}").json()
    assert (shown["did"], shown["recording"]) == (rows[3]["did"], False)


def test_labels_are_drawn_when_the_report_is_read(
    maker: Caller, product_id: str, worker: Worker
) -> None:
    serials = [f"SL-{n}" for n in range(120)] + ["SL-1"]
    body = {"product_id": product_id, "serials": serials}
    job = maker.post("/v1/objects/bulk", body, KEY).headers["location"]
    work_all(worker)
    page = maker.get(f"{job}/report", KEY, labels=True).json()
    assert (len(page["rows"]), page["next"]) == (100, 100)
    assert all(row["label_svg"].startswith("<svg") for row in page["rows"])
    rest = maker.get(f"{job}/report", KEY, labels=True, after=100).json()
    last = rest["rows"][-1]
    assert (rest["next"], last["status"], last["label_svg"]) == (None, "refused", None)
    assert last["type"] == "https://testserver/problems/serial-taken"


def test_same_key_is_the_same_job(maker: Caller, product_id: str, worker: Worker) -> None:
    body = {"product_id": product_id, "serials": ["SL-1"]}
    first = maker.post("/v1/objects/bulk", body, KEY)
    assert maker.post("/v1/objects/bulk", body, KEY).json() == first.json()
    work_all(worker)
    again = maker.post("/v1/objects/bulk", body, KEY)
    assert again.headers["location"] == first.headers["location"]
    assert again.json()["done"] == 1
    changed = maker.post("/v1/objects/bulk", body | {"serials": ["SL-2"]}, KEY)
    assert changed.status_code == 409


def test_only_the_key_of_the_minting_opens_the_report(
    maker: Caller, other: Caller, product_id: str, worker: Worker
) -> None:
    body = {"product_id": product_id, "serials": ["SL-1"]}
    job = maker.post("/v1/objects/bulk", body, KEY).headers["location"]
    work_all(worker)
    assert maker.get(f"{job}/report").status_code == 400
    locked = maker.get(f"{job}/report", str(uuid4()))
    assert locked.status_code == 403
    assert locked.json()["type"].endswith("/problems/report-locked")
    assert other.get(job).status_code == 404
    assert other.get(f"{job}/report", KEY).status_code == 404
    assert other.call("DELETE", f"{job}/report", KEY).status_code == 404
    assert maker.get(f"/v1/jobs/{uuid4()}").status_code == 404
    assert maker.get(f"{job}/report", KEY).status_code == 200


def test_another_client_of_the_same_maker_has_no_such_job(
    maker: Caller, makers: Makers, product_id: str, worker: Worker
) -> None:
    """The codes are the caller's, not the organization's."""
    body = {"product_id": product_id, "serials": ["SL-1"]}
    job = maker.post("/v1/objects/bulk", body, KEY).headers["location"]
    work_all(worker)
    colleague = makers.join(maker)
    for method, path in (("GET", job), ("GET", f"{job}/report"), ("DELETE", f"{job}/report")):
        answer = colleague.call(method, path, KEY)
        assert answer.status_code == 404, path
        assert answer.json()["type"].endswith("/problems/unknown-job")
    own = colleague.post("/v1/objects/bulk", body, KEY)
    assert own.headers["location"] != job
    rows = maker.get(f"{job}/report", KEY).json()["rows"]
    assert [row["status"] for row in rows] == ["minted"]


def test_acknowledged_report_is_gone(maker: Caller, product_id: str, worker: Worker) -> None:
    body = {"product_id": product_id, "serials": ["SL-1"]}
    job = maker.post("/v1/objects/bulk", body, KEY).headers["location"]
    early = maker.call("DELETE", f"{job}/report", KEY)
    assert early.status_code == 409
    assert early.json()["type"].endswith("/problems/job-unfinished")
    work_all(worker)
    assert maker.call("DELETE", f"{job}/report").status_code == 400
    locked = maker.call("DELETE", f"{job}/report", str(uuid4()))
    assert locked.json()["type"].endswith("/problems/report-locked")
    assert maker.get(f"{job}/report", KEY).status_code == 200
    assert maker.call("DELETE", f"{job}/report", KEY).status_code == 204
    gone = maker.get(f"{job}/report", KEY)
    assert gone.status_code == 410
    assert gone.json()["type"].endswith("/problems/answer-wiped")


def test_order_is_bounded(maker: Caller, product_id: str) -> None:
    good = {"product_id": product_id}
    for wrong in (
        {},
        {"serials": []},
        {"serials": ["x"] * 10_001},
        {"count": 10_001, "serial_prefix": "SL-"},
        {"count": 0, "serial_prefix": "SL-"},
        {"count": 5},
        {"serial_prefix": "SL-"},
        {"serials": ["a"], "count": 5, "serial_prefix": "SL-"},
        {"serials": ["a"], "count": 5},
        {"serials": ["x" * 201]},
        {"serials": ["a"], "more": 1},
    ):
        answer = maker.post("/v1/objects/bulk", good | wrong, str(uuid4()))
        assert answer.status_code == 422, wrong


def test_foreign_product_is_refused_before_a_job_is_made(
    other: Caller, product_id: str, worker: Worker
) -> None:
    body = {"product_id": product_id, "serials": ["SL-1"]}
    assert other.post("/v1/objects/bulk", body, KEY).status_code == 404
    assert not worker.work_once()
