"""`python -m bench`: measure, print, and with --write keep what was measured."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.kit import logs
from app.kit.clock import SystemClock
from bench import report, verdict
from bench.growth import Grown, measure_growth
from bench.machine import describe
from bench.measure import Failed, measure_cases, scratch
from bench.postgres import NoPostgres, drop_databases, make_database, private_postgres
from bench.processes import ROOT, CannotStart
from bench.profiled import CLOCKS
from bench.profiling import CASES, profile
from bench.sample import Round
from bench.seed import NotEmpty
from bench.workers import measure_workers

RESULTS = Path(__file__).parent / "results.md"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench: written by `python -m bench --write` -->", "<!-- bench: end -->"
PARTS = ("cases", "growth", "workers")
ENOUGH_ROUNDS, ENOUGH_RECORDS, LEAST_RECORDS = 5, 1_000_000, 10_000

_METHOD = """\
- One uvicorn worker of the service as `inseam serve` starts it, jobs in the same process; SQLite
  with synchronous=FULL, PostgreSQL with its defaults (fsync on) over a Unix socket.
- `hello` is a bare FastAPI `async def` that returns a dict, under uvicorn with the same options, in
  a process of its own. `raw` writes the same records with the driver alone, one transaction a batch
  of 1000: each record's JSON as it is sent beside its object, tenure, stream, number and time, in a
  table with the primary key and the index by time that the log has. While one of the three is
  driven, the others are idle; a ratio is taken within a round.
- Rate limits are set out of reach (INSEAM_RATE_*), so nothing is refused; calls are still counted
  against them, as always. Tokens last an hour.
- One maker, one object, one vendor whose grant has two kinds of data; 10,000 records at the start.
  Records sent move on in time and are all stored. Each reading starts at another place, gives a
  full page and commits its access record before it answers.
- Closed loop over keep-alive connections, from one other process on the same machine. An answer
  counts only when it says what it should; one that does not ends the run.
- CPU is user and system time of the server process; "database CPU" that of PostgreSQL's processes.
- Growth: one object is worn minute by minute and washed now and then (1 record in 21), its records
  are ingested in process in batches of 100, and nothing is packed. Bytes are what the data
  database's files grew by, after a checkpoint (PostgreSQL: the tables of the log with their
  indexes, after VACUUM). The database is copied on the way, and each round asks every size in turn:
  200 pages from random places with the keys at hand; 2000 more records for their CPU, of this
  process alone; readings and the export over HTTP from a server that works no jobs.
