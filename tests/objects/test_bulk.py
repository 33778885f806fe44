"""Bulk minting: one job a key, and a report that only the key opens."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from app.kit.clock import FixedClock
from app.kit.crypto import CannotOpen, box_key, box_open, derive_key, unseal
from app.kit.db import Database
from app.kit.errors import AnswerWiped, IdempotencyKeyReused
from app.kit.ids import new_id
from app.kit.jobs import Job, claim, run_step
from app.objects import bulk
from app.objects.claim_codes import hash_code
from app.objects.errors import JobUnfinished, ReportLocked, UnknownJob
from app.objects.models import ClaimCode, MintReport, Object, Product
from tests.factories.objects import CODE_DAYS, make_maker, make_product

KEY = "a key of 22 characters and more"
CLIENT = "gateway"
REGISTRY = {bulk.JOB: bulk.make_work(CODE_DAYS)}


class Maker:
    """A maker with a product, outside any transaction."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database, self.clock = database, clock
        with database.session() as db:
            product = make_product(db, clock, make_maker(db, clock))
            self.product_id = product.product_id

    def order(self, serials: list[str], key: str = KEY, client: str = CLIENT) -> UUID:
        with self.database.session() as db:
            product = db.get_one(Product, self.product_id)
            return bulk.order(db, self.clock, client, product, serials, key).job_id

    def work(self, steps: int = 100) -> None:
        holder = new_id()
        with self.database.session() as db:
            job_id = claim(db, self.clock, [bulk.JOB], holder)
        assert job_id is not None
        for _ in range(steps):
            with self.database.session() as db:
                if run_step(db, self.clock, job_id, holder, REGISTRY):
                    return

    def read(
        self,
        job_id: UUID,
        key: str = KEY,
        after: int = 0,
        limit: int = 1000,
        client: str = CLIENT,
    ) -> list[bulk.Row]:
        with self.database.read() as db:
            return bulk.read_report(db, client, job_id, key, after, limit)


@pytest.fixture
def maker(database: Database, clock: FixedClock) -> Maker:
    return Maker(database, clock)


def test_numbers_have_equal_width() -> None:
    assert bulk.numbered("SL-", 10)[::9] == ["SL-01", "SL-10"]
    assert len(set(bulk.numbered("SL-", 10_000))) == 10_000


def test_ten_thousand_are_minted_with_a_row_each(maker: Maker) -> None:
    job_id = maker.order(bulk.numbered("SL-", 10_000))
    maker.work()
    rows = [row for n in range(10) for row in maker.read(job_id, after=n * 1000)]
    assert [row.line for row in rows] == list(range(1, 10_001))
    assert rows[-1].serial == "SL-10000"
    assert len({row.code for row in rows}) == 10_000
    assert maker.read(job_id, after=10_000) == []
    with maker.database.read() as db:
        found = db.get_one(ClaimCode, hash_code(str(rows[77].code)))
        assert found.object_id == rows[77].object_id
        assert len(db.scalars(select(Object.object_id)).all()) == 10_000


def test_report_grows_while_the_job_works(maker: Maker) -> None:
    job_id = maker.order(bulk.numbered("SL-", 1200))
    assert maker.read(job_id) == []
    maker.work(steps=1)
    assert [len(maker.read(job_id)), len(maker.read(job_id, after=490))] == [500, 10]
    with maker.database.session() as db, pytest.raises(JobUnfinished):
        bulk.wipe_report(db, CLIENT, job_id, KEY)


def test_any_page_gives_the_same_rows(maker: Maker) -> None:
    job_id = maker.order(bulk.numbered("SL-", 1001))
    maker.work()
    for after, limit in ((0, 1), (499, 2), (500, 500), (998, 10), (1000, 1), (1001, 5)):
        lines = [row.line for row in maker.read(job_id, after=after, limit=limit)]
        assert lines == list(range(after + 1, min(after + limit, 1001) + 1))


def test_a_row_says_why_nothing_was_minted(maker: Maker) -> None:
    job_id = maker.order(["SL-1", "SL-1", "no good"])
    maker.work()
    rows = maker.read(job_id)
    assert [row.refusal for row in rows] == [None, "serial-taken", "serial-invalid"]
    assert [row.code is None for row in rows] == [False, True, True]


