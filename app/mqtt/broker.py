"""A connection to the broker, MQTT 5, on which each message is acknowledged by hand."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aiomqtt import Client, Message, MqttError, ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from app.mqtt.errors import MqttInvalid

__all__ = ["Broker", "Link", "Message", "MqttError", "connect", "read_broker"]

IN_FLIGHT = 64  # messages that the broker sends before the first of them is acknowledged
_SESSION_SECONDS = 7 * 24 * 3600  # the broker keeps what comes while nobody is here
_KEEPALIVE_SECONDS = 30
_ANSWER_SECONDS = 5.0
_MOST_LOOSE = 1000  # messages of QoS 0 that wait here; nobody was promised that they arrive
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class Broker:
    """Where the broker is, and who we are there."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None


def read_broker(url: str, password_file: Path | None = None, ca_file: Path | None = None) -> Broker:
    """The broker at mqtt://[user[:password]@]host[:port] or mqtts://…. MqttInvalid."""
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise MqttInvalid("The broker is mqtt://host:port or mqtts://host:port.") from error
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise MqttInvalid("The broker is mqtt://host:port or mqtts://host:port, without a path.")
    password = None if parts.password is None else unquote(parts.password)
    try:
        if password_file is not None:
            password = password_file.read_text(encoding="utf-8").strip()
        tls = ssl.create_default_context(cafile=ca_file) if parts.scheme == "mqtts" else None
    except (OSError, ValueError) as error:
        raise MqttInvalid(f"A file for the broker cannot be read: {error}.") from error
    user = None if parts.username is None else unquote(parts.username)
    return Broker(parts.hostname, port, user, password, tls)


class Link:
    """One connection. What is not acknowledged when it ends comes again on the next one."""

    def __init__(self, client: Client) -> None:
        self._client = client
        # aiomqtt has no way to acknowledge by hand, the client of paho below it has one.
        self._paho = client._client
        self._paho.manual_ack_set(True)
        self._topic = ""

    @property
    def is_up(self) -> bool:
        """Whether an acknowledgement could still reach the broker."""
        return self._paho.is_connected() and self._paho.socket() is not None

    async def subscribe(self, topic: str) -> None:
        """Ask for the topic with QoS 1. Retained messages are left out: they would come with
        each subscription anew."""
        self._topic = topic
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        for code in await self._client.subscribe(topic, options=options, timeout=_ANSWER_SECONDS):
            granted = code.value if isinstance(code, ReasonCode) else code
            if granted != 1:
                raise MqttError(f"The broker does not give the topic with QoS 1: {code}")

    async def settle(self) -> None:
        """Wait until the broker has what we acknowledged: closing a connection on which something
        is still to be read takes back what was sent last (TCP's reset). It works in order, so its
        answer to any question will do; asking for the same topic again changes nothing."""
        await self.subscribe(self._topic)

    async def take(self) -> list[Message]:
        """What has come since, in order, at least one; waits for it. MqttError at the end."""
        messages = self._client.messages
        while not self.is_up and len(messages):
            await anext(messages)  # it comes again
        taken = [await anext(messages)]
        while len(messages) and len(taken) < IN_FLIGHT:
            taken.append(await anext(messages))
        return taken

    def acknowledge(self, message: Message) -> None:
        """Tell the broker that it need not send the message again; in the order in which they
        came (MQTT 5 §4.6)."""
        self._paho.ack(message.mid, message.qos)


class _Waiting(asyncio.Queue[Message]):
    """Messages that came. The broker bounds those of QoS 1, we those of QoS 0."""

    def put_nowait(self, item: Message) -> None:
        if item.qos == 0 and self.qsize() >= _MOST_LOOSE:
            raise asyncio.QueueFull
        super().put_nowait(item)


@asynccontextmanager
async def connect(broker: Broker, client_id: str) -> AsyncIterator[Link]:
    """A connection that goes on with the session of its client id. MqttError."""
    wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    wishes.SessionExpiryInterval = _SESSION_SECONDS
    wishes.ReceiveMaximum = IN_FLIGHT
    client = Client(
        broker.host,
        broker.port,
        username=broker.user,
        password=broker.password,
        tls_context=broker.tls,
        identifier=client_id,
        protocol=ProtocolVersion.V5,
        clean_start=False,
        properties=wishes,
        keepalive=_KEEPALIVE_SECONDS,
        queue_type=_Waiting,
    )
    link = Link(client)
    async with client:
        yield link
