"""What is told over stretches of time, or in a few words: never more than was granted."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accesses.history import Filter, list_accesses
from app.consent.decide import Slice
from app.consent.errors import AbovePrecision
from app.consent.grant import Granted
from app.consent.grants import pause
from app.consent.precision import Precision
from app.disclosure.objects import list_objects
from app.disclosure.reader import Disclosed, NotDisclosed, Reader
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.ids import new_id
from tests.factories.world import DEADLINE, World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PARIS = ZoneInfo("Europe/Paris")
LATE = timedelta(hours=12, seconds=5)


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    return World(database, clock)


@pytest.fixture
def owner(world: World) -> UUID:
    return world.owner()


@pytest.fixture
def jeans(world: World, owner: UUID) -> UUID:
    """A pair that was claimed at a midnight of its owner."""
    world.clock.advance(midnight(world, 1) - world.clock.now())
    return world.owned(owner)


def midnight(world: World, days: int = 0) -> datetime:
    """A midnight in Paris, so many days from now."""
    day = world.clock.now().astimezone(PARIS).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=PARIS).astimezone(UTC)


def wear_days(world: World, thing: UUID, *counts: int) -> datetime:
    """So many records on each of the days that follow; the first day's midnight."""
    start = world.clock.now()
    for count in counts:
        times = [world.clock.now() + HOUR * (1 + n) for n in range(count)]
        world.clock.advance(DAY)
        world.wear(thing, *times)
    return start


def entry(*kinds: str, **more: Any) -> dict[str, Any]:
    return {"type": "urn:inseam:object-data", "datatypes": list(kinds)} | more


def give(world: World, owner: UUID, thing: UUID, *kinds: str, how: str = "day") -> Granted:
    return world.allow(owner, [thing], kinds, how=how)


def test_days_are_told_once_they_are_over(world: World, owner: UUID, jeans: UUID) -> None:
    start = wear_days(world, jeans, 2, 0, 3)
    given = give(world, owner, jeans, "usage")
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    assert [one["count"] for one in world.buckets(reader, ref, "wear", "day")] == [2]
    world.clock.advance(LATE)
    told = world.buckets(reader, ref, "wear", "day")
    assert [one["count"] for one in told] == [2, 3]
    assert datetime.fromisoformat(told[0]["start"]) == start
    assert told[1]["values"] == {"steps": {"sum": 300, "min": 100, "max": 100, "mean": 100}}


def test_what_comes_late_changes_no_day(world: World, owner: UUID, jeans: UUID) -> None:
    start = wear_days(world, jeans, 2)
    world.clock.advance(LATE)
    given = give(world, owner, jeans, "usage")
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    before = world.buckets(reader, ref, "wear", "day")
    world.wear(jeans, start + HOUR * 20)
    world.clock.advance(DAY)
    assert world.buckets(reader, ref, "wear", "day", to=start + DAY) == before


def test_a_correction_that_comes_late_changes_no_day(
    world: World, owner: UUID, jeans: UUID
) -> None:
    start = world.clock.now()
    world.clock.advance(DAY)
    record = {"stream": "wear", "at": (start + HOUR).isoformat(), "values": {"steps": 7}, "id": "a"}
    assert [one.status for one in world.send(jeans, [record])] == ["stored"]
    world.clock.advance(LATE)
    given = give(world, owner, jeans, "usage")
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    before = world.buckets(reader, ref, "wear", "day")
    assert before[0]["values"]["steps"]["sum"] == 7
    moved = {"at": (start + DAY + HOUR).isoformat(), "values": {"steps": 9}, "id": "b"}
    later = record | moved | {"corrects": "a"}
    assert [one.status for one in world.send(jeans, [later])] == ["stored"]
    world.clock.advance(DAY)
    assert world.buckets(reader, ref, "wear", "day", to=start + DAY) == before


def test_records_are_refused_where_days_were_given(world: World, owner: UUID, jeans: UUID) -> None:
    wear_days(world, jeans, 2)
    given = give(world, owner, jeans, "usage")
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    for query in ({}, {"stream": "wear"}, {"is_whole": True}):
        outcome = world.read(reader, ref, **query)
        assert isinstance(outcome, NotDisclosed)
        assert isinstance(outcome.error, AbovePrecision)
        zone = {"zone": "Europe/Paris"}
        told = {"usage": {"action": "read", "time": "day", "place": "exact"} | zone}
        assert outcome.error.extra == {"precision": told}
    with world.database.read() as db:
        rows = list_accesses(db, owner, Filter(), before=None, limit=10)
    assert [(row.rule, row.times, row.object_id) for row in rows] == [("above-precision", 3, jeans)]


