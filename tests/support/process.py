"""The real service as one process that a test may kill and look at."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2

from app.settings import Settings
from tests.support.source import ROOT

CALLS = 10**6  # a minute: no test of these is about limits
START_SECONDS = 120.0  # on a machine that has much else to do


@contextmanager
def process_of(
    settings: Settings, **changes: object
) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """One worker over the settings' database and keys: the process, and its address."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    given |= {"port": port, "rate_ingest_per_minute": CALLS} | changes
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--no-migrate"],
        cwd=ROOT,
        env=os.environ | {f"INSEAM_{name.upper()}": str(value) for name, value in given.items()},
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_serves(process, url)
        yield process, url
    finally:
        process.kill()
        process.wait(10)


def resident(process: "subprocess.Popen[bytes]") -> tuple[int, int]:
    """The process's memory in bytes: what it holds now, and the most it ever held."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    told = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
    now, most = (int(told[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


def _wait_until_it_serves(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the service did not start"
        with suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/healthz", timeout=5).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the service did not start in time")
