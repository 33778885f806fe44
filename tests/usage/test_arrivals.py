"""Records in the order in which they came, whatever was packed or removed meanwhile."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.usage.arrivals import arrivals, heard_since
from tests.usage.scene import MINUTE, Scene

HOUR = timedelta(hours=1)


def numbers(
    scene: Scene, since: datetime | None, until: datetime, limit: int = 10_000
) -> list[int]:
    """What came between two instants, fetched by pages."""
    found: list[int] = []
    behind: int | None = None
    while rows := arrivals(scene.log, "wash", since, until, behind, limit):
        assert len(rows) <= limit
        assert all((since is None or row.received_at > since) for row in rows)
        found += [row.seq for row in rows]
        behind = rows[-1].seq
    return found


@given(
    calls=st.lists(st.tuples(st.integers(1, 120), st.integers(0, 3)), min_size=1, max_size=12),
    packed=st.integers(0, 12),
    cut=st.integers(0, 12),
    erased=st.tuples(st.integers(0, 300), st.integers(0, 300)),
    limit=st.sampled_from((1, 7, 64, 1000)),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_came_between_two_instants_is_all_and_in_order(
    db: Session,
    calls: list[tuple[int, int]],
    packed: int,
    cut: int,
    erased: tuple[int, int],
    limit: int,
) -> None:
    if limit == 1:
        calls = calls[:2]
    scene = Scene.built(
        db.connection(), FixedClock(datetime.fromisoformat("2026-11-02T10:00:00+00:00"))
    )
    came: list[tuple[datetime, int]] = []
    times: list[datetime] = []
    for turn, (count, minutes) in enumerate(calls):
        now = scene.clock.advance(minutes * MINUTE)  # calls may come at one instant
        first = scene.start + timedelta(seconds=len(came) % 7)  # out of order in time
        scene.send_run(count, first, step=timedelta(milliseconds=1))
        came += [(now, len(came) + n) for n in range(count)]
        times.append(now)
        if turn + 1 == packed:
            scene.pack()
    low, high = sorted(erased)
    scene.erase(
        scene.start + timedelta(milliseconds=low), scene.start + timedelta(milliseconds=high)
    )
    left = {row.seq for row in arrivals(scene.log, "wash", None, scene.clock.now(), None, 10_000)}
    since = times[min(cut, len(times) - 1)]
    for start in (None, since, scene.start - HOUR, scene.clock.now()):
        for end in (since, scene.clock.now()):
            wanted = [
                n for at, n in came if n in left and (start is None or at > start) and at <= end
            ]
            assert numbers(scene, start, end, limit) == wanted


def test_the_search_opens_little(db: Session, clock: FixedClock) -> None:
    scene = Scene.built(db.connection(), clock)
    for _ in range(8):
        scene.clock.advance(MINUTE)
        scene.send_run(1000, scene.start, step=timedelta(milliseconds=1))
    before = scene.clock.now()
    scene.clock.advance(MINUTE)
    scene.send_run(3, scene.start)
    scene.keys.opened = 0
    assert numbers(scene, before, scene.clock.now()) == [8000, 8001, 8002]
    assert scene.keys.opened <= 8


def test_a_clock_that_goes_back_does_not_change_the_order(db: Session, clock: FixedClock) -> None:
    scene = Scene.built(db.connection(), clock)
    late = scene.clock.advance(HOUR)
    scene.send_run(2, scene.start)
    scene.clock.set(scene.start + MINUTE)
    scene.send_run(2, scene.start)
    rows = arrivals(scene.log, "wash", None, late, None, 10)
    assert [row.seq for row in rows] == [0, 1, 2, 3]
    assert {row.received_at for row in rows} == {late}


def test_what_was_heard(db: Session, clock: FixedClock) -> None:
    scene = Scene.built(db.connection(), clock)
    assert heard_since(scene.conn, {scene.object_id}, None) == []
    scene.send_run(1, scene.start)
    first = scene.clock.now()
    scene.clock.advance(HOUR)
    scene.send_run(1, scene.start, stream="wear")
    assert [one.stream for one in heard_since(scene.conn, {scene.object_id}, None)] == [
        "wash",
        "wear",
    ]
    assert [one.stream for one in heard_since(scene.conn, {scene.object_id}, first)] == ["wear"]
    assert heard_since(scene.conn, {scene.object_id}, scene.clock.now()) == []


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_corrected_records_are_marked(db: Session, clock: FixedClock, limit: int) -> None:
    scene = Scene.built(db.connection(), clock)
    scene.clock.advance(HOUR)
    assert scene.send(scene.record(id="a"), scene.record(id="b", corrects="a")) == ["stored"] * 2
    rows = arrivals(scene.log, "wash", None, scene.clock.now(), None, limit)
    assert [row.is_corrected for row in rows] == [True, False][:limit]
