"""A broker, a maker's things whose messages go through it, and the consumer of two kinds: as a
process of its own, to be killed, and in a thread."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy import func, select

from app.keys.eager import EagerKeys
from app.keys.log_keys import LogKeys, open_log_keys
from app.kit import logs
from app.kit.clock import FixedClock, SystemClock
from app.kit.db import Database
from app.mqtt.broker import Link, read_broker
from app.mqtt.consumer import Consumer
from app.mqtt.run import Wanted, consume
from app.mqtt.taking import Reader, Taking
from app.mqtt.template import read_template
from app.objects.models import Tenure
from app.organizations.dead_letters import list_letters
from app.organizations.models import DeadLetter
from app.settings import Settings
from app.usage.ingest import Taker
from app.usage.models import StreamHead
from app.usage.read import Log, page
from app.usage.rows import Row
from app.usage.schema import StreamCache
from app.usage.verify import verify_log
from tests.factories.world import World
from tests.support import mqtt_process
from tests.support.mosquitto import Mosquitto

TOPIC = "inseam/+/events"
BY_ID = "inseam/{object}/events"
SUBSCRIBED = "mqtt subscribed"
WAIT_SECONDS = 60.0  # a shared machine is slow now and then


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def properties(content_type: str = "", encoding: str = "") -> Properties | None:
    """What MQTT 5 says beside a message."""
    made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if content_type:
        made.ContentType = content_type
    if encoding:
        made.UserProperty = ("Content-Encoding", encoding)
    return made if content_type or encoding else None


@dataclass
class Scene:
    """A maker with things; `publish` is a device's, the rest looks at what was stored."""

    settings: Settings
    world: World
    keys: LogKeys
    started: datetime
    sent: int = 0
    ids: list[str] = field(default_factory=list)

    def record(self, *, is_named: bool = True, **changes: Any) -> dict[str, Any]:
        """The next record, later than the last; one with an id is noted in `ids`."""
        self.sent += 1
        at = self.started + timedelta(milliseconds=self.sent)
        record = {"stream": "wear", "at": at.isoformat(), "values": {"steps": self.sent}}
        if is_named:
            self.ids.append(f"r{self.sent}")
            record["id"] = self.ids[-1]
        return record | changes

    def body(self, count: int = 1, *, is_named: bool = True) -> bytes:
        return json.dumps([self.record(is_named=is_named) for _ in range(count)]).encode()

    def rows(self, object_id: UUID) -> list[Row]:
        """What is stored of an object, whose whole log must be in order."""
        with self.world.database.read() as db:
            conn, keys = db.connection(), EagerKeys(self.keys)
            tenure_id = db.scalars(
                select(Tenure.tenure_id).where(Tenure.object_id == object_id)
            ).one()
            assert verify_log(conn, keys, object_id).faults == []
            log = Log(conn, keys, object_id, tenure_id)
            return page(log, ["wear"], None, None, None, 1_000_000)

    def count(self, object_id: UUID) -> int:
        """How many records are stored of an object."""
        query = select(func.sum(StreamHead.next_seq)).where(StreamHead.object_id == object_id)
        with self.world.database.read() as db:
            return int(db.scalar(query) or 0)

    def wait_stored(self, object_id: UUID, count: int) -> None:
        wait_until(lambda: self.count(object_id) >= count, "something is missing")

    def stored(self, object_id: UUID) -> list[str]:
        return sorted(row.record_id or "" for row in self.rows(object_id))

    def letters(self) -> list[DeadLetter]:
        """The maker's dead letters, the newest first."""
        with self.world.database.read() as db:
            return list(list_letters(db, self.world.maker.org_id))

    def reasons(self) -> list[str]:
        return sorted(letter.reason for letter in self.letters())


@pytest.fixture
def scene(settings: Settings, database: Database) -> Iterator[Scene]:
    logs.set_up("WARNING")
    now = datetime.now(UTC)
    world = World(database, FixedClock(now - timedelta(hours=2)))
    with closing(open_log_keys(settings, SystemClock())) as keys:
        yield Scene(settings, world, keys, now - timedelta(hours=1))


