"""Reading a tenure's log in order of time. Who may read is decided above; nothing here asks.

A page takes from each stream the fewest segments that are sure to fill it. Segments may overlap in
time where records came out of order, so a record is given only when no segment that was not opened
can hold an earlier one; otherwise the page goes on from where it is sure. Each round is one
statement, so a packing that happens meanwhile neither hides a record nor shows one twice.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from heapq import merge
from itertools import chain
from uuid import UUID

from sqlalchemy import Connection

from app.keys.log_keys import KeysMissing
from app.usage import queries
from app.usage.corrections import corrected_among
from app.usage.entry import Entry, from_micros, to_micros
from app.usage.nearby import Near, segments_back, segments_from
from app.usage.rows import Row, make_rows
from app.usage.segments import Opener, SegmentRow, open_segment

Position = tuple[datetime, str, int]

_EARLIEST, _LATEST = (
    to_micros(datetime.min.replace(tzinfo=UTC)),
    to_micros(datetime.max.replace(tzinfo=UTC)),
)
_PAGE, _STEP = 256, 64  # records that are a page; segments at once for whoever reads on and on
_NONE, _ALL = -1, 2**62  # numbers before the first and after the last of any stream
_EPOCH_DAY = date(1970, 1, 1)


@dataclass(frozen=True)
class Log:
    """One tenure's log, with what opens it."""

    conn: Connection
    keys: Opener
    object_id: UUID
    tenure_id: UUID


@dataclass(frozen=True)
class StreamSummary:
    """How much a stream holds, from when to when, when it was last heard, and how many records
    fall on each day of UTC; known without opening anything."""

    count: int
    first_at: datetime | None
    last_at: datetime | None
    last_received_at: datetime
    days: dict[str, int]


def page(
    log: Log,
    streams: Sequence[str],
    from_: datetime | None,
    to: datetime | None,
    after: Position | None,
    limit: int,
    *,
    is_whole: bool = False,
) -> list[Row]:
    """Up to `limit` records with from_ <= placed_at < to, in the order (placed_at, stream, seq).

    `after` is the position of the last record seen. Records that another one corrects are left
    out, unless the whole history is wanted (`is_whole`).
    """
    names = sorted(set(streams))
    low = _EARLIEST if from_ is None else to_micros(from_)
    high = _LATEST if to is None else to_micros(to)
    arms = [_walk(log, name, _start(name, low, after), high, limit) for name in names]
    rows: list[Row] = []
    found: list[Row] = []
    for run in _merged(arms):
        found += run
        if len(found) >= limit - len(rows):
            rows += _shown(log, found, is_whole=is_whole)
            found = []
            if len(rows) >= limit:
                break
    return [*rows, *_shown(log, found, is_whole=is_whole)][:limit]


def latest(log: Log, streams: Sequence[str], limit: int) -> list[Row]:
    """The newest records, the newest first, without those that another one corrects."""
    names = sorted(set(streams))
    found = [row for name in names for row in make_rows(name, _newest(log, name, limit))]
    newest = sorted(found, reverse=True)[: 2 * limit]
    return _shown(log, newest, is_whole=False)[:limit]


def entries_at(log: Log, stream: str, placed: int) -> list[Entry]:
    """A stream's entries at one instant."""
    rows = queries.segments_between(
        log.conn, log.object_id, log.tenure_id, stream, placed, placed + 1
    )
    entries = (entry for row in rows for entry in open_segment(log.keys, row))
    return [entry for entry in entries if entry.placed == placed]


def count_records(conn: Connection, object_id: UUID, tenure_id: UUID) -> int:
    """How many records a tenure holds."""
    return sum(one.next_seq - one.gone for one in queries.heads_of(conn, object_id, tenure_id))


