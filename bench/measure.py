"""One run: a fresh database, both servers, and rounds in which every case has its turn."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.kit.clock import SystemClock
from app.kit.db import Database
from app.kit.migrate import migrate
from app.settings import Settings
from bench.cases import HELLO, Case, make_cases
from bench.load import Heard, Load
from bench.processes import cpu_seconds, free_port, serve_hello, serve_inseam
from bench.seed import Seeded, seed

ROOT = Path(__file__).resolve().parents[1]
NO_LIMIT = 10**9
TOKEN_SECONDS = 3600
_PATIENCE = 60.0


class Failed(Exception):
    """An answer was not the expected one, so there is nothing to report."""


@dataclass(frozen=True)
class Sample:
    """One case in one round."""

    case: Case
    requests_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float | None
    database_us: float | None


@dataclass(frozen=True)
class _Target:
    port: int
    pid: int
    database_pid: int | None


Round = dict[str, Sample]


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


def measure_once(
    folder: Path, database_url: str, database_pid: int | None, rounds: int, seconds: float
) -> list[Round]:
    """Seed, serve and drive; a dict of samples by case for each round."""
    settings = _settings(folder, database_url)
    seeded = _prepare(settings)
    with serve_hello() as (hello_port, hello_pid), serve_inseam(settings) as service_pid:
        hello = _Target(hello_port, hello_pid, None)
        service = _Target(settings.port, service_pid, database_pid)
        skip = 0
        found: list[Round] = []
        for _ in range(rounds):
            samples: Round = {}
            for case in make_cases(seeded):
                target = hello if case.name == HELLO else service
                samples[case.name], sent = _drive(case, target, seconds, skip)
                skip += sent if target is service else 0
            found.append(samples)
        return found


def _settings(folder: Path, database_url: str) -> Settings:
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
    )


def _prepare(settings: Settings) -> Seeded:
    settings.data_dir.mkdir(parents=True)
    migrate(settings.url)
    with Database(settings.url, pool_size=settings.pool_size) as database:
        return seed(database, SystemClock().now())


def _drive(case: Case, target: _Target, seconds: float, skip: int) -> tuple[Sample, int]:
    load = Load(
        target.port,
        case.request,
        case.expect,
        case.connections,
        seconds,
        _wire(case.start),
        skip,
        case.wrap,
    )
    before = _cpu(target)
    heard = _ask(load)
    cpu, database = (
        _each(was, now, heard.sent) for was, now in zip(before, _cpu(target), strict=True)
    )
    if heard.failed or not heard.answered:
        raise Failed(f"{case.title}: {heard.failed} failed. {heard.first_failure}")
    sample = Sample(
        case,
        heard.answered / heard.seconds,
        heard.p50_ms,
        heard.p99_ms,
        cpu,
        database,
    )
    return sample, heard.sent


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


def _cpu(target: _Target) -> tuple[float | None, float | None]:
    database = cpu_seconds(target.database_pid) if target.database_pid else None
    return cpu_seconds(target.pid), database


def _each(before: float | None, after: float | None, count: int) -> float | None:
    if before is None or after is None:
        return None
    return (after - before) / count * 1_000_000


def _wire(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")
