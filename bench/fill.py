"""Filling a log in process, in batches as a gateway sends them, and looking at its size."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import process_time
from uuid import UUID

from app.keys.eager import EagerKeys
from app.keys.log_keys import LogKeys, open_log_keys
from app.kit.clock import FixedClock, SystemClock
from app.kit.db import Database
from app.kit.migrate import migrate
from app.settings import Settings
from app.usage.ingest import STORED, Call, Taker, ingest_all
from app.usage.schema import StreamCache
from bench.records import MINUTE, make_items
from bench.seed import Scene

BATCH = 100

_SIZE = (
    "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
    " WHERE relkind = 'r' AND starts_with(relname, 'usage_')"
)


def open_database(settings: Settings, url: str = "") -> Database:
    """The service's database, or another one, as the service opens it."""
    return Database(
        url or settings.url, pool_size=settings.pool_size, busy_seconds=settings.busy_seconds
    )


def prepare(settings: Settings) -> tuple[Database, LogKeys]:
    """A migrated database, and the keys of the data folder: those that a service there opens."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    keys = open_log_keys(settings, SystemClock())
    migrate(settings.url)
    return open_database(settings), keys


def make_taker(settings: Settings, keys: LogKeys) -> Taker:
    """What the composition root gives to ingest, with keys that are fetched at once."""
    tolerance = timedelta(seconds=settings.clock_tolerance_seconds)
    return Taker(EagerKeys(keys), StreamCache(), tolerance)


@dataclass
class Filler:
    """Writes on and on into one object's log; `count` is where it stands."""

    database: Database
    taker: Taker
    org_id: UUID
    object_id: UUID
    scene: Scene
    count: int = 0

    def add(self, records: int) -> float:
        """That many more; the CPU seconds of this process that storing them took, for each."""
        used, end = 0.0, self.count + records
        while self.count < end:
            size = min(BATCH, end - self.count)
            items = list(make_items(self.object_id, self.scene.start, self.count, size))
            clock = FixedClock(self.scene.start + (self.count + size) * MINUTE)
            begin = process_time()
            with self.database.connection() as conn:
                call = Call(self.org_id, items)
                (taken,) = ingest_all(conn, clock, self.taker, [call])
            used += process_time() - begin
            assert {one.status for one in taken.results} == {STORED}, taken
            self.count += size
        return used / records


def make_filler(
    database: Database, taker: Taker, scene: Scene, number: int = 0, count: int = 0
) -> Filler:
    """A filler of one of the scene's objects, whose log holds `count` records already."""
    return Filler(database, taker, scene.org_id, scene.things[number][0], scene, count)


def bytes_on_disk(database: Database) -> int:
    """SQLite: the database's files after a checkpoint. PostgreSQL: the tables of the log with
    their indexes, after what autovacuum does sooner or later."""
    if not database.is_sqlite:
        with database.engine.connect() as conn:
            alone = conn.execution_options(isolation_level="AUTOCOMMIT")
            alone.exec_driver_sql("VACUUM (ANALYZE)")
        with database.read() as db:
            return int(db.connection().exec_driver_sql(_SIZE).scalar_one())
    database.purge([])
    file = Path(database.engine.url.database or "")
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*"))
