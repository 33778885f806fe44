"""When messages are acknowledged: after their commit, in order, and never before."""

import asyncio
import json
import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiomqtt import Message, MqttError
from sqlalchemy import Connection, update

from app.kit.db import Database
from app.kit.errors import OutOfSpace, Unavailable
from app.mqtt import consumer as consumer_module
from app.mqtt.consumer import Consumer
from app.mqtt.taking import Parcel, Taking
from app.objects.models import Tenure
from tests.mqtt.conftest import BY_ID, Scene, make_consumer, properties


class Wire:
    """A connection that brings what it is given, notes what is acknowledged and what was stored
    by then, and ends."""

    def __init__(self, scene: Scene, thing: UUID, messages: Sequence[Message]) -> None:
        self.scene, self.thing = scene, thing
        self.is_up = True
        self.acknowledged: list[tuple[int, int]] = []
        self._messages = list(messages)

    async def take(self) -> list[Message]:
        if not self._messages:
            raise MqttError("the end")
        taken, self._messages = self._messages, []
        return taken

    async def settle(self) -> None:
        """Nobody waits."""

    def acknowledge(self, message: Message) -> None:
        self.acknowledged.append((message.mid, self.scene.count(self.thing)))

    def serve(self, consumer: Consumer) -> None:
        with pytest.raises(MqttError):
            asyncio.run(consumer.serve(self))  # type: ignore[arg-type]  # as much of it as is used


def message(mid: int, thing: object, body: bytes, **told: Any) -> Message:
    return Message(f"inseam/{thing}/events", body, 1, False, mid, properties(**told))


def test_each_is_acknowledged_in_order_after_its_commit(scene: Scene, thing: UUID) -> None:
    others = [scene.world.owned(scene.world.owner(), f"SL-{n}") for n in range(2, 5)]
    messages = [
        message(1, thing, scene.body()),
        message(2, others[0], scene.body(3)),
        message(3, thing, b"{"),
        message(4, others[1], scene.body()),
        message(5, uuid4(), scene.body()),
        message(6, others[2], scene.body()),
    ]
    wire = Wire(scene, thing, messages)
    wire.serve(make_consumer(scene))
    assert wire.acknowledged == [(mid, 1) for mid in range(1, 7)]
    assert [scene.count(other) for other in others] == [3, 1, 1]
    assert scene.reasons() == ["invalid-json", "not-found"]


def test_what_stands_beside_a_message_is_read(scene: Scene, thing: UUID) -> None:
    lines = b"\n".join(json.dumps(scene.record()).encode() for _ in range(2))
    told = {"content_type": "application/x-ndjson", "encoding": "identity"}
    wire = Wire(scene, thing, [message(1, thing, lines, **told), message(2, thing, lines)])
    wire.serve(make_consumer(scene))
    assert scene.count(thing) == 2
    assert scene.reasons() == ["invalid-json"]


class Failing:
    """A database of which the first works end as they are told to."""

    def __init__(self, database: Database, failures: list[Exception]) -> None:
        self._database, self.failures = database, failures

    async def run_jointly(self, work: Any, given: Any) -> Any:
        if self.failures:
            raise self.failures.pop()
        return await self._database.run_jointly(work, given)


def test_what_passes_is_waited_for(
    scene: Scene, thing: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_FIRST_PAUSE", 0.001)
    failures: list[Exception] = [Unavailable(), OutOfSpace(), Unavailable()] * 3
    broken: Any = Failing(scene.world.database, failures)
    wire = Wire(scene, thing, [message(1, thing, scene.body())])
    wire.serve(make_consumer(scene, database=broken))
    assert failures == []
    assert wire.acknowledged == [(1, 1)]
    assert scene.letters() == []


def test_a_message_that_breaks_something_becomes_a_dead_letter(
    scene: Scene, thing: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And those that came with it are stored."""
    monkeypatch.setattr(consumer_module, "_FIRST_PAUSE", 0.001)
    take_together, tried = Taking.take_together, 0

    def break_down(self: Taking, conn: Connection, parcels: Sequence[Parcel]) -> list[None]:
        nonlocal tried
        done = take_together(self, conn, parcels)
        if any(one.size == 4 and one.error is None for one in parcels):
            tried += 1
            raise RuntimeError
        return done

    monkeypatch.setattr(Taking, "take_together", break_down)
    bodies = [scene.body(), b"[  ]", scene.body()]
    wire = Wire(scene, thing, [message(n, thing, body) for n, body in enumerate(bodies)])
    wire.serve(make_consumer(scene))
    assert tried >= 3
    assert [mid for mid, _ in wire.acknowledged] == [0, 1, 2]
    assert scene.count(thing) == 2
    assert scene.reasons() == ["internal-error"]


def hold(scene: Scene, thing: UUID, is_held: threading.Event, let_go: threading.Event) -> None:
    """Keep what the message has to write from being written."""
    with scene.world.database.session() as db:
        db.execute(update(Tenure).where(Tenure.object_id == thing).values(used_by="me"))
        is_held.set()
        let_go.wait(30)


@pytest.mark.parametrize("end", ["goes on", "is lost", "is asked to end"])
def test_nothing_is_acknowledged_while_the_database_is_held(
    scene: Scene, thing: UUID, end: str
) -> None:
    is_held, let_go = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold, args=(scene, thing, is_held, let_go))
    holder.start()
    is_held.wait(30)
    wire = Wire(scene, thing, [message(1, thing, scene.body())])

    async def play(consumer: Consumer) -> None:
        serving = asyncio.create_task(consumer.serve(wire))  # type: ignore[arg-type]
        await asyncio.sleep(0.5)
        assert wire.acknowledged == []
        if end == "is lost":
            wire.is_up = False
        elif end == "is asked to end":
            consumer.stop()
        else:
            let_go.set()
        await asyncio.wait((serving,), timeout=20)
        assert serving.done()
        serving.exception()

    try:
        with closing(Database(scene.settings.url, pool_size=4, busy_seconds=0.2)) as impatient:
            asyncio.run(play(make_consumer(scene, BY_ID, impatient)))
    finally:
        let_go.set()
        holder.join(30)
    assert wire.acknowledged == ([(1, 1)] if end == "goes on" else [])
    assert scene.letters() == []