def test_same_key_gives_the_same_job(maker: Maker) -> None:
    serials = ["SL-1", "SL-2"]
    job_id = maker.order(serials)
    assert maker.order(serials) == job_id
    maker.work()
    assert maker.order(serials) == job_id
    with pytest.raises(IdempotencyKeyReused):
        maker.order(["SL-3"])
    assert maker.order(serials, key=f"another {KEY}") != job_id


def test_only_the_key_opens_the_report(maker: Maker) -> None:
    job_id = maker.order(["SL-1"])
    maker.work()
    with pytest.raises(ReportLocked):
        maker.read(job_id, key=f"another {KEY}")
    code = str(maker.read(job_id)[0].code)
    with maker.database.read() as db:
        job, part = db.get_one(Job, job_id), db.scalars(select(MintReport)).one()
        known = f"{job.payload} {job.position}"
    assert KEY not in known
    assert code not in known
    assert code.encode() not in part.sealed
    public = str(job.payload["public_key"])
    for guess in (public.encode(), job_id.bytes, b""):
        with pytest.raises(CannotOpen):
            box_open(box_key(guess, b"inseam mint report v1"), part.sealed, job_id.bytes)
        with pytest.raises(CannotOpen):
            unseal(derive_key(guess, b"inseam mint report v1"), part.sealed[32:], job_id.bytes)


def test_parts_cannot_be_swapped(maker: Maker) -> None:
    job_id = maker.order(bulk.numbered("SL-", 600))
    maker.work()
    with maker.database.session() as db:
        first, second = db.scalars(select(MintReport).order_by(MintReport.part)).all()
        first.sealed, second.sealed = second.sealed, first.sealed
    with pytest.raises(ReportLocked):
        maker.read(job_id)


def test_another_client_has_no_such_job(maker: Maker) -> None:
    job_id = maker.order(["SL-1"])
    maker.work()
    with maker.database.session() as db:
        for client, wanted in (("another", job_id), (CLIENT, uuid4())):
            with pytest.raises(UnknownJob):
                bulk.get_job(db, client, wanted)
            with pytest.raises(UnknownJob):
                bulk.read_report(db, client, wanted, KEY, 0, 1)
            with pytest.raises(UnknownJob):
                bulk.wipe_report(db, client, wanted, KEY)
    assert maker.order(["SL-1"], client="another") != job_id


def test_only_the_key_wipes_the_report(maker: Maker) -> None:
    job_id = maker.order(["SL-1"])
    maker.work()
    with maker.database.session() as db, pytest.raises(ReportLocked):
        bulk.wipe_report(db, CLIENT, job_id, f"another {KEY}")
    assert len(maker.read(job_id)) == 1


def test_acknowledged_report_is_wiped(maker: Maker) -> None:
    job_id = maker.order(["SL-1"])
    maker.work()
    with maker.database.session() as db:
        bulk.wipe_report(db, CLIENT, job_id, KEY)
        assert db.scalars(select(MintReport)).all() == []
    with pytest.raises(AnswerWiped):
        maker.read(job_id)
    assert maker.order(["SL-1"]) == job_id


def test_report_is_wiped_after_a_day(maker: Maker, clock: FixedClock) -> None:
    job_id = maker.order(bulk.numbered("SL-", 600))
    maker.work(steps=1)
    clock.advance(timedelta(hours=23))
    maker.work()
    with maker.database.connection() as conn:
        assert bulk.forget_old(conn, clock) == 0
        clock.advance(timedelta(hours=1))
        assert bulk.forget_old(conn, clock) == 1
    with pytest.raises(AnswerWiped):
        maker.read(job_id)
    assert len(maker.read(job_id, after=500)) == 100


def test_a_worker_that_died_is_taken_over_without_a_double(maker: Maker, clock: FixedClock) -> None:
    job_id = maker.order(bulk.numbered("SL-", 1500))
    maker.work(steps=1)
    clock.advance(timedelta(minutes=2))
    maker.work()
    rows = maker.read(job_id, limit=1500)
    assert [row.line for row in rows] == list(range(1, 1501))
    assert all(row.code for row in rows)
