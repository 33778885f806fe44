"""Statements that the driver runs give what SQLAlchemy would give, on both databases."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.kit.db import Database
from app.kit.ids import new_id
from app.kit.jobs import Job
from app.kit.prepared import Prepared, Several, run_together
from tests.kit.test_db import NOW

JOBS: Any = Job.__table__
ADD = Prepared(insert(Job))
FIND = Prepared(
    select(JOBS.c.job_id, JOBS.c.payload, JOBS.c.run_at, JOBS.c.lease_until, JOBS.c.done)
    .where(JOBS.c.job_id.in_(bindparam("ids", expanding=True)), JOBS.c.kind == "test")
    .order_by(JOBS.c.done)
)
COUNT_ON = Prepared(
    update(Job)
    .where(Job.job_id == bindparam("which"), Job.state == "waiting")
    .values(done=Job.done + bindparam("more"))
)


def a_job(done: int, **changes: Any) -> dict[str, Any]:
    job_id = new_id()
    names = [column.name for column in JOBS.columns]
    given = {
        "job_id": job_id,
        "kind": "test",
        "subject": job_id,
        "payload": ["é", {"n": 1.5, "none": None}],
        "state": "waiting",
        "done": done,
        "total": 0,
        "attempts": 0,
        "run_at": NOW.replace(microsecond=7),
        "created_at": NOW,
    }
    return dict.fromkeys(names) | given | changes


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_rows_are_those_of_the_statement(database: Database, count: int) -> None:
    jobs = [a_job(n) for n in range(count)]
    with database.connection() as conn:
        ADD.run_each(conn, [*jobs, a_job(99, kind="other"), a_job(100)])
    ids: list[UUID] = [job["job_id"] for job in jobs]
    wanted = [(j["job_id"], j["payload"], j["run_at"], None, j["done"]) for j in jobs]
    with database.read() as db:
        conn = db.connection()
        assert FIND.all(conn, {"ids": Several(ids)}) == wanted
        statement: Any = FIND._statement
        assert conn.execute(statement, {"ids": ids}).all() == wanted
        one = FIND.one(conn, {"ids": Several(ids[:1])})
        assert one is not None
        assert (one.job_id, one.payload, one.done) == (ids[0], jobs[0]["payload"], 0)
        assert FIND.one(conn, {"ids": Several([new_id()])}) is None


def test_each_row_runs_with_the_values_of_the_statement(database: Database) -> None:
    jobs = [a_job(0), a_job(0), a_job(0, state="done")]
    with database.connection() as conn:
        ADD.run_each(conn, jobs)
        COUNT_ON.run_each(
            conn, [{"which": job["job_id"], "more": n + 1} for n, job in enumerate(jobs)]
        )
    with database.read() as db:
        found = {row[0]: row[4] for row in FIND.all(db.connection(), {"ids": _ids(jobs)})}
    assert [found[job["job_id"]] for job in jobs] == [1, 2, 0]


def test_several_run_in_their_order_and_each_gives_its_own_rows(database: Database) -> None:
    jobs = [a_job(n) for n in range(150)]  # more than fit one INSERT, and no power of two
    few, some = Several([job["job_id"] for job in jobs[:3]]), _ids(jobs)
    with database.connection() as conn:
        before, added, after, counted, last = run_together(
            conn,
            [
                (FIND, {"ids": few}),
                (ADD, jobs),
                (FIND, {"ids": some}),
                (COUNT_ON, [{"which": one, "more": 1000} for one in few]),
                (FIND, {"ids": few}),
            ],
        )
    assert (before, added, counted) == ([], [], [])
    assert [row.job_id for row in after] == some
    assert [row.payload for row in after] == [job["payload"] for job in jobs]
    assert [row.done for row in last] == [1000, 1001, 1002]


def test_what_fails_among_several_is_told_and_nothing_stays(database: Database) -> None:
    job = a_job(0)
    with pytest.raises(IntegrityError), database.connection() as conn:
        run_together(conn, [(ADD, [job]), (ADD, [job]), (FIND, {"ids": _ids([job])})])
    with database.read() as db:
        assert FIND.all(db.connection(), {"ids": _ids([job])}) == []
    with database.connection() as conn:
        run_together(conn, [(ADD, [job])])  # the connection is as good as before
    with database.read() as db:
        assert len(FIND.all(db.connection(), {"ids": _ids([job])})) == 1


def test_numbers_of_every_size_go_by_one_text(database: Database) -> None:
    jobs = [a_job(number) for number in (0, 2**15, 2**31, 2**62, -(2**63))]
    with database.connection() as conn:
        ADD.run_each(conn, jobs)
        found = FIND.all(conn, {"ids": _ids(jobs)})
    assert [row.done for row in found] == sorted(job["done"] for job in jobs)


def test_more_than_one_row_is_a_fault(database: Database) -> None:
    jobs = [a_job(0), a_job(1)]
    with database.connection() as conn:
        ADD.run_each(conn, jobs)
        with pytest.raises(AssertionError):
            FIND.one(conn, {"ids": _ids(jobs)})


def test_errors_are_those_that_sqlalchemy_raises(database: Database) -> None:
    job = a_job(0)
    with pytest.raises(IntegrityError) as caught, database.connection() as conn:
        ADD.run_each(conn, [job])
        ADD.run_each(conn, [job])
    assert not caught.value.connection_invalidated
    with database.read() as db:
        assert FIND.all(db.connection(), {"ids": _ids([job])}) == []  # rolled back


def test_it_runs_within_a_transaction_alone(database: Database) -> None:
    job = a_job(0)
    with database.engine.connect() as conn, pytest.raises(AssertionError):
        ADD.run_each(conn, [job])
    with database.read() as db:
        assert FIND.all(db.connection(), {"ids": _ids([job])}) == []


@pytest.mark.parametrize("engine_kind", ["postgres"], indirect=True)
@pytest.mark.postgres
def test_a_lost_connection_is_done_with(database: Database) -> None:
    with database.connection() as conn:
        mine = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.connection() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
        with pytest.raises(DBAPIError) as caught:
            FIND.all(conn, {"ids": Several([new_id()])})
        assert caught.value.connection_invalidated
        conn.rollback()
    with database.read() as db:
        assert FIND.all(db.connection(), {"ids": Several([new_id()])}) == []


def _ids(jobs: list[dict[str, Any]]) -> Several:
    return Several([job["job_id"] for job in jobs])


@pytest.mark.parametrize("count", [1, 3])
def test_rows_are_inserted_with_the_columns_they_have(database: Database, count: int) -> None:
    jobs = [a_job(n) for n in range(count)]
    short = [{name: one for name, one in job.items() if one is not None} for job in jobs]
    others = [a_job(n, lease_until=NOW) for n in range(count)]
    with database.connection() as conn:
        run_together(conn, [(ADD, short), (ADD, others)])
        found = FIND.all(conn, {"ids": Several([job["job_id"] for job in [*jobs, *others]])})
    assert sorted((row.done, row.lease_until is None) for row in found) == sorted(
        [(n, True) for n in range(count)] + [(n, False) for n in range(count)]
    )
