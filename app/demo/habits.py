"""What a thing goes through on one day: believable, and the same for the same dice.

A habit gives moments: when, how long, and the values it knows. What a product asks beyond that is
filled in by `simulate`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from math import cos, radians, sin, tau
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

_TOWNS = ((45.7640, 4.8357), (47.2184, -1.5536), (48.5734, 7.7521), (43.6045, 1.4440))
_SUNDAY = 6
_MADE_ON = date(2026, 1, 1)
_KM = 1 / 111.32  # degrees of latitude


@dataclass(frozen=True)
class Moment:
    """Something that happened. `minutes` is how long, where it was not an instant."""

    at: datetime
    minutes: float | None
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Life:
    """Whose thing it is: a seed is a household, a serial one thing in it."""

    seed: int
    serial: str
    zone: ZoneInfo

    def dice(self, *about: object) -> Random:
        """Dice that always fall the same for the same question about this thing."""
        return _dice(self.seed, self.serial, *about)

    def is_silent(self, day: date) -> bool:
        """A holiday of the household, or a flat battery of the thing."""
        return self._is_away(day) or self._is_flat(day)

    def moment(self, day: date, hour: float) -> datetime:
        """A time of the day by the owner's clock."""
        minutes = round(min(max(hour, 0.0), 23.98) * 60)
        return datetime.combine(day, time(minutes // 60, minutes % 60), self.zone)

    def _is_away(self, day: date) -> bool:
        half = (day.month - 1) // 6
        dice = _dice(self.seed, "holiday", day.year, half)
        first = date(day.year, 1 + 6 * half, 1) + timedelta(days=dice.randint(20, 150))
        return first <= day < first + timedelta(days=dice.randint(7, 11))

    def _is_flat(self, day: date) -> bool:
        dice = self.dice("battery", day.year, day.month)
        first, length = dice.randint(1, 25), dice.randint(1, 3)
        return dice.random() < 0.5 and first <= day.day < first + length


Habit = Callable[[Life, date, Random], Iterator[Moment]]


def wear(life: Life, day: date, dice: Random) -> Iterator[Moment]:
    """Office days from the commute on, an evening now and then, slower weekends."""
    if day.weekday() < 5:
        if dice.random() < 0.15:
            return
        yield _worn(life, day, dice, dice.gauss(7.7, 0.3), dice.uniform(230, 290))
        yield _worn(life, day, dice, dice.gauss(13.2, 0.2), dice.uniform(250, 330))
        if dice.random() < 0.35:
            yield _worn(life, day, dice, dice.gauss(19.8, 0.4), dice.uniform(60, 190))
    elif dice.random() < 0.6:
        yield _worn(life, day, dice, dice.gauss(10.8, 0.8), dice.uniform(90, 320))


def outing(life: Life, day: date, dice: Random) -> Iterator[Moment]:
    """Out in the jacket: more often when it is cold, for the way to work, longer on weekends."""
    if dice.random() > 0.35 + 0.6 * _cold(day):
        return
    if day.weekday() < 5:
        yield _worn(life, day, dice, dice.gauss(7.8, 0.2), dice.uniform(20, 45), 70)
        yield _worn(life, day, dice, dice.gauss(17.9, 0.4), dice.uniform(20, 70), 70)
    else:
        yield _worn(life, day, dice, dice.gauss(14.5, 1.2), dice.uniform(50, 190), 60)


def wash(life: Life, day: date, dice: Random) -> Iterator[Moment]:
    """Sundays, mostly at 30 degrees."""
    if day.weekday() != _SUNDAY or dice.random() > 0.85:
        return
    is_hot = dice.random() < 0.25
    values = {"temperature": 40 if is_hot else 30, "programme": "cotton" if is_hot else "delicate"}
    yield Moment(life.moment(day, dice.gauss(17.0, 1.2)), None, values)


def fit(life: Life, day: date, dice: Random) -> Iterator[Moment]:
    """Tight after the wash, looser day by day, and slowly with the seasons."""
    since_wash = (day.weekday() + 1) % 7
    season = 1.4 * sin(tau * day.timetuple().tm_yday / 365)
    tension = 15.5 + season - 0.45 * since_wash + dice.gauss(0, 0.25)
    yield Moment(life.moment(day, dice.gauss(7.6, 0.2)), None, {"waist_tension": tension})


def place(life: Life, day: date, dice: Random) -> Iterator[Moment]:
    """Home, work and a few other spots of one town, each a little off."""
    rounds = [(8.0, "home"), (9.1, "work"), (12.6, "lunch"), (18.8, "home")]
    if day.weekday() >= 5:
        rounds = [(10.2, "home"), (12.1, "market"), (15.7, "park"), (18.5, "home")]
    for hour, spot in rounds:
        if dice.random() < 0.8:
            latitude, longitude = _spot(life.seed, spot, dice)
            values = {"latitude": latitude, "longitude": longitude}
            yield Moment(life.moment(day, dice.gauss(hour, 0.2)), None, values)


def weather(life: Life, day: date, dice: Random) -> Iterator[Moment]:
    """Twice a day, by the season."""
    chill = _cold(day)
    for hour, warmer in ((8.1, 0.0), (18.0, 4.0)):
        degrees = 19 - 17 * chill + warmer + dice.gauss(0, 2.5)
        values = {"temperature": degrees, "humidity": 55 + 25 * chill + dice.gauss(0, 8)}
        yield Moment(life.moment(day, dice.gauss(hour, 0.15)), None, values)


def cycle(life: Life, day: date, _: Random) -> Iterator[Moment]:
    """The household's laundry: at the weekend, and once or twice between."""
    for begin, minutes, hot, load in _runs(life, day):
        programme = "quick" if minutes < 60 else "eco" if hot < 45 else "cotton"
        values = {"programme": programme, "temperature": hot, "load": load}
        yield Moment(life.moment(day, begin), minutes, values)


def consumption(life: Life, day: date, dice: Random) -> Iterator[Moment]:
    """What each run took, told at its end."""
    for begin, minutes, hot, load in _runs(life, day):
        energy = 140 + 11.5 * (hot - 15) + 25 * load + dice.gauss(0, 25)
        values = {"energy": energy, "water": 24 + 4.2 * load + dice.gauss(0, 2)}
        yield Moment(life.moment(day, begin + minutes / 60), None, values)


def fault(life: Life, day: date, dice: Random) -> Iterator[Moment]:
    """Rarely, and only when it ran."""
    for begin, _, _, load in _runs(life, day):
        if dice.random() < 0.035:
            code = "unbalanced" if load < 3 else dice.choice(["filter blocked", "no water"])
            values = {"code": code, "is_solved": dice.random() < 0.6}
            yield Moment(life.moment(day, begin + 0.3), None, values)


def runs(life: Life, day: date, _: Random) -> Iterator[Moment]:
    """All runs so far, told in the evening."""
    total = _runs_before(life, day.year, day.month)
    total += _count_runs(life, day.replace(day=1), day + timedelta(days=1))
    yield Moment(life.moment(day, 22.5), None, {"total": total})


HABITS: dict[str, tuple[str, Habit]] = {
    "wear": ("interval", wear),
    "outing": ("interval", outing),
    "wash": ("instant", wash),
    "fit": ("instant", fit),
    "place": ("instant", place),
    "weather": ("instant", weather),
    "cycle": ("interval", cycle),
    "consumption": ("instant", consumption),
    "fault": ("instant", fault),
    "runs": ("counter", runs),
}


def home(seed: int) -> tuple[float, float]:
    """The household's latitude and longitude."""
    dice = _dice(seed, "town")
    latitude, longitude = dice.choice(_TOWNS)
    return latitude + dice.gauss(0, 1) * _KM, longitude + dice.gauss(0, 1) * _KM


def _worn(
    life: Life, day: date, dice: Random, hour: float, minutes: float, pace: float = 16
) -> Moment:
    whole = round(minutes)
    steps = max(0, round(whole * dice.gauss(pace, pace / 6)))
    return Moment(life.moment(day, hour), whole, {"steps": steps, "minutes": whole})


def _runs(life: Life, day: date) -> list[tuple[float, int, int, float]]:
    """The machine's runs of a day: hour, minutes, degrees, kilograms."""
    dice = life.dice("runs", day)
    count = {2: 1, 5: 2, _SUNDAY: 2}.get(day.weekday(), int(dice.random() < 0.15))
    found = []
    for number in range(count):
        hot = dice.choice((30, 30, 40, 40, 60))
        minutes = dice.choice((45, 90, 120, 150))
        begin = 9.5 + 3.5 * number + dice.uniform(0, 1.2)
        found.append((begin, minutes, hot, round(dice.uniform(1.8, 6.5), 1)))
    return found


def _count_runs(life: Life, first: date, end: date) -> int:
    days = (first + timedelta(days=n) for n in range((end - first).days))
    return sum(len(_runs(life, day)) for day in days if not life.is_silent(day))


@lru_cache(maxsize=1024)
def _runs_before(life: Life, year: int, month: int) -> int:
    """The runs before a month, counted month by month from when the machine was made."""
    this = date(year, month, 1)
    if this <= _MADE_ON:
        return 0
    before = (this - timedelta(days=1)).replace(day=1)
    return _runs_before(life, before.year, before.month) + _count_runs(life, before, this)


def _cold(day: date) -> float:
    """0 in midsummer, 1 in midwinter."""
    return (1 + cos(tau * (day.timetuple().tm_yday - 15) / 365)) / 2


def _spot(seed: int, spot: str, dice: Random) -> tuple[float, float]:
    latitude, longitude = home(seed)
    where = _dice(seed, "spot", spot)
    if spot != "home":
        latitude += where.uniform(-2.5, 2.5) * _KM
        longitude += where.uniform(-2.5, 2.5) * _KM / cos(radians(latitude))
    noise = 0.04 * _KM
    return latitude + dice.gauss(0, noise), longitude + dice.gauss(0, noise)


def _dice(*about: object) -> Random:
    return Random("|".join(str(part) for part in about))  # noqa: S311  # believable, not secret
