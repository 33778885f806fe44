"""The load, in a process of its own: so many connections, each sending when its answer has come.

Reads a `Load` as JSON from standard input, writes a `Heard` as JSON to standard output. A small
HTTP/1.1 client of our own, because a general one costs more than what it would measure.
"""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter
from typing import cast

import uvloop

STAMP = "YYYY-MM-DDThh:mm:ss"
PASS = "PPPPPPPP"
OBJECT = "OOOOOOOO-OOOO-OOOO-OOOO-OOOOOOOOOOOO"
MOST_REQUESTS = 100_000

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_PATIENCE = 20.0


@dataclass(frozen=True)
class Load:
    """What to send. Every STAMP in the request becomes `start` and `stride` seconds more for each
    request, beginning again after `wrap`; so what is sent is never the same twice, and moves on in
    time. OBJECT becomes one of `objects`, the same for all requests of a connection, PASS the next
    of `passes`, each once: a load that uses them up has failed."""

    port: int
    request: str
    expect: str
    connections: int
    seconds: float
    start: str
    skip: int = 0
    wrap: int = 10**9
    stride: int = 1
    objects: Sequence[str] = ()
    passes: Sequence[str] = ()
    warm_up: float = 0.3


@dataclass
class Heard:
    """What came of it. `sent` counts the warm-up too; the figures leave it out. Of a call that was
    under way when the measured time began or ended, `answered` counts the part within."""

    sent: int = 0
    answered: float = 0.0
    failed: int = 0
    first_failure: str = ""
    seconds: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0


@dataclass
class _Run:
    """What the connections share."""

    load: Load
    loop: asyncio.AbstractEventLoop
    measured_from: float
    measured_to: float
    heard: Heard = field(default_factory=Heard)
    times: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start = datetime.fromisoformat(self.load.start).replace(tzinfo=None)

    def template(self, number: int) -> bytes:
        """The request of the connection of that number, without its time."""
        names, request = self.load.objects, self.load.request
        return (request.replace(OBJECT, names[number % len(names)]) if names else request).encode()

    def next_request(self, template: bytes) -> bytes | None:
        if perf_counter() >= self.measured_to or self.heard.sent >= MOST_REQUESTS:
            return None
        if self.load.passes:
            if self.heard.sent >= len(self.load.passes):
                self.fail("more was asked than there were passes signed for it")
                return None
            template = template.replace(PASS.encode(), self.load.passes[self.heard.sent].encode())
        second = (self.load.skip + self.heard.sent) * self.load.stride % self.load.wrap
        self.heard.sent += 1
        stamp = (self.start + timedelta(seconds=second)).isoformat(timespec="seconds")
        return template.replace(STAMP.encode(), stamp.encode())

    def take(self, answer: bytes, sent_at: float) -> None:
        now = perf_counter()
        if not answer.startswith(b"HTTP/1.1 200 ") or self.load.expect.encode() not in answer:
            self.fail(answer[:600].decode(errors="replace"))
        elif now > self.measured_from:
            self.times.append((sent_at, now))

    def fail(self, what: str) -> None:
        self.heard.failed += 1
        self.heard.first_failure = self.heard.first_failure or what


class _Connection(asyncio.Protocol):
    """One keep-alive connection; `ended` when it has nothing more to send."""

    def __init__(self, run: _Run, number: int) -> None:
        self.run = run
        self.template = run.template(number)
        self.ended: asyncio.Future[None] = run.loop.create_future()
        self.transport: asyncio.Transport
        self.buffer = bytearray()
        self.whole = 0
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.send()

    def send(self) -> None:
        request = self.run.next_request(self.template)
        if request is None:
            self.transport.close()
            return
        self.sent_at = perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.whole:
            self.whole = _length_of(self.buffer)
        if self.whole and len(self.buffer) >= self.whole:
            self.run.take(bytes(self.buffer[: self.whole]), self.sent_at)
            self.buffer.clear()
            self.whole = 0
            self.sent_at = 0.0
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if self.sent_at:
            self.run.fail(f"The connection was lost while an answer was due: {error}")
        if not self.ended.done():
            self.ended.set_result(None)


def _length_of(buffer: bytearray) -> int:
    """Bytes of the whole answer, 0 as long as its head is not there."""
    end = buffer.find(_HEAD_END)
    if end < 0:
        return 0
    found = _LENGTH.search(buffer, 0, end + 2)
    if found is None:
        raise ValueError("An answer has no Content-Length.")
    return end + len(_HEAD_END) + int(found[1])


async def drive(load: Load) -> Heard:
    """Send for the load's time, or until the most requests were sent."""
    loop = asyncio.get_running_loop()
    begin = perf_counter() + load.warm_up
    run = _Run(load, loop, begin, begin + load.seconds)
    ends = []
    for number in range(load.connections):
        make = partial(_Connection, run, number)
        _, connection = await loop.create_connection(make, "127.0.0.1", load.port)
        ends.append(connection.ended)
    await asyncio.wait_for(asyncio.gather(*ends), load.warm_up + load.seconds + _PATIENCE)
    heard, end = run.heard, min(perf_counter(), run.measured_to)
    heard.seconds = end - begin
    heard.answered = sum((min(b, end) - max(a, begin)) / (b - a) for a, b in run.times)
    times = sorted(b - a for a, b in run.times)
    if times:
        heard.p50_ms = times[len(times) // 2] * 1000
        heard.p99_ms = times[len(times) * 99 // 100] * 1000
    return heard


def main() -> None:
    """Drive what standard input says."""
    heard = uvloop.run(drive(Load(**json.load(sys.stdin))))
    json.dump(asdict(heard), sys.stdout)


if __name__ == "__main__":
    main()
