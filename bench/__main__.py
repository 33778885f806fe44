"""`python -m bench`: measure, print, and with --write keep what was measured."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.kit.clock import SystemClock
from bench import measure, report
from bench.machine import describe
from bench.measure import Failed, Round, measure_once, scratch
from bench.postgres import NoPostgres, private_postgres
from bench.processes import CannotStart
from bench.seed import NotEmpty

RESULTS = Path(__file__).parent / "results.md"

_METHOD = """\
- One uvicorn worker of the service as `inseam serve` starts it, jobs in the same process; SQLite
  with synchronous=FULL, PostgreSQL with its defaults over a Unix socket.
- `hello` is a bare FastAPI `async def` that returns a dict, under uvicorn with the same options, in
  a process of its own. While one of the two is driven, the other is idle.
- Rate limits are set out of reach (INSEAM_RATE_*), so nothing is refused; calls are still counted
  against them, as always. Tokens last an hour.
- One maker, one object, one vendor whose grant has two kinds of data; 10,000 records at the start.
  Records sent move on in time and are all stored. Each reading starts at another time, gives a
  full page and commits its access record before it answers.
- Closed loop over keep-alive connections, from one other process on the same machine. An answer
  counts only when it says what it should; one that does not ends the run.
- CPU is user and system time of the server process; "database CPU" that of PostgreSQL's processes.
"""


def main() -> None:
    """Measure on SQLite, then on PostgreSQL where there is one."""
    asked = _parse()
    with scratch() as folder:
        parts = ["# What this service does on one machine", "", *describe(measure.ROOT, folder)]
    day = SystemClock().now().strftime("%Y-%m-%d %H:%M UTC")
    parts += [f"- {day}; runs {asked.runs}, rounds {asked.rounds}, seconds {asked.seconds:g}", ""]
    parts += [
        "Written by `python -m bench --write`.",
        "",
        _METHOD,
        "## SQLite",
        "",
        _tell(_runs(asked, is_sqlite=True)),
    ]
    if not asked.sqlite_only:
        parts += ["", "## PostgreSQL", "", _on_postgres(asked)]
    text = "\n".join(parts)
    print(text)
    if asked.write:
        RESULTS.write_text(text + "\n")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the report in bench/results.md")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of a run (3)")
    parser.add_argument("--runs", type=int, default=1, help="runs, each on a fresh database (1)")
    parser.add_argument("--seconds", type=float, default=2.0, help="measured time of a case (2)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--sqlite-only", action="store_true", help="leave PostgreSQL out")
    where.add_argument(
        "--postgres", metavar="URL", help="an empty database to use once, instead of a private one"
    )
    asked = parser.parse_args()
    if asked.postgres and asked.runs > 1:
        parser.error("--postgres names one empty database, so there can be one run only")
    if asked.rounds < 1 or asked.runs < 1 or not 0.5 <= asked.seconds <= 30:
        parser.error("at least one run of one round, each case 0.5 to 30 seconds")
    return asked


def _runs(asked: argparse.Namespace, *, is_sqlite: bool) -> list[Round]:
    rounds: list[Round] = []
    for number in range(asked.runs):
        name = "SQLite" if is_sqlite else "PostgreSQL"
        print(f"{name}, run {number + 1} of {asked.runs} …", file=sys.stderr, flush=True)
        with scratch() as folder, _database(asked, folder, is_sqlite) as (url, pid):
            rounds += measure_once(folder, url, pid, asked.rounds, asked.seconds)
    return rounds


@contextmanager
def _database(
    asked: argparse.Namespace, folder: Path, is_sqlite: bool
) -> Iterator[tuple[str, int | None]]:
    """URL and, where the server is ours, process id; the empty URL is SQLite in the folder."""
    if is_sqlite or asked.postgres:
        yield "" if is_sqlite else asked.postgres, None
    else:
        with private_postgres(folder) as (url, pid):
            yield url, pid


def _on_postgres(asked: argparse.Namespace) -> str:
    try:
        return _tell(_runs(asked, is_sqlite=False))
    except NoPostgres as error:
        return f"Not measured: {error}."


def _tell(rounds: list[Round]) -> str:
    return f"{report.spread(rounds)}\n\n{report.table(rounds)}"


if __name__ == "__main__":
    try:
        main()
    except (CannotStart, Failed, NotEmpty) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
