"""What a stream looks like over a day, a week, a month or a year: which drawing, which words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from app.objects.products import StreamInfo
from app.usage.days import Day
from app.usage.rows import Row
from app.web.format import Formatter, unit_words
from app.web.plots.bars import Bar, bar_plot
from app.web.plots.dots import Dot, Span, dot_plot
from app.web.plots.heat import HeatDay, heat_map
from app.web.plots.places import count_cells, place_bars
from app.web.plots.scales import Axis
from app.web.record_tables import NUMBERS, day_table, is_placed, record_table

_TIME_UNITS = {"s": 1 / 60, "min": 1.0, "h": 60.0}
# Amounts that add up over a day; temperatures, forces and shares do not.
_ADDING_UNITS = frozenset(
    ("count", "1", "J", "Wh", "kWh", "l", "m3", "kg", "g", "m", "km", "bit", "B", "Ah")
)
_NOTHING = "Nothing was recorded."


@dataclass(frozen=True)
class Period:
    """The days a page shows, both included."""

    name: str
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class Amount:
    """The one number that stands for a stream's day: a field's amount; without a field the time
    its intervals lasted, or how many records there were."""

    field: str | None
    title: str
    unit: str | None
    is_lasting: bool = False
    is_whole: bool = False

    def of_day(self, day: Day) -> float | None:
        """The amount; None where nothing was recorded."""
        if day.is_silent:
            return None
        if self.field is not None:
            return day.total(self.field)
        return day.minutes if self.is_lasting else float(day.count)

    def said(self, value: float, fmt: Formatter) -> str:
        """The amount in words: “6 h 20 min”, “6,120 steps”, “3 times”."""
        if self.field is None and not self.is_lasting:
            return fmt.count(round(value), "time")
        if self.unit in _TIME_UNITS:
            return fmt.duration(value * _TIME_UNITS[self.unit])
        if self.unit in ("count", "1"):
            return f"{fmt.number(value, 0)} {self.title.lower()}"
        return fmt.quantity(value, self.unit)


@dataclass(frozen=True)
class Plot:
    """A stream's figure on the object page, with the table that says the same."""

    id: str
    title: str
    category: str
    said: str
    svg: Markup
    gaps: bool
    legend: bool
    even: bool
    columns: list[str]
    rows: list[list[str]]
    csv: str


def main_stream(streams: Sequence[StreamInfo]) -> StreamInfo | None:
    """The stream a card shows: one of use, that lasts, if there is one."""
    ranked = sorted(streams, key=lambda s: (s.category != "usage", s.kind == "instant"))
    return ranked[0] if ranked else None


def amount_of(stream: StreamInfo) -> Amount:
    """What to add up: how long something lasted rather than any other number; of instants only
    how many there were, because temperatures do not add up."""
    numbers = [f for f in stream.fields if f["type"] in NUMBERS]
    lasting = [f for f in numbers if f.get("unit") in _TIME_UNITS]
    adding = [f for f in numbers if f.get("unit") in _ADDING_UNITS]
    chosen = lasting if stream.kind == "interval" else adding
    if stream.kind != "instant" and chosen:
        field = chosen[0]
        is_whole = field["type"] == "integer"
        return Amount(field["name"], field["title"], field.get("unit"), is_whole=is_whole)
    if stream.kind == "interval":
        return Amount(None, "Time", "min", is_lasting=True)
    return Amount(None, "Times", None, is_whole=True)


def draw(
    stream: StreamInfo,
    period: Period,
    days: Sequence[Day],
    rows: Sequence[Row],
    values: Sequence[dict[str, Any]],
    fmt: Formatter,
    csv: str,
) -> Plot:
    """One stream over one period. `days` are its sums, `rows` and `values` its records (which
    may be empty where only the sums are drawn)."""
    plot = _draw(stream, period, days, rows, values, fmt, csv)
    placed = sum(map(is_placed, rows))
    if not placed:
        return plot
    verb = "stands" if placed == 1 else "stand"
    doubt = f"{fmt.count(placed, 'record')} came with a wrong clock and {verb} where it arrived."
    return replace(plot, said=f"{plot.said} {doubt}")


