"""Instants: a dot per record on a time axis, joined where the record is a running value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from app.web.plots.scales import FRAMES, PLAIN, Axis, Frame, nice_ticks
from app.web.plots.svg import drawing, tag, x_labels, y_axis


@dataclass(frozen=True)
class Dot:
    """`is_placed`: its clock was wrong, so it stands where it arrived, and is drawn hollow."""

    at: datetime
    value: float
    is_placed: bool = False


@dataclass(frozen=True)
class Span:
    """The time axis: from, to, the moments that carry a label, and those that carry a line. What
    names a day stands in its middle, as below a bar, and the lines are the day's borders."""

    start: datetime
    end: datetime
    ticks: Sequence[tuple[datetime, str]] = ()
    borders: Sequence[datetime] = ()

    def share(self, at: datetime) -> float:
        whole = (self.end - self.start).total_seconds() or 1.0
        return min(max((at - self.start).total_seconds() / whole, 0.0), 1.0)


def dot_plot(
    plot_id: str,
    title: str,
    desc: str,
    dots: Sequence[Dot],
    span: Span,
    axis: Axis = PLAIN,
    *,
    join_within: timedelta | None = None,
) -> Markup:
    """Dots; neighbours no further apart than `join_within` are joined, a longer pause is a gap."""
    return Markup("").join(
        drawing(frame, plot_id, title, desc, *_parts(frame, dots, span, axis, join_within))
        for frame in FRAMES
    )


def _value_ticks(dots: Sequence[Dot], axis: Axis) -> list[float]:
    """From zero where a value can be held against it; a lone value has nothing else to be held
    against. Values that lie close together far from zero fill the height."""
    values = [dot.value for dot in dots] or [0.0, 1.0]
    low, high = min(values), max(values)
    if axis.from_zero or low == high or 0 < low < 0.6 * high:
        low, high = min(low, 0.0), max(high, 0.0)
    high = 1.0 if low == high else high
    pad = 0.0 if low == 0 or high == 0 else (high - low) * 0.08
    return nice_ticks(low - pad, high + pad, is_whole=axis.is_whole)


def _parts(
    frame: Frame,
    dots: Sequence[Dot],
    span: Span,
    axis: Axis,
    join_within: timedelta | None,
) -> list[Markup]:
    ticks = _value_ticks(dots, axis)
    ordered = sorted(dots, key=lambda dot: dot.at)
    places = [
        (frame.x(span.share(dot.at)), frame.y(dot.value, ticks[0], ticks[-1])) for dot in ordered
    ]
    parts = [y_axis(frame, ticks, axis.unit), _borders(frame, span)]
    if join_within is not None:
        parts.append(_line(ordered, places, join_within))
    if join_within is None or len(places) <= 120:
        # A stem is as long as its value only where the axis has a zero to stand on.
        if join_within is None and ticks[0] <= 0 <= ticks[-1]:
            parts += _stems(places, frame.y(0.0, ticks[0], ticks[-1]))
        parts += _circles(ordered, places)
    return [*parts, _time_labels(frame, span)]


def _borders(frame: Frame, span: Span) -> Markup:
    places = [frame.x(span.share(at)) for at in span.borders]
    path = "".join(f"M{x:.1f} {frame.top:.1f}V{frame.floor:.1f}" for x in places)
    return tag("path", class_="plot-grid plot-border", d=path) if path else Markup("")


def _circles(dots: Sequence[Dot], places: Sequence[tuple[float, float]]) -> list[Markup]:
    radius = 4.5 if len(places) <= 60 else 2.5
    return [
        tag("circle", class_=f"plot-dot{' plot-placed' * dot.is_placed}", cx=x, cy=y, r=radius)
        for dot, (x, y) in zip(dots, places, strict=True)
    ]


def _stems(places: Sequence[tuple[float, float]], zero: float) -> list[Markup]:
    path = "".join(f"M{x:.1f} {zero:.1f}V{y:.1f}" for x, y in places)
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
