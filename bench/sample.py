"""What one case came to in one round."""

from dataclasses import dataclass

from bench.cases import Case


@dataclass(frozen=True)
class Sample:
    """Speeds, times and CPU of a request; for the raw writer, of a batch."""

    case: Case
    requests_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float | None
    database_us: float | None

    @property
    def records_s(self) -> float:
        return self.requests_s * self.case.records


Round = dict[str, Sample]
