"""A record as the rest of the house reads it."""

from datetime import datetime
from typing import NamedTuple

from app.usage.entry import Entry, from_micros


class Row(NamedTuple):
    """One record; `body` is its values as canonical JSON text.

    `placed_at` is where it stands in time: `at`, or `received_at` where the device's clock cannot
    be trusted (`flags` then has `clock`). `epoch` and `sequence` are the device's own count,
    `corrects` the id of the record that this one takes the place of, `is_corrected` whether
    another one takes the place of this.
    """

    stream: str
    seq: int
    at: datetime
    until: datetime | None
    placed_at: datetime
    received_at: datetime
    flags: str
    record_id: str | None
    body: str
    epoch: str | None = None
    sequence: int | None = None
    corrects: str | None = None
    is_corrected: bool = False


def row_of(stream: str, entry: Entry, is_corrected: bool = False) -> Row:
    """The entry with times as times."""
    at = from_micros(entry.at)
    return Row(
        stream,
        entry.seq,
        at,
        None if entry.until is None else from_micros(entry.until),
        at if entry.placed == entry.at else from_micros(entry.placed),
        from_micros(entry.received),
        entry.flags,
        entry.record_id,
        entry.body,
        entry.epoch,
        entry.sequence,
        entry.corrects,
        is_corrected,
    )
