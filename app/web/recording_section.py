"""What an object's page says of its recording, in words."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

from app.kit.http import Connection
from app.objects.products import StreamInfo
from app.objects.tenures import Held
from app.usage.own import Counter, Removed, own_counters, recording_of, removals
from app.usage.retention import Keeping
from app.web.format import Formatter
from app.web.pages import SignedIn

_MOST_REMOVALS, _MOST_COUNTERS, _MOST_HOLES = 12, 20, 6


def recording_section(
    conn: Connection, held: Held, owner: SignedIn, streams: Sequence[StreamInfo], fmt: Formatter
) -> dict[str, Any]:
    """What the object's page shows of its recording."""
    recording = recording_of(conn, owner.owner_id, held.object_id)
    titles = {stream.name: stream.title for stream in streams}
    gone = removals(conn, owner.owner_id, held.object_id)
    counters = [one for one in own_counters(conn, owner.owner_id, held.object_id) if one.missing]
    return {
        "paused_since": recording.paused_since(None),
        "streams": [
            {
                "name": one.stream,
                "title": titles[one.stream],
                "paused_since": recording.paused_since(one.stream),
                "kept": kept_words(one, fmt),
            }
            for one in recording.keeping
        ],
        "removals": [_removal(one, titles, fmt) for one in gone[:_MOST_REMOVALS]],
        "more_removals": max(0, len(gone) - _MOST_REMOVALS),
        "gaps": [_gap(one, titles, fmt) for one in counters[:_MOST_COUNTERS]],
    }


def kept_words(keeping: Keeping, fmt: Formatter) -> str:
    """How long a stream is kept, and by whose word."""
    if keeping.days is None:
        return "Kept until you erase it"
    said = f"Kept for {fmt.count(keeping.days, 'day')}"
    if keeping.days == keeping.by_product:
        return f"{said}, as the maker says"
    if keeping.by_product is None:
        return f"{said}, as you chose"
    return f"{said}, as you chose; the maker would keep it for {keeping.by_product}"


def title_of(titles: dict[str, str], stream: str | None) -> str:
    """What a stream is called, or all of them."""
    return titles.get(stream, stream) if stream else "Everything it records"


def span_words(start: datetime | None, end: datetime | None, fmt: Formatter) -> str:
    """A range of time in words: days where it is whole days of the owner's."""
    since = until = ""
    if start is not None:
        since = fmt.on(start) if _is_midnight(start, fmt) else fmt.at(start)
    if end is not None:
        until = fmt.last_day(end) if _is_midnight(end, fmt) else fmt.at(end)
    if not since:
        return f"Up to {until}" if until else "From first to last"
    if not until:
        return f"From {since} on"
    return since if since == until else f"{since} to {until}"


def _removal(one: Removed, titles: dict[str, str], fmt: Formatter) -> list[str]:
    return [
        fmt.at(one.removed_at),
        title_of(titles, one.stream),
        span_words(one.from_, one.to, fmt),
        fmt.number(one.records, 0),
        "You erased it" if one.is_owners else "Its time was over",
        "Gone for good" if one.final_at else "Being finished",
    ]


def _is_midnight(at: datetime, fmt: Formatter) -> bool:
    return fmt.local(at).time() == time.min


def _gap(one: Counter, titles: dict[str, str], fmt: Formatter) -> dict[str, str]:
    holes = [
        f"{first}" if first == last else f"{first} to {last}"
        for first, last in one.holes[:_MOST_HOLES]
    ]
    more = ", and more" if len(one.holes) > _MOST_HOLES else ""
    return {
        "title": title_of(titles, one.stream),
        "said": f"{fmt.count(one.missing, 'record')} between number {one.first} and {one.last}",
        "numbers": ", ".join(holes) + more,
    }