def test_records_leave_out_what_is_given_by_the_day(world: World, owner: UUID, jeans: UUID) -> None:
    wear_days(world, jeans, 2)
    world.wear(jeans, world.clock.now() - HOUR, stream="wash")
    ticket = world.ask(entries=[entry("usage", precision={"time": "day"}), entry("care")])
    given = world.allow(owner, [jeans], ["usage", "care"], ticket=ticket)
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    assert {one["stream"] for one in world.records(reader, ref)} == {"wash"}
    assert world.rule(reader, ref, stream="wear") == "above-precision"
    assert world.buckets(reader, ref, "wash", "hour") == []  # over, but not twelve hours ago


@pytest.mark.parametrize(
    ("granted", "fits"),
    [
        ("exact", {"hour", "day", "week", "month"}),
        ("hour", {"hour", "day", "week", "month"}),
        ("day", {"day", "week", "month"}),
        ("week", {"week"}),
        ("month", {"month"}),
        ("summary", set[str]()),
    ],
)
def test_no_stretch_is_finer_than_was_given(
    world: World, owner: UUID, jeans: UUID, granted: str, fits: set[str]
) -> None:
    wear_days(world, jeans, 2)
    given = give(world, owner, jeans, "usage", how=granted)
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    for size in ("hour", "day", "week", "month"):
        outcome = world.coarse(reader, ref, "wear", size)
        if size in fits:
            assert isinstance(outcome, Disclosed)
        else:
            assert isinstance(outcome, NotDisclosed)
            assert outcome.rule == "above-precision"
    assert world.summary(reader, ref, "wear") == world.summary(reader, ref, "wear")


def test_a_summary_of_few_records_says_no_more(world: World, owner: UUID, jeans: UUID) -> None:
    wear_days(world, jeans, 2, 2)
    world.clock.advance(LATE)
    given = give(world, owner, jeans, "usage", how="summary")
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    assert world.summary(reader, ref, "wear")["too_few"] is True
    assert "count" not in world.summary(reader, ref, "wear")
    world.clock.advance(midnight(world, 1) - world.clock.now())
    wear_days(world, jeans, 1)
    world.clock.advance(LATE)
    told = world.summary(reader, ref, "wear")
    assert (told["count"], told["size"], told["zone"]) == (5, "day", "Europe/Paris")
    assert told["trend"]["change"] == "less"


def test_a_token_for_weeks_is_told_no_days(world: World, owner: UUID, jeans: UUID) -> None:
    wear_days(world, jeans, *[1] * 20)
    world.clock.advance(LATE)
    given = give(world, owner, jeans, "usage")
    whole, ref = world.reader(given), world.pseudonym(given, jeans)
    part = Slice(None, frozenset(["usage"]), None, None, Precision(time="week"))
    weekly = Reader(*[getattr(whole, n) for n in whole.__dataclass_fields__][:-1], (part,))
    outcome = world.coarse(weekly, ref, "wear", "day")
    assert isinstance(outcome, NotDisclosed)
    assert outcome.rule == "above-precision"
    assert world.buckets(weekly, ref, "wear", "week") == world.buckets(whole, ref, "wear", "week")


def test_pages_join_to_the_whole(world: World, owner: UUID, jeans: UUID) -> None:
    wear_days(world, jeans, *[1, 0, 0, 2] * 3)
    world.clock.advance(LATE)
    given = give(world, owner, jeans, "usage")
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    whole = world.buckets(reader, ref, "wear", "day")
    assert [one["count"] for one in whole] == [1, 2] * 3
    for limit in (1, 2, 5, 100):
        assert world.buckets(reader, ref, "wear", "day", limit=limit) == whole


def test_readings_are_recorded_and_counted(world: World, owner: UUID, jeans: UUID) -> None:
    wear_days(world, jeans, 2, 1)
    world.clock.advance(LATE)
    wanted = entry("usage", precision={"time": "day"}, limits={"count": 2})
    given = world.allow(owner, [jeans], ["usage"], ticket=world.ask(entries=[wanted]))
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    assert len(world.buckets(reader, ref, "wear", "day", limit=1)) == 2  # pages of one reading
    assert isinstance(world.coarse(reader, ref, "wear"), Disclosed)  # too few to tell: none counted
    assert isinstance(world.coarse(reader, ref, "wear", "week"), Disclosed)  # not over: none
    assert world.buckets(reader, ref, "wear", "day")
    for size in ("day", None):
        outcome = world.coarse(reader, ref, "wear", size)
        assert isinstance(outcome, NotDisclosed)
        assert outcome.rule == "over-count"
    with world.database.read() as db:
        rows = list_accesses(db, owner, Filter(), before=None, limit=20)
    told = [(row.action, row.precision, row.count) for row in rows if row.result == "given"]
    assert ("summary", "day", 0) in told
    assert sum(count for action, _, count in told if action == "buckets") == 6


