"""The numbers that a device's counter has had, as runs without a hole; exact for ever.

A set of numbers that mostly come in order is a few runs, whatever its size. Holes are shown, and
never filled by anybody but the device.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, insert

from app.usage import queries
from app.usage.models import SequenceRun

_ADD = insert(SequenceRun)
_DROP = delete(SequenceRun).where(
    SequenceRun.object_id == bindparam("of_object"),
    SequenceRun.tenure_id == bindparam("of_tenure"),
    SequenceRun.stream == bindparam("of_stream"),
    SequenceRun.epoch == bindparam("of_epoch"),
    SequenceRun.first == bindparam("was_first"),
)


class Runs:
    """A set of whole numbers as sorted runs, first and last included."""

    def __init__(self, runs: Iterable[tuple[int, int]] = ()) -> None:
        self.runs = sorted(runs)

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self.runs, (number, 2**63)) - 1
        return place >= 0 and number <= self.runs[place][1]

    def add(self, number: int) -> None:
        """Put a number in; its neighbours join."""
        if number in self:
            return
        place = bisect_right(self.runs, (number, 2**63))
        first = last = number
        if place < len(self.runs) and self.runs[place][0] == number + 1:
            last = self.runs.pop(place)[1]
        if place > 0 and self.runs[place - 1][1] == number - 1:
            place -= 1
            first = self.runs.pop(place)[0]
        self.runs.insert(place, (first, last))

    def holes(self) -> list[tuple[int, int]]:
        """What is missing between the runs, first and last included."""
        return [
            (last + 1, first - 1)
            for (_, last), (first, _) in zip(self.runs, self.runs[1:], strict=False)
        ]


class Counter:
    """One device's counter in one stream: what it has had, and what this call adds."""

    def __init__(
        self, conn: Connection, object_id: UUID, tenure_id: UUID, stream: str, epoch: str
    ) -> None:
        self._ids = (object_id, tenure_id, stream, epoch)
        self._before = queries.sequence_runs(conn, object_id, tenure_id, stream, epoch)
        self.had = Runs(self._before)

    def keep(self, conn: Connection) -> None:
        """Write what has changed. The caller holds the object's lock."""
        gone, fresh = set(self._before) - set(self.had.runs), set(self.had.runs) - set(self._before)
        object_id, tenure_id, stream, epoch = self._ids
        if gone:
            names = ("of_object", "of_tenure", "of_stream", "of_epoch")
            ids = dict(zip(names, self._ids, strict=True))
            conn.execute(_DROP, [ids | {"was_first": first} for first, _ in sorted(gone)])
        if fresh:
            ids = {
                "object_id": object_id,
                "tenure_id": tenure_id,
                "stream": stream,
                "epoch": epoch,
            }
            rows = [ids | {"first": first, "last": last} for first, last in sorted(fresh)]
            conn.execute(_ADD, rows)


def holes_of(
    conn: Connection, object_id: UUID, tenure_id: UUID
) -> Sequence[tuple[str, str, list[tuple[int, int]], tuple[int, int]]]:
    """(stream, epoch, holes, (least, greatest)) for every counter a tenure has heard."""
    found = []
    for stream, epoch in queries.epochs_of(conn, object_id, tenure_id):
        runs = Runs(queries.sequence_runs(conn, object_id, tenure_id, stream, epoch))
        ends = (runs.runs[0][0], runs.runs[-1][1])
        found.append((stream, epoch, runs.holes(), ends))
    return found
