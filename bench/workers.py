"""Four workers beside one, on one PostgreSQL: batches to several objects."""

from contextlib import closing
from pathlib import Path

from app.kit.clock import SystemClock
from bench.cases import make_spread
from bench.fill import prepare
from bench.measure import BACK, Target, drive, make_settings
from bench.processes import serve_inseam
from bench.sample import Round
from bench.seed import let_in, seed

ONE, FOUR = "workers-1", "workers-4"
_OBJECTS = 16
_SETTLE_SECONDS = 3.0


def measure_workers(
    folder: Path, database_url: str, database_pid: int | None, rounds: int, seconds: float
) -> list[Round]:
    """Both serve the same database; while one is driven, the other is idle."""
    one, four = (make_settings(folder, database_url) for _ in range(2))
    now = SystemClock().now()
    database, keys = prepare(one)
    with database, closing(keys):
        scene = seed(database, now, (now - BACK).replace(microsecond=0), objects=_OBJECTS)
        tokens = let_in(database, scene, now)
    with serve_inseam(one) as one_pid, serve_inseam(four, workers=4) as four_pid:
        both = [
            (make_spread(scene, tokens, ONE, "batches of 1000, one worker"), one.port, one_pid),
            (make_spread(scene, tokens, FOUR, "the same, four workers"), four.port, four_pid),
        ]
        skip, found = 0, []
        for number in range(rounds + 1):
            samples: Round = {}
            for case, port, pid in both:
                target = Target(port, pid, database_pid)
                # Ready means that one of the four is; the first round is for the others to come.
                time = seconds if number else max(seconds, _SETTLE_SECONDS)
                samples[case.name], sent = drive(case, target, time, skip)
                skip += sent
            found.append(samples)
        return found[1:]
