"""A correction is a new record that names the old one; readers see it in the old one's place."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.disclosure.records import Wanted, read_page
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.usage.read import latest
from app.usage.rows import Row
from app.usage.wire import flags_of, record_lines
from tests.factories.world import World
from tests.support.rounds import rounds
from tests.usage.scene import DAY, MINUTE, Scene


@pytest.fixture
def scene(database: Database, clock: FixedClock) -> Iterator[Scene]:
    with database.connection() as conn:
        made = Scene.built(conn, clock)
        clock.advance(2 * DAY)
        yield made


def numbers(rows: list[Row]) -> list[int]:
    return [json.loads(record_lines([row]))["values"]["n"] for row in rows]


def test_readers_get_the_corrected_view_and_the_whole_history_on_request(scene: Scene) -> None:
    scene.send(scene.record(scene.start, 1, id="a"), scene.record(scene.start + MINUTE, 2, id="b"))
    fixed = scene.record(scene.start, 10, id="c", corrects="a")
    assert scene.send(fixed) == ["stored"]
    assert numbers(scene.rows()) == [10, 2]
    whole = scene.rows(is_whole=True)
    assert numbers(whole) == [1, 10, 2]
    assert [flags_of(row) for row in whole] == [["corrected"], ["correction"], []]
    assert [flags_of(row) for row in scene.rows()] == [["correction"], []]
    assert numbers(latest(scene.log, ["wash"], 5)) == [2, 10]


def test_correction_may_move_a_record_in_time(scene: Scene) -> None:
    scene.send(scene.record(scene.start, 1, id="a"), scene.record(scene.start + MINUTE, 2))
    scene.send(scene.record(scene.start + DAY, 10, corrects="a"))
    assert numbers(scene.rows()) == [2, 10]


def test_correction_may_come_before_what_it_corrects(scene: Scene) -> None:
    scene.send(scene.record(scene.start, 10, id="c", corrects="a"))
    assert numbers(scene.rows()) == [10]
    assert scene.send(scene.record(scene.start, 1, id="a")) == ["stored"]
    assert numbers(scene.rows()) == [10]
    assert [row.is_corrected for row in scene.rows(is_whole=True)] == [False, True]


@pytest.mark.parametrize("is_in_one_call", [True, False])
def test_chain_of_corrections_ends_in_the_last(scene: Scene, is_in_one_call: bool) -> None:
    names = ["a", "b", "c", "d"]
    records = [
        scene.record(scene.start, n, id=name) | ({"corrects": names[n - 1]} if n else {})
        for n, name in enumerate(names)
    ]
    if is_in_one_call:
        scene.send(*records)
    else:
        for record in records:
            scene.send(record)
    assert numbers(scene.rows()) == [3]
    told = [flags_of(row) for row in scene.rows(is_whole=True)]
    assert told == [
        ["corrected"],
        ["correction", "corrected"],
        ["correction", "corrected"],
        ["correction"],
    ]


def test_two_corrections_of_one_record_both_stand(scene: Scene) -> None:
    scene.send(scene.record(scene.start, 1, id="a"))
    for n in (2, 3):
        scene.send(scene.record(scene.start, n, corrects="a"))
    assert numbers(scene.rows()) == [2, 3]


def test_record_that_corrects_itself_is_gone_from_the_corrected_view(scene: Scene) -> None:
    assert scene.send(scene.record(scene.start, 1, id="a", corrects="a")) == ["stored"]
    assert scene.rows() == []
    assert numbers(scene.rows(is_whole=True)) == [1]


def test_correction_of_another_stream_or_object_says_nothing_here(scene: Scene) -> None:
    scene.send(scene.record(scene.start, 1, id="a"))
    scene.send(scene.record(scene.start, 2, stream="wear", corrects="a"))
    assert numbers(scene.rows()) == [1]
    assert numbers(scene.rows("wear")) == [2]


def test_correction_with_a_number_of_its_own_is_stored_once(scene: Scene) -> None:
    fixed = scene.record(scene.start, 2, sequence=7, corrects="a")
    assert scene.send(fixed) == ["stored"]
    assert scene.send(fixed) == ["duplicate"]
    assert scene.send(fixed | {"corrects": "b"}) == ["record-conflict"]


@settings(
    max_examples=rounds(15, 200),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    drawn=st.lists(
        st.tuples(st.integers(0, 9), st.none() | st.integers(0, 12)), min_size=1, max_size=14
    ),
    size=st.integers(1, 5),
    is_packed=st.booleans(),
)
def test_pages_of_any_size_join_to_the_same_view(
    scene: Scene, drawn: list[tuple[int, int | None]], size: int, is_packed: bool
) -> None:
    """Records at random minutes that correct random others, before or after them."""
    nested = scene.conn.begin_nested()
    try:
        hidden = {f"r{target}" for _, target in drawn if target is not None}
        for number, (minute, target) in enumerate(drawn):
            told: dict[str, Any] = {} if target is None else {"corrects": f"r{target}"}
            record = scene.record(scene.start + minute * MINUTE, number, id=f"r{number}")
            assert scene.send(record | told) == ["stored"]
        if is_packed:
            scene.pack()
        order = sorted(range(len(drawn)), key=lambda number: (drawn[number][0], number))
        shown = [number for number in order if f"r{number}" not in hidden]
        assert numbers(scene.pages(size, is_whole=True)) == order
        assert numbers(scene.pages(size)) == shown
        for is_whole, wanted in ((False, shown), (True, order)):
            assert numbers(_disclosed(scene, size, is_whole=is_whole)) == wanted
    finally:
        nested.rollback()


def _disclosed(scene: Scene, size: int, *, is_whole: bool) -> list[Row]:
    """As a vendor pages, with the position that each page gives."""
    found: list[Row] = []
    position = None
    while True:
        wanted = Wanted(None, None, None, size, None, is_whole)
        page = read_page(scene.log, {"wash": (None, None)}, position, wanted)
        assert len(page.rows) <= size
        found += page.rows
        position = page.next_position
        if position is None:
            return found


def test_vendor_sees_what_is_corrected_by_its_flags(database: Database, clock: FixedClock) -> None:
    world = World(database, clock)
    owner_id = world.owner()
    object_id = world.owned(owner_id)
    granted = world.allow(owner_id, [object_id])
    clock.advance(DAY)
    at = (clock.now() - MINUTE).isoformat()
    record = {"stream": "wear", "at": at, "values": {"steps": 1}, "id": "a"}
    world.send(object_id, [record])
    world.send(object_id, [record | {"values": {"steps": 2}, "id": "b", "corrects": "a"}])
    reader = world.reader(granted)
    thing = world.pseudonym(granted, object_id)
    (shown,) = world.records(reader, thing)
    assert (shown["values"], shown["flags"]) == ({"steps": 2}, ["correction"])
    assert "a" not in shown.values()
