"""The one commit place: sessions, reading, and the group-commit writer."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from app.kit import problems
from app.kit.db import Database, settled_at
from app.kit.errors import NotFound, Unavailable
from app.kit.http import Db
from app.kit.ids import new_id
from app.kit.jobs import Job, enqueue
from app.settings import Settings
from tests.support.rounds import rounds
from tests.support.served import at_once

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def add_job(conn: Connection) -> UUID:
    job_id = new_id()
    row = {
        "job_id": job_id,
        "kind": "test",
        "subject": job_id,
        "payload": {},
        "state": "waiting",
        "done": 0,
        "total": 0,
        "attempts": 0,
        "run_at": NOW,
        "created_at": NOW,
    }
    conn.execute(Job.__table__.insert().values(**row))  # type: ignore[attr-defined]
    return job_id


def count_jobs(database: Database) -> int:
    with database.read() as db:
        return int(db.execute(text("SELECT count(*) FROM jobs")).scalar_one())


def test_a_session_commits_when_its_block_ends(database: Database) -> None:
    with database.session() as db:
        add_job(db.connection())
    assert count_jobs(database) == 1


def test_a_session_rolls_back_when_its_block_raises(database: Database) -> None:
    with pytest.raises(ValueError), database.session() as db:
        add_job(db.connection())
        raise ValueError
    assert count_jobs(database) == 0


def test_a_read_session_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError), database.read() as db:
        add_job(db.connection())
    assert count_jobs(database) == 0


def test_submitted_work_is_committed_before_its_answer(database: Database) -> None:
    database.submit(add_job).result(10)
    assert count_jobs(database) == 1


def test_one_bad_work_fails_alone(database: Database) -> None:
    def bad(conn: Connection) -> None:
        add_job(conn)
        raise NotFound

    def worse(conn: Connection) -> None:
        conn.execute(text("INSERT INTO jobs (job_id) VALUES (NULL)"))

    hold, go = threading.Event(), threading.Event()

    def first(conn: Connection) -> UUID:
        hold.set()
        go.wait(10)
        return add_job(conn)

    futures = [database.submit(first)]
    hold.wait(10)
    futures += [database.submit(w) for w in (add_job, bad, add_job, worse, add_job)]  # type: ignore[list-item]
    go.set()
    errors = [f.exception(10) for f in futures]
    assert [type(e).__name__ for e in errors if e] == ["NotFound", "IntegrityError"]
    assert count_jobs(database) == 4


def test_many_writers_share_the_process_without_losing_anything(database: Database) -> None:
    turns = rounds(5, 50)

    def write_often() -> None:
        for _ in range(turns):
            with database.session() as db:
                add_job(db.connection())

    threads = [threading.Thread(target=write_often) for _ in range(6)]
    for thread in threads:
        thread.start()
    futures = [database.submit(add_job) for _ in range(turns * 10)]
    for future in futures:
        future.result(30)
    for thread in threads:
        thread.join(30)
    assert count_jobs(database) == turns * 16


def cut(database: Database, pid: int) -> None:
    with database.connection() as conn:
        conn.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


def backend(conn: Connection) -> int:
    return int(conn.execute(text("SELECT pg_backend_pid()")).scalar_one())


@pytest.mark.parametrize("engine_kind", ["postgres"], indirect=True)
@pytest.mark.postgres
def test_a_connection_that_was_cut_costs_the_writer_nothing(database: Database) -> None:
    cut(database, database.submit(backend).result(10))
    database.submit(add_job).result(10)  # found gone at the first statement
    runs = []

    def interrupted(conn: Connection) -> UUID:
        runs.append(backend(conn))
        if len(runs) == 1:
            cut(database, runs[0])
        return add_job(conn)

    database.submit(interrupted).result(10)  # gone in the middle: run again, on a new one
    assert len(set(runs)) == 2
    assert count_jobs(database) == 2


@pytest.mark.parametrize("engine_kind", ["postgres"], indirect=True)
@pytest.mark.postgres
def test_a_connection_that_is_cut_again_is_told(database: Database) -> None:
    def doomed(conn: Connection) -> UUID:
        cut(database, backend(conn))
        return add_job(conn)

    with pytest.raises(Unavailable):
        database.submit(doomed).result(10)
    database.submit(add_job).result(10)
    assert count_jobs(database) == 1


def test_a_closed_writer_takes_nothing(settings: Settings) -> None:
    database = Database(settings.url, pool_size=4)
    database.close()
    with pytest.raises(Unavailable):
        database.submit(add_job)


def test_sqlite_is_set_up_for_durability_and_erasure(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("these are settings of SQLite")
    with database.session() as db:
        wanted = {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "secure_delete": 1,
        }
        found = {name: db.execute(text(f"PRAGMA {name}")).scalar_one() for name in wanted}
        strict = db.execute(
            text(
                "SELECT count(*) FROM pragma_table_list WHERE type='table' AND strict=0"
                " AND name NOT LIKE 'sqlite_%' AND name != 'alembic_version'"
            )
        ).scalar_one()
    assert found == wanted
    assert strict == 0


@pytest.fixture
def tiny(database: Database) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.db = database
    problems.install(app, "https://testserver")

    @app.post("/ok")
    def ok(db: Db) -> dict[str, bool]:
        add_job(db.connection())
        return {"ok": True}

    @app.post("/late-failure")
    def late_failure(db: Db) -> dict[str, bool]:
        connection = db.connection()
        add_job(connection)
        connection.invalidate()
        return {"ok": True}

    @app.post("/refused")
    def refused(db: Db) -> None:
        add_job(db.connection())
        raise NotFound

    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_the_answer_is_sent_after_the_commit(tiny: TestClient, database: Database) -> None:
    assert tiny.post("/ok").status_code == 200
    assert count_jobs(database) == 1


def test_a_failing_commit_never_reaches_the_caller_as_success(
    tiny: TestClient, database: Database
) -> None:
    assert tiny.post("/late-failure").status_code >= 500
    assert count_jobs(database) == 0


def test_a_domain_error_rolls_back(tiny: TestClient, database: Database) -> None:
    response = tiny.post("/refused")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert count_jobs(database) == 0


def test_enqueue_takes_part_in_its_cause(database: Database, clock: object) -> None:
    with pytest.raises(ValueError), database.session() as db:
        enqueue(db, clock, "test", new_id(), {})  # type: ignore[arg-type]
        raise ValueError
    assert count_jobs(database) == 0


def test_a_new_file_is_opened_by_many_at_once(tmp_path: Path) -> None:
    """One of them changes its mode to WAL, for which SQLite lets nobody wait."""
    for turn in range(rounds(20, 150)):
        url = f"sqlite:///{tmp_path}/{turn}/new.db"

        def make(_: int, url: str = url) -> str:
            with Database(url, pool_size=2) as made, made.connection() as conn:
                conn.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (a INTEGER) STRICT")
                return str(conn.exec_driver_sql("PRAGMA journal_mode").scalar_one())

        assert at_once(8, make) == ["wal"] * 8


def test_what_is_settled_lies_before_whoever_still_writes(database: Database) -> None:
    """PostgreSQL lets several write at once; SQLite's file has one writer."""
    now = NOW
    with database.connection() as conn:
        alone = settled_at(conn, now)
    assert timedelta(0) < now - alone < timedelta(seconds=3)
    if database.is_sqlite:
        return
    with database.connection() as other:
        add_job(other)
        time.sleep(1.2)
        with database.connection() as conn:
            assert settled_at(conn, now) < alone - timedelta(seconds=1)
    with database.connection() as conn:
        assert settled_at(conn, now) >= alone
