"""What one stream comes to over one stretch of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from app.disclosure.precision.buckets import Bucket
from app.disclosure.precision.places import Cell, cells_told
from app.disclosure.precision.totals import (
    Total,
    add_counts,
    join_totals,
    number_told,
    total_told,
)
from app.usage.wire import rfc3339


@dataclass(frozen=True)
class Summary:
    """`count` records began in the bucket; `totals` is what their fields come to and `cells` where
    they were. `minutes` is the time in it that intervals cover, None for other streams."""

    bucket: Bucket
    count: int
    minutes: Fraction | None = None
    totals: Mapping[str, Total] = field(default_factory=dict)
    cells: Mapping[Cell, int] | None = None


def join_all(parts: Sequence[Summary], bucket: Bucket) -> Summary:
    """What one or more parts in order of time come to over the bucket that holds them. Neighbours
    first, so that what grows with what it holds is copied seldom."""
    while len(parts) > 1:
        odd = parts[len(parts) // 2 * 2 :]
        pairs = zip(parts[::2], parts[1::2], strict=False)
        parts = [*(_join(one, later, bucket) for one, later in pairs), *odd]
    only = parts[0]
    return Summary(bucket, only.count, only.minutes, only.totals, only.cells)


def summary_told(summary: Summary) -> dict[str, Any]:
    """A stretch as an answer tells it. What it does not have is absent."""
    start, end = summary.bucket
    told: dict[str, Any] = {"start": rfc3339(start), "end": rfc3339(end), "count": summary.count}
    if summary.minutes is not None:
        told["minutes"] = number_told(summary.minutes)
    values = {name: total_told(one, summary.count) for name, one in summary.totals.items()}
    if values:
        told["values"] = dict(sorted(values.items()))
    if summary.cells:
        told["cells"] = cells_told(summary.cells)
    return told


def _join(one: Summary, later: Summary, bucket: Bucket) -> Summary:
    totals = dict(one.totals)
    for name, total in later.totals.items():
        totals[name] = join_totals(totals[name], total) if name in totals else total
    minutes = None if one.minutes is None or later.minutes is None else one.minutes + later.minutes
    cells = None if one.cells is None or later.cells is None else add_counts(one.cells, later.cells)
    return Summary(bucket, one.count + later.count, minutes, totals, cells)
