"""Removing a range: what stays in its place, and how it becomes final, step by step."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from app.keys.eager import EagerKeys
from app.keys.log_keys import KeyDestroyed, LogKeys, open_log_keys
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.objects.models import Tenure
from app.settings import Settings
from app.usage import queries, remove, upkeep
from app.usage.models import Removal, Segment
from app.usage.removals import unfinished_removals
from app.usage.remove import OWNER, Range, key_ids, note_final, seal_anew
from app.usage.retention import expire_next, set_expiry
from app.usage.segments import MARKS, open_segment
from tests.usage.scene import DAY, MINUTE, Scene

HOUR = timedelta(hours=1)


@pytest.fixture
def scene(database: Database, clock: FixedClock) -> Iterator[Scene]:
    with database.connection() as conn:
        made = Scene.built(conn, clock)
        clock.advance(20 * DAY)
        yield made


def shape(scene: Scene) -> list[tuple[int, int, str]]:
    return [(row.first_seq, row.records, row.state) for row in scene.segments()]


def removals(conn: Connection) -> list[tuple[int, bool, int]]:
    """Of each removal: records, whether it is final, how many keys it made old."""
    rows = conn.execute(select(Removal.count, Removal.final_at, Removal.keys))
    return [(count, final_at is not None, len(keys)) for count, final_at, keys in rows]


def test_range_inside_a_segment_splits_it_in_three(scene: Scene) -> None:
    scene.send_run(30, scene.start)
    before, head = scene.entries(), scene.head()
    assert scene.erase(scene.start + 10 * MINUTE, scene.start + 15 * MINUTE) == 5
    assert shape(scene) == [(0, 10, "stored"), (10, 5, "erased"), (15, 15, "stored")]
    gone = scene.segments()[1]
    assert (gone.days, gone.signed_by, len(gone.sealed)) == (None, None, 12 + 16)
    assert open_segment(scene.keys, gone) == []
    assert scene.entries() == before[:10] + before[15:]
    assert (scene.head().head, scene.head().next_seq, scene.head().gone) == (head.head, 30, 5)
    assert [row.seq for row in scene.pages(4)] == [*range(10), *range(15, 30)]
    assert scene.verify().faults == []


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (None, 10, [(0, 10, "erased"), (10, 20, "stored")]),
        (20, None, [(0, 20, "stored"), (20, 10, "erased")]),
        (None, None, [(0, 30, "erased")]),
        (0, 30, [(0, 30, "erased")]),
        (10, 10, [(0, 30, "stored")]),
        (20, 10, [(0, 30, "stored")]),
        (29, 60, [(0, 29, "stored"), (29, 1, "erased")]),
        (30, 60, [(0, 30, "stored")]),
    ],
)
def test_range_is_half_open_and_may_have_no_end(
    scene: Scene, low: int | None, high: int | None, wanted: list[tuple[int, int, str]]
) -> None:
    scene.send_run(30, scene.start)
    from_, to = (None if n is None else scene.start + n * MINUTE for n in (low, high))
    taken = scene.erase(from_, to)
    assert shape(scene) == wanted
    assert taken == sum(count for _, count, state in wanted if state == "erased")
    assert [one[0] for one in removals(scene.conn)] == ([taken] if taken else [])
    assert scene.verify().faults == []


def test_out_of_order_records_go_from_wherever_they_lie(scene: Scene) -> None:
    minutes = [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    records = [scene.record(scene.start + m * MINUTE, m) for m in minutes]
    assert set(scene.send(*records)) == {"stored"}
    assert scene.erase(scene.start + 7 * MINUTE, None) == 3
    assert [entry.seq for entry in scene.entries()] == [0, 2, 4, 6, 7, 8, 9]
    assert [one[1] for one in shape(scene)] == [1, 1, 1, 1, 1, 1, 4]
    assert scene.verify().faults == []


def test_marks_of_neighbours_that_go_together_are_one(scene: Scene) -> None:
    for n in range(6):
        scene.send_run(10, scene.start + n * HOUR)
    assert scene.erase(scene.start + HOUR + 5 * MINUTE, scene.start + 4 * HOUR) == 25
    assert shape(scene) == [
        (0, 10, "stored"),
        (10, 5, "stored"),
        (15, 25, "erased"),
        (40, 10, "stored"),
        (50, 10, "stored"),
    ]
    gone = scene.segments()[2]
    assert (gone.head_before, gone.head_after) == (
        scene.segments()[1].head_after,
        scene.segments()[3].head_before,
    )
    assert scene.verify().faults == []


def test_whole_tenure_is_removed_stream_by_stream_under_one_entry(scene: Scene) -> None:
    scene.send_run(10, scene.start)
    scene.send_run(10, scene.start, "wear")
    wanted = Range(None, scene.start + 5 * MINUTE, None)
    assert remove.remove(scene.conn, scene.clock, scene.keys, scene.tenure, wanted, OWNER) == 10
    assert removals(scene.conn) == [(10, False, 2)]
    assert scene.verify().faults == []


def test_nothing_of_another_tenure_or_object_is_removed(scene: Scene) -> None:
    scene.send_run(10, scene.start)
    for tenure in ((scene.org_id, scene.tenure_id), (scene.object_id, scene.org_id)):
        wanted = Range(None, None, None)
        assert remove.remove(scene.conn, scene.clock, scene.keys, tenure, wanted, OWNER) == 0
    assert len(scene.rows()) == 10


def test_late_record_after_a_removal_gets_a_fresh_turn_of_the_key(scene: Scene) -> None:
    scene.send_run(10, scene.start)
    (old,) = {row.key_id for row in scene.segments()}
    scene.erase(scene.start, scene.start + 5 * MINUTE)
    scene.send_run(1, scene.start + 2 * MINUTE)
    stored = [row for row in scene.segments() if row.state == "stored"]
    assert [row.key_turn for row in stored] == [1, 1]
    assert old not in {row.key_id for row in stored}
    scene.finish_removals()
    assert scene.rows()[0].placed_at == scene.start + 2 * MINUTE
    assert len(scene.rows()) == 6
    assert scene.verify().faults == []


def test_key_is_destroyed_only_when_nothing_is_sealed_under_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the month is more than one step of it."""
    monkeypatch.setattr(remove, "_STEP", 7)
    scene.send_singly([scene.start + n * MINUTE for n in range(40)])
    (old,) = {row.key_id for row in scene.segments()}
    scene.erase(scene.start + 10 * MINUTE, scene.start + 12 * MINUTE)
    (removal,) = unfinished_removals(scene.conn, 9)
    assert key_ids(removal) == [old]
    whole, steps = scene.rows(), 0
    while not seal_anew(scene.conn, scene.keys, removal):
        steps += 1
        assert scene.rows() == whole
        assert scene.verify().faults == []
    assert steps == 6
    assert not queries.segments_under(scene.conn, *scene.tenure, [old], 1)
    scene.keys.destroy(removal.tenure_id, key_ids(removal))
    assert scene.rows() == whole
    assert scene.verify().faults == []
    assert unfinished_removals(scene.conn, 9) == [removal]
    note_final(scene.conn, scene.clock, scene.keys, removal)
    assert unfinished_removals(scene.conn, 9) == []


