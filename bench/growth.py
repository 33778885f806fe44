"""How cost grows: one log is filled once, and looked at when it held a hundredth, a tenth, all.

Copies of the database are kept from on the way, so that every round asks each size in turn: what
the machine does meanwhile then touches all of them.
"""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

from app.keys.eager import EagerKeys
from app.keys.log_keys import LogKeys
from app.kit.clock import SystemClock
from app.kit.db import Database
from app.settings import Settings
from app.usage.ingest import Taker
from app.usage.read import Log, page
from app.usage.upkeep import pack
from bench.cases import make_reading
from bench.fill import (
    Filler,
    bytes_on_disk,
    make_filler,
    make_taker,
    open_database,
    prepare,
)
from bench.measure import Failed, Target, drive, make_settings
from bench.postgres import copy_database
from bench.processes import ROOT, rss_bytes, serve_inseam
from bench.records import MINUTE, STREAMS
from bench.sample import Sample
from bench.seed import Scene, let_in, seed

_PAGES = 200  # of each size in a round
_SLICE = 2000  # records of each size in a round
_WARM = 2000
_PACKED_A_STEP = 5000  # records, at the least: a step looks at 1000 segments
_EXPORT_SECONDS = 300.0


@dataclass(frozen=True)
class Exported:
    """One export of the whole log: how long it took."""

    seconds: float
    bytes: int


@dataclass
class Grown:
    """Figures by size, one list for each round; `why_no_export` where there is none."""

    sizes: list[int]
    bytes: list[int] = field(default_factory=list)
    fill_s: list[float] = field(default_factory=list)
    pages_ms: list[list[float]] = field(default_factory=list)
    packed_ms: list[float] = field(default_factory=list)
    cpu_us: list[list[float]] = field(default_factory=list)
    readings: list[list[Sample]] = field(default_factory=list)
    exports: list[Exported] = field(default_factory=list)
    rss_growth: int | None = None
    why_no_export: str = ""


@dataclass(frozen=True)
class _Size:
    """One database with a log of so many records."""

    records: int
    url: str
    database: Database
    filler: Filler


