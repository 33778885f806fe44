"""Bars: one per hour, day, week or month."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.web.plots.scales import FRAMES, PLAIN, Axis, Frame, nice_ticks
from app.web.plots.svg import drawing, tag, x_labels, y_axis


@dataclass(frozen=True)
class Bar:
    """`value` None means nothing was recorded. `tick` is the label below, empty for none."""

    value: float | None
    tick: str = ""


def bar_plot(
    plot_id: str, title: str, desc: str, bars: Sequence[Bar], axis: Axis = PLAIN
) -> Markup:
    """The series as bars from zero, drawn once for desks and once for phones."""
    top = max((bar.value for bar in bars if bar.value is not None), default=0.0)
    ticks = nice_ticks(0.0, top if top > 0 else 1.0, is_whole=axis.is_whole)
    return Markup("").join(
        drawing(frame, plot_id, title, desc, *_bars(frame, bars, ticks, axis.unit))
        for frame in FRAMES
    )


def _bars(frame: Frame, bars: Sequence[Bar], ticks: Sequence[float], unit: str) -> list[Markup]:
    slot = frame.inner_width / max(len(bars), 1)
    return [
        y_axis(frame, ticks, unit),
        _columns(frame, bars, slot, ticks[-1]),
        _gaps(frame, bars, slot),
        _labels(frame, bars, slot),
    ]


def _columns(frame: Frame, bars: Sequence[Bar], slot: float, top: float) -> Markup:
    width = min(slot * 0.66, 34.0)
    path = ""
    for index, bar in enumerate(bars):
        if bar.value is None:
            continue
        x = frame.left + slot * (index + 0.5) - width / 2
        y = min(frame.y(bar.value, 0.0, top), frame.floor - 1.5)
        bend = min(3.0, width / 2, frame.floor - y)
        path += (
            f"M{x:.1f} {frame.floor:.1f}V{y + bend:.1f}q0 {-bend:.1f} {bend:.1f} {-bend:.1f}"
            f"h{width - 2 * bend:.1f}q{bend:.1f} 0 {bend:.1f} {bend:.1f}V{frame.floor:.1f}z"
        )
    return tag("path", class_="plot-bar", d=path) if path else Markup("")


def _gaps(frame: Frame, bars: Sequence[Bar], slot: float) -> Markup:
    """A loose stitch along the floor wherever nothing was recorded."""
    path, index = "", 0
    while index < len(bars):
        start = index
        while index < len(bars) and bars[index].value is None:
            index += 1
        if index > start:
            a, b = frame.left + slot * start + 2, frame.left + slot * index - 2
            path += f"M{a:.1f} {frame.floor - 5:.1f}H{max(a + 1, b):.1f}"
        index += 1
    return tag("path", class_="plot-gap", d=path) if path else Markup("")


def _labels(frame: Frame, bars: Sequence[Bar], slot: float) -> Markup:
    named = [
        (frame.left + slot * (index + 0.5), bar.tick) for index, bar in enumerate(bars) if bar.tick
    ]
    return x_labels(frame, named)