def _draw(
    stream: StreamInfo,
    period: Period,
    days: Sequence[Day],
    rows: Sequence[Row],
    values: Sequence[dict[str, Any]],
    fmt: Formatter,
    csv: str,
) -> Plot:
    place = _place_fields(stream)
    if place is not None:
        return _places(stream, place, values, fmt, csv)
    if period.name == "year":
        return _year(stream, days, fmt, csv)
    if stream.kind != "instant" and period.name != "day":
        return _bars(stream, period, days, fmt, csv)
    return _dots(stream, period, rows, values, fmt, csv)


def _plot(
    stream: StreamInfo,
    said: str,
    svg: Markup,
    columns: list[str],
    rows: list[list[str]],
    csv: str,
    *,
    gaps: bool = False,
    legend: bool = False,
    even: bool = False,
) -> Plot:
    is_empty = said == _NOTHING
    shown = Markup("") if is_empty else svg
    plot_id = f"stream-{stream.name}"
    return Plot(
        plot_id,
        stream.title,
        stream.category,
        said,
        shown,
        gaps,
        legend,
        even,
        columns,
        rows,
        csv,
    )


def _bars(
    stream: StreamInfo, period: Period, days: Sequence[Day], fmt: Formatter, csv: str
) -> Plot:
    amount = amount_of(stream)
    values = [amount.of_day(day) for day in days]
    factor, axis = _amount_axis(amount, values)
    bars = [
        Bar(None if value is None else value * factor, _tick(day.day, period))
        for day, value in zip(days, values, strict=True)
    ]
    said = _said_days(values, amount, fmt)
    svg = bar_plot(f"plot-{stream.name}", f"{stream.title}: {axis.unit}", said, bars, axis)
    columns, rows = day_table(stream, days, fmt)
    gaps = any(value is None for value in values)
    return _plot(stream, said, svg, columns, rows, csv, gaps=gaps, even=True)


def _year(stream: StreamInfo, days: Sequence[Day], fmt: Formatter, csv: str) -> Plot:
    amount = amount_of(stream)
    values = [amount.of_day(day) for day in days]
    heard = [day for day in days if not day.is_silent]
    squares = [HeatDay(d.day, v) for d, v in zip(days, values, strict=True)]
    said = _said_days(values, amount, fmt)
    svg = heat_map(f"plot-{stream.name}", stream.title, said, squares, fmt.month, fmt.weekday)
    columns, rows = day_table(stream, heard, fmt)
    gaps = len(heard) < len(days)
    return _plot(stream, said, svg, columns, rows, csv, gaps=gaps, legend=True, even=True)


def _dots(
    stream: StreamInfo,
    period: Period,
    rows: Sequence[Row],
    values: Sequence[dict[str, Any]],
    fmt: Formatter,
    csv: str,
) -> Plot:
    shown = next((f for f in stream.fields if f["type"] in NUMBERS), None)
    amount = amount_of(stream)
    if amount.field is not None:
        shown = next(f for f in stream.fields if f["name"] == amount.field)
    name = shown["name"] if shown else None
    found = [
        (row, float(told[name]) if name else 1.0)
        for row, told in zip(rows, values, strict=True)
        if name is None or isinstance(told.get(name), int | float)
    ]
    numbers = [value for _, value in found]
    factor, axis = _dot_axis(stream, amount, shown, numbers)
    dots = [Dot(row.placed_at, value * factor, is_placed(row)) for row, value in found]
    said = _said_dots(numbers, shown, fmt)
    title = f"{stream.title}: {shown['title'] if shown else 'each time'}"
    svg = dot_plot(f"plot-{stream.name}", title, said, dots, _span(period, fmt.zone), axis)
    columns, table = record_table(stream, rows, values, fmt)
    return _plot(stream, said, svg, columns, table, csv)


