"""What a stream looks like over a day, a week, a month or a year: which drawing, which words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from app.objects.products import StreamInfo
from app.usage.days import Day
from app.usage.rows import Row
from app.web.format import Formatter
from app.web.plots.bars import Bar, bar_plot
from app.web.plots.dots import Dot, Span, dot_plot
from app.web.plots.heat import HeatDay, heat_map
from app.web.plots.places import count_cells, place_bars

_TIME_UNITS = {"s": 1 / 60, "min": 1.0, "h": 60.0}
# Amounts that add up over a day; temperatures, forces and shares do not.
_ADDING_UNITS = frozenset(
    ("count", "1", "J", "Wh", "kWh", "l", "m3", "kg", "g", "m", "km", "bit", "B", "Ah")
)
_NUMBERS = ("number", "integer")
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
    numbers = [f for f in stream.fields if f["type"] in _NUMBERS]
    lasting = [f for f in numbers if f.get("unit") in _TIME_UNITS]
    adding = [f for f in numbers if f.get("unit") in _ADDING_UNITS]
    chosen = lasting if stream.kind == "interval" else adding
    if stream.kind != "instant" and chosen:
        return Amount(chosen[0]["name"], chosen[0]["title"], chosen[0].get("unit"))
    if stream.kind == "interval":
        return Amount(None, "Time", "min", is_lasting=True)
    return Amount(None, "Records", None)


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
    bars = [
        Bar(_in_hours(value, amount), _tick(day.day, period))
        for day, value in zip(days, values, strict=True)
    ]
    said = _said_days(values, amount, fmt)
    svg = bar_plot(f"plot-{stream.name}", f"{stream.title}: {_axis(amount)}", said, bars)
    columns, rows = _day_table(stream, days, fmt)
    gaps = any(value is None for value in values)
    return _plot(stream, said, svg, columns, rows, csv, gaps=gaps, even=True)


def _year(stream: StreamInfo, days: Sequence[Day], fmt: Formatter, csv: str) -> Plot:
    amount = amount_of(stream)
    values = [amount.of_day(day) for day in days]
    heard = [day for day in days if not day.is_silent]
    squares = [HeatDay(d.day, v) for d, v in zip(days, values, strict=True)]
    said = _said_days(values, amount, fmt)
    svg = heat_map(f"plot-{stream.name}", stream.title, said, squares, fmt.month)
    columns, rows = _day_table(stream, heard, fmt)
    return _plot(stream, said, svg, columns, rows, csv, legend=True, even=True)


def _dots(
    stream: StreamInfo,
    period: Period,
    rows: Sequence[Row],
    values: Sequence[dict[str, Any]],
    fmt: Formatter,
    csv: str,
) -> Plot:
    shown = next((f for f in stream.fields if f["type"] in _NUMBERS), None)
    lasting = amount_of(stream).field
    if lasting is not None:
        shown = next(f for f in stream.fields if f["name"] == lasting)
    name = shown["name"] if shown else None
    dots = [
        Dot(row.placed_at, float(told.get(name, 0)) if name else 1.0)
        for row, told in zip(rows, values, strict=True)
        if name is None or isinstance(told.get(name), int | float)
    ]
    said = _said_dots(stream, dots, shown, fmt)
    title = f"{stream.title}: {shown['title'] if shown else 'each time'}"
    svg = dot_plot(f"plot-{stream.name}", title, said, dots, _span(period, fmt.zone, fmt))
    columns, table = _record_table(stream, rows, values, fmt)
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


def _in_hours(value: float | None, amount: Amount) -> float | None:
    if value is None or amount.unit not in _TIME_UNITS:
        return value
    return value * _TIME_UNITS[amount.unit] / 60


def _axis(amount: Amount) -> str:
    return "hours" if amount.unit in _TIME_UNITS else amount.title


def _tick(day: date, period: Period) -> str:
    if period.name == "week":
        return f"{day:%a} {day.day}"
    return str(day.day) if day.day in (1, 8, 15, 22, 29) else ""


def _span(period: Period, zone: ZoneInfo, fmt: Formatter) -> Span:
    start = datetime.combine(period.first, time.min, zone)
    end = datetime.combine(period.last + timedelta(days=1), time.min, zone)
    if period.name == "day":
        hours = [datetime.combine(period.first, time(h), zone) for h in range(0, 24, 3)]
        return Span(start, end, [(at, f"{at:%H}:00") for at in hours])
    days = [period.first + timedelta(days=n) for n in range(period.days)]
    ticks = [(datetime.combine(d, time.min, zone), _tick(d, period)) for d in days]
    return Span(start, end, [tick for tick in ticks if tick[1]])


def _said_days(values: Sequence[float | None], amount: Amount, fmt: Formatter) -> str:
    heard = [value for value in values if value is not None]
    if not heard:
        return _NOTHING
    total = amount.said(sum(heard), fmt)
    return f"Recorded on {len(heard)} of {fmt.count(len(values), 'day')}, {total} in all."


def _said_dots(
    stream: StreamInfo, dots: Sequence[Dot], shown: dict[str, Any] | None, fmt: Formatter
) -> str:
    if not dots:
        return _NOTHING
    times = fmt.count(len(dots), "record")
    if shown is None:
        return f"{times}."
    low, high = min(d.value for d in dots), max(d.value for d in dots)
    unit = shown.get("unit")
    if low == high:
        return f"{times}, {fmt.quantity(low, unit)}."
    return f"{times}, from {fmt.quantity(low, unit)} to {fmt.quantity(high, unit)}."


def _day_table(
    stream: StreamInfo, days: Sequence[Day], fmt: Formatter
) -> tuple[list[str], list[list[str]]]:
    numbers = [f for f in stream.fields if f["type"] in _NUMBERS]
    is_sum = stream.kind != "instant"
    columns = ["Day", "Records", *[f["title"] for f in numbers]]
    rows = []
    for day in days:
        cells = []
        for told in numbers:
            found = day.fields.get(told["name"])
            value = None if found is None else (found.total if is_sum else found.mean)
            cells.append("" if value is None else fmt.quantity(value, told.get("unit")))
        count = "nothing recorded" if day.is_silent else fmt.number(day.count, 0)
        rows.append([fmt.day(day.day), count, *cells])
    return columns, rows


def _record_table(
    stream: StreamInfo, rows: Sequence[Row], values: Sequence[dict[str, Any]], fmt: Formatter
) -> tuple[list[str], list[list[str]]]:
    columns = ["When", *[f["title"] for f in stream.fields]]
    table = [
        [fmt.at(row.placed_at), *[say(told.get(f["name"]), f, fmt) for f in stream.fields]]
        for row, told in zip(rows, values, strict=True)
    ]
    return columns, table


def say(value: Any, told: dict[str, Any], fmt: Formatter) -> str:
    """One value as its owner reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int | float):
        if told.get("unit") in ("lat", "lon"):
            return f"{value:.4f}°"
        return fmt.quantity(value, told.get("unit"))
    return str(value)
