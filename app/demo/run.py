"""Running the demo: seed, start the service and the vendor's site, print where to look."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from types import FrameType

import httpx2

from app.demo.gateway import EVERY_SECONDS, Gateway
from app.demo.seed import Seeded, seed
from app.keys.eager import EagerKeys
from app.keys.log_keys import open_log_keys
from app.keys.ring import Keyring
from app.kit import logs
from app.kit.clock import SystemClock
from app.kit.db import Database
from app.kit.errors import DomainError, Kind
from app.kit.migrate import migrate
from app.kit.paging import Cursors
from app.organizations.service import any_organization
from app.settings import Settings
from app.usage.ingest import Taker
from app.usage.schema import StreamCache

_FOLDER = "demo"  # in the data folder; it is thrown away at each start
_START_SECONDS = 60
_STOP_SECONDS = 10
_OURS = ("inseam.db", "keyring.json")
_TWO_WEEKS_MINUTES = 60 * 24 * 14


class DemoCannotStart(DomainError):
    """The demo needs its two ports and an empty database."""

    kind, slug, title = Kind.conflict, "demo-cannot-start", "The demo cannot start."


def run_demo(port: int, vendor_port: int) -> None:
    """Start over, and run until Ctrl-C."""
    settings = _settings(port)
    logs.set_up(settings.log_level)
    vendor_url = f"http://127.0.0.1:{vendor_port}"
    check_ports(port, vendor_port)  # before anything of a demo that runs there is touched
    seeded = _prepare(settings, vendor_url)
    signal.signal(signal.SIGTERM, _as_interrupt)
    gateway = Gateway(settings.origin, seeded.gateway, seeded.worn, SystemClock())
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes.append(_start([sys.executable, "-m", "app.cli", "serve"], settings))
        vendor = [sys.executable, "-m", "app.demo.vendor", "--service", settings.origin]
        vendor += ["--port", str(vendor_port), "--credentials", str(_write_keys(settings, seeded))]
        processes.append(_start(vendor, settings))
        _await(f"{settings.origin}/readyz", processes)
        _await(f"{vendor_url}/", processes)
        gateway.send()
        _leave_request(settings.origin, vendor_url, seeded)
        print(f"Inseam runs at             {settings.origin}")
        print(f"Sign in as the demo owner  {settings.origin}/sign-in (one click)")
        print(f"The vendor, Mend & Co      {vendor_url}", flush=True)
        _watch(processes, gateway)
    except KeyboardInterrupt:
        pass
    finally:
        gateway.close()
        _end(processes)


def _settings(port: int) -> Settings:
    """The demo's own; standard output and standard error are for people, so only errors are
    logged."""
    return Settings(
        demo=True,
        data_dir=Settings().data_dir / _FOLDER,
        port=port,
        public_url=f"http://localhost:{port}",
        operator_name="The Inseam demo on this machine",
        request_minutes=_TWO_WEEKS_MINUTES,
        log_level="ERROR",
    )


def _prepare(settings: Settings, vendor_url: str) -> Seeded:
    """A fresh folder and a seeded database."""
    clock = SystemClock()
    clear(settings.data_dir)
    log_keys = open_log_keys(settings, clock)
    migrate(settings.url)
    keyring = Keyring(settings.data_dir / "keyring.json", clock)
    cursors = Cursors(keyring.cursor_keys, clock, timedelta(hours=1))
    taker = Taker(EagerKeys(log_keys), StreamCache(), timedelta(minutes=5))
    with closing(log_keys), Database(settings.url, pool_size=settings.pool_size) as database:
        with database.read() as db:
            if any_organization(db):
                raise DemoCannotStart("The database is not empty, and the demo seeds its own.")
        return seed(database, cursors, taker, clock.now(), vendor_url)


def check_ports(*ports: int) -> None:
    """DemoCannotStart where something listens already, such as another demo."""
    for port in ports:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise DemoCannotStart(f"Something listens on port {port} already.")


def clear(folder: Path) -> None:
    """An empty, private folder in place of an earlier demo's; another's is not touched."""
    is_ours = any((folder / name).exists() for name in _OURS)
    if folder.exists() and any(folder.iterdir()) and not is_ours:
        raise DemoCannotStart(f"{folder} holds something that no demo has left there.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)


def _write_keys(settings: Settings, seeded: Seeded) -> Path:
    """The file with the vendor's credentials."""
    path = settings.data_dir / "mend-and-co.json"
    told = {"client_id": seeded.client_id, "client_secret": seeded.client_secret}
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(told, file)
    return path


def _start(command: list[str], settings: Settings) -> subprocess.Popen[bytes]:
    """A child in a process group of its own, so that Ctrl-C reaches it through us alone."""
    told = {
        f"INSEAM_{name.upper()}": str(getattr(settings, name)) for name in settings.model_fields_set
    }
    return subprocess.Popen(command, env=os.environ | told, start_new_session=True)


def _await(url: str, processes: list[subprocess.Popen[bytes]]) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if any(process.poll() is not None for process in processes):
            raise DemoCannotStart("A part of it stopped; is one of its ports in use?")
        with suppress(httpx2.TransportError):
            if httpx2.get(url, timeout=2).status_code < 500:
                return
        time.sleep(0.1)
    raise DemoCannotStart(f"{url} did not answer within {_START_SECONDS} seconds.")


def _leave_request(origin: str, vendor_url: str, seeded: Seeded) -> None:
    """The vendor's counter has asked, the owner has looked and not answered yet."""
    with httpx2.Client(timeout=10) as browser:
        keys = (seeded.client_id, seeded.client_secret)
        asked = browser.post(f"{vendor_url}/counter/ask", auth=keys)
        asked.raise_for_status()
        page = browser.get(asked.json()["ask_at"])
        signed_in = browser.post(f"{origin}/demo/sign-in", headers={"Origin": origin})
        cookies = {c.name: c.value or "" for c in signed_in.cookies.jar}
        page = httpx2.get(
            httpx2.URL(origin).join(page.headers["location"]),
            headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())},
        )
        page.raise_for_status()


def _watch(processes: list[subprocess.Popen[bytes]], gateway: Gateway) -> None:
    """Let the gateway send now and then, for as long as both sites run."""
    next_turn = time.monotonic() + EVERY_SECONDS
    while all(process.poll() is None for process in processes):
        if time.monotonic() >= next_turn:
            gateway.send()
            next_turn = time.monotonic() + EVERY_SECONDS
        time.sleep(0.5)
    raise DemoCannotStart("A part of the demo stopped by itself.")


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
