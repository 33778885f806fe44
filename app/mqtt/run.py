"""The composition root of `inseam mqtt`: builds every tool once, connects, and comes back."""

import asyncio
import signal
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from app.keys.log_keys import open_log_keys
from app.kit.clock import SystemClock
from app.kit.db import Database
from app.kit.ids import derived_id
from app.kit.logs import logger
from app.kit.migrate import migrate
from app.mqtt.broker import Broker, MqttError, connect, read_broker
from app.mqtt.consumer import Consumer
from app.mqtt.taking import Reader, Taking
from app.mqtt.template import read_template
from app.objects.products import get_product
from app.organizations.service import find_organization
from app.settings import Settings
from app.usage.ingest import Taker
from app.usage.schema import StreamCache

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds before connecting again
_STOP_SECONDS = 10.0  # for what is being stored when it is time to stop


class Wanted(NamedTuple):
    """What to take in, from where, for whom. Without `object_from` the records name their
    objects."""

    broker: str
    topic: str
    organization: str
    object_from: str | None = None
    product_id: UUID | None = None
    client_id: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None


def run_mqtt(settings: Settings, wanted: Wanted) -> None:
    """Take messages in until SIGTERM or SIGINT. MqttInvalid, UnknownOrganization, UnknownProduct
    where it cannot begin."""
    broker = read_broker(wanted.broker, wanted.password_file, wanted.ca_file)
    template = read_template(wanted.object_from, wanted.product_id)
    clock = SystemClock()
    log_keys = open_log_keys(settings, clock)
    migrate(settings.url)
    database = Database(
        settings.url, pool_size=settings.pool_size, busy_seconds=settings.busy_seconds
    )
    with closing(log_keys), database:
        org_id = _find_maker(database, wanted)
        tolerance = timedelta(seconds=settings.clock_tolerance_seconds)
        taking = Taking(org_id, clock, Taker(log_keys, StreamCache(), tolerance))
        consumer = Consumer(database, log_keys, Reader(settings, clock, template), taking)
        client_id = wanted.client_id or f"inseam-{derived_id(org_id, wanted.topic).hex[:16]}"
        asyncio.run(_run(consumer, broker, client_id, wanted.topic))


def _find_maker(database: Database, wanted: Wanted) -> UUID:
    with database.read() as db:
        org_id = find_organization(db, wanted.organization).org_id
        if wanted.product_id is not None:
            get_product(db, org_id, wanted.product_id)
    return org_id


async def _run(consumer: Consumer, broker: Broker, client_id: str, topic: str) -> None:
    """Consume until told to stop, and then as long as what is being stored may take."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, consumer.stop)
    consuming = asyncio.create_task(consume(consumer, broker, client_id, topic))
    stopped = asyncio.create_task(consumer.stopped())
    await asyncio.wait((consuming, stopped), return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait((consuming,), timeout=_STOP_SECONDS)
    stopped.cancel()
    if consuming.done():
        consuming.result()
    else:
        consuming.cancel()


async def consume(consumer: Consumer, broker: Broker, client_id: str, topic: str) -> None:
    """One connection after the other, each later than the last while none comes about."""
    pause = _FIRST_PAUSE
    while not consumer.is_stopped:
        try:
            async with connect(broker, client_id) as link:
                await link.subscribe(topic)
                logger.info("mqtt subscribed", client_id=client_id)
                pause = _FIRST_PAUSE
                await consumer.serve(link)
        except MqttError as error:
            reason = str(error.__cause__ or error)
            logger.warning("mqtt disconnected", reason=reason, pause=pause)
            await consumer.until_stop(asyncio.sleep(pause))
            pause = min(2 * pause, _LONGEST_PAUSE)
