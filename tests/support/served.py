"""The real service with several workers, as a process of its own beside the test."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Barrier
from typing import TypeVar

import httpx2

from app.settings import Settings
from tests.support.source import ROOT

T = TypeVar("T")

START_SECONDS = 120.0  # eight of them on a machine of two cores


@contextmanager
def served(settings: Settings, workers: int = 2) -> Iterator[str]:
    """Serve the test's own database and keys; the address to call."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    given = {
        f"INSEAM_{name.upper()}": str(getattr(settings, name)) for name in settings.model_fields_set
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--no-migrate", "--workers", str(workers)],
        cwd=ROOT,
        env=os.environ | given | {"INSEAM_PORT": str(port)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(process, url)
        yield url
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its own session: the workers, nobody else
        process.wait(10)


def at_once(times: int, act: Callable[[int], T]) -> list[T]:
    """Do it in so many threads that start together; what each of them got."""
    start = Barrier(times)

    def go(number: int) -> T:
        start.wait(30)
        return act(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(go, range(times)))


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the service did not start"
        with suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the service did not become ready")
