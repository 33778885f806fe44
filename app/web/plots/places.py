"""Places without a map: how often each square of about a kilometre was visited, and nothing that
would have to be fetched from a third party."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.web.plots.svg import tag

_KM_PER_DEGREE = 111.32
_ROW, _BAR_WIDTH = 28, 300.0


@dataclass(frozen=True)
class Cell:
    """A square by its middle, with the number of records in it and their share of all."""

    latitude: float
    longitude: float
    count: int
    share: float

    @property
    def name(self) -> str:
        """“52.50° N, 13.41° E”, as exact as the square is small."""
        north = "N" if self.latitude >= 0 else "S"
        east = "E" if self.longitude >= 0 else "W"
        return f"{abs(self.latitude):.2f}° {north}, {abs(self.longitude):.2f}° {east}"


def count_cells(points: Iterable[tuple[float, float]], kilometres: float = 1.0) -> list[Cell]:
    """The squares that hold the points (latitude, longitude), most visited first."""
    rows = kilometres / _KM_PER_DEGREE
    counts: Counter[tuple[int, int]] = Counter()
    for latitude, longitude in points:
        row = math.floor(latitude / rows)
        counts[row, math.floor(longitude / _column_width(row, rows))] += 1
    whole = sum(counts.values())
    return [
        Cell((row + 0.5) * rows, (column + 0.5) * _column_width(row, rows), count, count / whole)
        for (row, column), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def place_bars(label: str, cells: Sequence[Cell], most: int = 8) -> Markup:
    """The most visited squares as bars with their names; the rest is left to the table."""
    shown = cells[:most]
    top = max((cell.share for cell in shown), default=1.0)
    parts: list[Markup] = []
    for index, cell in enumerate(shown):
        y = index * _ROW
        width = max(2.0, cell.share / top * _BAR_WIDTH)
        parts.append(tag("text", cell.name, class_="plot-name", x=0, y=y + 11))
        parts.append(tag("rect", class_="plot-bar", x=0, y=y + 16, width=width, height=7, rx=2))
        share = f"{cell.share:.0%}"
        parts.append(tag("text", share, class_="plot-num", x=_BAR_WIDTH + 40, y=y + 23))
    return tag(
        "svg",
        *parts,
        class_="plot plot-places",
        viewBox=f"0 0 {_BAR_WIDTH + 44:.0f} {max(len(shown), 1) * _ROW}",
        role="img",
        aria_label=label,
    )


def _column_width(row: int, rows: float) -> float:
    """Degrees of longitude that are as wide as the row is high, at that latitude."""
    return rows / max(math.cos(math.radians(min(abs((row + 0.5) * rows), 89.0))), 0.02)
