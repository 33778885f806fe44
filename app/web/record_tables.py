"""Records and days as rows of tables, the words that go with every drawing."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from app.objects.products import StreamInfo
from app.usage.days import Day
from app.usage.place import CLOCK
from app.usage.rows import Row
from app.web import words
from app.web.format import Formatter

NUMBERS = ("number", "integer")


def is_placed(row: Row) -> bool:
    """Whether a record's own time was wrong, so that it stands where it arrived."""
    return CLOCK in row.flags.split()


def when(row: Row, fmt: Formatter) -> str:
    """A record's time, and what there is to say about it."""
    at = fmt.at(row.placed_at)
    if not is_placed(row):
        return at
    return Markup('{}<br><span class="note">{}</span>').format(at, words.WRONG_CLOCK)


def day_table(
    stream: StreamInfo, days: Sequence[Day], fmt: Formatter
) -> tuple[list[str], list[list[str]]]:
    numbers = [f for f in stream.fields if f["type"] in NUMBERS]
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


def record_table(
    stream: StreamInfo, rows: Sequence[Row], values: Sequence[dict[str, Any]], fmt: Formatter
) -> tuple[list[str], list[list[str]]]:
    columns = ["When", *[f["title"] for f in stream.fields]]
    table = [
        [when(row, fmt), *[say(told.get(f["name"]), f, fmt) for f in stream.fields]]
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
