"""Taking messages in: what a message brings is stored, or a dead letter says why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.errors import BodyTooLarge, DomainError, NotFound
from app.kit.logs import logger
from app.kit.problems import InternalError
from app.mqtt.template import Template
from app.organizations.dead_letters import DeadMessage, keep_letters
from app.settings import Settings
from app.usage.formats.reader import JSON, Batch, read_body
from app.usage.formats.unpack import unpack
from app.usage.ingest import REFUSED, Call, Taken, Taker, ingest_all


class Arrived(NamedTuple):
    """A message as it came. `content_type` and `encoding` are "" where it says nothing."""

    topic: str
    payload: bytes
    content_type: str = ""
    encoding: str = ""


class Parcel(NamedTuple):
    """A message that was read: its records, or the error that refuses it as a whole."""

    topic: str
    size: int
    sha256: bytes
    batch: Batch
    object_id: UUID | None = None
    error: DomainError | None = None


@dataclass(frozen=True)
class Reader:
    """Reads messages within the limits that calls over HTTP have. Without a template the records
    name their objects themselves."""

    settings: Settings
    clock: Clock
    template: Template | None

    def read(self, message: Arrived) -> Parcel:
        """The message's records; never raises."""
        size = len(message.payload)
        parcel = Parcel(message.topic, size, sha256(message.payload), Batch())
        try:
            object_id = self._object_of(message.topic)
            batch = self._records(message, object_id)
        except DomainError as error:
            return parcel._replace(error=error)
        except Exception as error:
            logger.error("mqtt message unreadable", error=type(error).__name__, exc_info=True)
            return parcel._replace(error=InternalError())
        return parcel._replace(batch=batch, object_id=object_id)

    def _object_of(self, topic: str) -> UUID | None:
        if self.template is None:
            return None
        object_id = self.template.object_of(topic)
        if object_id is None:
            raise NotFound("The topic names no object.")
        return object_id

    def _records(self, message: Arrived, object_id: UUID | None) -> Batch:
        if len(message.payload) > self.settings.body_limit_bytes:
            raise BodyTooLarge
        body = unpack(message.payload, message.encoding, self.settings.unpacked_limit_bytes)
        return read_body(body, message.content_type or JSON, object_id, self.clock.now())


@dataclass(frozen=True)
class Taking:
    """Takes parcels of one maker in."""

    org_id: UUID
    clock: Clock
    taker: Taker

    def take_together(self, conn: Connection, parcels: Sequence[Parcel]) -> list[None]:
        """Store what the parcels bring, and a dead letter for each that was refused as a whole or
        in part, in this transaction. KeysMissing where this process does not hold a key yet."""
        good = [one for one in parcels if one.error is None]
        calls = [
            Call(self.org_id, one.batch.items, one.batch.measures, one.object_id) for one in good
        ]
        taken = ingest_all(conn, self.clock, self.taker, calls) if calls else []
        dead = [_dead(one, one.error) for one in parcels if one.error is not None]
        dead += [d for one, fate in zip(good, taken, strict=True) if (d := _judge(one, fate))]
        if dead:
            keep_letters(conn, self.clock, self.org_id, dead)
        return [None] * len(parcels)


def _judge(parcel: Parcel, taken: Taken) -> DeadMessage | None:
    """The dead letter of a parcel that was not stored wholly."""
    if taken.error is not None:
        return _dead(parcel, taken.error)
    refused = [one for one in taken.results if one.status == REFUSED]
    if not refused:
        return None
    first = refused[0]
    assert first.error is not None  # a refused line has its reason
    return _dead(parcel, first.error, len(refused), first.line)


def _dead(
    parcel: Parcel, error: DomainError, refused: int | None = None, line: int | None = None
) -> DeadMessage:
    return DeadMessage(parcel.topic, error.slug, refused, line, parcel.size, parcel.sha256)
