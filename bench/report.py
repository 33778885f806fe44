"""Figures as a table: medians over the rounds, ratios within each round."""

from collections.abc import Callable, Sequence
from statistics import median

from bench.cases import HELLO
from bench.measure import Round, Sample

_HEAD = (
    "| | connections | requests/s | ÷ hello | records/s | records per hello request | p50 ms "
    "| p99 ms | CPU µs/request | CPU ÷ hello | database CPU µs |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)
_NONE = "–"


def table(rounds: Sequence[Round]) -> str:
    """One line a case, in Markdown that also reads as plain text."""
    return "\n".join([_HEAD, *(_line(name, rounds) for name in rounds[0])])


def spread(rounds: Sequence[Round]) -> str:
    """How far the yardstick itself moved: the noise of the machine at that time."""
    speeds = [samples[HELLO].requests_s for samples in rounds]
    return (
        f"Medians of {len(rounds)} rounds. In them hello alone moved between {min(speeds):,.0f} "
        f"and {max(speeds):,.0f} requests/s, so read the ratios and the CPU, not the speeds."
    )


def _line(name: str, rounds: Sequence[Round]) -> str:
    def middle(of: Callable[[Sample, Sample], float | None], form: str) -> str:
        """The median of a figure of the case, which may stand against hello of its round."""
        values = [of(samples[name], samples[HELLO]) for samples in rounds]
        known = [value for value in values if value is not None]
        return format(median(known), form) if known else _NONE

    case = rounds[0][name].case
    cells = [
        case.title,
        str(case.connections),
        middle(lambda s, _: s.requests_s, ",.0f"),
        middle(lambda s, hello: s.requests_s / hello.requests_s, ".3f"),
        middle(lambda s, _: _records(s, s.requests_s), ",.0f"),
        middle(lambda s, hello: _records(s, s.requests_s / hello.requests_s), ".2f"),
        middle(lambda s, _: s.p50_ms, ".1f"),
        middle(lambda s, _: s.p99_ms, ".1f"),
        middle(lambda s, _: s.cpu_us, ",.0f"),
        middle(lambda s, hello: _ratio(s.cpu_us, hello.cpu_us), ".1f"),
        middle(lambda s, _: s.database_us, ",.0f"),
    ]
    return f"| {' | '.join(cells)} |"


def _records(sample: Sample, calls: float) -> float | None:
    return calls * sample.case.records if sample.case.records else None


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None