def test_removals_of_one_month_each_get_final(scene: Scene) -> None:
    """The second makes old what the first one's rest was sealed under."""
    scene.send_run(30, scene.start)
    scene.erase(scene.start, scene.start + 5 * MINUTE)
    scene.send_run(3, scene.start + HOUR)
    scene.erase(scene.start + 10 * MINUTE, scene.start + 15 * MINUTE)
    scene.finish_removals()
    scene.erase(scene.start + 20 * MINUTE, scene.start + 25 * MINUTE)
    scene.finish_removals()
    assert [final for _, final, _ in removals(scene.conn)] == [True] * 3
    assert scene.head().key_turn == 3
    assert len(scene.rows()) == 18
    assert scene.verify().faults == []


def test_retention_destroys_a_months_key_with_its_last_record(scene: Scene) -> None:
    """No segment is sealed anew for it: the key stays as long as the month has a record."""
    scene.clock.advance(20 * DAY)
    scene.send_singly([scene.start + n * DAY for n in range(25)])
    scene.send_run(5, scene.start + 30 * DAY)
    old = {row.placed_from: row.key_id for row in scene.segments()}
    scene.conn.execute(update(Tenure).values(keep_days={"wash": 20}))
    set_expiry(scene.conn, scene.keys, scene.tenure, "wash", 20)
    assert expire_next(scene.conn, scene.clock, scene.keys)
    assert not expire_next(scene.conn, scene.clock, scene.keys)
    assert removals(scene.conn) == [(20, True, 0)]
    assert shape(scene)[0] == (0, 20, "expired")
    scene.clock.advance(10 * DAY)
    assert expire_next(scene.conn, scene.clock, scene.keys)
    assert removals(scene.conn)[1:] == [(5, False, 1)]
    (removal,) = unfinished_removals(scene.conn, 9)
    assert key_ids(removal) == [old[min(old)]]
    assert shape(scene)[0] == (0, 25, "expired")  # one mark, however many days went
    assert seal_anew(scene.conn, scene.keys, removal)
    assert scene.verify().faults == []


