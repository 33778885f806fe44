"""Promise P11: kill -9 at any moment loses nothing that was acknowledged, and a retry never stores
twice. What was acknowledged is written down by the client."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import func, select

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.ids import new_id
from app.organizations.clients import create_client
from app.usage.models import Record, StreamHead
from tests.factories.world import World
from tests.journeys.story import basic
from tests.support.rounds import rounds
from tests.support.source import ROOT

BATCH = 20


@dataclass
class Device:
    """Sends batches without end, and keeps the one whose answer it has not seen."""

    object_id: str
    started: datetime
    acknowledged: list[str] = field(default_factory=list)
    pending: tuple[str, list[dict[str, Any]]] | None = None
    sent: int = 0

    def batch(self) -> tuple[str, list[dict[str, Any]]]:
        records = []
        for _ in range(BATCH):
            self.sent += 1
            at = self.started + timedelta(milliseconds=self.sent)
            records.append(
                {
                    "stream": "wear",
                    "at": at.isoformat(),
                    "values": {"steps": self.sent},
                    "id": f"r{self.sent}",
                }
            )
        return str(new_id()), records

    def run(self, url: str, token: str) -> None:
        """Send until the service dies; first what it did not answer the last time."""
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(timeout=10) as http, suppress(httpx2.TransportError):
            while True:
                key, records = self.pending = self.pending or self.batch()
                response = http.post(
                    f"{url}/v1/objects/{self.object_id}/events",
                    json=records,
                    headers=headers | {"Idempotency-Key": key},
                )
                assert response.status_code == 200, response.text
                lines = response.json()["results"]
                assert {line["status"] for line in lines} <= {"stored", "duplicate"}, lines
                self.acknowledged += [record["id"] for record in records]
                self.pending = None


@contextmanager
def served(data_dir: Path, database_url: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The real service as a process of its own."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    environment = os.environ | {
        "INSEAM_DATA_DIR": str(data_dir),
        "INSEAM_DATABASE_URL": database_url,
        "INSEAM_PORT": str(port),
        "INSEAM_RATE_INGEST_PER_MINUTE": "1000000",
        "INSEAM_WORKER_IN_PROCESS": "false",
    }
    command = [sys.executable, "-m", "app.cli", "serve", "--no-migrate"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with suppress(httpx2.TransportError):
                if httpx2.get(f"{url}/healthz").status_code == 200:
                    break
            assert process.poll() is None
            time.sleep(0.05)
        yield process, url
    finally:
        process.kill()
        process.wait(10)


def test_kill_9_loses_nothing_that_was_acknowledged(data_dir: Path, database_url: str) -> None:
    now = datetime.now(UTC)
    chance = random.Random(11)
    with Database(database_url, pool_size=8) as database:
        clock = FixedClock(now - timedelta(hours=2))
        world = World(database, clock)
        object_id = world.owned(world.owner())
        with database.session() as db:
            client, secret = create_client(
                db,
                clock,
                world.maker,
                "Gateway",
                is_public=False,
                redirect_uris=[],
                grant_types=["client_credentials"],
                scopes=["log:write"],
                purposes=[],
                known_scopes=["log:write"],
            )
        device = Device(str(object_id), now - timedelta(hours=1))
        for _ in range(rounds(3, 100)):
            with served(data_dir, database_url) as (process, url):
                answer = httpx2.post(
                    f"{url}/oauth/token",
                    data={"grant_type": "client_credentials"},
                    headers=basic((client.client_id, secret or "")),
                )
                sender = threading.Thread(
                    target=device.run, args=(url, answer.json()["access_token"])
                )
                sender.start()
                time.sleep(chance.uniform(0.02, 0.6))
                process.send_signal(signal.SIGKILL)
                sender.join(15)
                assert not sender.is_alive()
        with database.read() as db:
            stored = db.scalars(select(Record.record_id).order_by(Record.seq)).all()
            seqs = db.scalars(select(Record.seq).order_by(Record.seq)).all()
            head = db.execute(select(func.max(StreamHead.next_seq))).scalar_one()
    assert len(device.acknowledged) > BATCH
    assert len(stored) == len(set(stored)), "a record was stored twice"
    assert set(device.acknowledged) <= set(stored), "an acknowledged record is gone"
    extra = set(stored) - set(device.acknowledged)
    unanswered = {r["id"] for r in device.pending[1]} if device.pending else set()
    assert extra <= unanswered
    assert not extra or extra == unanswered, "half a batch was stored"
    assert list(seqs) == list(range(seqs[0], seqs[0] + len(seqs))), "the sequence has a hole"
    assert head == len(seqs)
