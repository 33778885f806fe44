"""A year at a glance: one square per day, darker for more, hollow where nothing was recorded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from app.web.plots.scales import Frame
from app.web.plots.svg import drawing, tag

LEVELS = 4
_TOP, _BELOW = 20.0, 8.0
_LEFT = 34.0  # the names of the weekdays
_NAMED = (0, 2, 4, 6)  # every other weekday, from Monday, so that the names stay apart
_LABEL = 30.0


@dataclass(frozen=True)
class HeatDay:
    day: date
    value: float | None


@dataclass(frozen=True)
class _Grid:
    """A drawing has room for a whole year whatever part of it is drawn: text in an SVG grows and
    shrinks with its box."""

    name: str
    per_row: int
    step: float
    size: float
    weeks: int

    @property
    def row_height(self) -> float:
        return _TOP + 7 * self.step + _BELOW

    @property
    def frame(self) -> Frame:
        rows = -(-self.weeks // self.per_row)
        width = _LEFT + self.per_row * self.step + 4
        return Frame(self.name, width, rows * self.row_height, kind="plot-year")

    def place(self, week: int, weekday: int) -> tuple[float, float]:
        row, column = divmod(week, self.per_row)
        y = row * self.row_height + _TOP + weekday * self.step
        return _LEFT + column * self.step, y


def heat_map(
    plot_id: str,
    title: str,
    desc: str,
    days: Sequence[HeatDay],
    month: Callable[[date], str],
    weekday: Callable[[date], str],
) -> Markup:
    """Weeks as columns, Monday on top; on a phone the two halves of the year stand below each
    other. `month` and `weekday` name those of a day."""
    if not days:
        return Markup("")
    weeks = (days[-1].day - _monday(days[0].day)).days // 7 + 1
    grids = (
        _Grid("wide", max(53, weeks), 13.0, 10.6, weeks),
        _Grid("narrow", 27, 11.0, 9.0, weeks),
    )
    levels = _levels(days)
    return Markup("").join(
        drawing(
            grid.frame,
            plot_id,
            title,
            desc,
            *_squares(grid, days, levels),
            *_months(grid, days, month),
            *_weekdays(grid, _monday(days[0].day), weekday),
        )
        for grid in grids
    )


def _squares(grid: _Grid, days: Sequence[HeatDay], levels: Sequence[str]) -> list[Markup]:
    paths: dict[str, str] = {}
    for entry, level in zip(days, levels, strict=True):
        x, y = grid.place(_week(entry, days), entry.day.weekday())
        square = f"M{x:.1f} {y:.1f}h{grid.size}v{grid.size}h-{grid.size}z"
        paths[level] = paths.get(level, "") + square
    return [tag("path", class_=f"heat heat-{level}", d=d) for level, d in paths.items()]


def _months(grid: _Grid, days: Sequence[HeatDay], month: Callable[[date], str]) -> list[Markup]:
    labels = []
    for entry in days:
        x, y = grid.place(_week(entry, days), 0)
        if entry.day.day == 1 and x + _LABEL <= grid.frame.width:
            labels.append(tag("text", month(entry.day), class_="plot-start", x=x, y=y - 7))
    return labels


def _weekdays(grid: _Grid, monday: date, weekday: Callable[[date], str]) -> list[Markup]:
    """At the left of every row of weeks."""
    labels = []
    for week in range(0, grid.weeks, grid.per_row):
        for number in _NAMED:
            x, y = grid.place(week, number)
            name = weekday(monday + timedelta(days=number))
            labels.append(tag("text", name, class_="plot-num", x=x - 6, y=y + grid.size))
    return labels


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


def _week(entry: HeatDay, days: Sequence[HeatDay]) -> int:
    return (entry.day - _monday(days[0].day)).days // 7


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