@pytest.fixture
def log_keys(settings: Settings, clock: FixedClock) -> Iterator[LogKeys]:
    with closing(open_log_keys(settings, clock)) as opened:
        yield opened


class Stopped(Exception):
    """The process ends here."""


STEPS = ("nothing", "some", "sealed", "destroyed", "purged", "noted")


@pytest.mark.parametrize("last", STEPS)
def test_removal_goes_on_from_wherever_its_process_ended(
    settings: Settings,
    database: Database,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
    last: str,
) -> None:
    """The first process ends after one of the steps; a second one, which knows nothing but what is
    stored, brings it to its end. The keys are real, in a store of their own."""
    monkeypatch.setattr(remove, "_STEP", 4)
    with closing(open_log_keys(settings, clock)) as keys, database.connection() as conn:
        scene = Scene.built(conn, clock, keys=EagerKeys(keys))
        clock.advance(DAY)
        scene.send_singly([scene.start + n * MINUTE for n in range(10)])
        (old,) = {row.key_id for row in scene.segments()}
        scene.erase(scene.start, scene.start + 2 * MINUTE)
    with closing(open_log_keys(settings, clock)) as keys:
        _go_until(last, database, clock, EagerKeys(keys), monkeypatch)
    with closing(open_log_keys(settings, clock)) as keys, Database(settings.url) as again:
        eager = EagerKeys(keys)
        with again.connection() as conn:
            mine = Scene(conn, clock, eager, object_id=scene.object_id, tenure_id=scene.tenure_id)
            assert mine.verify().faults == []
            assert [row.seq for row in mine.rows()] == list(range(2, 10))
        while upkeep.finish_removal(again, clock, eager):
            pass
        with again.connection() as conn:
            mine = Scene(conn, clock, eager, object_id=scene.object_id, tenure_id=scene.tenure_id)
            assert mine.verify().faults == []
            assert [row.seq for row in mine.rows()] == list(range(2, 10))
            assert removals(conn) == [(2, True, 1)]
            assert old not in {row.key_id for row in mine.segments()}
    with closing(open_log_keys(settings, clock)) as keys, pytest.raises(KeyDestroyed):
        EagerKeys(keys).opening(scene.tenure_id, old)


def _go_until(
    last: str,
    database: Database,
    clock: FixedClock,
    keys: EagerKeys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise Stopped

    if last == "nothing":
        return
    if last == "some":
        upkeep.finish_removal(database, clock, keys)
        return
    with monkeypatch.context() as patch:
        if last == "sealed":
            patch.setattr(LogKeys, "destroy", stop)
        elif last == "destroyed":
            patch.setattr(Database, "purge", _stop_at_the_log(Database.purge))
        elif last == "purged":
            patch.setattr(upkeep, "note_final", stop)
        try:
            while upkeep.finish_removal(database, clock, keys):
                pass
        except Stopped:
            return
    assert last == "noted"


def _stop_at_the_log(purge: object) -> object:
    """The key store is purged as ever; the process ends before the log is."""

    def stop(self: Database, tables: list[str], *, is_secret: bool = False) -> None:
        if tables == [Segment.__tablename__]:
            raise Stopped
        purge(self, tables, is_secret=is_secret)  # type: ignore[operator]

    return stop


def test_mark_cannot_be_made_without_a_key(scene: Scene) -> None:
    """Somebody with the database alone cannot pass a segment off as removed."""
    scene.send_run(10, scene.start)
    scene.send_run(10, scene.start + DAY)
    scene.erase(scene.start, scene.start + 10 * MINUTE)
    gone, kept = scene.segments()
    scene.conn.execute(
        update(Segment)
        .where(Segment.first_seq == kept.first_seq)
        .values(state="erased", days=None, key_id=gone.key_id, key_turn=0, sealed=gone.sealed)
    )
    (fault,) = scene.verify().faults
    assert (fault.what, fault.seq) == ("segment", 10)


def test_marks_are_sealed_under_a_key_that_no_removal_makes_old(scene: Scene) -> None:
    scene.send_run(10, scene.start)
    scene.erase(None, None)
    scene.finish_removals()
    (gone,) = scene.segments()
    assert gone.key_id in {
        key.key_id for name, key in scene.keys.by_name.items() if name.stream == MARKS
    }
    assert scene.verify().faults == []
    assert scene.verify().removed == 10
