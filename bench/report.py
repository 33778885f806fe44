"""Figures as a table: medians over the rounds, ratios within each round."""

from collections.abc import Callable, Sequence
from statistics import median

from bench.cases import HELLO, RAW, SINGLE
from bench.sample import Round, Sample

_HEAD = (
    "| | connections | requests/s | ÷ hello | records/s | records per hello request | ÷ raw "
    "| p50 ms | p99 ms | CPU µs/request | CPU ÷ hello | database CPU µs |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)
_NONE = "–"


def table(rounds: Sequence[Round]) -> str:
    """One line a case, in Markdown that also reads as plain text."""
    return "\n".join([_HEAD, *(_line(name, rounds) for name in rounds[0])])


def spread(rounds: Sequence[Round]) -> str:
    """How far the yardsticks themselves moved: the noise of the machine at that time."""
    speeds = [samples[HELLO].requests_s for samples in rounds]
    rows = [samples[RAW].records_s for samples in rounds]
    return (
        f"Medians of {len(rounds)} rounds. In them hello alone moved between {min(speeds):,.0f} "
        f"and {max(speeds):,.0f} requests/s, the raw writer between {min(rows):,.0f} and "
        f"{max(rows):,.0f} rows/s, so read the ratios and the CPU, not the speeds."
    )


def _line(name: str, rounds: Sequence[Round]) -> str:
    def middle(of: Callable[[Sample, Round], float | None], form: str) -> str:
        """The median of a figure of the case, which may stand against others of its round."""
        values = [of(samples[name], samples) for samples in rounds]
        known = [value for value in values if value is not None]
        return format(median(known), form) if known else _NONE

    case = rounds[0][name].case
    is_sent = name == SINGLE or name.startswith("batch")
    cells = [
        case.title,
        str(case.connections),
        middle(lambda s, _: s.requests_s, ",.0f"),
        middle(lambda s, r: s.requests_s / r[HELLO].requests_s, ".3f"),
        middle(lambda s, _: s.records_s or None, ",.0f"),
        middle(lambda s, r: s.records_s / r[HELLO].requests_s or None, ".2f"),
        middle(lambda s, r: s.records_s / r[RAW].records_s, ".2f") if is_sent else _NONE,
        middle(lambda s, _: s.p50_ms, ".1f"),
        middle(lambda s, _: s.p99_ms, ".1f"),
        middle(lambda s, _: s.cpu_us, ",.0f"),
        middle(lambda s, r: _ratio(s.cpu_us, r[HELLO].cpu_us), ".1f"),
        middle(lambda s, _: s.database_us, ",.0f"),
    ]
    return f"| {' | '.join(cells)} |"


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None