@pytest.fixture
def thing(scene: Scene) -> UUID:
    """An object with an owner."""
    return scene.world.owned(scene.world.owner())


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    yield broker
    broker.end(signal.SIGKILL)


class Device:
    """Publishes with QoS 1; comes back when the broker does."""

    def __init__(self, port: int, **more: Any) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._note
        if user := more.get("user"):
            self._client.username_pw_set(*user)
        if ca_file := more.get("ca_file"):
            self._client.tls_set(ca_file)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._published = self._known = 0

    def publish(self, thing: object, body: bytes, **more: Any) -> None:
        """Without waiting for the broker's word."""
        self._published += 1
        self._client.publish(f"inseam/{thing}/events", body, **({"qos": 1} | more))

    def settle(self) -> None:
        """Wait until the broker has everything."""
        wait_until(lambda: self._known >= self._published, "the broker did not take it")

    def send(self, thing: object, body: bytes, **more: Any) -> None:
        self.publish(thing, body, **more)
        self.settle()

    def _note(self, *_: object) -> None:
        self._known += 1

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def device(mosquitto: Mosquitto) -> Iterator[Device]:
    with closing(Device(mosquitto.port)) as made:
        yield made


class Watched(Consumer):
    """A consumer that says when it has subscribed."""

    def __init__(self, *tools: Any) -> None:
        super().__init__(*tools)
        self.is_there = threading.Event()

    async def serve(self, link: Link) -> None:
        self.is_there.set()
        await super().serve(link)


def make_consumer(
    scene: Scene, template: str | None = BY_ID, database: Database | None = None
) -> Watched:
    """A consumer of the scene's maker; by serial where the template says so."""
    clock = SystemClock()
    is_serial = template is not None and "{serial}" in template
    made = read_template(template, scene.world.product.product_id if is_serial else None)
    taker = Taker(scene.keys, StreamCache(), timedelta(minutes=5))
    taking = Taking(scene.world.maker.org_id, clock, taker)
    reader = Reader(scene.settings, clock, made)
    return Watched(database or scene.world.database, scene.keys, reader, taking)


@contextmanager
def consuming(url: str, consumer: Watched, **broker: Any) -> Iterator[None]:
    """The consumer in a thread, over real connections."""
    loop = asyncio.new_event_loop()
    work = consume(consumer, read_broker(url, **broker), "inseam-test", TOPIC)

    def run() -> None:
        with closing(loop):
            loop.run_until_complete(work)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert consumer.is_there.wait(WAIT_SECONDS), "it did not subscribe"
        yield
    finally:
        loop.call_soon_threadsafe(consumer.stop)
        thread.join(20)
        assert not thread.is_alive()


@dataclass
class Consuming:
    """A consumer as a process of its own."""

    process: BaseProcess
    errors: Path

    def wait_subscribed(self, times: int = 1) -> None:
        def is_there() -> bool:
            assert self.process.is_alive(), self.errors.read_text()
            return self.errors.exists() and self.errors.read_text().count(SUBSCRIBED) >= times

        wait_until(is_there, "it did not subscribe")

    def end(self, how: signal.Signals) -> int | None:
        """What it ends with."""
        assert self.process.pid is not None  # it was started
        os.kill(self.process.pid, how)
        self.process.join(20)
        return self.process.exitcode


@contextmanager
def running(scene: Scene, url: str, folder: Path) -> Iterator[Consuming]:
    settings = {"data_dir": scene.settings.data_dir, "database_url": scene.settings.url}
    wanted = Wanted(url, TOPIC, scene.world.maker.slug, BY_ID)
    errors = folder / f"errors-{time.monotonic_ns()}"
    process = mqtt_process.begin(settings, wanted, errors)
    try:
        yield Consuming(process, errors)
    finally:
        process.kill()
        process.join(20)