def summary(conn: Connection, object_id: UUID, tenure_id: UUID) -> dict[str, StreamSummary]:
    """What each stream that was ever heard holds, from the clear columns alone."""
    days: dict[str, dict[int, int]] = {}
    spans: dict[str, tuple[int, int]] = {}
    for row in queries.stored_spans(conn, object_id, tenure_id):
        low, high = spans.get(row.stream, (row.placed_from, row.placed_to))
        spans[row.stream] = (min(low, row.placed_from), max(high, row.placed_to))
        counts = days.setdefault(row.stream, {})
        for day, count in row.days or [[row.placed_from // queries.DAY, row.records]]:
            counts[day] = counts.get(day, 0) + count
    return {
        head.stream: _summary(head, spans.get(head.stream), days.get(head.stream, {}))
        for head in queries.heads_of(conn, object_id, tenure_id)
    }


def last_heard(conn: Connection, object_id: UUID, tenure_id: UUID) -> datetime | None:
    """When anything of the tenure was received last."""
    heads = queries.heads_of(conn, object_id, tenure_id)
    return max((head.last_received_at for head in heads), default=None)


def _start(stream: str, low: int, after: Position | None) -> tuple[int, int]:
    """Where to go on in one stream: the least time, and at that time the last number passed."""
    if after is None or to_micros(after[0]) < low:
        return low, _NONE
    placed, last_stream, seq = to_micros(after[0]), after[1], after[2]
    if stream == last_stream:
        return placed, seq
    return placed, _ALL if stream < last_stream else _NONE


def _merged(arms: Sequence[Iterator[list[Row]]]) -> Iterator[list[Row]]:
    """The runs of several streams as runs in the order of all, taken from each as it is needed."""
    held: list[tuple[list[Row], Iterator[list[Row]]]] = [([], arm) for arm in arms]
    while True:
        held = [(run or next(arm, []), arm) for run, arm in held]
        held = [(run, arm) for run, arm in held if run]
        if not held:
            return
        border = min(run[-1] for run, _ in held)
        cuts = [bisect_right(run, border) for run, _ in held]
        parts = [run[:cut] for (run, _), cut in zip(held, cuts, strict=True)]
        yield sorted(chain.from_iterable(parts))
        held = [(run[cut:], arm) for (run, arm), cut in zip(held, cuts, strict=True)]


def _walk(
    log: Log, stream: str, start: tuple[int, int], high: int, limit: int
) -> Iterator[list[Row]]:
    """A stream's entries behind `start` in order of (placed, seq), in runs, opened as they are
    asked for."""
    most = limit if limit <= _PAGE else _STEP
    while True:
        near = segments_from(
            log.conn, log.object_id, log.tenure_id, stream, start, high, limit, most
        )
        before = start
        for run in _in_order(log, near, start, high, limit):
            start = (run[-1].placed, run[-1].seq)
            yield make_rows(stream, run)
        if near.next_from is None:
            return
        if start == before:
            limit, most = 2 * limit, 2 * most


def _in_order(
    log: Log, near: Near, start: tuple[int, int], high: int, limit: int
) -> Iterator[list[Entry]]:
    """Runs of what these segments hold behind `start`, as far as none after them can hold
    earlier; of each segment so many at a time."""
    waiting: list[Entry] = []
    borders = [*(row.placed_from for row in near.rows), near.next_from][1:]
    for row, border in zip(near.rows, borders, strict=True):
        at, is_more = start, True
        while is_more:
            entries = _open(log, near, row, at, limit)
            is_more = len(entries) == limit and entries[-1].placed < high
            if entries:
                at = _place(entries[-1])
            if not is_more and entries and entries[-1].placed >= high:
                entries = [entry for entry in entries if entry.placed < high]
            waiting = list(merge(waiting, entries, key=_place)) if waiting else entries
            sure = len(waiting) if border is None else _count_before(waiting, border)
            if is_more:  # of this segment, what comes next stands behind what was opened
                sure = min(sure, bisect_right(waiting, at, key=_place))
            if sure:
                yield waiting[:sure]
                waiting = waiting[sure:]


def _open(log: Log, near: Near, row: SegmentRow, behind: tuple[int, int], most: int) -> list[Entry]:
    """`open_segment`; the keys that all of these segments need are asked for together."""
    try:
        return open_segment(log.keys, row, behind, most)
    except KeysMissing as missing:
        ids = {(one.tenure_id, one.key_id) for one in near.rows}
        raise KeysMissing(ids=ids) from missing


def mark_corrected(log: Log, found: Sequence[Row]) -> list[Row]:
    """The rows, those that another one corrects marked."""
    named = {(row.stream, name) for row in found if (name := row.entry.record_id)}
    corrected = corrected_among(log.conn, log.object_id, log.tenure_id, named) if named else {}
    if not corrected:
        return list(found)
    return [row._replace(is_corrected=(row.stream, row.record_id) in corrected) for row in found]


def _shown(log: Log, found: Sequence[Row], *, is_whole: bool) -> list[Row]:
    """The rows, those that another one corrects marked, or left out."""
    rows = mark_corrected(log, found)
    return rows if is_whole else [row for row in rows if not row.is_corrected]


def _summary(
    head: queries.HeadRow, span: tuple[int, int] | None, days: dict[int, int]
) -> StreamSummary:
    return StreamSummary(
        head.next_seq - head.gone,
        span and from_micros(span[0]),
        span and from_micros(span[1]),
        head.last_received_at,
        {(_EPOCH_DAY + timedelta(days=day)).isoformat(): days[day] for day in sorted(days)},
    )


def _place(entry: Entry) -> tuple[int, int]:
    return entry.placed, entry.seq


def _count_before(entries: list[Entry], border: int) -> int:
    return bisect_left(entries, border, key=lambda entry: entry.placed)


def _newest(log: Log, stream: str, limit: int) -> list[Entry]:
    """The newest entries of a stream: of the segments that begin last, and of those that reach as
    far as what these have."""
    while True:
        near = segments_back(log.conn, log.object_id, log.tenure_id, stream, limit)
        entries = sorted((e for row in near.rows for e in open_segment(log.keys, row)), key=_place)
        newest = entries[-2 * limit :]
        is_sure = len(entries) >= limit and newest[-limit].placed > (near.next_to or 0)
        if near.next_from is None or is_sure:
            return newest
        limit *= 2
