"""One run: a fresh database, both servers, and rounds in which every case has its turn."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.kit.clock import SystemClock
from app.settings import Settings
from bench.cases import HELLO, RAW, Case, make_cases
from bench.fill import make_filler, make_taker, prepare
from bench.load import Heard, Load
from bench.processes import ROOT, cpu_seconds, free_port, serve_hello, serve_inseam
from bench.raw import open_raw
from bench.sample import Round, Sample
from bench.seed import Scene, Tokens, let_in, seed

NO_LIMIT = 10**9
MOST_A_SECOND = 4_000  # passes that are signed for a second of load
TOKEN_SECONDS = 3600
SEEDED = 10_000
BACK = timedelta(days=13)  # what is sent after the seeded week is young enough to have ids
_WARM_UP = 0.3
_PATIENCE = 60.0


class Failed(Exception):
    """An answer was not the expected one, so there is nothing to report."""


@dataclass(frozen=True)
class Target:
    """A server that is driven, and the process of its database where that is ours."""

    port: int
    pid: int
    database_pid: int | None = None


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the disk that the service would use; a temporary one may be memory only."""
    (ROOT / "var").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "var"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure_cases(
    folder: Path, database_url: str, database_pid: int | None, rounds: int, seconds: float
) -> list[Round]:
    """Seed, serve and drive; a dict of samples by case for each round."""
    settings = make_settings(folder, database_url)
    scene, tokens = seed_small(settings)
    cases = make_cases(scene, tokens, SEEDED, is_sqlite=not database_url)
    with (
        serve_hello() as (hello_port, hello_pid),
        serve_inseam(settings) as service_pid,
        open_raw(folder, database_url, scene.start) as raw,
    ):
        hello = Target(hello_port, hello_pid)
        service = Target(settings.port, service_pid, database_pid)
        skip = 0
        found: list[Round] = []
        for _ in range(rounds):
            samples: Round = {}
            for case in cases:
                if case.name == RAW:
                    samples[RAW] = raw.run(case, seconds)
                    continue
                target = hello if case.name == HELLO else service
                samples[case.name], sent = drive(case, target, seconds, skip)
                skip += sent if target is service else 0
            found.append(samples)
        return found


def make_settings(folder: Path, database_url: str, **more: Any) -> Settings:
    """As shipped, but for limits that would stop the load and a token that lasts for it."""
    port = free_port()
    limits: dict[str, Any] = {
        name: NO_LIMIT for name in Settings.model_fields if name.startswith("rate_")
    }
    return Settings(
        data_dir=folder / "data",
        database_url=database_url,
        port=port,
        public_url=f"http://localhost:{port}",
        log_level="ERROR",
        access_token_seconds=TOKEN_SECONDS,
        **limits,
        **more,
    )


def seed_small(settings: Settings) -> tuple[Scene, Tokens]:
    """One object with a log that is long enough for pages from anywhere in it."""
    now = SystemClock().now()
    database, keys = prepare(settings)
    with database, closing(keys):
        scene = seed(database, now, (now - BACK).replace(microsecond=0))
        make_filler(database, make_taker(settings, keys), scene).add(SEEDED)
        return scene, let_in(database, scene, now)


def drive(case: Case, target: Target, seconds: float, skip: int = 0) -> tuple[Sample, int]:
    """Drive it for that long; the sample, and how many requests were sent. Failed."""
    count = int(MOST_A_SECOND * (seconds + _WARM_UP))
    passes = case.passes.make(target.port, count) if case.passes else ()
    load = Load(
        target.port,
        case.request,
        case.expect,
        case.connections,
        seconds,
        _wire(case.start),
        skip,
        case.wrap,
        case.stride,
        case.objects,
        passes,
        min(_WARM_UP, seconds),
    )
    before = _cpu(target)
    heard = _ask(load)
    cpu, database = (
        _each(was, now, heard.sent) for was, now in zip(before, _cpu(target), strict=True)
    )
    if heard.failed or not heard.answered:
        raise Failed(f"{case.title}: {heard.failed} failed. {heard.first_failure}")
    speed = heard.answered / heard.seconds
    return Sample(case, speed, heard.p50_ms, heard.p99_ms, cpu, database), heard.sent


def _ask(load: Load) -> Heard:
    """Have it driven by another process, whose own complaints go to standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        check=False,
        input=json.dumps(asdict(load)),
        stdout=subprocess.PIPE,
        text=True,
        timeout=load.seconds + _PATIENCE,
        cwd=ROOT,
    )
    if done.returncode:
        raise Failed("The load ended before its time.")
    return Heard(**json.loads(done.stdout))


def _cpu(target: Target) -> tuple[float | None, float | None]:
    database = cpu_seconds(target.database_pid) if target.database_pid else None
    return cpu_seconds(target.pid), database


def _each(before: float | None, after: float | None, count: int) -> float | None:
    if before is None or after is None or not count:
        return None
    return (after - before) / count * 1_000_000


def _wire(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")
