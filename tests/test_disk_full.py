"""A full disk under SQLite: nothing is acknowledged that is not stored, what was is safe, and all
goes on once there is space. The disk is a small one of memory where it may be mounted, else the
database's own limit stands for it."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.ids import new_id
from app.main import create_app
from app.settings import Settings
from app.usage.models import Segment
from app.usage.read import Log, page
from app.usage.verify import verify_log
from tests.conftest import ORIGIN
from tests.journeys.story import Story
from tests.support import databases
from tests.support.need import miss

SIZE = 12 * 1024 * 1024
# A key is one small row, for which a file of the limit's size has room.
mounted = pytest.mark.parametrize("disk", ["mounted"], indirect=True)
NOTE = {"name": "note", "title": "Note", "type": "string", "senml_name": "note"}


@pytest.fixture
def engine_kind() -> str:
    return "sqlite"


class Disk(Protocol):
    """Where the data lies: `fill` leaves no space, `free` gives some back."""

    folder: Path

    def limit(self, app: FastAPI) -> None: ...

    def fill(self) -> None: ...

    def free(self) -> None: ...


@dataclass
class Mounted:
    """A disk of its own, with a file on it that may be deleted to give space back."""

    folder: Path

    def limit(self, app: FastAPI) -> None:
        """It is as it is."""

    def fill(self) -> None:
        with suppress(OSError), (self.folder / "ballast").open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        (self.folder / "ballast").unlink()


@dataclass
class Limited:
    """Each connection of the app's, and of its key store's, has a limit of pages."""

    folder: Path
    pages: int = SIZE // 4096
    databases: list[Database] = field(default_factory=list)

    def limit(self, app: FastAPI) -> None:
        self.databases = [app.state.db, app.state.log_keys._store._db]
        for database in self.databases:
            event.listen(database.engine, "checkout", self._set)

    def fill(self) -> None:
        self.pages = 1  # SQLite takes the size that the file has by then

    def free(self) -> None:
        self.pages = 2**30

    def _set(self, raw: Any, *_: object) -> None:
        raw.execute(f"PRAGMA max_page_count = {self.pages}")


@pytest.fixture(params=["mounted", "limited"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "limited":
        yield Limited(folder)
        return
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        miss("a small disk cannot be mounted here", "run the tests as root")
    try:
        yield Mounted(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@dataclass
class Gateway:
    """A maker's gateway that keeps its own list of what was acknowledged."""

    story: Story
    clock: FixedClock
    disk: Disk
    maker: dict[str, str] = field(default_factory=dict)
    object_id: str = ""
    acknowledged: list[str] = field(default_factory=list)
    sent: int = 0

    def build(self) -> None:
        self.maker = self.story.maker()
        streams = [
            {"name": "wash", "title": "Wash", "category": "care", "kind": "instant"}
            | {"fields": [NOTE], "holder_copy": "Nothing.", "facts": self._facts()}
        ]
        product = self.story.product(self.maker, streams=streams)
        self.object_id = self.story.owned(self.maker, product, self.story.person(), "SL-1")
        self.clock.advance(timedelta(days=40))
        self.maker = self.story.later(self.maker, timedelta(0))

    def _facts(self) -> Any:
        from tests.journeys.story import PRODUCT

        return PRODUCT["streams"][0]["facts"]  # type: ignore[index]

    def batch(self, count: int = 50, back: timedelta = timedelta(hours=1)) -> list[dict[str, Any]]:
        """Records that nothing makes smaller."""
        records = []
        for _ in range(count):
            self.sent += 1
            at = self.clock.now() - back + timedelta(milliseconds=self.sent)
            values = {"note": secrets.token_hex(480)}
            record = {"stream": "wash", "at": at.isoformat(), "values": values}
            records.append(record | {"id": f"r{self.sent}", "sequence": self.sent})
        return records

    def send(self, records: list[dict[str, Any]], key: str | None = None) -> Any:
        """The answer, which is good and whole or one of a full disk."""
        response = self.story.api.post(
            f"/v1/objects/{self.object_id}/events",
            json=records,
            headers=self.maker | {"Idempotency-Key": key or str(new_id())},
        )
        if response.status_code == 200:
            assert response.json()["stored"] == len(records)
            self.acknowledged += [record["id"] for record in records]
        else:
            assert response.status_code in (503, 507), response.text
            assert int(response.headers["Retry-After"]) >= 1
            assert response.json()["type"].rpartition("/")[2] in ("out-of-space", "unavailable")
        return response

    def check(self) -> None:
        """What was acknowledged is there, nothing else is, and the log is whole."""
        app = self.story.app
        with Database(app.state.settings.url) as database, database.read() as db:
            conn = db.connection()
            tenure_id = conn.execute(Segment.__table__.select().limit(1)).one().tenure_id
            log = Log(conn, app.state.log_keys, UUID(self.object_id), tenure_id)
            rows = page(log, ["wash"], None, None, None, 10**6)
            report = verify_log(conn, app.state.log_keys, UUID(self.object_id))
        assert report.faults == []
        assert sorted(str(row.record_id) for row in rows) == sorted(self.acknowledged)


