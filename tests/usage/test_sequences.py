"""A device's own numbers: exact for ever, in whatever order they come; gaps are seen."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.usage import queries
from app.usage.ingest import forget_names
from app.usage.models import RecentName, SequenceRun
from app.usage.sequences import Runs, holes_of
from tests.usage.scene import DAY, MINUTE, Scene

MOST = 2**53 - 1
NUMBERS = st.integers(0, 40) | st.sampled_from([0, 1, MOST - 1, MOST]) | st.integers(0, MOST)


@pytest.fixture
def scene(database: Database, clock: FixedClock) -> Iterator[Scene]:
    with database.connection() as conn:
        made = Scene.built(conn, clock)
        clock.advance(DAY)
        yield made


def runs_of(scene: Scene, epoch: str = "", stream: str = "wash") -> list[tuple[int, int]]:
    return queries.sequence_runs(scene.conn, *scene.tenure, stream, epoch)


def as_runs(numbers: set[int]) -> list[tuple[int, int]]:
    """The runs of a set, the slow way."""
    firsts = sorted(n for n in numbers if n - 1 not in numbers)
    lasts = sorted(n for n in numbers if n + 1 not in numbers)
    return list(zip(firsts, lasts, strict=True))


@given(st.lists(NUMBERS), st.lists(NUMBERS))
def test_runs_are_a_set(first: list[int], then: list[int]) -> None:
    runs = Runs()
    for n in first:
        runs.add(n)
    runs = Runs(reversed(runs.runs))
    for n in then:
        runs.add(n)
    numbers = {*first, *then}
    assert runs.runs == as_runs(numbers)
    assert all((n in runs) == (n in numbers) for n in range(42))
    assert all(n in runs for n in numbers)
    inside = range(min(numbers, default=0), min(max(numbers, default=-1), 41) + 1)
    missing = {n for low, high in runs.holes() for n in range(low, min(high, 41) + 1)}
    assert {n for n in missing if n <= 41} == {n for n in inside if n not in numbers}


@given(st.lists(st.lists(st.integers(0, 25), max_size=6), max_size=8))
def test_what_is_kept_is_what_came(calls: list[list[int]]) -> None:
    """What a call would write: rows that changed go, their new form comes."""
    rows: set[tuple[int, int]] = set()
    numbers: set[int] = set()
    for call in calls:
        runs = Runs(rows)
        for n in call:
            runs.add(n)
        gone, fresh = rows - set(runs.runs), set(runs.runs) - rows
        assert len({first for first, _ in rows - gone} | {first for first, _ in fresh}) == len(
            rows - gone
        ) + len(fresh)
        rows = rows - gone | fresh
        numbers |= set(call)
        assert sorted(rows) == as_runs(numbers)


def test_numbers_in_order_are_one_row(scene: Scene) -> None:
    for start in range(0, 50, 10):
        at = scene.start + start * MINUTE
        batch = [scene.record(at + n * MINUTE, n, sequence=start + n) for n in range(10)]
        assert set(scene.send(*batch)) == {"stored"}
    assert runs_of(scene) == [(0, 49)]
    assert scene.conn.execute(select(func.count()).select_from(SequenceRun)).scalar_one() == 1


def test_numbers_out_of_order_are_taken_and_gaps_are_seen(scene: Scene) -> None:
    for number in (5, 9, 3, 4, 100):
        assert scene.send(scene.record(sequence=number)) == ["stored"]
    assert runs_of(scene) == [(3, 5), (9, 9), (100, 100)]
    assert holes_of(scene.conn, *scene.tenure) == [("wash", "", [(6, 8), (10, 99)], (3, 100))]
    for number in (7, 6, 8):
        assert scene.send(scene.record(sequence=number)) == ["stored"]
    assert holes_of(scene.conn, *scene.tenure) == [("wash", "", [(10, 99)], (3, 100))]
    assert len(scene.rows()) == 8


def test_greatest_number_there_is_fits(scene: Scene) -> None:
    for number in (MOST, 0, MOST - 1):
        assert scene.send(scene.record(sequence=number)) == ["stored"]
        assert scene.send(scene.record(sequence=number)) == ["duplicate"]
    assert runs_of(scene) == [(0, 0), (MOST - 1, MOST)]


def test_counter_that_begins_anew_sends_another_epoch(scene: Scene) -> None:
    for epoch in ("a", "b", None):
        told = {} if epoch is None else {"epoch": epoch}
        for number in (0, 1):
            record = scene.record(sequence=number) | told
            assert scene.send(record) == ["stored"]
            assert scene.send(record) == ["duplicate"]
    assert [runs_of(scene, epoch) for epoch in ("", "a", "b")] == [[(0, 1)]] * 3
    assert len(scene.rows()) == 6


def test_streams_count_apart(scene: Scene) -> None:
    for stream in ("wash", "wear"):
        assert scene.send(scene.record(sequence=1, stream=stream)) == ["stored"]
    told = holes_of(scene.conn, *scene.tenure)
    assert told == [("wash", "", [], (1, 1)), ("wear", "", [], (1, 1))]


def test_refused_line_does_not_use_up_its_number(scene: Scene) -> None:
    early = scene.record(scene.start - DAY, sequence=1)
    assert scene.send(early) == ["outside-tenure"]
    assert scene.send(scene.record(sequence=1)) == ["stored"]


def test_two_contents_under_one_number_conflict(scene: Scene) -> None:
    one, other = scene.record(n=1, sequence=1), scene.record(n=2, sequence=1)
    assert scene.send(one, other) == ["stored", "record-conflict"]
    assert scene.send(other) == ["record-conflict"]
    assert scene.send(one) == ["duplicate"]


@pytest.mark.parametrize("days", [6, 8, 400])
@pytest.mark.parametrize("is_packed", [False, True])
def test_number_is_exact_for_ever(scene: Scene, days: int, is_packed: bool) -> None:
    """After a week only the runs are left of the names: the stored record itself tells whether the
    same came again."""
    record = scene.record(n=1, sequence=7, epoch="e")
    assert scene.send(record, *[scene.record(n=n) for n in range(5)]) == ["stored"] * 6
    scene.send_singly([scene.clock.now() - n * MINUTE for n in range(120)])
    if is_packed:
        scene.pack()
    scene.clock.advance(days * DAY)
    forget_names(scene.conn, scene.clock)
    names = scene.conn.execute(select(func.count()).select_from(RecentName)).scalar_one()
    assert names == (1 if days < 7 else 0)
    before = len(scene.rows())
    assert scene.send(record) == ["duplicate"]
    for changes in ({"values": {"n": 2}}, {"corrects": "x"}):
        assert scene.send(record | changes) == ["record-conflict"]
    elsewhere = (scene.start + MINUTE).isoformat()
    assert scene.send(record | {"at": elsewhere}) == ["record-conflict"]
    assert scene.send(record | {"epoch": "f"}) == ["stored"]
    assert len(scene.rows()) == before + 1


def test_number_of_a_record_that_came_before_its_time_is_exact_too(scene: Scene) -> None:
    """It stands where it arrived, so nothing at its own time tells of it."""
    record = scene.record(scene.clock.now() + DAY, n=1, sequence=7, id="x")
    assert scene.send(record) == ["stored"]
    scene.clock.advance(400 * DAY)
    forget_names(scene.conn, scene.clock)
    assert scene.send(record) == ["duplicate"]
    assert scene.send(record | {"values": {"n": 2}}) == ["record-conflict"]


def test_old_number_of_what_was_removed_is_a_duplicate(scene: Scene) -> None:
    record = scene.record(n=1, sequence=7)
    scene.send(record)
    scene.erase(None, None)
    scene.clock.advance(8 * DAY)
    forget_names(scene.conn, scene.clock)
    assert scene.send(record) == ["duplicate"]
    assert scene.rows() == []


def test_number_that_came_twice_in_one_call_is_stored_once(scene: Scene) -> None:
    record = scene.record(sequence=1)
    assert scene.send(record, record) == ["stored", "duplicate"]
    assert len(scene.rows()) == 1