def _places(
    stream: StreamInfo,
    place: tuple[str, str],
    values: Sequence[dict[str, Any]],
    fmt: Formatter,
    csv: str,
) -> Plot:
    points = [(v[place[0]], v[place[1]]) for v in values if place[0] in v and place[1] in v]
    cells = count_cells(points)
    said = _NOTHING if not cells else f"In {fmt.count(len(cells), 'square')} of a kilometre."
    rows = [[cell.name, fmt.number(cell.count, 0), f"{round(cell.share * 100)}%"] for cell in cells]
    columns = ["Square", "Records", "Share"]
    return _plot(stream, said, place_bars(stream.title, cells), columns, rows, csv)


def _place_fields(stream: StreamInfo) -> tuple[str, str] | None:
    units = {f.get("unit"): f["name"] for f in stream.fields}
    return (units["lat"], units["lon"]) if {"lat", "lon"} <= units.keys() else None


def _amount_axis(amount: Amount, values: Sequence[float | None]) -> tuple[float, Axis]:
    """What to multiply amounts with, and the axis for them: times in the unit that suits the
    longest, counts by the name of what is counted."""
    if amount.unit not in _TIME_UNITS:
        unit = unit_words(amount.unit) or amount.title.lower()
        return 1.0, Axis(unit, amount.is_whole, from_zero=True)
    minutes = _TIME_UNITS[amount.unit]
    longest = max((value for value in values if value is not None), default=0.0) * minutes
    if longest >= 120:
        return minutes / 60, Axis("hours", from_zero=True)
    if 0 < longest < 2:
        return minutes * 60, Axis("seconds", from_zero=True)
    return minutes, Axis("minutes", from_zero=True)


def _dot_axis(
    stream: StreamInfo, amount: Amount, shown: dict[str, Any] | None, values: Sequence[float]
) -> tuple[float, Axis]:
    """An interval's dot stands for an amount; any other for a number as it was measured."""
    if shown is None:
        return 1.0, Axis("times", is_whole=True)
    if stream.kind == "interval" and shown["name"] == amount.field:
        return _amount_axis(amount, values)
    unit = unit_words(shown.get("unit")) or shown["title"].lower()
    return 1.0, Axis(unit, shown["type"] == "integer")


def _tick(day: date, period: Period) -> str:
    if period.name == "week":
        return f"{day:%a} {day.day}"
    return str(day.day) if day.day in (1, 8, 15, 22, 29) else ""


def _span(period: Period, zone: ZoneInfo) -> Span:
    """In UTC, where the days on which clocks change are as long as they are."""
    start, end = _midnight(period.first, zone), _midnight(period.last + timedelta(days=1), zone)
    if period.name == "day":
        hours = [time(h) for h in range(0, 24, 3)]
        at = [datetime.combine(period.first, hour, zone).astimezone(UTC) for hour in hours]
        ticks = [(one, f"{hour:%H}:00") for one, hour in zip(at, hours, strict=True)]
        return Span(start, end, ticks, at[1:])
    days = [period.first + timedelta(days=n) for n in range(period.days)]
    named = [day for day in days if _tick(day, period)]
    ticks = [(_noon(day, zone), _tick(day, period)) for day in named]
    return Span(start, end, ticks, [_midnight(day, zone) for day in named if day != period.first])


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _noon(day: date, zone: ZoneInfo) -> datetime:
    """The middle of a day, whatever its length."""
    start, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    return start + (end - start) / 2


def _said_days(values: Sequence[float | None], amount: Amount, fmt: Formatter) -> str:
    heard = [value for value in values if value is not None]
    if not heard:
        return _NOTHING
    total = amount.said(sum(heard), fmt)
    return f"Recorded on {len(heard)} of {fmt.count(len(values), 'day')}, {total} in all."


def _said_dots(values: Sequence[float], shown: dict[str, Any] | None, fmt: Formatter) -> str:
    if not values:
        return _NOTHING
    times = fmt.count(len(values), "record")
    if shown is None:
        return f"{times}."
    low, high = min(values), max(values)
    unit = shown.get("unit")
    if low == high:
        return f"{times}, {fmt.quantity(low, unit)}."
    return f"{times}, from {fmt.quantity(low, unit)} to {fmt.quantity(high, unit)}."