- Workers: 16 connections, each to an object of its own; both services serve one database.
"""


@dataclass
class Found:
    """What one database came to; what was not asked for is empty."""

    cases: list[Round] = field(default_factory=list)
    grown: Grown | None = None
    workers: list[Round] = field(default_factory=list)

    def demands(self, *, is_sqlite: bool) -> str:
        """The table of what must be and what is."""
        found = verdict.of_cases(self.cases, is_sqlite=is_sqlite) if self.cases else []
        found += verdict.of_growth(self.grown) if self.grown else []
        found += verdict.of_workers(self.workers) if self.workers else []
        return verdict.table(found)

    def details(self) -> str:
        """The figures behind it."""
        parts = []
        if self.cases:
            parts += [report.spread(self.cases), report.table(self.cases)]
        if self.grown:
            parts += [verdict.growth_table(self.grown)]
        if self.workers:
            parts += [verdict.workers_table(self.workers)]
        return "\n\n".join(parts)


def main() -> None:
    """Measure on SQLite, then on PostgreSQL where there is one."""
    asked = _parse()
    logs.set_up("ERROR")
    if asked.profile:
        is_sqlite = not (asked.on_postgres or asked.postgres)
        with scratch() as folder, _database(asked, folder, is_sqlite) as (url, pid):
            print(profile(folder, url, pid, asked.profile, asked.seconds, asked.clock))
        return
    with scratch() as folder:
        machine = describe(ROOT, folder)
    day = SystemClock().now().strftime("%Y-%m-%d %H:%M UTC")
    machine += [f"- {day}; rounds {asked.rounds}, seconds {asked.seconds:g}" + _weakness(asked)]
    short, long = [*machine], ["# What this service does on one machine", "", *machine, ""]
    long += ["Written by `python -m bench --write`.", "", _METHOD]
    for is_sqlite in (True, False):
        if (asked.only == ["workers"]) if is_sqlite else asked.sqlite_only:
            continue
        name = "SQLite" if is_sqlite else "PostgreSQL"
        try:
            found = _measure(asked, name, is_sqlite=is_sqlite)
            demands, details = found.demands(is_sqlite=is_sqlite), found.details()
        except NoPostgres as error:
            demands, details = f"Not measured: {error}.", ""
        short += ["", f"### {name}", "", demands]
        long += [f"## {name}", "", demands, "", details, ""]
    print("\n".join(long))
    if asked.write:
        RESULTS.write_text("\n".join(long).rstrip() + "\n")
        PAGE.write_text(put_between(PAGE.read_text(), "\n".join(short)))


def put_between(page: str, text: str) -> str:
    """The page with the text between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--write", action="store_true", help="keep it in bench/results.md and docs/performance.md"
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds; fewer prove nothing (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="measured time of a case (2)")
    parser.add_argument(
        "--records", type=int, default=1_000_000, help="of the log that grows (1000000)"
    )
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts; several times")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--sqlite-only", action="store_true", help="leave PostgreSQL out")
    where.add_argument(
        "--postgres",
        metavar="URL",
        help="a server to make databases on and drop them, instead of a private one",
    )
    parser.add_argument(
        "--profile", choices=CASES, help="only this case, with the server under a profiler"
    )
    parser.add_argument(
        "--on-postgres", action="store_true", help="profile on a private PostgreSQL, not SQLite"
    )
    parser.add_argument("--clock", choices=CLOCKS, default="cpu", help="of the profiler (cpu)")
    asked = parser.parse_args()
    if asked.rounds < 1 or not 0.1 <= asked.seconds <= 30 or asked.records < LEAST_RECORDS:
        parser.error("at least one round and 10,000 records, each case 0.1 to 30 seconds")
    asked.only = asked.only or list(PARTS)
    return asked


def _weakness(asked: argparse.Namespace) -> str:
    """Why the figures are not those that were asked for."""
    if asked.rounds >= ENOUGH_ROUNDS and asked.records >= ENOUGH_RECORDS and asked.seconds >= 1:
        return ""
    return " (**a short run: the figures prove nothing**)"


def _measure(asked: argparse.Namespace, name: str, *, is_sqlite: bool) -> Found:
    found = Found()
    for part in asked.only:
        if part == "workers" and is_sqlite:
            continue
        print(f"{name}: {part} …", file=sys.stderr, flush=True)
        with scratch() as folder, _database(asked, folder, is_sqlite) as (url, pid):
            rounds, seconds = asked.rounds, asked.seconds
            if part == "cases":
                found.cases = measure_cases(folder, url, pid, rounds, seconds)
            elif part == "growth":
                found.grown = measure_growth(folder, url, asked.records, rounds, seconds)
            else:
                found.workers = measure_workers(folder, url, pid, rounds, seconds)
    return found


@contextmanager
def _database(
    asked: argparse.Namespace, folder: Path, is_sqlite: bool
) -> Iterator[tuple[str, int | None]]:
    """The URL of an empty database and, where the server is ours, its process id; the empty URL is
    SQLite in the folder."""
    if is_sqlite:
        yield "", None
    elif asked.postgres:
        name = f"inseam_bench_{os.getpid()}"
        try:
            yield make_database(asked.postgres, name), None
        finally:
            drop_databases(asked.postgres, name)
    else:
        with private_postgres(folder) as (url, pid):
            yield make_database(url, "inseam_bench"), pid


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whatever was started ends too
    try:
        main()
    except (CannotStart, Failed, NotEmpty) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
