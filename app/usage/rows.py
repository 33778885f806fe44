"""A record as the rest of the house reads it."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from app.usage.entry import Entry, from_micros


class Row(NamedTuple):
    """One record of a stream, as it is kept; rows compare as they stand in a log: by `placed`
    (microseconds since 1970), stream and `seq`, its number there. `is_corrected` whether another
    one takes its place."""

    placed: int
    stream: str
    seq: int
    entry: Entry
    is_corrected: bool = False

    @property
    def at(self) -> datetime:
        """When it was, or began, as the device says."""
        return from_micros(self.entry.at)

    @property
    def until(self) -> datetime | None:
        """When it ended, for an interval."""
        return None if self.entry.until is None else from_micros(self.entry.until)

    @property
    def placed_at(self) -> datetime:
        """Where it stands in time: `at`, or `received_at` where the device's clock cannot be
        trusted (`flags` then has `clock`)."""
        return from_micros(self.entry.placed)

    @property
    def received_at(self) -> datetime:
        """When it came."""
        return from_micros(self.entry.received)

    @property
    def flags(self) -> str:
        """Words with a space between."""
        return self.entry.flags

    @property
    def record_id(self) -> str | None:
        """The id that it came under."""
        return self.entry.record_id

    @property
    def body(self) -> str:
        """Its values as canonical JSON text."""
        return self.entry.body

    @property
    def epoch(self) -> str | None:
        """The life of the device's counter that `sequence` is of."""
        return self.entry.epoch

    @property
    def sequence(self) -> int | None:
        """The device's own count."""
        return self.entry.sequence

    @property
    def corrects(self) -> str | None:
        """The id of the record that this one takes the place of."""
        return self.entry.corrects


_make_row = partial(tuple.__new__, Row)


def make_rows(stream: str, entries: Sequence[Entry]) -> list[Row]:
    """Rows of a stream's entries; a call of the class for each would cost as much as the rest."""
    return list(map(_make_row, [(e.placed, stream, e.seq, e, False) for e in entries]))
