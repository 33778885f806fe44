"""A believable device: records of any product, the same again for the same seed and days.

Every day is thrown with dice of its own, so a range made in two parts is the range made at once.
A record comes when it is complete: an interval at its end.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from app.demo.habits import HABITS, Life, Moment, home

_DAY = timedelta(days=1)
_BEGIN_OF_COUNTING = date(2020, 1, 1)
_USUAL = {
    "Cel": (12.0, 24.0),
    "%RH": (35.0, 75.0),
    "%": (20.0, 95.0),
    "%EL": (20.0, 95.0),
    "V": (3.0, 4.1),
    "min": (5.0, 60.0),
    "count": (0.0, 12.0),
    "Wh": (50.0, 900.0),
    "beat/min": (58.0, 120.0),
}


def simulate(
    product: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    serial: str,
    seed: int,
    start: datetime,
    end: datetime,
    zone: str,
) -> Iterator[dict[str, Any]]:
    """The records that a thing completes from `start` until before `end`, in that order.

    `product` is a product as its maker registers it, or its streams; a stream that no habit is
    known for gets values from its fields. The records name no object, and bear stable ids.
    """
    streams = product["streams"] if isinstance(product, Mapping) else product
    life = Life(seed, serial, ZoneInfo(zone))
    waiting: list[tuple[datetime, int, dict[str, Any]]] = []
    day, last = start.astimezone(life.zone).date() - 2 * _DAY, end.astimezone(life.zone).date()
    while day <= last:
        waiting += _live(life, streams, day)
        day += _DAY
        until = life.moment(day, 0)
        waiting.sort(key=lambda one: one[:2])
        ready = [one for one in waiting if one[0] < until]
        waiting = waiting[len(ready) :]
        yield from (record for moment, _, record in ready if start <= moment < end)


def _live(
    life: Life, streams: Sequence[Mapping[str, Any]], day: date
) -> Iterator[tuple[datetime, int, dict[str, Any]]]:
    """The records of one day, each with the moment it is complete and its stream's place."""
    if life.is_silent(day):
        return
    for place, stream in enumerate(streams):
        dice = life.dice(stream["name"], day)
        for number, moment in enumerate(_moments(life, stream, day, dice)):
            at = moment.at.astimezone(UTC)
            until = at + timedelta(minutes=moment.minutes or 0)
            record = {"stream": stream["name"], "at": at.astimezone(life.zone).isoformat()}
            if stream["kind"] == "interval":
                record["until"] = until.astimezone(life.zone).isoformat()
            values = {f["name"]: _value(f, moment, life, dice) for f in stream["fields"]}
            name = f"{stream['name']}-{life.seed}-{day:%Y%m%d}-{number}"
            yield until, place, record | {"values": values, "id": name}


def _moments(life: Life, stream: Mapping[str, Any], day: date, dice: Random) -> Iterator[Moment]:
    kind, habit = HABITS.get(stream["name"], ("", None))
    if habit is not None and kind == stream["kind"]:
        return habit(life, day, dice)
    return _usual(life, stream, day, dice)


def _usual(life: Life, stream: Mapping[str, Any], day: date, dice: Random) -> Iterator[Moment]:
    """Moments of a stream that nobody knows a habit for."""
    if stream["kind"] == "counter":
        names = [f["name"] for f in stream["fields"]]
        totals = {name: _tally(life, name, day, dice) for name in names}
        yield Moment(life.moment(day, 21.0), None, totals)
        return
    is_interval = stream["kind"] == "interval"
    for _ in range(dice.randint(0, 2) if is_interval else dice.randint(1, 3)):
        at = life.moment(day, dice.uniform(7.5, 21.5))
        yield Moment(at, round(dice.uniform(8, 90)) if is_interval else None)


def _value(field: Mapping[str, Any], moment: Moment, life: Life, dice: Random) -> Any:
    """What the habit knows where it fits the field, something usual otherwise."""
    known = moment.values.get(field["name"])
    match field["type"]:
        case "string":
            texts = field.get("enum") or ["ok"]
            return known if known in texts else dice.choice(texts)
        case "boolean":
            return known if isinstance(known, bool) else dice.random() < 0.1
        case _:
            is_number = isinstance(known, int | float) and not isinstance(known, bool)
            return _fit(field, known if is_number else _number(field, moment, life, dice))


def _number(field: Mapping[str, Any], moment: Moment, life: Life, dice: Random) -> float:
    unit = field.get("unit")
    if unit in ("lat", "lon"):
        return home(life.seed)[unit == "lon"] + dice.gauss(0, 0.0005)
    if unit == "min" and moment.minutes is not None:
        return moment.minutes
    low, high = _USUAL.get(unit or "", (0.0, 100.0))
    lowest, highest = field.get("minimum"), field.get("maximum")
    if lowest is not None and (highest is not None or lowest > low):
        low, high = lowest, highest if highest is not None else lowest + high - low
    elif highest is not None and highest < high:
        low, high = min(low, highest), highest
    return dice.uniform(low, high)


def _tally(life: Life, name: str, day: date, dice: Random) -> int:
    """A running total that never falls: so much a day since long ago, and a little of today's."""
    rate = life.dice("rate", name).randint(1, 6)
    return (day - _BEGIN_OF_COUNTING).days * rate + dice.randint(0, rate)


def _fit(field: Mapping[str, Any], number: Any) -> float | int:
    """The number within the field's bounds and of its type."""
    whole = field["type"] == "integer"
    digits = 6 if field.get("unit") in ("lat", "lon") else 1
    value: float | int = round(number) if whole else round(number, digits)
    if (lowest := field.get("minimum")) is not None:
        value = max(value, lowest)
    if (highest := field.get("maximum")) is not None:
        value = min(value, highest)
    return int(value) if whole else value
