"""How the holes in devices' counts look: to the owner, and to the maker who sent the records."""

from typing import Any

from pydantic import BaseModel, Field

from app.api.examples import json_example
from app.usage.own import Counter

_MOST = 1000
GAPS_EXAMPLE = json_example(
    "The counts.",
    {
        "counters": [
            {
                "stream": "wear",
                "epoch": "",
                "first": 1,
                "last": 9203,
                "missing": 12,
                "gaps": [{"first": 17, "last": 17}, {"first": 40, "last": 50}],
                "gaps_left_out": 0,
            }
        ]
    },
)


class GapOut(BaseModel):
    """Numbers that never came, both ends included."""

    first: int
    last: int


class CounterOut(BaseModel):
    """The count of a device in one stream, from its least number to its greatest."""

    stream: str
    epoch: str = Field(description="Which run of the device's counter; empty for the only one.")
    first: int
    last: int
    missing: int = Field(description="How many numbers between never came.")
    gaps: list[GapOut] = Field(description=f"The first {_MOST}, in order.")
    gaps_left_out: int


class GapsOut(BaseModel):
    """What is missing is shown, and never filled by anybody but the device."""

    counters: list[CounterOut]


def gaps_out(counters: list[Counter]) -> GapsOut:
    """The counters with their holes."""
    return GapsOut(counters=[CounterOut.model_validate(_counter(one)) for one in counters])


def _counter(counter: Counter) -> dict[str, Any]:
    return {
        "stream": counter.stream,
        "epoch": counter.epoch,
        "first": counter.first,
        "last": counter.last,
        "missing": counter.missing,
        "gaps": [{"first": first, "last": last} for first, last in counter.holes[:_MOST]],
        "gaps_left_out": max(0, len(counter.holes) - _MOST),
    }
