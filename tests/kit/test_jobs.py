"""Jobs: taken once, gone on with after a death, their effects exactly once."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit.clock import Clock, FixedClock
from app.kit.db import Database
from app.kit.ids import new_id
from app.kit.jobs import LEASE, MAX_ATTEMPTS, Job, LeaseLost, Step, claim, enqueue, fail, run_step
from app.kit.limits import RateCounter
from tests.support.rounds import rounds

KINDS = ["test"]


def step(db: Session, clock: Clock, job: Job) -> Step:
    """Leaves one mark a step, so that a step done twice would be seen."""
    place = job.position or 0
    db.add(RateCounter(key_hash=job.job_id.bytes + bytes([place]), window_at=clock.now(), count=1))
    return Step(place + 1, place + 1, 3, is_last=place == 2)


WORK = {"test": step}


def add(database: Database, clock: Clock) -> UUID:
    with database.session() as db:
        return enqueue(db, clock, "test", new_id(), {"a": 1}, total=3)


def take(database: Database, clock: Clock, holder: UUID) -> UUID | None:
    with database.session() as db:
        return claim(db, clock, KINDS, holder)


def run(database: Database, clock: Clock, job_id: UUID, holder: UUID) -> bool:
    with database.session() as db:
        return run_step(db, clock, job_id, holder, WORK)


def state(database: Database, job_id: UUID) -> Job:
    with database.read() as db:
        return db.get_one(Job, job_id)


def test_a_job_is_worked_in_steps_to_its_end(database: Database, clock: FixedClock) -> None:
    job_id, me = add(database, clock), new_id()
    assert take(database, clock, me) == job_id
    assert [run(database, clock, job_id, me) for _ in range(3)] == [False, False, True]
    done = state(database, job_id)
    assert (done.state, done.done, done.total) == ("done", 3, 3)
    assert take(database, clock, me) is None


def test_workers_never_take_the_same_job(database: Database, clock: FixedClock) -> None:
    count = rounds(20, 200)
    jobs = {add(database, clock) for _ in range(count)}
    taken: list[UUID] = []

    def work() -> None:
        me = new_id()
        while (job_id := take(database, clock, me)) is not None:
            taken.append(job_id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(taken) == count
    assert set(taken) == jobs


def test_another_worker_goes_on_where_a_dead_one_stopped(
    database: Database, clock: FixedClock
) -> None:
    job_id, dead, heir = add(database, clock), new_id(), new_id()
    take(database, clock, dead)
    run(database, clock, job_id, dead)
    assert take(database, clock, heir) is None
    clock.advance(LEASE + timedelta(seconds=1))
    assert take(database, clock, heir) == job_id
    with pytest.raises(LeaseLost):
        run(database, clock, job_id, dead)
    assert [run(database, clock, job_id, heir) for _ in range(2)] == [False, True]
    with database.read() as db:
        marks = db.scalars(select(RateCounter.key_hash)).all()
    assert sorted(m[-1] for m in marks) == [0, 1, 2]


def test_a_failing_job_is_tried_again_and_then_ends(database: Database, clock: FixedClock) -> None:
    job_id, me = add(database, clock), new_id()
    for _ in range(MAX_ATTEMPTS):
        clock.advance(timedelta(minutes=5))
        assert take(database, clock, me) == job_id
        with database.session() as db:
            fail(db, clock, job_id, me, "no luck")
    assert state(database, job_id).state == "failed"
    clock.advance(timedelta(days=1))
    assert take(database, clock, me) is None
