"""Times, numbers and units as the owner reads them: their time zone, plain words (Babel)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_decimal

_UNITS = {
    "1": "",
    "count": "",
    "{steps}": "steps",
    "{count}": "times",
    "Cel": "°C",
    "degF": "°F",
    "K": "K",
    "%": "%",
    "%RH": "% humidity",
    "/": "",
    "s": "seconds",
    "min": "minutes",
    "h": "hours",
    "d": "days",
    "m": "m",
    "km": "km",
    "cm": "cm",
    "mm": "mm",
    "kg": "kg",
    "g": "g",
    "l": "litres",
    "L": "litres",
    "m3": "m³",
    "W": "W",
    "Wh": "Wh",
    "kWh": "kWh",
    "J": "J",
    "V": "V",
    "A": "A",
    "N": "N",
    "Pa": "Pa",
    "lux": "lux",
    "lx": "lux",
    "dB": "dB",
    "lat": "°",
    "lon": "°",
    "deg": "°",
    "m/s": "m/s",
    "km/h": "km/h",
    "/min": "a minute",
    "1/min": "a minute",
    "beat/min": "beats a minute",
    "r/min": "turns a minute",
}
_BYTES = (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000))
_LOCALE = "en_GB"
_HUGE = 1e15  # more digits than the number has, and than a reader wants
_SOON = timedelta(days=14)


def unit_words(unit: str | None) -> str:
    """A SenML or UCUM unit in words; an unknown one stays as it is, without UCUM's braces."""
    if not unit:
        return ""
    return _UNITS.get(unit, unit.strip("{}"))


def country_name(code: str | None) -> str:
    """“France” for FR (ISO 3166); what is no code of a country speaks for itself."""
    return str(Locale.parse(_LOCALE).territories.get((code or "").upper(), code or ""))


@dataclass(frozen=True)
class Formatter:
    """Bound to one owner's time zone and one moment; a page gets it as `fmt`."""

    now: datetime
    zone: ZoneInfo
    locale: str = _LOCALE

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def today(self) -> date:
        return self.local(self.now).date()

    def iso(self, at: datetime | date) -> str:
        """For the `datetime` attribute and for date inputs."""
        if isinstance(at, datetime):
            return self.local(at).isoformat(timespec="seconds")
        return at.isoformat()

    def on(self, at: datetime | date) -> str:
        """“4 Nov 2026”; an instant is read in the owner's zone."""
        day = self.local(at).date() if isinstance(at, datetime) else at
        return format_date(day, "d MMM y", locale=self.locale)

    def last_day(self, end: datetime) -> str:
        """The last day of what ends at `end`: a permission that ends at midnight ends the day
        before, as its owner chose."""
        return self.on(end - timedelta(microseconds=1))

    def day(self, at: datetime | date) -> str:
        """“Wed 4 Nov”, for rows of the same year."""
        day = self.local(at).date() if isinstance(at, datetime) else at
        return format_date(day, "EEE d MMM", locale=self.locale)

    def month(self, day: date) -> str:
        """“Nov”, for axes."""
        return format_date(day, "LLL", locale=self.locale)

    def weekday(self, day: date) -> str:
        """“Mon”, for axes."""
        return format_date(day, "EEE", locale=self.locale)

    def clock(self, at: datetime) -> str:
        return str(format_time(at, "HH:mm", tzinfo=self.zone, locale=self.locale))

    def at(self, at: datetime) -> str:
        return format_datetime(at, "d MMM y, HH:mm", tzinfo=self.zone, locale=self.locale)

    def moment(self, at: datetime) -> str:
        """To the second, for records and readings."""
        return format_datetime(at, "d MMM y, HH:mm:ss", tzinfo=self.zone, locale=self.locale)

    def relative(self, at: datetime) -> str:
        """“3 hours ago”, “in 2 months”."""
        delta = at - self.now
        if abs(delta) < timedelta(seconds=45):
            return "just now"
        return format_timedelta(delta, add_direction=True, threshold=1.1, locale=self.locale)

    def is_soon(self, at: datetime | None) -> bool:
        """Whether something ends within fourteen days."""
        return at is not None and self.now <= at <= self.now + _SOON

    def duration(self, delta: timedelta | float) -> str:
        """“6 h 20 min”; a number is minutes."""
        minutes = delta.total_seconds() / 60 if isinstance(delta, timedelta) else delta
        if 0 < minutes < 1:
            return f"{round(minutes * 60)} s"
        hours, rest = divmod(round(minutes), 60)
        if hours >= 48:
            return f"{self.number(hours)} h"
        if hours and rest:
            return f"{hours} h {rest} min"
        return f"{hours} h" if hours else f"{rest} min"

    def number(self, value: float, digits: int = 2) -> str:
        """Grouped by thousands, at most `digits` decimals, no trailing zeros."""
        if abs(value) >= _HUGE:
            return f"{value:.4g}"
        pattern = "#,##0." + "#" * digits if digits else "#,##0"
        return format_decimal(value, format=pattern, locale=self.locale)

    def quantity(self, value: float, unit: str | None = None) -> str:
        """A number with its unit in words: “40 °C”, “6,120 steps”."""
        name = unit_words(unit)
        text = self.number(value, 5 if unit in ("lat", "lon") else 2)
        if not name:
            return text
        return f"{text}{name}" if name[0] in "%°" and name != "°C" else f"{text}\u00a0{name}"

    def size(self, octets: int) -> str:
        for name, factor in _BYTES:
            if octets >= factor:
                return f"{self.number(octets / factor, 1)}\u00a0{name}"
        return f"{octets}\u00a0bytes"

    def count(self, number: int, one: str, many: str | None = None) -> str:
        """“no records”, “1 record”, “2,310 records”."""
        noun = one if number == 1 else many or f"{one}s"
        return f"{self.number(number, 0) if number else 'no'} {noun}"
