"""Rows and streams without a database, and logs to try: late, corrected, over changes of clocks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from app.disclosure.precision.buckets import SIZES, Size, Window
from app.objects.products import StreamInfo
from app.usage.entry import Entry, to_micros
from app.usage.rows import Row

PARIS = ZoneInfo("Europe/Paris")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATENESS = timedelta(hours=6)
START = datetime(2026, 10, 22, 22, tzinfo=UTC)  # a midnight, two days before a day of 25 hours
AFTER = START + 1000 * DAY
ALWAYS: Window = (None, None)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def field(name: str, type: str = "number", unit: str | None = "count", **more: Any) -> Any:
    told = {"name": name, "title": name, "type": type, "senml_name": name} | more
    return told | ({"unit": unit} if type in ("number", "integer") else {})


def stream(kind: str, *fields: Any) -> StreamInfo:
    return StreamInfo("s", "S", "usage", kind, list(fields))


@dataclass(frozen=True)
class Made:
    """A record, before it stands in a log."""

    at: datetime
    until: datetime | None = None
    values: Any = None
    received: datetime | None = None
    placed: datetime | None = None
    name: str | None = None
    corrects: str | None = None
    flags: str = ""

    @property
    def received_at(self) -> datetime:
        return self.received or self.until or self.at

    def as_row(self, seq: int, *, is_corrected: bool = False, name: str = "s") -> Row:
        at, placed = to_micros(self.at), to_micros(self.placed or self.at)
        until, received = self.until and to_micros(self.until), to_micros(self.received_at)
        body = json.dumps(self.values or {})
        names = (self.flags, self.name, None, None, self.corrects)
        entry = Entry(seq, at, until, placed, received, *names, body, b"")
        return Row(placed, name, seq, entry, is_corrected)


def log_of(made: Sequence[Made], by: datetime = AFTER) -> list[Row]:
    """The rows that a reader finds at a time, as `usage.read.page` gives the whole history."""
    came = [(seq, one) for seq, one in enumerate(made) if one.received_at < by]
    corrected = {one.corrects for _, one in came}
    return [
        one.as_row(seq, is_corrected=one.name is not None and one.name in corrected)
        for seq, one in came
    ]


STREAMS = {
    kind: stream(
        kind,
        field("n", "integer"),
        field("x"),
        field("on", "boolean"),
        field("mode", "string", enum=["eco", "fast"]),
        field("note", "string"),
    )
    for kind in ("instant", "interval", "counter")
}
kinds = st.sampled_from(sorted(STREAMS))
sizes: st.SearchStrategy[Size] = st.sampled_from(SIZES)
_numbers = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.decimals(-1000, 1000, places=2).map(float),
    st.floats(-1e100, 1e100, allow_nan=False),
)
_values = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(0, 1000),
        "x": _numbers,
        "on": st.booleans(),
        "mode": st.sampled_from(["eco", "fast"]),
        "note": st.text(max_size=5),
    },
).filter(bool)


@st.composite
def records(draw: st.DrawFn, days: int = 12) -> list[Made]:
    """Records of some days, each received within two days."""
    count = draw(st.integers(1, 12))
    made = []
    for number in range(count):
        at = START + draw(st.integers(0, days * 1440)) * MINUTE
        length = draw(st.sampled_from([0, 7, 60, 1000, 4000])) * MINUTE
        late = draw(st.sampled_from([0, 1, 300, 1500, 2880])) * MINUTE
        corrects = draw(st.none() | st.integers(0, count - 1).map("r{}".format))
        is_wrong = draw(st.integers(0, 9)) == 0
        one = Made(at, at + length, draw(_values), at + length + late, None, f"r{number}", corrects)
        if is_wrong:
            one = replace(one, placed=one.received, flags="clock", at=utc("1970-01-01T00:00"))
        made.append(one)
    return made


@st.composite
def windows(draw: st.DrawFn, days: int = 12) -> Window:
    """A window with borders at any minute, or none."""
    border = st.none() | st.integers(0, days * 1440).map(lambda n: START + n * MINUTE)
    return draw(border), draw(border)
