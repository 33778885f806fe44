"""A reading that is late is cut off; nothing of it is drained to a slow caller."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.kit.clock import SystemClock
from app.kit.deadline import TRANSPORT, TimedResponse, TimedStream, transport_of
from app.kit.errors import NotFound

BODY = b"x" * (64 * 1024 * 1024)
CLOCK = SystemClock()


asked: list[int] = []


async def whole() -> AsyncIterator[bytes]:
    for number in range(3):
        yield f"chunk {number};".encode()


async def broken() -> AsyncIterator[bytes]:
    yield b"chunk 0;"
    raise NotFound


async def endless() -> AsyncIterator[bytes]:
    for number in range(10_000):
        asked.append(number)
        yield b"x" * (1 << 20)


STREAMS = {"/whole": whole, "/broken": broken, "/endless": endless}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    scope[TRANSPORT] = transport_of(send)
    if scope["path"] in STREAMS:
        chunks = STREAMS[scope["path"]]()
        await TimedStream(chunks, seconds=0.5, media_type="text/plain")(scope, receive, send)
        return
    body = BODY if scope["path"] == "/large" else b"small"
    late = timedelta(seconds=-1) if scope["path"] == "/late" else timedelta(seconds=0.5)
    await TimedResponse(body, send_by=CLOCK.now() + late, clock=CLOCK)(scope, receive, send)


@pytest.fixture
def port() -> Iterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


def ask(port: int, path: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return sock


def drain(sock: socket.socket) -> bytes:
    got = bytearray()
    sock.settimeout(3)
    try:
        while part := sock.recv(1 << 20):
            got += part
    except (ConnectionResetError, TimeoutError):
        pass
    sock.close()
    return bytes(got)


def test_an_answer_in_time_arrives_whole(port: int) -> None:
    with ask(port, "/small") as sock:
        sock.settimeout(3)
        got = sock.recv(4096)
        while b"small" not in got:
            got += sock.recv(4096)
    assert got.startswith(b"HTTP/1.1 200")


def test_a_slow_reader_is_cut_off_at_the_deadline(port: int) -> None:
    sock = ask(port, "/large")
    time.sleep(1.0)
    got = drain(sock)
    assert len(got) < len(BODY)


def test_nothing_is_sent_after_the_deadline(port: int) -> None:
    assert b"small" not in drain(ask(port, "/late"))


END = b"0\r\n\r\n"  # of an answer in chunks (RFC 9112 §7.1)


def test_a_stream_ends_properly_after_its_last_chunk_only(port: int) -> None:
    with ask(port, "/whole") as sock:
        sock.settimeout(3)
        got = b""
        while not got.endswith(END):
            got += sock.recv(4096)
    assert got.count(b"chunk ") == 3
    got = drain(ask(port, "/broken"))
    assert not got.endswith(END)
    assert b"chunk 1" not in got


def test_a_stream_stops_where_nobody_reads(port: int) -> None:
    asked.clear()
    sock = ask(port, "/endless")
    time.sleep(1.5)
    got = drain(sock)
    assert not got.endswith(END)
    stopped = len(asked)
    assert stopped < 100
    time.sleep(0.3)
    assert len(asked) == stopped


def test_a_stream_stops_when_its_reader_goes_away(port: int) -> None:
    asked.clear()
    sock = ask(port, "/endless")
    sock.settimeout(3)
    sock.recv(1 << 20)
    sock.close()
    time.sleep(1.0)
    stopped = len(asked)
    time.sleep(0.3)
    assert len(asked) == stopped
