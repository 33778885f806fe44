"""Promise P11: kill -9 at any moment loses nothing that was acknowledged, and a retry never stores
twice. What was acknowledged is written down by the client."""

import json
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import func, select

from app.api.kept import REPLAYED
from app.keys.eager import EagerKeys
from app.keys.log_keys import open_log_keys
from app.kit.clock import FixedClock, SystemClock
from app.kit.db import Database
from app.kit.ids import new_id
from app.organizations.clients import create_client
from app.settings import Settings
from app.usage.models import Segment, StreamHead
from app.usage.read import Log, page
from app.usage.rows import Row
from app.usage.verify import verify_log
from tests.factories.world import World
from tests.journeys.story import basic, bearer
from tests.support.process import process_of
from tests.support.rounds import rounds

BATCH = 20
Records = list[dict[str, Any]]


@dataclass
class Stage:
    """An owned object in the database of the settings, and the client of its maker's gateway."""

    settings: Settings
    database: Database
    object_id: UUID
    client: tuple[str, str]
    started: datetime
    sent: int = 0

    def batch(self, **names: str) -> Records:
        """Records that each bear the members of `names`, a number after each."""
        records = []
        for _ in range(BATCH):
            self.sent += 1
            at = self.started + timedelta(milliseconds=self.sent)
            record = {"stream": "wear", "at": at.isoformat(), "values": {"steps": self.sent}}
            told = {
                name: self.sent if not kind else f"{kind}{self.sent}"
                for name, kind in names.items()
            }
            records.append(record | told)
        return records

    def token(self, url: str) -> dict[str, str]:
        answer = httpx2.post(
            f"{url}/oauth/token",
            data={"grant_type": "client_credentials"},
            headers=basic(self.client),
            timeout=30,
        )
        return bearer(answer.json()["access_token"])

    @property
    def path(self) -> str:
        return f"/v1/objects/{self.object_id}/events"

    def stored(self) -> int:
        """How many records the database holds now."""
        with self.database.read() as db:
            return db.execute(select(func.sum(Segment.records))).scalar_one() or 0

    @contextmanager
    def watch(self) -> Iterator[Callable[[], int]]:
        """Asks for what `stored` says with nothing on the way that would take as long as an
        answer: the driver alone, and one row."""
        raw = self.database.engine.raw_connection()
        try:
            cursor = raw.cursor()

            def count() -> int:
                cursor.execute("SELECT sum(next_seq) FROM usage_heads")
                found: int | None = cursor.fetchone()[0]
                return found or 0

            yield count
        finally:
            raw.rollback()
            raw.close()

    def rows(self) -> list[Row]:
        """Every record, opened with the service's own keys; the log is verified on the way."""
        keys = open_log_keys(self.settings, SystemClock())
        with closing(keys), self.database.read() as db:
            conn, eager = db.connection(), EagerKeys(keys)
            report = verify_log(conn, eager, self.object_id)
            tenure_id = conn.execute(select(StreamHead.tenure_id)).scalar_one()
            log = Log(conn, eager, self.object_id, tenure_id)
            found = page(log, ["wear"], None, None, None, 10**6)
        assert report.faults == []
        assert report.records == len(found)
        return found


@pytest.fixture
def stage(settings: Settings, database: Database) -> Stage:
    now = datetime.now(UTC)
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
    gateway = (client.client_id, secret or "")
    return Stage(settings, database, object_id, gateway, now - timedelta(hours=1))


@dataclass
class Device:
    """Sends batches without end, and keeps the one whose answer it has not seen."""

    stage: Stage
    acknowledged: list[str] = field(default_factory=list)
    pending: tuple[str, Records] | None = None

    def run(self, url: str, token: dict[str, str]) -> None:
        """Send until the service dies; first what it did not answer the last time."""
        with httpx2.Client(timeout=30) as http, suppress(httpx2.TransportError):
            while True:
                key, records = self.pending or (str(new_id()), self.stage.batch(id="r"))
                self.pending = key, records
                response = http.post(
                    f"{url}{self.stage.path}",
                    json=records,
                    headers=token | {"Idempotency-Key": key},
                )
                assert response.status_code == 200, response.text
                lines = response.json()["results"]
                assert {line["status"] for line in lines} <= {"stored", "duplicate"}, lines
                self.acknowledged += [record["id"] for record in records]
                self.pending = None