def measure_growth(
    folder: Path, database_url: str, records: int, rounds: int, seconds: float
) -> Grown:
    """Fill, then measure in rounds."""
    settings = make_settings(folder, database_url, worker_in_process=False)
    sizes = [max(records // 100, 1), max(records // 10, 1), records]
    grown, now = Grown(sizes), SystemClock().now()
    with ExitStack() as stack:
        database, keys = prepare(settings)
        stack.enter_context(closing(keys))
        with database:
            start = (now - (records + 10_000 + rounds * _SLICE) * MINUTE).replace(microsecond=0)
            scene = seed(database, now, start - timedelta(days=1), objects=2)
        taker = make_taker(settings, keys)
        urls = _fill(settings, taker, scene, grown)
        each = [_open(stack, settings, taker, scene, *one) for one in zip(sizes, urls, strict=True)]
        _page_in_rounds(each, keys, scene, rounds, grown)
        _serve_in_rounds(folder, each[1:], scene, rounds, seconds, grown)
        grown.cpu_us = [
            [one.filler.add(min(_SLICE, records)) * 1e6 for one in each] for _ in range(2 * rounds)
        ]
        for _ in range(records // _PACKED_A_STEP + 10):
            if not pack(each[-1].database, SystemClock(), EagerKeys(keys)):
                break
        grown.packed_ms = [_page_ms(each[-1], keys, scene, seed) for seed in range(rounds)]
    return grown


def _fill(settings: Settings, taker: Taker, scene: Scene, grown: Grown) -> list[str]:
    """Fill the database, and keep a copy at each size but the last; where they are. What is done
    once only, such as compiling a statement, is done for another object before."""
    with open_database(settings) as database:
        make_filler(database, taker, scene, 1).add(_WARM)
        before = bytes_on_disk(database)
    urls, count = [], 0
    for size in grown.sizes:
        with open_database(settings) as database:
            filler = make_filler(database, taker, scene, 0, count)
            begin = perf_counter()
            filler.add(size - count)
            grown.fill_s.append(perf_counter() - begin)
            count = filler.count
            grown.bytes.append(bytes_on_disk(database) - before)
        urls.append(settings.url if size == grown.sizes[-1] else _copy(settings, size))
        print(f"  {size:,} records …", file=sys.stderr, flush=True)
    return urls


def _copy(settings: Settings, size: int) -> str:
    if not settings.url.startswith("sqlite"):
        return copy_database(settings.url, f"_{size}")
    file = settings.data_dir / "inseam.db"
    copy = file.with_name(f"inseam-{size}.db")
    shutil.copyfile(file, copy)
    return f"sqlite:///{copy}"


def _open(
    stack: ExitStack, settings: Settings, taker: Taker, scene: Scene, records: int, url: str
) -> _Size:
    database = stack.enter_context(open_database(settings, url))
    return _Size(records, url, database, make_filler(database, taker, scene, 0, records))


def _page_in_rounds(
    each: list[_Size], keys: LogKeys, scene: Scene, rounds: int, grown: Grown
) -> None:
    for one in each:
        _page_ms(one, keys, scene, -1)  # brings every key
    for number in range(rounds):
        grown.pages_ms.append([_page_ms(one, keys, scene, number) for one in each])


def _page_ms(one: _Size, keys: LogKeys, scene: Scene, seed: int) -> float:
    """The median time of a page of 100 from anywhere, in process."""
    random, times = Random(seed), []
    eager = EagerKeys(keys)
    with one.database.read() as db:
        log = Log(db.connection(), eager, *scene.things[0])
        for _ in range(_PAGES):
            at = scene.start + random.randrange(max(one.records - 100, 1)) * MINUTE
            begin = perf_counter()
            rows = page(log, STREAMS, at, None, None, 100)
            times.append(perf_counter() - begin)
            assert len(rows) == min(100, one.records), len(rows)
    return median(times) * 1000


def _serve_in_rounds(
    folder: Path, each: list[_Size], scene: Scene, rounds: int, seconds: float, grown: Grown
) -> None:
    """Over HTTP: readings of a tenth and of all in turn, then the export of all."""
    with ExitStack() as stack:
        targets, cases = [], []
        for one in each:
            tokens = let_in(one.database, scene, SystemClock().now())
            # No jobs: the log stays as it came, not packed.
            settings = make_settings(folder, one.url, worker_in_process=False)
            targets.append(Target(settings.port, stack.enter_context(serve_inseam(settings))))
            cases.append(make_reading(scene, tokens, one.records))
        skip = max(drive(c, t, seconds)[1] for c, t in zip(cases, targets, strict=True))  # warm
        for _ in range(rounds):
            driven = [drive(c, t, seconds, skip) for c, t in zip(cases, targets, strict=True)]
            skip += max(sent for _, sent in driven)
            grown.readings.append([sample for sample, _ in driven])
        _export(targets[-1], scene, tokens.owner, each[-1].records, rounds, grown)


def _export(
    target: Target, scene: Scene, token: str, records: int, rounds: int, grown: Grown
) -> None:
    path = f"/v1/me/objects/{scene.object_id}/records.ndjson"
    with _watched(target.pid) as growth:
        for _ in range(rounds):
            told = _fetch(target.port, path, token)
            if told["status"] == 404 and not grown.exports:
                grown.why_no_export = f"GET {path.replace(str(scene.object_id), '{id}')} is 404"
                return
            if told["status"] != 200 or told["lines"] != records:
                raise Failed(f"The export: {told}, where {records} records were due.")
            grown.exports.append(Exported(told["seconds"], int(told["bytes"])))
    grown.rss_growth = growth[-1] if growth else None


def _fetch(port: int, path: str, token: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.fetch"],
        check=False,
        input=json.dumps({"port": port, "path": path, "token": token}),
        stdout=subprocess.PIPE,
        text=True,
        timeout=_EXPORT_SECONDS,
        cwd=ROOT,
    )
    if done.returncode:
        raise Failed("The export ended before its time.")
    told: dict[str, float] = json.loads(done.stdout)
    return told


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """By how much the process's memory grew at most, as the last of the list."""
    before, most, is_over = rss_bytes(pid), [0], threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            now = rss_bytes(pid)
            if before is not None and now is not None and now - before > most[-1]:
                most.append(now - before)
            time.sleep(0.01)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield most
    finally:
        is_over.set()
        watcher.join()
