"""Packing: fewer and larger segments of the same records, under the same commitments."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.usage.entry import leaf_of
from app.usage.pack import MOST, pack_next, pack_stream
from app.usage.queries import lock_tenure
from app.usage.read import Log, latest, page
from app.usage.rows import Row
from app.usage.segments import month_of, open_segment
from app.usage.store import SMALL
from tests.support.rounds import rounds
from tests.usage.scene import DAY, MINUTE, Scene


@pytest.fixture
def scene(database: Database, clock: FixedClock) -> Iterator[Scene]:
    with database.connection() as conn:
        made = Scene.built(conn, clock)
        clock.advance(25 * DAY)
        yield made


def opened_for(scene: Scene, size: int, after: Row | None = None) -> tuple[int, list[Row]]:
    """How many segments a page opens, and the page."""
    scene.keys.opened = 0
    position = after and (after.placed_at, after.stream, after.seq)
    rows = page(scene.log, ["wash"], None, None, position, size)
    return scene.keys.opened, rows


def test_page_of_100_opens_two_segments_after_packing_and_never_more_than_records_before(
    scene: Scene,
) -> None:
    chance = random.Random(1)
    at = scene.start
    for _ in range(60):
        count = chance.randint(1, 12)
        scene.send_run(count, at)
        at += count * MINUTE
    whole = scene.rows()
    loose = len(scene.segments())
    for size in (1, 3, 100):
        for row in [None, *chance.sample(whole, 10)]:
            opened, rows = opened_for(scene, size, row)
            assert opened <= size
    assert scene.pack() > 0
    assert scene.pack() == 0
    assert len(scene.segments()) < loose / 10
    assert scene.rows() == whole
    for row in [None, *whole[::7]]:
        opened, rows = opened_for(scene, 100, row)
        assert opened <= 2
        place = 0 if row is None else row.seq + 1
        assert rows == whole[place : place + 100]


@pytest.mark.parametrize("most", [30, 400])
def test_sizes_are_those_that_were_promised(scene: Scene, most: int) -> None:
    chance = random.Random(most)
    at = scene.start
    for _ in range(rounds(12, 60)):
        count = chance.randint(1, most)
        scene.send_run(count, at, step=timedelta(seconds=1))
        at += timedelta(seconds=count)
        if chance.random() < 0.3:
            scene.pack()
    scene.pack()
    every = [row.records for row in scene.segments()]
    sizes = list(every)
    while sum(every[len(sizes) - 1 :]) < SMALL:  # those that are not enough yet wait
        sizes.pop()
    assert all(SMALL <= size <= max(MOST, most) for size in sizes), every
    assert len(scene.entries()) == sum(every)
    assert scene.verify().faults == []


def test_heads_and_leaves_stay_as_they_were(scene: Scene) -> None:
    for n in range(150):
        scene.send(scene.record(scene.start + n * MINUTE, n, sequence=n))
    before, head = scene.entries(), scene.head()
    heads = {row.first_seq: row.head_before for row in scene.segments()}
    scene.pack()
    assert scene.entries() == before
    assert [leaf_of(entry) for entry in scene.entries()] == [leaf_of(entry) for entry in before]
    assert all(heads[row.first_seq] == row.head_before for row in scene.segments())
    assert (scene.head().head, scene.head().next_seq) == (head.head, head.next_seq)
    assert scene.verify().faults == []


def test_what_came_out_of_order_lies_in_order_inside(scene: Scene) -> None:
    times = [scene.start + n * MINUTE for n in range(200)]
    random.Random(2).shuffle(times)
    scene.send_singly(times)
    whole = scene.rows()
    assert [row.placed_at for row in whole] == sorted(times)
    scene.pack()
    (row,) = scene.segments()
    entries = open_segment(scene.keys, row)
    assert [entry.placed for entry in entries] == sorted(entry.placed for entry in entries)
    assert scene.rows() == whole
    assert scene.pages(7) == whole
    assert opened_for(scene, 100)[0] == 1
    assert latest(scene.log, ["wash"], 5) == whole[:-6:-1]


def test_months_and_signers_stay_apart(scene: Scene) -> None:
    border = scene.start.replace(month=12, day=1, hour=0)
    scene.clock.advance(30 * DAY)
    times = [border + n * MINUTE for n in range(-60, 60)]
    scene.send_singly(times[:70])
    scene.send_singly(times[70:90], signed_by="key-1")
    scene.send_singly(times[90:])
    scene.pack()
    scene.send_run(SMALL, scene.clock.now() - DAY)
    scene.pack()
    found = [(row.records, row.signed_by, row.key_id) for row in scene.segments()]
    assert [one[:2] for one in found] == [(60, None), (10, None), (20, "key-1"), (130, None)]
    assert len({one[2] for one in found}) == 2
    for row in scene.segments():
        assert month_of(row.placed_from) == month_of(row.placed_to)
    assert scene.verify().faults == []


def test_removed_runs_are_not_packed(scene: Scene) -> None:
    scene.send_singly([scene.start + n * MINUTE for n in range(240)])
    scene.erase(scene.start + 110 * MINUTE, scene.start + 130 * MINUTE)
    scene.finish_removals()
    scene.pack()
    found = [(row.records, row.state) for row in scene.segments()]
    assert found == [(110, "stored"), (20, "erased"), (110, "stored")]
    assert scene.verify().faults == []


def test_upkeep_takes_a_stream_that_has_many_loose_segments(scene: Scene) -> None:
    scene.send_singly([scene.start + n * MINUTE for n in range(15)])
    assert not pack_next(scene.conn, scene.keys)
    scene.send_run(120, scene.start + 20 * MINUTE)
    assert not pack_next(scene.conn, scene.keys)
    scene.send_singly([scene.start + 200 * MINUTE])
    assert pack_next(scene.conn, scene.keys)
    assert not pack_next(scene.conn, scene.keys)
    assert [row.records for row in scene.segments()] == [136]


def test_stream_that_was_tampered_with_is_left_alone(scene: Scene) -> None:
    scene.send_singly([scene.start + n * MINUTE for n in range(120)])
    scene.conn.exec_driver_sql("UPDATE usage_segments SET records = 2 WHERE first_seq = 50")
    before = scene.segments()
    assert pack_next(scene.conn, scene.keys)
    assert scene.segments() == before
    assert not pack_next(scene.conn, scene.keys)


def committed(database: Database, clock: FixedClock, loose: int) -> Scene:
    with database.connection() as conn:
        scene = Scene.built(conn, clock)
        clock.advance(DAY)
        scene.send_singly([scene.start + n * MINUTE for n in range(loose)])
    return scene


@pytest.mark.parametrize("engine_kind", ["postgres"], indirect=True)
@pytest.mark.postgres
def test_upkeep_passes_over_a_log_in_use_until_it_has_very_many(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = committed(database, clock, 120)
    with ThreadPoolExecutor(1) as pool, database.connection() as writer:
        lock_tenure(writer, *scene.tenure)

        def pack() -> bool:
            with database.connection() as conn:
                return pack_next(conn, scene.keys)

        assert not pool.submit(pack).result(30)
        monkeypatch.setattr("app.usage.pack._URGENT", 100)
        waiting = pool.submit(pack)
        _wait_until_blocked(database)
        writer.commit()
        assert waiting.result(30)


@pytest.mark.parametrize("engine_kind", ["postgres"], indirect=True)
@pytest.mark.postgres
@pytest.mark.parametrize("is_packing_first", [True, False])
def test_packing_and_ingest_wait_for_each_other(
    database: Database, clock: FixedClock, is_packing_first: bool
) -> None:
    scene = committed(database, clock, 120)

    def pack() -> None:
        with database.connection() as conn:
            pack_stream(conn, scene.keys, *scene.tenure, "wash")

    def send() -> None:
        with database.connection() as conn:
            replace(scene, conn=conn).send_run(20, clock.now() - 60 * MINUTE)

    with ThreadPoolExecutor(1) as pool:
        with database.connection() as conn:
            mine = replace(scene, conn=conn)
            if is_packing_first:
                mine.pack()
            else:
                mine.send_run(20, clock.now() - 60 * MINUTE)
            other = pool.submit(send if is_packing_first else pack)
            _wait_until_blocked(database)
        other.result(30)
    with database.connection() as conn:
        mine = replace(scene, conn=conn)
        assert mine.verify().faults == []
        assert [row.records for row in mine.segments()] == (
            [120, 20] if is_packing_first else [140]
        )
        assert len(mine.rows()) == 140


def test_reading_in_pages_while_it_is_packed_loses_and_doubles_nothing(
    database: Database, clock: FixedClock
) -> None:
    """One connection reads over and over, another one packs what a third one brings."""
    scene = committed(database, clock, 5)
    clock.advance(2 * DAY)  # no record is ahead of time, however many rounds there are
    is_over = Event()

    def read() -> int:
        times = 0
        while not is_over.is_set() or not times:
            with database.read() as db:
                log = Log(db.connection(), scene.keys, *scene.tenure)
                known = _read(log, times % 7 + 3)
            assert known == list(range(len(known)))
            times += 1
        return times

    with ThreadPoolExecutor(2) as pool:
        reading = [pool.submit(read) for _ in range(2)]
        try:
            for n in range(rounds(8, 60)):
                with database.connection() as conn:
                    mine = replace(scene, conn=conn)
                    at = scene.start + (5 + 40 * n) * MINUTE
                    mine.send_singly([at + m * MINUTE for m in range(40)])
                with database.connection() as conn:
                    replace(scene, conn=conn).pack()
        finally:
            is_over.set()
        assert all(one.result(60) for one in reading)
    with database.connection() as conn:
        mine = replace(scene, conn=conn)
        assert mine.verify().faults == []
        assert max(row.records for row in mine.segments()) >= SMALL


def test_packing_between_two_pages_loses_and_doubles_nothing(
    database: Database, clock: FixedClock
) -> None:
    """Each page in a transaction of its own, with a packing or a removal's end before each."""
    scene = committed(database, clock, 0)
    with database.connection() as conn:
        mine = replace(scene, conn=conn)
        times = [scene.start + n * MINUTE for n in range(250)]
        random.Random(3).shuffle(times)
        mine.send_singly(times)
        whole = mine.rows()
    joined: list[Row] = []
    while True:
        with database.connection() as conn:
            mine = replace(scene, conn=conn)
            after = joined and (joined[-1].placed_at, "wash", joined[-1].seq)
            rows = page(mine.log, ["wash"], None, None, after or None, 60)
            mine.pack()
        if not rows:
            break
        joined += rows
    assert joined == whole


def _read(log: Log, size: int) -> list[int]:
    """The numbers, in pages."""
    found: list[int] = []
    after = None
    while rows := page(log, ["wash"], None, None, after, size * 10):
        found += [row.seq for row in rows]
        after = (rows[-1].placed_at, rows[-1].stream, rows[-1].seq)
    return found


def _wait_until_blocked(database: Database) -> None:
    for _ in range(500):
        with database.read() as db:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            if db.connection().exec_driver_sql(waiting).scalar_one():
                return
        Event().wait(0.02)
    raise AssertionError("nothing waited for a lock")
