"""Answers that must leave in time: past the deadline the connection is cut, not drained."""

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.kit.clock import Clock

TRANSPORT = "inseam.transport"
_LOOK_AGAIN_SECONDS = 0.01


def transport_of(send: Send) -> asyncio.Transport | None:
    """The connection behind uvicorn's `send`; None under a test client, which has none."""
    found = getattr(getattr(send, "__self__", None), "transport", None)
    return found if hasattr(found, "abort") else None


class TimedResponse(Response):
    """A whole answer that leaves before `send_by` or is cut off.

    "Left" means acknowledged by the peer's machine: neither the process nor the kernel holds a
    byte of it. What has not left at the deadline is thrown away by resetting the connection.
    """

    def __init__(
        self,
        content: bytes,
        *,
        send_by: datetime,
        clock: Clock,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/json",
    ) -> None:
        super().__init__(content, 200, headers, media_type)
        self.send_by = send_by
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = scope.get(TRANSPORT)
        left = (self.send_by - self.clock.now()).total_seconds()
        if left <= 0:
            if transport is not None:
                _cut(transport)
            raise ConnectionAbortedError("the deadline passed before the first byte")
        try:
            async with asyncio.timeout(left):
                await super().__call__(scope, receive, send)
                while transport is not None and _held_bytes(transport):
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        except TimeoutError:
            if transport is not None:
                _cut(transport)
            raise


def _held_bytes(transport: Any) -> int:
    """Bytes not yet acknowledged by the peer: in the process, then in the kernel."""
    if transport.is_closing():
        return 0
    waiting: int = transport.get_write_buffer_size()
    sock = transport.get_extra_info("socket")
    if waiting or sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return waiting
    queued = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    return int(struct.unpack("i", queued)[0])


def _cut(transport: Any) -> None:
    """Reset the connection, so that the kernel throws away what it still holds."""
    sock = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
