"""A year at a glance: one square per day, darker for more, hollow where nothing was recorded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from app.web.plots.scales import Frame
from app.web.plots.svg import drawing, tag

LEVELS = 4
_STEP, _SIZE = 13.0, 10.6
_HALF_YEAR = 27
_LEFT, _TOP = 4.0, 20.0


@dataclass(frozen=True)
class HeatDay:
    day: date
    value: float | None


def heat_map(
    plot_id: str, title: str, desc: str, days: Sequence[HeatDay], month: Callable[[date], str]
) -> Markup:
    """Weeks as columns, Monday on top; on a phone the two halves of the year stand below each
    other. `month` names a month."""
    if not days:
        return Markup("")
    weeks = (days[-1].day - _monday(days[0].day)).days // 7 + 1
    levels = _levels(days)
    return Markup("").join(
        _draw(name, per_row, plot_id, title, desc, days, levels, weeks, month)
        for name, per_row in (("wide", weeks), ("narrow", min(weeks, _HALF_YEAR)))
    )


def _draw(
    name: str,
    per_row: int,
    plot_id: str,
    title: str,
    desc: str,
    days: Sequence[HeatDay],
    levels: Sequence[str],
    weeks: int,
    month: Callable[[date], str],
) -> Markup:
    rows = -(-weeks // per_row)
    row_height = _TOP + 7 * _STEP + 8
    frame = Frame(name, per_row * _STEP + 2 * _LEFT, rows * row_height, kind="plot-year")
    first = _monday(days[0].day)
    paths: dict[str, str] = {}
    labels: list[Markup] = []
    for entry, level in zip(days, levels, strict=True):
        row, column = divmod((entry.day - first).days // 7, per_row)
        x, y = _LEFT + column * _STEP, row * row_height + _TOP + entry.day.weekday() * _STEP
        paths[level] = paths.get(level, "") + f"M{x:.1f} {y:.1f}h{_SIZE}v{_SIZE}h-{_SIZE}z"
        if entry.day.day == 1 and x + 24 <= frame.width:
            labels.append(_month_label(month(entry.day), x, row * row_height))
    squares = [tag("path", class_=f"heat heat-{level}", d=d) for level, d in paths.items()]
    return drawing(frame, plot_id, title, desc, *squares, *labels)


def _month_label(name: str, x: float, y: float) -> Markup:
    return tag("text", name, class_="plot-lab plot-start", x=x, y=y + 13)


def _levels(days: Sequence[HeatDay]) -> list[str]:
    """gap, 0, or 1 to LEVELS by share of the largest day."""
    top = max((d.value for d in days if d.value is not None), default=0.0)
    return [_level(d.value, top) for d in days]


def _level(value: float | None, top: float) -> str:
    if value is None:
        return "gap"
    if value <= 0 or top <= 0:
        return "0"
    return str(min(LEVELS, int(value / top * LEVELS) + 1))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
