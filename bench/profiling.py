"""Where the time goes: one case with the server under a profiler, and its top functions."""

import io
import os
import pstats
import signal
from pathlib import Path

from bench.cases import (
    BATCH,
    READING,
    SINGLE,
    TOKEN,
    TOKEN_DPOP,
    TOKEN_JWT,
    Case,
    make_cases,
)
from bench.measure import SEEDED, Target, drive, make_settings, seed_small
from bench.processes import serve_profiled

CASES = {
    "batch": BATCH,
    "single": SINGLE,
    "read": READING,
    "token": TOKEN,
    "token-jwt": TOKEN_JWT,
    "token-dpop": TOKEN_DPOP,
}
_TOP = 30


def profile(
    folder: Path, database_url: str, pid: int | None, name: str, seconds: float, clock: str
) -> str:
    """The report: for each kind of thread, the functions that took the most by themselves, and
    with what they call."""
    settings = make_settings(folder, database_url)
    scene, tokens = seed_small(settings)
    cases = make_cases(scene, tokens, SEEDED, is_sqlite=not database_url)
    (case,) = (one for one in cases if one.name == CASES[name])
    out = folder / "profile"
    with serve_profiled(settings, out, clock) as server:
        target = Target(settings.port, server, pid)
        _, sent = drive(case, target, 0.5)
        os.kill(server, signal.SIGUSR1)
        sample, more = drive(case, target, seconds, sent)
    return "\n".join([_head(case, sample.requests_s, more, clock), *_tell(out)])


def _head(case: Case, speed: float, sent: int, clock: str) -> str:
    what = "CPU of each thread" if clock == "cpu" else "time that passes, waiting included"
    return (
        f"{case.title}: {sent} requests, {speed:,.0f}/s under the profiler, which makes every call "
        f"of a function dearer.\nSeconds are {what}."
    )


def _tell(out: Path) -> list[str]:
    parts = []
    found = [(path, pstats.Stats(str(path))) for path in out.parent.glob(f"{out.name}-*")]
    for path, stats in sorted(found, key=lambda one: -one[1].total_tt):  # type: ignore[attr-defined]
        name = path.name.removeprefix(f"{out.name}-")
        for order in ("tottime", "cumulative"):
            text = io.StringIO()
            stats.stream = text  # type: ignore[attr-defined]
            stats.sort_stats(order).print_stats(_TOP)
            parts.append(f"\n== {name}, by {order}\n{_short(text.getvalue())}")
    return parts


def _short(text: str) -> str:
    """Without the paths that say nothing."""
    for long in (f"{Path.cwd()}/", ".venv/lib/python3.11/site-packages/"):
        text = text.replace(long, "")
    lines = text.splitlines()
    return "\n".join(line for line in lines if line.strip() and "profile-" not in line)
