"""What is sent: a pair of jeans that is worn minute by minute and now and then washed."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from app.usage.items import Item
from bench.load import STAMP

STREAMS = ("wash", "wear")
MINUTE = timedelta(minutes=1)

_WASH_EVERY = 21  # worn three times a day, washed once a week
_SEED = 5


def make_lines(count: int, *, with_ids: bool = False) -> list[str]:
    """Records as they are sent, a thousandth of a second apart, so that they come in order."""
    random = Random(_SEED)
    return [_line(number, random, with_ids) for number in range(count)]


def make_items(object_id: UUID, start: datetime, first: int, count: int) -> Iterator[Item]:
    """Records of an object's life from the one of that number on, one a minute since `start`."""
    random = Random(first)
    for number in range(first, first + count):
        stream, values = _say(number, random)
        at = start + number * MINUTE
        until = at + MINUTE if stream == "wear" else None
        yield Item(number - first + 1, object_id, stream, at, until, values)


def _line(number: int, random: Random, with_id: bool) -> str:
    stream, values = _say(number, random)
    record: dict[str, Any] = {"stream": stream, "at": f"{STAMP}.{number:03d}Z"}
    if stream == "wear":
        record["until"] = f"{STAMP}.999Z"
    record["values"] = values
    if with_id:
        record["id"] = f"{STAMP}.{number:03d}"
    return json.dumps(record, separators=(",", ":"))


def _say(number: int, random: Random) -> tuple[str, dict[str, Any]]:
    if number % _WASH_EVERY == _WASH_EVERY - 1:
        programme = random.choice(("cold", "delicate", "easy care", "cotton"))
        return "wash", {"temperature": random.choice((20, 30, 30, 40, 60)), "programme": programme}
    return "wear", {"steps": random.randrange(130), "minutes": round(random.random(), 2)}