@pytest.fixture
def settings(disk: Disk, run_dir: Path) -> Settings:
    url = databases.copy_sqlite(databases.sqlite_template(run_dir), disk.folder / "inseam.db")
    return Settings(
        data_dir=disk.folder,
        database_url=url,
        public_url=ORIGIN,
        threads=4,
        pool_size=8,
        worker_in_process=False,
    )


@pytest.fixture
def gateway(settings: Settings, clock: FixedClock, disk: Disk) -> Iterator[Gateway]:
    app = create_app(settings, clock=clock)
    with TestClient(app, base_url=ORIGIN, follow_redirects=False) as client:
        made = Gateway(Story(app, clock, client), clock, disk)
        made.build()
        disk.limit(app)
        yield made
        for person in made.story.people:
            person.close()


def test_full_disk_loses_nothing_and_is_left_behind(gateway: Gateway, disk: Disk) -> None:
    assert gateway.send(gateway.batch()).status_code == 200
    for _ in range(2):
        disk.fill()
        for _ in range(400):
            key, records = str(new_id()), gateway.batch()
            if gateway.send(records, key).status_code != 200:
                break
        else:
            raise AssertionError("the disk never was full")
        assert gateway.send(records, key).status_code != 200
        gateway.check()
        assert gateway.story.api.get("/healthz").status_code == 200
        if isinstance(disk, Mounted):
            ready = gateway.story.api.get("/readyz")
            assert ready.status_code in (503, 507)
            assert int(ready.headers["Retry-After"]) >= 1
        disk.free()
        assert gateway.send(records, key).status_code == 200
        assert gateway.story.api.get("/readyz").status_code == 200
        gateway.check()


def test_disk_that_fills_up_by_itself(gateway: Gateway, disk: Disk) -> None:
    """Without a last push: the batch that does not fit is the first to be refused."""
    if isinstance(disk, Mounted):
        (disk.folder / "ballast").write_bytes(bytes(3 * 1024 * 1024))
    answers = [200]
    while answers[-1] == 200 and len(answers) < 400:
        answers.append(gateway.send(gateway.batch(200)).status_code)
    assert answers[-1] != 200
    gateway.check()
    disk.free()
    assert gateway.send(gateway.batch()).status_code == 200
    gateway.check()


@mounted
def test_key_that_cannot_be_stored_seals_nothing(gateway: Gateway, disk: Disk) -> None:
    """A record of another month needs a key that is not there yet."""
    assert gateway.send(gateway.batch(1)).status_code == 200
    disk.fill()
    key, records = str(new_id()), gateway.batch(1, timedelta(days=35))
    for _ in range(2):
        assert gateway.send(records, key).status_code != 200
    gateway.check()
    disk.free()
    assert gateway.send(records, key).status_code == 200
    gateway.check()


@pytest.fixture
def keys_apart(settings: Settings, disk: Disk, tmp_path: Path, run_dir: Path) -> Settings:
    """The key store alone lies on the small disk."""
    url = databases.copy_sqlite(databases.sqlite_template(run_dir), tmp_path / "roomy.db")
    keys_url = databases.sqlite_url(disk.folder / "keys.db")
    return settings.model_copy(
        update={"data_dir": tmp_path, "database_url": url, "keys_url": keys_url}
    )


@mounted
def test_full_disk_of_the_key_store_stops_new_keys_only(
    keys_apart: Settings, clock: FixedClock, disk: Disk
) -> None:
    app = create_app(keys_apart, clock=clock)
    with TestClient(app, base_url=ORIGIN, follow_redirects=False) as client:
        gateway = Gateway(Story(app, clock, client), clock, disk)
        gateway.build()
        assert gateway.send(gateway.batch(1)).status_code == 200
        disk.fill()
        assert gateway.send(gateway.batch(1)).status_code == 200, "its key is at hand"
        key, records = str(new_id()), gateway.batch(1, timedelta(days=35))
        for _ in range(2):
            assert gateway.send(records, key).status_code != 200
        gateway.check()
        disk.free()
        assert gateway.send(records, key).status_code == 200
        gateway.check()
        for person in gateway.story.people:
            person.close()
