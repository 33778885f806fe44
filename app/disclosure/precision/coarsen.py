"""Records into what whole stretches of time come to.

A stretch is told as the log stood when its lateness ended, for ever: of what came later, neither a
record nor a correction changes it. So its answer depends on nothing but the log, and asking twice,
or at many times, tells no more than asking once.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from app.consent.precision import is_coarser_or_same
from app.disclosure.precision.buckets import (
    Bucket,
    Size,
    Window,
    bucket_of,
    buckets_between,
    released,
)
from app.disclosure.precision.places import PlaceSize, cells_of, place_fields
from app.disclosure.precision.summaries import Summary, join_all
from app.disclosure.precision.totals import total_of
from app.objects.products import StreamInfo
from app.usage.place import CLOCK
from app.usage.rows import Row

PlacePrecision = Literal["exact", PlaceSize]
_NONE_NOTED: Mapping[str, datetime] = MappingProxyType({})
_MINUTE = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)
# An exact place beside a stretch of time would tell the time to whoever knows the way.
_CELLS: dict[str, PlaceSize] = {"exact": "1 km", "1 km": "1 km", "10 km": "10 km"}


def coarsen(
    records: Iterable[Row],
    stream: StreamInfo,
    size: Size,
    zone: ZoneInfo,
    window: Window,
    lateness: timedelta,
    now: datetime,
    place: PlacePrecision = "exact",
    noted: Mapping[str, datetime] = _NONE_NOTED,
) -> list[Summary]:
    """What a stream comes to over each stretch that may be told and has anything in it.

    `records` is the whole history in any order, or all of it that has part in these stretches: the
    corrected too, and what corrects them. Of corrections that stand elsewhere `noted` tells by the
    corrected record's id when the first one came. `size`, `zone`, `window` and `place` are what was
    granted, never what is asked: an interval that began before the window counts nowhere, so a
    window of a vendor's choice would take it apart. A record that is marked corrected, and nobody
    knows since when, is left out.
    """
    rows = sorted((row for row in records if row.stream == stream.name), key=_position)
    corrected_at = _corrections(rows, noted)
    part_of = partial(_part, stream, place_fields(stream.fields), _CELLS[place])
    parts = defaultdict[Bucket, list[Summary]](list)
    for row, bucket in _placed(rows, stream.kind, size, zone, window):
        is_told = released(bucket, window, lateness, now)
        if is_told and _stands(row, corrected_at, bucket.end + lateness):
            parts[bucket].append(part_of(row, bucket))
    return [join_all(parts[bucket], bucket) for bucket in sorted(parts)]


def coarser(
    summaries: Iterable[Summary],
    granted: Size,
    asked: Size,
    zone: ZoneInfo,
    window: Window,
    lateness: timedelta,
    now: datetime,
) -> list[Summary]:
    """Stretches of the size granted made into those of the size asked that may be told, of nothing
    else, so that no difference between the two tells more. ValueError where they do not fit."""
    if not is_coarser_or_same(asked, granted):
        raise ValueError(f"a {asked} is not made of whole stretches of a {granted}")
    parts = defaultdict[Bucket, list[Summary]](list)
    for one in sorted(summaries, key=lambda one: one.bucket):
        parts[bucket_of(one.bucket.start, asked, zone)].append(one)
    return [
        join_all(found, bucket)
        for bucket, found in parts.items()
        if released(bucket, window, lateness, now)
    ]


def _position(row: Row) -> tuple[int, int]:
    return row.placed, row.seq


def _corrections(rows: Iterable[Row], noted: Mapping[str, datetime]) -> dict[str, datetime]:
    """When the first correction of each record came, by the record's id."""
    found = dict(noted)
    for row in rows:
        if row.corrects is not None:
            came = row.received_at
            found[row.corrects] = min(came, found.get(row.corrects, came))
    return found


def _stands(row: Row, corrected_at: Mapping[str, datetime], deadline: datetime) -> bool:
    """Whether a record had come by then, and no correction of it."""
    corrected = corrected_at.get(row.record_id) if row.record_id is not None else None
    if corrected is None:
        return not row.is_corrected and row.received_at < deadline
    return row.received_at < deadline <= corrected


def _placed(
    rows: Sequence[Row], kind: str, size: Size, zone: ZoneInfo, window: Window
) -> Iterator[tuple[Row, Bucket]]:
    """Each record inside the window with each stretch that it has part in, in order of time."""
    start, end = window
    own: Bucket | None = None
    for row in rows:
        at = row.placed_at
        if (start is not None and at < start) or (end is not None and at >= end):
            continue
        if own is None or at >= own.end:
            own = bucket_of(at, size, zone)
        rest = buckets_between(own.end, _end_of(row, kind), size, zone)
        for bucket in chain([own], rest):
            yield row, bucket


def _end_of(row: Row, kind: str) -> datetime:
    """When an interval ended; a record that is none, or whose clock was wrong, has no length."""
    has_length = kind == "interval" and CLOCK not in row.flags.split()
    return row.until if has_length and row.until is not None else row.placed_at


def _part(
    stream: StreamInfo, hidden: frozenset[str], size: PlaceSize, row: Row, bucket: Bucket
) -> Summary:
    """What one record adds to a stretch: its values to that it begins in, its time to each."""
    minutes = None
    if stream.kind == "interval":
        overlap = min(_end_of(row, stream.kind), bucket.end) - max(row.placed_at, bucket.start)
        minutes = Fraction(overlap // _MICROSECOND, _MINUTE // _MICROSECOND)
    if row.placed_at < bucket.start:
        return Summary(bucket, 0, minutes, {}, {} if hidden else None)
    values = json.loads(row.body, parse_float=Decimal)
    totals = {
        field["name"]: total
        for field in stream.fields
        if field["name"] in values and field["name"] not in hidden
        if (total := total_of(values[field["name"]], stream.kind, field)) is not None
    }
    cells = cells_of(values, stream.fields, size) if hidden else None
    return Summary(bucket, 1, minutes, totals, cells)
