"""Consumer and broker are ended at random moments: what was published is stored, exactly once."""

import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from tests.mqtt.conftest import Device, Scene, consuming, make_consumer, running, wait_until
from tests.support.mosquitto import Mosquitto
from tests.support.rounds import rounds


@contextmanager
def publishing(device: Device, scene: Scene, thing: UUID) -> Iterator[None]:
    """Messages of one to three records, without end."""
    is_over, chance = threading.Event(), random.Random(3)

    def publish() -> None:
        while not is_over.wait(0.005):
            device.send(thing, scene.body(chance.randint(1, 3)))

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(40)
        assert not thread.is_alive()


def test_kill_9_of_the_consumer_loses_nothing_and_doubles_nothing(
    scene: Scene, thing: UUID, mosquitto: Mosquitto, device: Device, tmp_path: Path
) -> None:
    chance = random.Random(7)
    with running(scene, mosquitto.url, tmp_path) as first:
        first.wait_subscribed()  # from here on the broker keeps what comes
        with publishing(device, scene, thing):
            scene.wait_stored(thing, 1)
            assert first.end(signal.SIGKILL) == -signal.SIGKILL
            for _ in range(rounds(2, 100)):
                with running(scene, mosquitto.url, tmp_path) as again:
                    if chance.random() < 0.8:
                        again.wait_subscribed()
                    time.sleep(chance.uniform(0, 0.3))
                    assert again.end(signal.SIGKILL) == -signal.SIGKILL
    with running(scene, mosquitto.url, tmp_path) as last:
        last.wait_subscribed()
        scene.wait_stored(thing, len(scene.ids))
        assert last.end(signal.SIGTERM) == 0
    assert scene.stored(thing) == sorted(scene.ids)
    assert scene.letters() == []


def test_a_consumer_that_is_asked_to_end_stores_nothing_twice(
    scene: Scene, thing: UUID, mosquitto: Mosquitto, device: Device, tmp_path: Path
) -> None:
    """Records without a name would be, if something that is stored were not acknowledged."""
    with running(scene, mosquitto.url, tmp_path) as consumer:
        consumer.wait_subscribed()
        bodies = [scene.body(is_named=False) for _ in range(rounds(300, 6000))]
        for body in bodies:
            device.publish(thing, body)
        wait_until(lambda: scene.count(thing) > 0, "nothing was stored")
        assert consumer.end(signal.SIGTERM) == 0
    device.settle()
    with running(scene, mosquitto.url, tmp_path) as again:
        again.wait_subscribed()
        scene.wait_stored(thing, scene.sent)
        assert again.end(signal.SIGTERM) == 0
    assert len(scene.rows(thing)) == scene.sent


def test_a_broker_that_is_killed_and_comes_back_is_found_again(
    scene: Scene, thing: UUID, mosquitto: Mosquitto, device: Device
) -> None:
    """What a killed broker had on its way is lost there: the device publishes that again, and
    nothing is stored twice. One that ends in order keeps it."""
    with consuming(mosquitto.url, make_consumer(scene)):
        mosquitto.save()  # the session; what comes later is lost with the broker
        for turn in range(rounds(2, 20)):
            how = (signal.SIGKILL, signal.SIGTERM)[turn % 2]
            bodies = [scene.body(2) for _ in range(60)]
            for body in bodies[:20]:
                device.send(thing, body)
            for body in bodies[20:40]:
                device.publish(thing, body)
            mosquitto.end(how)
            mosquitto.start()
            for body in bodies if how == signal.SIGKILL else bodies[40:]:
                device.send(thing, body)
            scene.wait_stored(thing, len(scene.ids))
    assert scene.stored(thing) == sorted(scene.ids)
