"""A log that was changed behind the service's back rests: nothing is built on it, and what is wrong
stays to be found. The other streams go on."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.objects.models import Tenure
from app.usage import upkeep
from app.usage.errors import LogDamaged
from app.usage.ingest import Call, ingest
from app.usage.items import read_items
from app.usage.models import Removal, Segment, StreamHead
from app.usage.pack import pack_next
from app.usage.removals import unfinished_removals
from app.usage.retention import expire_next
from app.usage.segments import CannotOpen
from tests.factories.keys import MemoryKeys
from tests.usage.scene import DAY, MINUTE, Scene


@pytest.fixture
def scene(database: Database, clock: FixedClock) -> Iterator[Scene]:
    with database.connection() as conn:
        yield Scene.built(conn, clock)


def damage(scene: Scene, **changes: object) -> None:
    """Write columns of one stream's head, as somebody without the keys can."""
    scene.conn.execute(update(StreamHead).where(StreamHead.stream == "wash").values(**changes))


def test_nothing_is_added_to_a_damaged_log(scene: Scene) -> None:
    scene.send_run(3, scene.start)
    scene.send_run(3, scene.start, "wear")
    damage(scene, reach=7)
    before = scene.verify().faults
    records = [scene.record(n=1), scene.record(n=2, stream="wear")]
    call = Call(scene.org_id, read_items(records, scene.object_id))
    refused, stored = ingest(scene.conn, scene.clock, scene.taker, call)
    assert isinstance(refused.error, LogDamaged)
    assert refused.error.extra == {"hold": True}
    assert stored.status == "stored"
    assert len(scene.rows()) == 3
    assert [(one.stream, one.what) for one in before] == [("wash", "head")]
    assert scene.verify().faults == before


def test_nothing_is_erased_of_a_damaged_log(scene: Scene) -> None:
    scene.send_run(3, scene.start)
    damage(scene, gone=1)
    with pytest.raises(LogDamaged):
        scene.erase(None, None)


def test_upkeep_turns_from_a_damaged_log_to_the_others(scene: Scene) -> None:
    scene.clock.advance(40 * DAY)
    for stream in ("wash", "wear"):
        scene.send_singly([scene.start + n * MINUTE for n in range(20)], stream=stream)
    scene.conn.execute(update(Tenure).values(keep_days={"wash": 20, "wear": 20}))
    expired = scene.clock.now() - DAY
    damage(scene, loose=99, expires_at=expired - DAY)
    assert pack_next(scene.conn, scene.keys)
    assert pack_next(scene.conn, scene.keys)
    assert not pack_next(scene.conn, scene.keys)
    assert expire_next(scene.conn, scene.clock, scene.keys)
    assert not expire_next(scene.conn, scene.clock, scene.keys)
    assert len(scene.segments()) == 20
    (fault,) = scene.verify().faults
    assert (fault.stream, fault.what) == ("wash", "head")


def test_stream_that_cannot_be_packed_takes_records(scene: Scene) -> None:
    """A damaged segment is found by a check; the head behind it is sound."""
    scene.send_singly([scene.start + n * MINUTE for n in range(20)])
    first = scene.segments()[0]
    scene.conn.execute(
        update(Segment).where(Segment.first_seq == 0).values(sealed=first.sealed[:-1] + b"?")
    )
    assert pack_next(scene.conn, scene.keys)
    assert not pack_next(scene.conn, scene.keys)
    assert scene.send(scene.record(n=1)) == ["stored"]
    (fault,) = scene.verify().faults
    assert (fault.what, fault.seq) == ("segment", 0)


@pytest.mark.parametrize("is_gone", [False, True])
def test_turn_that_was_set_back_brings_no_old_key_back(
    database: Database, clock: FixedClock, is_gone: bool
) -> None:
    """The removal waits for the operator; another one gets final, and then the step says so."""
    with database.connection() as conn:
        scene = Scene.built(conn, clock, keys=Kept())
        clock.advance(DAY)
        for stream in ("wash", "wear"):
            scene.send_run(5, scene.start, stream)
            scene.send_run(5, scene.start + 60 * MINUTE, stream)
            scene.erase(scene.start, scene.start + 2 * MINUTE, stream)
        head = delete(StreamHead) if is_gone else update(StreamHead).values(key_turn=0)
        conn.execute(head.where(StreamHead.stream == "wash"))
        waiting = unfinished_removals(conn, 9)
        (old,) = next(one.keys for one in waiting if one.stream == "wash")
    with pytest.raises(LogDamaged):
        for _ in range(9):
            upkeep.finish_removal(database, clock, scene.keys)
    with database.connection() as conn:
        finals = dict(conn.execute(select(Removal.stream, Removal.final_at)).all())
        assert finals["wash"] is None
        assert finals["wear"] is not None
        assert (scene.tenure_id, UUID(old)) in scene.keys.by_id


class Kept(MemoryKeys):
    """As the keys that upkeep is given, which know the keys behind them."""

    @property
    def keys(self) -> "Kept":
        return self


def test_keys_that_an_entry_was_made_to_name_are_not_destroyed(
    database: Database, clock: FixedClock
) -> None:
    with database.connection() as conn:
        scene = Scene.built(conn, clock, keys=Kept())
        scene.send_run(5, scene.start, "wear")
        scene.send_run(5, scene.start)
        scene.erase(scene.start, scene.start + 2 * MINUTE)
        (wear,) = scene.segments("wear")
        conn.execute(update(Removal).values(keys=[str(wear.key_id)]))
    with pytest.raises(CannotOpen):
        upkeep.finish_removal(database, clock, scene.keys)
    with database.connection() as conn:
        assert conn.execute(select(Removal.final_at)).scalar_one() is None
        scene.conn = conn
        assert len(scene.rows("wear")) == 5
        assert [one.what for one in scene.verify().faults] == ["removal"]
