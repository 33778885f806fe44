"""What an owner sees and decides of one object's log beside its records: what is recorded, how long
it is kept, and erasing a part of it. Another's object is NotFound, as one that does not exist."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.errors import NotFound
from app.objects.errors import UnknownStreamName
from app.objects.models import Tenure
from app.objects.products import stream_categories
from app.objects.recording import Pause, choose_keep_days, pauses_of
from app.objects.tenures import find_open_tenure
from app.usage import queries
from app.usage.removals import removals_of
from app.usage.remove import OWNER, Range, remove
from app.usage.retention import Keeping, keeping_of, set_expiry
from app.usage.segments import Opener, Sealer, SegmentRow, open_segment
from app.usage.sequences import holes_of

TenureKey = tuple[UUID, UUID]  # object id, tenure id


@dataclass(frozen=True)
class Recording:
    """What of an object is recorded now, and how long each stream is kept."""

    pauses: list[Pause]
    keeping: list[Keeping]

    def paused_since(self, stream: str | None) -> datetime | None:
        """Since when a stream rests by itself; the object as a whole, where it is None."""
        return next((p.from_ for p in self.pauses if p.stream == stream and p.to is None), None)


class Removed(NamedTuple):
    """An entry of the log: what was removed of it. `stream` is None where it was of all; what the
    owner removed has `is_owners`; `final_at` is when the keys were destroyed."""

    removed_at: datetime
    stream: str | None
    from_: datetime | None
    to: datetime | None
    records: int
    is_owners: bool
    final_at: datetime | None


class Counter(NamedTuple):
    """One device's count in one stream: where it stands, and what of it never came."""

    stream: str
    epoch: str
    first: int
    last: int
    holes: list[tuple[int, int]]

    @property
    def missing(self) -> int:
        return sum(last - first + 1 for first, last in self.holes)


def recording_of(conn: Connection, owner_id: UUID, object_id: UUID) -> Recording:
    """How an object of this owner is recorded."""
    tenure = _own(conn, owner_id, object_id)
    query = select(Tenure.pauses).where(
        Tenure.object_id == tenure[0], Tenure.tenure_id == tenure[1]
    )
    return Recording(pauses_of(conn.execute(query).scalar_one_or_none()), keeping_of(conn, *tenure))


def keep_for(
    db: Session, keys: Sealer, owner_id: UUID, object_id: UUID, stream: str, days: int | None
) -> None:
    """Keep a stream for so many days from now on, None for as long as the product says; what is
    older goes with the next upkeep. KeepTooLong, UnknownStreamName."""
    tenure = choose_keep_days(db, owner_id, object_id, stream, days)
    db.flush()
    conn, ids = db.connection(), (object_id, tenure.tenure_id)
    kept = {one.stream: one.days for one in keeping_of(conn, *ids)}
    set_expiry(conn, keys, ids, stream, kept[stream])


def kept_since(clock: Clock, days: int) -> datetime:
    """What lies before is over its time, where records are kept for so many days of UTC."""
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days)


def erase(
    conn: Connection,
    clock: Clock,
    keys: Sealer,
    owner_id: UUID,
    object_id: UUID,
    wanted: Range,
) -> int:
    """Remove a part of the log at its owner's word, in this transaction; how many records went.
    UnknownStreamName."""
    tenure = _own(conn, owner_id, object_id)
    _check_stream(conn, object_id, wanted.stream)
    return remove(conn, clock, keys, tenure, wanted, OWNER)


def count_within(
    conn: Connection, keys: Opener, owner_id: UUID, object_id: UUID, wanted: Range
) -> int:
    """How many records `erase` would remove now. Only what the range cuts in two is opened."""
    tenure = _own(conn, owner_id, object_id)
    _check_stream(conn, object_id, wanted.stream)
    low, high = wanted.micros()
    whole = sum(
        span.records
        for span in queries.stored_spans(conn, *tenure)
        if wanted.stream in (None, span.stream)
        and low <= span.placed_from
        and span.placed_to < high
    )
    cut = (row for row in _at_the_ends(conn, tenure, wanted) if not wanted.holds_all(row))
    return whole + sum(wanted.holds(entry) for row in cut for entry in open_segment(keys, row))


def removals(conn: Connection, owner_id: UUID, object_id: UUID) -> list[Removed]:
    """What was removed from the log of this owner's time, the newest first."""
    return removals_in(conn, _own(conn, owner_id, object_id))


def removals_in(conn: Connection, tenure: TenureKey) -> list[Removed]:
    """What was removed from one tenure's log, the newest first."""
    return [
        Removed(
            row.removed_at,
            row.stream or None,
            row.placed_from,
            row.placed_to,
            row.count,
            row.reason == OWNER,
            row.final_at,
        )
        for row in removals_of(conn, *tenure)
    ]


def own_counters(conn: Connection, owner_id: UUID, object_id: UUID) -> list[Counter]:
    """The devices' counts of this owner's time."""
    return _counters(conn, _own(conn, owner_id, object_id))


def present_counters(conn: Connection, object_id: UUID) -> list[Counter]:
    """The same for the object's maker, who sent them: of the present owner's time, and nothing
    where nobody owns it."""
    tenure = find_open_tenure(conn, object_id)
    return [] if tenure is None else _counters(conn, (object_id, tenure.tenure_id))


def _own(conn: Connection, owner_id: UUID, object_id: UUID) -> TenureKey:
    tenure = find_open_tenure(conn, object_id)
    if tenure is None or tenure.owner_id != owner_id:
        raise NotFound
    return object_id, tenure.tenure_id


def _check_stream(conn: Connection, object_id: UUID, stream: str | None) -> None:
    if stream is not None and stream not in stream_categories(conn, object_id):
        raise UnknownStreamName(f"The object has no stream {stream[:40]!r}.", field="/stream")


def _at_the_ends(conn: Connection, tenure: TenureKey, wanted: Range) -> list[SegmentRow]:
    """The segments that reach over an end of the range, each once."""
    low, high = wanted.micros()
    ends = [] if wanted.from_ is None else [low]
    ends += [] if wanted.to is None else [high - 1]
    found: dict[tuple[str, int], SegmentRow] = {}
    for head in queries.heads_of(conn, *tenure):
        if wanted.stream in (None, head.stream):
            for end in ends:
                near = queries.segments_between(conn, *tenure, head.stream, end, end + 1)
                found |= {(row.stream, row.first_seq): row for row in near}
    return list(found.values())


def _counters(conn: Connection, tenure: TenureKey) -> list[Counter]:
    return [
        Counter(stream, epoch, first, last, holes)
        for stream, epoch, holes, (first, last) in holes_of(conn, *tenure)
    ]