def test_what_is_paused_while_the_log_is_opened_stays(
    world: World, owner: UUID, jeans: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.disclosure import coarse

    wear_days(world, jeans, 2)
    given = give(world, owner, jeans, "usage")
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    opened = coarse.look

    def look(*told: Any) -> Any:
        found = opened(*told)
        with world.database.session() as db:
            pause(db, world.clock, owner, given.grant.grant_id)
        return found

    monkeypatch.setattr(coarse, "look", look)
    outcome = world.coarse(reader, ref, "wear", "day")
    assert isinstance(outcome, NotDisclosed)
    assert outcome.rule == "paused"


def test_places_are_told_in_squares(world: World, owner: UUID, jeans: UUID) -> None:
    world.clock.advance(DAY)
    world.wear(jeans, world.clock.now() - HOUR, stream="place")
    wanted = entry("location", precision={"place": "10 km"})
    given = world.allow(owner, [jeans], ["location"], ticket=world.ask(entries=[wanted]))
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    [told] = [one["values"] for one in world.records(reader, ref)]
    assert told != {"latitude": 48.85, "longitude": 2.35}
    assert abs(told["latitude"] - 48.85) < 0.05
    assert abs(told["longitude"] - 2.35) < 0.08


def test_the_list_of_things_says_how_exactly(world: World, owner: UUID, jeans: UUID) -> None:
    given = give(world, owner, jeans, "usage", "care", how="week")
    reader = world.reader(given)
    outcome = world.database.submit(
        lambda conn: list_objects(conn, world.clock, reader, "https://testserver", DEADLINE)
    ).result(30)
    assert isinstance(outcome, Disclosed)
    told = {"action": "read", "time": "week", "place": "exact", "zone": "Europe/Paris"}
    assert json.loads(outcome.body)["objects"][0]["precision"] == {"usage": told, "care": told}


Poll = tuple[int, int, str]  # the hour of asking, the hour the window begins at, the size


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
@given(
    hours=st.lists(st.integers(0, 71), max_size=12, unique=True),
    moved=st.integers(1, 23),
    polls=st.lists(
        st.tuples(st.integers(0, 120), st.integers(0, 90), st.sampled_from(["hour", "day"])),
        min_size=1,
        max_size=6,
    ),
)
def test_polling_tells_no_hour_of_a_day(
    world: World, hours: list[int], moved: int, polls: list[Poll]
) -> None:
    """Two logs that have the same number of records on each day, at other hours, look alike to who
    was given days, whenever it asks and for whatever window."""
    same = [hour // 24 * 24 + (hour + moved) % 24 for hour in hours]
    assert transcript(world, sorted(hours), polls) == transcript(world, sorted(same), polls)


def transcript(world: World, hours: list[int], polls: list[Poll]) -> list[Any]:
    """All that a vendor with days is told while a log grows, from the day on that it began."""
    world.clock.advance(midnight(world, 1) - world.clock.now())
    owner = world.owner()
    jeans, start = world.owned(owner, f"SL-{new_id().hex[:12]}"), world.clock.now()
    given = give(world, owner, jeans, "usage")
    reader, ref = world.reader(given), world.pseudonym(given, jeans)
    told: list[Any] = []
    acts = [(hour, None) for hour in hours] + [(at, (from_, size)) for at, from_, size in polls]
    for at, poll in sorted(acts, key=lambda act: (act[0], act[1] is not None)):
        world.clock.advance(max(start + HOUR * (at + 1) - world.clock.now(), timedelta()))
        if poll is None:
            world.wear(jeans, start + HOUR * at)
            continue
        outcome = world.coarse(reader, ref, "wear", poll[1], from_=start + HOUR * poll[0], limit=2)
        if isinstance(outcome, NotDisclosed):
            told.append(outcome.rule)
        else:
            body = json.loads(outcome.body)
            days = [
                (datetime.fromisoformat(one.pop("start")) - start, one) for one in body["buckets"]
            ]
            ends = [datetime.fromisoformat(one.pop("end")) - start for _, one in days]
            told.append((days, ends, body["next"] is None))
    return told
