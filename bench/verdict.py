"""What was asked for, beside what was measured: a line for each demand, its bound and the aim."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.cases import BATCH, HELLO, RAW, SINGLE, TOKEN, TOKEN_DPOP, TOKEN_JWT
from bench.growth import Grown
from bench.sample import Round, Sample
from bench.workers import FOUR, ONE

MB = 1024 * 1024
_HEAD = "| path | must | aim | measured | min … max | ok |\n|---|--:|--:|--:|--:|:-:|"
_FULL_SIZE = 1_000_000


@dataclass(frozen=True)
class Demand:
    """A bound on a figure: at least `must`, or at most where `is_most`; `values` one a round.
    Without a bound it is told beside the others."""

    path: str
    must: float | None
    aim: float | None
    form: str
    values: Sequence[float]
    is_most: bool = False

    @property
    def verdict(self) -> str:
        """`aim`, `yes`, `no`; a dash where nothing was measured."""
        if not self.values or self.must is None:
            return "–"
        if not self._holds(self.must):
            return "**no**"
        return "aim" if self.aim is not None and self._holds(self.aim) else "yes"

    def line(self) -> str:
        """A line of the table."""
        sign = "≤" if self.is_most else "≥"
        bounds = [f"{sign} {self._tell(one)}" if one is not None else "–" for one in self._bounds]
        low, middle, high = ("–", "–", "–")
        if self.values:
            low, middle, high = map(
                self._tell, (min(self.values), median(self.values), max(self.values))
            )
        cells = [self.path, *bounds, middle, f"{low} … {high}", self.verdict]
        return f"| {' | '.join(cells)} |"

    @property
    def _bounds(self) -> tuple[float | None, float | None]:
        return self.must, self.aim

    def _holds(self, bound: float) -> bool:
        middle = median(self.values)
        return middle <= bound if self.is_most else middle >= bound

    def _tell(self, value: float) -> str:
        return self.form.format(value)


def table(demands: Sequence[Demand]) -> str:
    """All of them, in Markdown that also reads as plain text."""
    return "\n".join([_HEAD, *(one.line() for one in demands)])


def of_cases(rounds: Sequence[Round], *, is_sqlite: bool) -> list[Demand]:
    """What is asked of single calls and batches."""
    how = "raw executemany" if is_sqlite else "COPY with the same indexes"

    def each(of: Callable[[Round], float]) -> list[float]:
        return [of(one) for one in rounds]

    return [
        Demand(
            f"batch of 1000 records, committed, ÷ {how} of the same records",
            0.5,
            0.75,
            "{:.2f} ×",
            each(lambda one: one[BATCH].records_s / one[RAW].records_s),
        ),
        Demand(
            "single record, 32 connections, committed, ÷ bare FastAPI endpoint",
            0.3,
            0.5,
            "{:.2f} ×",
            each(lambda one: one[SINGLE].requests_s / one[HELLO].requests_s),
        ),
        Demand(
            "the same, p99",
            100,
            None,
            "{:.0f} ms",
            each(lambda one: one[SINGLE].p99_ms),
            is_most=True,
        ),
        Demand(
            "token by client_credentials, 32 connections, committed, ÷ bare FastAPI endpoint",
            0.4,
            None,
            "{:.2f} ×",
            each(lambda one: one[TOKEN].requests_s / one[HELLO].requests_s),
        ),
        Demand(
            "the same with private_key_jwt (ES256)",
            None,
            None,
            "{:.2f} ×",
            each(lambda one: one[TOKEN_JWT].requests_s / one[HELLO].requests_s),
        ),
        Demand(
            "the same with a secret and DPoP (ES256)",
            None,
            None,
            "{:.2f} ×",
            each(lambda one: one[TOKEN_DPOP].requests_s / one[HELLO].requests_s),
        ),
    ]


def of_growth(grown: Grown) -> list[Demand]:
    """What is asked of a log that grows."""
    small, middle, large = (_count(size) for size in grown.sizes)
    scale = grown.sizes[-1] / _FULL_SIZE  # a shorter log is given so much less time
    return [
        Demand(
            f"bytes on disk per record at {large}, batches of 100",
            60,
            45,
            "{:.1f}",
            [grown.bytes[-1] / grown.sizes[-1]],
            is_most=True,
        ),
        Demand(
            f"page of 100 at {large} ÷ at {middle}, in process",
            1.5,
            1.1,
            "{:.2f} ×",
            [row[2] / row[1] for row in grown.pages_ms],
            is_most=True,
        ),
        Demand(
            f"the same as a protected reading over HTTP, at {large} ÷ at {middle}",
            1.5,
            1.1,
            "{:.2f} ×",
            [big.p50_ms / less.p50_ms for less, big in grown.readings],
            is_most=True,
        ),
        Demand(
            f"CPU per record at {large} ÷ at {small}",
            1.1,
            1.0,
            "{:.2f} ×",
            [row[2] / row[0] for row in grown.cpu_us],
            is_most=True,
        ),
        Demand(
            f"export of {large} records as NDJSON over HTTP",
            4 * scale,
            2 * scale,
            "{:.2f} s",
            [one.seconds for one in grown.exports],
            is_most=True,
        ),
        Demand(
            "the same, growth of the server's memory",
            64,
            None,
            "{:.0f} MiB",
            [] if grown.rss_growth is None else [grown.rss_growth / MB],
            is_most=True,
        ),
    ]


def of_workers(rounds: Sequence[Round]) -> list[Demand]:
    """What is asked of several processes."""
    ratios = [one[FOUR].records_s / one[ONE].records_s for one in rounds]
    return [Demand("four workers ÷ one, batches of 1000", 1.5, None, "{:.2f} ×", ratios)]


def growth_table(grown: Grown) -> str:
    """The figures by size behind the demands."""
    lines = [
        "| records | bytes each | filled, records/s | page p50 ms | CPU µs/record "
        "| reading p50 ms | reading CPU µs |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    before = 0
    for n, size in enumerate(grown.sizes):
        readings: list[Sample] = [row[n - 1] for row in grown.readings] if n else []
        cpu = [one.cpu_us for one in readings if one.cpu_us is not None]
        cells = [
            f"{size:,}",
            f"{grown.bytes[n] / size:.1f}",
            f"{(size - before) / grown.fill_s[n]:,.0f}",
            _middle([row[n] for row in grown.pages_ms], ".3f"),
            _middle([row[n] for row in grown.cpu_us], ".1f"),
            _middle([one.p50_ms for one in readings], ".1f"),
            _middle(cpu, ",.0f"),
        ]
        before = size
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", f"Page of 100 at {grown.sizes[-1]:,} once packed: p50 "]
    lines[-1] += f"{_middle(grown.packed_ms, '.3f')} ms."
    if grown.exports:
        whole = grown.exports[0].bytes / MB
        seconds = [one.seconds for one in grown.exports]
        lines[-1] += f" The export is {whole:,.0f} MiB, {_middle(seconds, '.2f')} s."
    if grown.why_no_export:
        lines[-1] += f" The export was not measured: {grown.why_no_export}."
    return "\n".join(lines)


def workers_table(rounds: Sequence[Round]) -> str:
    """Both speeds, and what each took of the machine."""
    lines = ["| | records/s | p50 ms | p99 ms | CPU µs/call | database CPU µs/call |"]
    lines += ["|---|--:|--:|--:|--:|--:|"]
    for name in (ONE, FOUR):
        samples = [one[name] for one in rounds]
        cells = [
            samples[0].case.title,
            _middle([one.records_s for one in samples], ",.0f"),
            _middle([one.p50_ms for one in samples], ".1f"),
            _middle([one.p99_ms for one in samples], ".1f"),
            _middle([one.cpu_us for one in samples if one.cpu_us is not None], ",.0f"),
            _middle([one.database_us for one in samples if one.database_us is not None], ",.0f"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _middle(values: Sequence[float], form: str) -> str:
    return format(median(values), form) if values else "–"


def _count(size: int) -> str:
    """10⁶ for a million, and the plain number for what is no power of ten."""
    digits = str(size)
    if len(digits) > 3 and digits.strip("0") == "1":
        return "10" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(d)] for d in str(len(digits) - 1))
    return f"{size:,}"
