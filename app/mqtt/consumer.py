"""Messages from a connection to the log: each is acknowledged after its commit, in order.

What is not the message's fault, such as a database that is down, is waited for: nothing is
acknowledged meanwhile, and the broker stops sending once enough are in flight.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.keys.log_keys import KeysMissing, LogKeys
from app.kit.db import Database
from app.kit.errors import DomainError, Kind, Unavailable
from app.kit.faults import is_retried
from app.kit.logs import logger
from app.kit.problems import InternalError
from app.mqtt.broker import Link, Message
from app.mqtt.taking import Arrived, Parcel, Reader, Taking

T = TypeVar("T")

_KEY_TRIES = 4
_TRIES = 3  # of a message that fails by itself, before it becomes a dead letter
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds
_PASSING = {Kind.unavailable, Kind.out_of_space}


class Consumer:
    """Takes in what one connection after another brings, until it is told to stop."""

    def __init__(self, database: Database, keys: LogKeys, reader: Reader, taking: Taking) -> None:
        self._database = database
        self._keys = keys
        self._reader = reader
        self._work = taking.take_together  # one object, so that what waits is taken together
        self._stop = asyncio.Event()
        self._is_held_up = False

    @property
    def is_stopped(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Begin nothing new; what is being stored is still acknowledged."""
        self._stop.set()

    async def stopped(self) -> None:
        """Wait until it is time to stop."""
        await self._stop.wait()

    async def until_stop(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The outcome of `work`, or None when it was ended because it is time to stop."""
        task, stop = asyncio.create_task(work), asyncio.create_task(self.stopped())
        try:
            await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            stop.cancel()

    async def serve(self, link: Link) -> None:
        """Take in what comes on this connection. MqttError when it ends."""
        while not self.is_stopped:
            messages = await self.until_stop(link.take())
            if messages is not None:
                await self._take_all(link, messages)
        await link.settle()

    async def _take_all(self, link: Link, messages: list[Message]) -> None:
        arrived = [_arrived(message) for message in messages]
        parcels = await asyncio.to_thread(lambda: [self._reader.read(one) for one in arrived])
        storing = [asyncio.create_task(self._store(link, parcel)) for parcel in parcels]
        for message, one in zip(messages, storing, strict=True):
            if await one:
                link.acknowledge(message)

    async def _store(self, link: Link, parcel: Parcel) -> bool:
        """Store a parcel, or its dead letter; whether that is committed. It is not where the
        connection or this process ends first."""
        failures, pause = 0, _FIRST_PAUSE
        while link.is_up:
            try:
                await self._try(parcel)
                self._note(None)
                return True
            except Exception as error:
                if _is_passing(error):
                    self._note(type(error).__name__)
                else:
                    failures += 1
                    logger.error("mqtt message failed", error=type(error).__name__, exc_info=True)
                    if failures >= _TRIES:
                        parcel = parcel._replace(error=_for_letter(error))
            await self.until_stop(asyncio.sleep(pause))
            if self.is_stopped:
                break
            pause = min(2 * pause, _LONGEST_PAUSE)
        return False

    async def _try(self, parcel: Parcel) -> None:
        for _ in range(_KEY_TRIES):
            try:
                await self._database.run_jointly(self._work, parcel)
                return
            except KeysMissing as missing:
                lacking = missing
            await asyncio.to_thread(self._keys.fetch, lacking)
        raise Unavailable

    def _note(self, trouble: str | None) -> None:
        """Say once when storing begins to fail, and once when it goes on."""
        if (trouble is not None) != self._is_held_up:
            self._is_held_up = trouble is not None
            if trouble is None:
                logger.info("mqtt goes on")
            else:
                logger.warning("mqtt waits", error=trouble)


def _arrived(message: Message) -> Arrived:
    told: Any = message.properties
    asked = [
        value
        for name, value in getattr(told, "UserProperty", ())
        if name.lower() == "content-encoding"
    ]
    content_type = getattr(told, "ContentType", "")
    return Arrived(str(message.topic), message.payload, content_type, ", ".join(asked))


def _is_passing(error: Exception) -> bool:
    """Whether it is not the message's fault, so that waiting may help."""
    if isinstance(error, DBAPIError):
        is_about_it = isinstance(error, DataError | IntegrityError)
        return not is_about_it or error.connection_invalidated or is_retried(error)
    if isinstance(error, DomainError):
        return error.kind in _PASSING
    return isinstance(error, PoolTimeout)


def _for_letter(error: Exception) -> DomainError:
    return error if isinstance(error, DomainError) else InternalError()
