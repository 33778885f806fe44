"""Two small drawings. Their words stand beside them as text, so that they stretch to any width."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from markupsafe import Markup

SHOWN = 42
SLOT, HIGH = 10, 100


def day_bars(minutes: Mapping[date, float], washed: Sequence[date], last: date) -> Markup:
    """Minutes worn on each of the last six weeks' days; a dashed thread stands at each wash."""
    days = _days(last)
    top = tallest(minutes, last)
    parts = [
        Markup('<rect class="bar" x="{}" y="{:.1f}" width="{}" height="{:.1f}"/>').format(
            index * SLOT + 1.5, HIGH - tall, SLOT - 3, tall
        )
        for index, day in enumerate(days)
        if (tall := minutes.get(day, 0.0) / (top or 1.0) * (HIGH - 8))
    ]
    parts += [
        Markup('<path class="washed" d="M{} 0V{}"/>').format(index * SLOT + SLOT / 2, HIGH)
        for index, day in enumerate(days)
        if day in washed
    ]
    label = f"Minutes worn on each of {SHOWN} days, at most {top:.0f}"
    return _drawing(SHOWN * SLOT, HIGH, label, parts)


def tallest(minutes: Mapping[date, float], last: date) -> float:
    """The most minutes of a day that `day_bars` shows."""
    return max(minutes.get(day, 0.0) for day in _days(last))


def stitches(times: int, most: int) -> Markup:
    """A running stitch as long as the number, one stitch each while they can be told apart."""
    step = 100 / max(most, 1)
    gap = step * 0.35 if most <= 30 else 0
    parts = [
        Markup('<rect class="stitch" x="{:.2f}" y="2" width="{:.2f}" height="4" rx="1"/>').format(
            index * step, step - gap
        )
        for index in range(times)
    ]
    return _drawing(100, 8, f"{times} washes", parts)


def _days(last: date) -> list[date]:
    return [last - timedelta(days=back) for back in range(SHOWN - 1, -1, -1)]


def _drawing(width: int, height: int, label: str, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(width, height, label, Markup("").join(parts))
