"""Readings of what is told over stretches of time, or in a few words on all of them.

A reading looks first who may read what, then opens the log outside of the writer, for that may take
a while, and then locks, decides again and is recorded, before anything leaves.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from app.accesses.record import BUCKETS, SUMMARY, Attempt, Given, record_given
from app.consent.decide import Allowed, Refused, Telling
from app.consent.errors import OverCount, TooFrequent
from app.consent.precision import is_coarser_or_same
from app.disclosure.counted import begin_or_go_on, count
from app.disclosure.locate import Located, locate
from app.disclosure.precision import answers
from app.disclosure.precision.buckets import Size, Window, bucket_of, buckets_between, widen
from app.disclosure.precision.coarsen import PlacePrecision, coarsen
from app.disclosure.precision.summaries import Summary, summary_told
from app.disclosure.reader import OF_THE_OBJECT, Disclosed, NotDisclosed, Reader
from app.disclosure.records import above_precision, decide_again, decide_now, refuse
from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.db import settled_at
from app.kit.errors import DomainError, InvalidCursor
from app.kit.ids import new_id
from app.kit.paging import Cursors
from app.objects.products import StreamInfo, streams_of_object
from app.usage.corrections import corrected_among
from app.usage.read import Log, page
from app.usage.retention import keeping_of
from app.usage.rows import Row
from app.usage.segments import Opener

# How long after a stretch is over its records may come: things are offline for a night.
LATENESS = timedelta(hours=12)
_CHUNK = 5000  # records opened at once


@dataclass(frozen=True)
class Wanted:
    """What a vendor asks of one stream: stretches of a size, None for a summary; a half-open
    window, and a page of it."""

    stream: str
    size: Size | None
    from_: datetime | None = None
    to: datetime | None = None
    limit: int = 100
    after: str | None = None

    def asked(self) -> dict[str, Any]:
        """The query for the access record."""
        told: dict[str, Any] = {"stream": self.stream, "size": self.size}
        told["from"] = self.from_ and self.from_.isoformat()
        told["to"] = self.to and self.to.isoformat()
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class Plan:
    """A reading that may be made, as far as is known before the log is opened. All that came until
    `settled` is stored."""

    reader: Reader
    ref: str
    located: Located
    attempt: Attempt
    allowed: Allowed
    stream: StreamInfo
    wanted: Wanted
    position: list[Any] | None
    settled: datetime

    @property
    def telling(self) -> Telling:
        return self.allowed.telling[self.stream.category]

    @property
    def zone(self) -> ZoneInfo:
        """Whose days they are; of what is granted exactly, those of UTC."""
        return ZoneInfo(self.telling.zone or "UTC")

    @property
    def size(self) -> Size:
        """The stretches that are told."""
        asked = self.wanted.size or self.telling.asked.stretch
        return cast(Size, asked)

    @property
    def base(self) -> Size:
        """The stretches that were granted, of which all that is told is made."""
        granted = self.telling.granted
        return self.size if granted.is_exact else cast(Size, granted.stretch)


@dataclass(frozen=True)
class Found:
    """What the log says: the answer, over which window, of how many records; where the next page
    begins."""

    told: Mapping[str, Any]
    window: Window
    records: int
    position: list[Any] | None = None


def plan_reading(
    conn: Connection,
    clock: Clock,
    cursors: Cursors,
    reader: Reader,
    ref: str,
    wanted: Wanted | DomainError,
) -> Plan | NotDisclosed:
    """Whether this may be read now; a refusal is recorded, as in `records.read_records`."""
    now = clock.now()
    asked = _read_asked(cursors, wanted, reader, ref)
    located = locate(conn, reader, ref)
    attempt = _attempt(reader, located, now, wanted)
    decision = decide_now(reader, located, ref, now)
    is_dead = isinstance(decision, Refused) and decision.rule not in OF_THE_OBJECT
    if isinstance(asked, DomainError) and not is_dead:
        return refuse(conn, reader, located, attempt, asked.slug, asked)
    if isinstance(decision, Refused):
        return refuse(conn, reader, located, attempt, decision.rule)
    assert isinstance(asked, tuple)  # else refused above
    told, position = asked
    stream = streams_of_object(conn, decision.object_id).get(told.stream)
    if stream is None or stream.category not in decision.windows:
        return refuse(conn, reader, located, attempt, "not-granted")
    plan = Plan(
        reader,
        ref,
        located,
        attempt,
        decision,
        stream,
        told,
        position,
        settled_at(conn, now),
    )
    if not _is_within(plan):
        error = above_precision(decision)
        return refuse(conn, reader, located, attempt, error.slug, error)
    return plan


def look(conn: Connection, keys: Opener, plan: Plan) -> Found:
    """Open the log. Nothing of it may leave before `record_reading` has been committed."""
    log = Log(conn, keys, plan.allowed.object_id, plan.allowed.tenure_id)
    window = _granted_window(conn, plan)
    return _summary(log, plan, window) if plan.wanted.size is None else _page(log, plan, window)


def record_reading(
    conn: Connection,
    clock: Clock,
    cursors: Cursors,
    plan: Plan,
    found: Found,
    deadline: timedelta,
) -> Disclosed | NotDisclosed:
    """Decide again on the locked grant, count and record."""
    reader, allowed, kind = plan.reader, plan.allowed, plan.stream.category
    if reader.dead_reason is not None:
        return refuse(conn, reader, plan.located, plan.attempt, reader.dead_reason)
    again = decide_again(conn, clock, reader, allowed)
    if isinstance(again, Refused):
        return refuse(conn, reader, plan.located, plan.attempt, again.rule)
    assert reader.owner_id is not None  # decided: a grant has an owner
    assert reader.grant_id is not None
    ids = reader.owner_id, reader.grant_id
    names = {plan.stream.name: kind}
    reading = begin_or_go_on(conn, *ids, allowed, names, plan.position, clock.now())
    if isinstance(reading, OverCount | TooFrequent):
        return refuse(conn, reader, plan.located, plan.attempt, reading.slug, reading)
    send_by = clock.now() + deadline
    given = Given(
        allowed.object_id,
        allowed.tenure_id,
        [plan.stream.name],
        *found.window,
        plan.size,
        found.records,
    )
    record_given(conn, reader.owner_id, new_id(), plan.attempt, [given], send_by)
    count(conn, *ids, allowed.object_id, reading, lambda _: found.records > 0)
    position = reading.write_position(found.position)
    cursor = cursors.seal(position, *_bound(reader, plan.ref, plan.wanted)) if position else None
    return Disclosed(_body(plan, found, cursor), send_by, cursor, plan.located.grant)


def _read_asked(
    cursors: Cursors, wanted: Wanted | DomainError, reader: Reader, ref: str
) -> tuple[Wanted, list[Any] | None] | DomainError:
    if isinstance(wanted, DomainError):
        return wanted
    try:
        bound = _bound(reader, ref, wanted)
        return wanted, cursors.open(wanted.after, *bound) if wanted.after else None
    except InvalidCursor as error:
        return error


def _bound(reader: Reader, ref: str, wanted: Wanted) -> tuple[object, ...]:
    """What its cursors are bound to."""
    who = (reader.client_id, reader.grant_id, ref)
    return (*who, "buckets", wanted.stream, wanted.size, wanted.from_, wanted.to)


def _attempt(
    reader: Reader, located: Located, now: datetime, wanted: Wanted | DomainError
) -> Attempt:
    version = located.grant.version if located.grant else None
    told = wanted.asked() if isinstance(wanted, Wanted) else {}
    action = SUMMARY if told and "size" not in told else BUCKETS
    return Attempt(now, action, reader.client_id, reader.name, reader.grant_id, version, told)


def _is_within(plan: Plan) -> bool:
    """Whether what is asked is no more exact than what was granted, and the token is for."""
    if plan.wanted.size is None:
        return True
    asked = plan.telling.asked
    return asked.action == "read" and is_coarser_or_same(plan.wanted.size, asked.time)


def _granted_window(conn: Connection, plan: Plan) -> Window:
    """The window of the grant, without what its time to be kept takes from it day by day: stretches
    from which records went would be told twice, and differently."""
    start, end = plan.allowed.windows[plan.stream.category]
    keeping = keeping_of(conn, plan.allowed.object_id, plan.allowed.tenure_id)
    days = next((one.days for one in keeping if one.stream == plan.stream.name), None)
    if days is not None:
        border = plan.settled - timedelta(days=days)
        start = border if start is None else max(start, border)
    return start, end


def _summary(log: Log, plan: Plan, window: Window) -> Found:
    rows = _history(log, plan.stream.name, *window)
    told = _coarsen(log, plan, rows, window)
    words = answers.summary(told, plan.base, plan.zone, window, LATENESS, plan.settled)
    return Found(words, window, 0 if "too_few" in words else sum(one.count for one in told))


def _page(log: Log, plan: Plan, window: Window) -> Found:
    """So many stretches from where the page before ended, those without a record left out. Where a
    page ends depends on the calendar alone, never on records that are not told."""
    size, zone, wanted = plan.size, plan.zone, plan.wanted
    query = widen(wanted.from_, wanted.to, size, zone)
    begin = datetime.fromisoformat(plan.position[0]) if plan.position else query[0]
    first = _later(begin, window[0]) or _first_at(log, plan)
    end = _earlier(query[1], plan.settled - LATENESS)
    if first is None or first >= end:
        return Found({"buckets": []}, (begin, end), 0)
    start = bucket_of(first, size, zone).start
    buckets = list(islice(buckets_between(start, end, size, zone), wanted.limit))
    span = (start, buckets[-1].end)
    rows = _history(log, plan.stream.name, _reach_from(plan, span, window), span[1])
    made = _coarsen(log, plan, rows, window)
    told = answers.answer(made, plan.base, size, span, zone, window, LATENESS, plan.settled)
    is_more = span[1] < end
    return Found(
        {"buckets": [summary_told(one) for one in told]},
        span,
        sum(one.count for one in told),
        [span[1].isoformat(), "", 0] if is_more else None,
    )


def _reach_from(plan: Plan, span: Window, window: Window) -> datetime | None:
    """From where on records have part in these stretches: intervals may have begun long before.
    What a stretch granted is told of, and the query cuts, is looked at whole."""
    if plan.stream.kind == "interval":
        return window[0]
    assert span[0] is not None
    return bucket_of(span[0], plan.base, plan.zone).start


def _first_at(log: Log, plan: Plan) -> datetime | None:
    """From where on there is anything."""
    rows = page(log, [plan.stream.name], None, None, None, 1, is_whole=True)
    return rows[0].placed_at if rows else None


def _coarsen(log: Log, plan: Plan, rows: Iterable[Row], window: Window) -> list[Summary]:
    known = list(rows)
    names = {(row.stream, row.record_id) for row in known if row.is_corrected}
    noted = corrected_among(log.conn, log.object_id, log.tenure_id, names) if names else {}
    return coarsen(
        known,
        plan.stream,
        plan.base,
        plan.zone,
        window,
        LATENESS,
        plan.settled,
        cast(PlacePrecision, plan.telling.asked.place),
        {name: at for (_, name), at in noted.items() if name is not None},
    )


def _history(log: Log, stream: str, from_: datetime | None, to: datetime | None) -> Iterator[Row]:
    """A stream's records, the corrected too."""
    after = None
    while True:
        rows = page(log, [stream], from_, to, after, _CHUNK, is_whole=True)
        yield from rows
        if len(rows) < _CHUNK:
            return
        after = (rows[-1].placed_at, stream, rows[-1].seq)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)


def _body(plan: Plan, found: Found, cursor: str | None) -> bytes:
    grant = plan.located.grant
    assert grant is not None
    told: dict[str, Any] = {"stream": plan.stream.name, "size": plan.size}
    told |= {"zone": plan.zone.key, **found.told}
    if plan.wanted.size is not None:
        told["next"] = cursor
    return jsonio.dumps(told | grant.told)
