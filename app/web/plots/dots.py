"""Instants: a dot per record on a time axis, joined where the record is a running value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from app.web.plots.scales import FRAMES, Frame, nice_ticks
from app.web.plots.svg import drawing, tag, x_labels, y_axis


@dataclass(frozen=True)
class Dot:
    at: datetime
    value: float


@dataclass(frozen=True)
class Span:
    """The time axis: from, to, and the moments that carry a label."""

    start: datetime
    end: datetime
    ticks: Sequence[tuple[datetime, str]] = ()

    def share(self, at: datetime) -> float:
        whole = (self.end - self.start).total_seconds() or 1.0
        return min(max((at - self.start).total_seconds() / whole, 0.0), 1.0)


def dot_plot(
    plot_id: str,
    title: str,
    desc: str,
    dots: Sequence[Dot],
    span: Span,
    *,
    join_within: timedelta | None = None,
) -> Markup:
    """Dots; neighbours no further apart than `join_within` are joined, a longer pause is a gap."""
    ticks = _value_ticks(dots)
    return Markup("").join(
        drawing(frame, plot_id, title, desc, *_parts(frame, dots, span, ticks, join_within))
        for frame in FRAMES
    )


def _value_ticks(dots: Sequence[Dot]) -> list[float]:
    values = [dot.value for dot in dots] or [0.0, 1.0]
    low, high = min(values), max(values)
    if low > 0 and low < 0.6 * high:
        low = 0.0
    pad = (high - low) * 0.08 or 1.0
    low, high = (low if low == 0 else low - pad), high + pad
    return nice_ticks(low, high)


def _parts(
    frame: Frame,
    dots: Sequence[Dot],
    span: Span,
    ticks: Sequence[float],
    join_within: timedelta | None,
) -> list[Markup]:
    ordered = sorted(dots, key=lambda dot: dot.at)
    places = [
        (frame.x(span.share(dot.at)), frame.y(dot.value, ticks[0], ticks[-1])) for dot in ordered
    ]
    parts = [y_axis(frame, ticks)]
    if join_within is not None:
        parts.append(_line(ordered, places, join_within))
    if join_within is None or len(places) <= 120:
        parts += _stems(frame, places) if join_within is None else []
        radius = 4.5 if len(places) <= 60 else 2.5
        parts += [tag("circle", class_="plot-dot", cx=x, cy=y, r=radius) for x, y in places]
    return [*parts, _time_labels(frame, span)]


def _stems(frame: Frame, places: Sequence[tuple[float, float]]) -> list[Markup]:
    path = "".join(f"M{x:.1f} {frame.floor:.1f}V{y:.1f}" for x, y in places)
    return [tag("path", class_="plot-stem", d=path)] if path else []


def _line(
    dots: Sequence[Dot], places: Sequence[tuple[float, float]], join_within: timedelta
) -> Markup:
    path = ""
    for index, (x, y) in enumerate(places):
        near = index > 0 and dots[index].at - dots[index - 1].at <= join_within
        path += f"{'L' if near else 'M'}{x:.1f} {y:.1f}"
    return tag("path", class_="plot-line", d=path) if path else Markup("")


def _time_labels(frame: Frame, span: Span) -> Markup:
    placed = [(frame.x(span.share(at)), label) for at, label in span.ticks]
    return x_labels(frame, placed)