def test_kill_9_loses_nothing_that_was_acknowledged(stage: Stage) -> None:
    """The service packs in the background meanwhile, so a kill may strike there as well."""
    chance = random.Random(11)
    device = Device(stage)
    for _ in range(rounds(1, 50)):
        with process_of(stage.settings, worker_in_process=True) as (process, url):
            sender = threading.Thread(target=device.run, args=(url, stage.token(url)))
            sender.start()
            time.sleep(chance.uniform(0.1, 1.2))
            process.send_signal(signal.SIGKILL)
            sender.join(40)
            assert not sender.is_alive()
    rows = sorted(stage.rows(), key=lambda row: row.seq)
    stored = [row.record_id for row in rows]
    assert len(device.acknowledged) > BATCH
    assert len(stored) == len(set(stored)), "a record was stored twice"
    assert set(device.acknowledged) <= set(stored), "an acknowledged record is gone"
    extra = set(stored) - set(device.acknowledged)
    unanswered = {r["id"] for r in device.pending[1]} if device.pending else set()
    assert extra <= unanswered
    assert not extra or extra == unanswered, "half a batch was stored"
    assert [row.seq for row in rows] == list(range(len(rows))), "the sequence has a hole"


@contextmanager
def sent_unread(url: str, path: str, headers: dict[str, str], records: Records) -> Iterator[Any]:
    """A request whose answer nobody reads: its connection."""
    body = json.dumps(records).encode()
    place = urlsplit(url)
    lines = [f"POST {path} HTTP/1.1", f"Host: {place.netloc}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    with socket.create_connection((place.hostname, place.port or 80), timeout=30) as sock:
        sock.sendall("\r\n".join(lines).encode() + body)
        yield sock


def is_answered(sock: socket.socket) -> bool:
    """Whether anything of an answer had left the process that is dead now."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False


def test_kill_9_between_commit_and_answer_is_healed_by_a_retry(stage: Stage) -> None:
    """The client sends and does not read; as soon as the database holds the records the process is
    killed. What was sent under a key, with ids or with sequences is then sent again."""
    unanswered = 0
    sent: list[tuple[dict[str, str], Records]] = []
    for _ in range(rounds(1, 50)):
        with process_of(stage.settings) as (process, url):
            token = stage.token(url)
            _retry(url, stage, token, sent)
            key = {"Idempotency-Key": str(new_id())}
            kind = random.Random(stage.sent).randrange(3)
            sent = [(key, stage.batch()), ({}, stage.batch(id="r")), ({}, stage.batch(sequence=""))]
            sent = sent[kind:] + sent[:kind]
            unanswered += _kill_when_stored(process, url, stage, token, sent)
    with process_of(stage.settings) as (_, url):
        token = stage.token(url)
        _retry(url, stage, token, sent)
    rows = stage.rows()
    steps = [json.loads(row.body)["steps"] for row in rows]
    assert sorted(steps) == list(range(1, stage.sent + 1)), "a record is gone or stored twice"
    if rounds(1, 50) > 1:
        assert unanswered > 0, "no kill ever came before the answer"


def _kill_when_stored(
    process: "subprocess.Popen[bytes]",
    url: str,
    stage: Stage,
    token: dict[str, str],
    sent: list[tuple[dict[str, str], Records]],
) -> int:
    """Send one after the other, each as soon as the one before is committed, and kill; how many
    had no answer by then."""
    before, socks, unanswered = stage.stored(), [], 0
    with stage.watch() as count:
        for number, (headers, records) in enumerate(sent, 1):
            held = sent_unread(url, stage.path, token | headers, records)
            socks.append((held, held.__enter__()))
            deadline = time.monotonic() + 30
            while count() < before + number * BATCH:
                assert time.monotonic() < deadline, "it was not stored"
        process.send_signal(signal.SIGKILL)
    process.wait(10)
    for held, sock in socks:
        unanswered += not is_answered(sock)
        held.__exit__(None, None, None)
    return unanswered


def _retry(
    url: str, stage: Stage, token: dict[str, str], sent: list[tuple[dict[str, str], Records]]
) -> None:
    """All of it again: the key gives the first answer, names are known, nothing is stored."""
    before = stage.stored()
    for headers, records in sent:
        first, again = (_send(url, stage, token | headers, records) for _ in range(2))
        for answer in (first, again):
            assert answer.status_code == 200, answer.text
            told = {line["status"] for line in answer.json()["results"]}
            assert told == ({"stored"} if headers else {"duplicate"})
            assert (answer.headers.get(REPLAYED) == "true") == bool(headers)
        assert first.content == again.content
        if headers:
            assert _send(url, stage, token | headers, records[1:]).status_code == 409
    assert stage.stored() == before


def _send(url: str, stage: Stage, headers: dict[str, str], records: Records) -> httpx2.Response:
    """The same bytes as before."""
    kind = {"Content-Type": "application/json"}
    body = json.dumps(records).encode()
    return httpx2.post(f"{url}{stage.path}", content=body, headers=kind | headers, timeout=30)
