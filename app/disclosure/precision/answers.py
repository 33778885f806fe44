"""What is answered from a stream's stretches: those that a query asks for, or a few words on all.

Both take what `coarsen` made of the log under the grant, and nothing else of it, so any number of
queries tells no more than these stretches do.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from app.disclosure.precision.buckets import (
    Bucket,
    Size,
    Window,
    buckets_between,
    is_inside,
    released,
    widen,
)
from app.disclosure.precision.coarsen import coarser
from app.disclosure.precision.summaries import Summary
from app.disclosure.precision.totals import number_told
from app.usage.wire import rfc3339


def answer(
    summaries: Sequence[Summary],
    granted: Size,
    asked: Size,
    query: Window,
    zone: ZoneInfo,
    window: Window,
    lateness: timedelta,
    now: datetime,
) -> list[Summary]:
    """The stretches of the size asked that a query touches, whole. ValueError where that size is
    not made of stretches of the one granted."""
    wide = widen(*query, asked, zone)
    found = coarser(summaries, granted, asked, zone, window, lateness, now)
    return [one for one in found if is_inside(one.bucket, wide)]


def summary(
    summaries: Sequence[Summary],
    size: Size,
    zone: ZoneInfo,
    window: Window,
    lateness: timedelta,
    now: datetime,
    least: int = 5,
) -> dict[str, Any]:
    """How often, how long, when last and whether more or less, over all of the window that may be
    told; `too_few` and nothing else where that is less than `least` records.

    The window is the grant's: were it the vendor's choice, two summaries that differ by a stretch
    would tell of its few records. `last` is the start of the last record's stretch. `trend` holds
    the mean count of the stretches of the last half against that of the first.
    """
    count = sum(one.count for one in summaries)
    if count < max(least, 1):
        return {"too_few": True}
    last = max(one.bucket.start for one in summaries if one.count)
    told: dict[str, Any] = {"count": count}
    minutes = [one.minutes for one in summaries if one.minutes is not None]
    if minutes:
        told["minutes"] = number_told(sum(minutes, Fraction()))
    told["last"] = rfc3339(last)
    first = min(one.bucket.start for one in summaries)
    start, end = window[0] or first, min(window[1] or now, now)
    buckets = [
        bucket
        for bucket in buckets_between(start, end, size, zone)
        if released(bucket, window, lateness, now)
    ]
    return told | _trend(summaries, buckets)


def _trend(summaries: Sequence[Summary], buckets: Sequence[Bucket]) -> dict[str, Any]:
    """The two halves compared; what lies in the middle is in neither. Nothing for one stretch."""
    half = len(buckets) // 2
    if half == 0:
        return {}
    before = _mean_count(summaries, buckets[:half])
    after = _mean_count(summaries, buckets[-half:])
    change = "same" if after == before else "more" if after > before else "less"
    numbers = {"first_half": number_told(before), "last_half": number_told(after)}
    return {"trend": {"change": change} | numbers}


def _mean_count(summaries: Sequence[Summary], buckets: Sequence[Bucket]) -> Fraction:
    start, end = buckets[0].start, buckets[-1].end
    inside = (one.count for one in summaries if start <= one.bucket.start < end)
    return Fraction(sum(inside), len(buckets))
