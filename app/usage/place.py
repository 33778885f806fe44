"""Where a record stands in time, and whether it belongs to the present tenure. Pure.

The order of the checks is the rule. A start that can be right and lies before the tenure makes the
record an earlier owner's, whatever its end says, so it is judged first. A time that cannot be right
(1970, next year) is a fault of the device's clock and no old record: it is taken, flagged `clock`
and placed at its receive time.

"Before the product was registered" counts as a wrong clock even where a backfilled tenure starts
earlier: a maker registers a product before it ships a device that can send for it, so the
registration is the earliest time that a record can honestly bear.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.usage.entry import to_micros
from app.usage.errors import ClockUntrusted, OutsideTenure, RecordingPaused

CLOCK, BACKFILL = "clock", "backfill"


class Frame(NamedTuple):
    """What a record's time is held against. `latest` is now and the tolerance; `pauses` are the
    tenure's."""

    now: datetime
    latest: datetime
    registered_at: datetime
    tenure_id: UUID
    starts_at: datetime
    claimed_at: datetime
    pauses: list[list[Any]] | None = None


class Place(NamedTuple):
    """Where a record is placed, and its flags."""

    placed_at: datetime
    flags: str = ""


def is_clock_wrong(at: datetime, until: datetime | None, frame: Frame) -> bool:
    """Whether a record of this time cannot be: it ends in the future or begins too early."""
    return at < frame.registered_at or (until or at) > frame.latest


def place(at: datetime, until: datetime | None, frame: Frame, *, is_unheard: bool) -> Place:
    """The record's place. `is_unheard`: the object changed hands since the device was last heard.

    ClockUntrusted and OutsideTenure where it has none.
    """
    if frame.registered_at <= at < frame.starts_at:
        raise OutsideTenure
    if is_clock_wrong(at, until, frame):
        if is_unheard:
            raise ClockUntrusted
        return Place(frame.now, CLOCK)
    return Place(at, BACKFILL if at < frame.claimed_at else "")


def check_pauses(
    stream: str, placed_at: datetime, until: datetime | None, pauses: list[list[Any]]
) -> None:
    """RecordingPaused while the stream is paused, and for what happened while it was: also for an
    interval that reaches into a pause, because it tells of that time too."""
    begin = to_micros(placed_at)
    finish = begin if until is None else to_micros(until)
    for name, start, end in pauses:
        reaches_in = end is None or (begin < end and (start < finish or start <= begin))
        if name in ("*", stream) and reaches_in:
            raise RecordingPaused
