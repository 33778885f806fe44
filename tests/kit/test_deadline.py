"""A reading that is late is cut off; nothing of it is drained to a slow caller."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.kit.clock import SystemClock
from app.kit.deadline import TRANSPORT, TimedResponse, transport_of

BODY = b"x" * (64 * 1024 * 1024)
CLOCK = SystemClock()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    scope[TRANSPORT] = transport_of(send)
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
