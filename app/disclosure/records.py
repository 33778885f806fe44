"""One reading of records: decide, fetch, lock and decide again, record. The caller then sends."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from sqlalchemy import Connection

from app.accesses.record import READING, Attempt, Given, record_given, record_refused
from app.consent.decide import Allowed, Refused, decide, narrow
from app.consent.errors import AbovePrecision, OverCount, TooFrequent
from app.consent.grants import lock_grant
from app.consent.precision import EXACT
from app.disclosure.counted import Counted, begin_or_go_on, count
from app.disclosure.locate import Located, granted_object, locate
from app.disclosure.precision.places import PlaceSize, hide_place
from app.disclosure.reader import OF_THE_OBJECT, Disclosed, NotDisclosed, Reader, refusal_of
from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.errors import DomainError, InvalidCursor
from app.kit.ids import new_id
from app.kit.paging import Cursors
from app.objects.products import StreamInfo, stream_categories, streams_of_object
from app.objects.tenures import find_open_tenure
from app.usage.read import Log, page
from app.usage.rows import Row
from app.usage.segments import Opener
from app.usage.wire import records_body

Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True)
class Wanted:
    """What a vendor asks: one stream or all that are granted, a half-open window, a page;
    `is_whole` for corrected records too."""

    stream: str | None
    from_: datetime | None
    to: datetime | None
    limit: int
    after: str | None
    is_whole: bool = False

    def asked(self) -> dict[str, Any]:
        """The query for the access record."""
        told: dict[str, Any] = {"stream": self.stream, "limit": self.limit}
        if self.is_whole:
            told["history"] = "whole"
        if self.from_:
            told["from"] = self.from_.isoformat()
        if self.to:
            told["to"] = self.to.isoformat()
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class Asked:
    """A query that can be answered: where the page before ended, and what its cursors are bound
    to."""

    wanted: Wanted
    position: Any
    bound: tuple[object, ...]


@dataclass(frozen=True)
class Page:
    """Rows that may leave and where to go on."""

    rows: list[Row]
    next_position: list[Any] | None


def read_records(
    conn: Connection,
    clock: Clock,
    cursors: Cursors,
    keys: Opener,
    reader: Reader,
    ref: str,
    wanted: Wanted | DomainError,
    deadline: timedelta,
) -> Disclosed | NotDisclosed:
    """A page of one object's records for a vendor, recorded in this transaction.

    `wanted` may be what is wrong with the query: the token is judged before it. What is refused
    is recorded in the history of the token's owner and, where the object is another's, in that
    owner's too.
    """
    now = clock.now()
    asked = read_asked(cursors, wanted, reader.client_id, reader.grant_id, ref)
    located = locate(conn, reader, ref)
    attempt = _attempt(reader, located, now, asked)
    decision = decide_now(reader, located, ref, now)
    is_dead = isinstance(decision, Refused) and decision.rule not in OF_THE_OBJECT
    if isinstance(asked, DomainError) and not is_dead:
        return refuse(conn, reader, located, attempt, asked.slug, asked)
    if isinstance(decision, Refused):
        return refuse(conn, reader, located, attempt, decision.rule)
    assert isinstance(asked, Asked)  # else refused above
    assert reader.owner_id is not None  # decided: a grant has an owner
    assert reader.grant_id is not None
    kinds = _kinds(conn, decision, asked.wanted)
    coarse = set(kinds.values()) - decision.exact()
    kinds = {name: kind for name, kind in kinds.items() if kind not in coarse}
    if coarse and not kinds:
        error = above_precision(decision)
        return refuse(conn, reader, located, attempt, error.slug, error)
    ids = reader.owner_id, reader.grant_id
    reading = begin_or_go_on(conn, *ids, decision, kinds, asked.position, now)
    if isinstance(reading, OverCount | TooFrequent):
        return refuse(conn, reader, located, attempt, reading.slug, reading)
    streams = _streams(decision, asked.wanted, kinds, reading)
    if not streams:
        return refuse(conn, reader, located, attempt, "not-granted")
    log = Log(conn, keys, decision.object_id, decision.tenure_id)
    found = read_page(log, streams, asked.position, asked.wanted, reading.since)
    is_same = decide_again(conn, clock, reader, decision)
    if isinstance(is_same, Refused):
        return refuse(conn, reader, located, attempt, is_same.rule)
    send_by = clock.now() + deadline
    given = _given(decision, streams, found)
    record_given(conn, reader.owner_id, new_id(), attempt, [given], send_by)
    shows = partial(_has_any, log, streams, kinds, found, replace(asked.wanted, limit=1))
    count(conn, *ids, decision.object_id, reading, shows)
    position = reading.write_position(found.next_position)
    cursor = cursors.seal(position, *asked.bound) if position else None
    rows = told_rows(conn, decision, kinds, found.rows)
    return Disclosed(_body(located, rows, cursor), send_by, cursor, located.grant)


def told_rows(
    conn: Connection, allowed: Allowed, kinds: Mapping[str, str], rows: Sequence[Row]
) -> Sequence[Row]:
    """Rows as they may be told: their places no more exactly than was granted."""
    sizes = {name: allowed.telling[kind].asked.place for name, kind in kinds.items()}
    if set(sizes.values()) <= {"exact"}:
        return rows
    streams = streams_of_object(conn, allowed.object_id)
    return [
        row
        if sizes[row.stream] == "exact"
        else _with_values(
            row, hide_place(*_values(row, streams), cast(PlaceSize, sizes[row.stream]))
        )
        for row in rows
    ]


def _values(
    row: Row, streams: Mapping[str, StreamInfo]
) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    return jsonio.loads(row.body.encode()), streams[row.stream].fields


def _with_values(row: Row, values: Mapping[str, Any]) -> Row:
    return row._replace(entry=row.entry._replace(body=jsonio.dumps(values).decode()))


def above_precision(allowed: Allowed) -> AbovePrecision:
    """The error, with what may be asked."""
    return AbovePrecision(precision=precision_told(allowed))


def precision_told(allowed: Allowed) -> dict[str, Any]:
    """How exactly each kind is told that is not told exactly in every respect."""
    found = {}
    for kind, one in sorted(allowed.telling.items()):
        if one.asked != EXACT:
            told = {"action": one.asked.action, "time": one.asked.stretch, "place": one.asked.place}
            found[kind] = told | ({"zone": one.zone} if one.zone else {})
    return found


def read_asked(
    cursors: Cursors, wanted: Wanted | DomainError, *reader: object
) -> Asked | DomainError:
    """The query with its cursor opened, or what is wrong with either."""
    if isinstance(wanted, DomainError):
        return wanted
    bound = (*reader, wanted.stream, wanted.from_, wanted.to, wanted.is_whole)
    try:
        position = cursors.open(wanted.after, *bound) if wanted.after else None
    except InvalidCursor as error:
        return error
    return Asked(wanted, position, bound)


def refuse(
    conn: Connection,
    reader: Reader,
    located: Located,
    attempt: Attempt,
    rule: str,
    error: DomainError | None = None,
) -> NotDisclosed:
    """Record a refusal: once for the token's owner, once for the object's, always two writes."""
    own = located if located.owner_id == reader.owner_id else None
    object_id, tenure_id = (own.object_id, own.tenure_id) if own else (None, None)
    record_refused(conn, reader.owner_id, object_id, tenure_id, attempt, rule)
    other = located.owner_id if own is None else None
    shown = located if other is not None else None
    record_refused(
        conn,
        other,
        shown.object_id if shown else None,
        shown.tenure_id if shown else None,
        attempt,
        "no-grant",
    )
    return NotDisclosed(rule, error)


def _attempt(
    reader: Reader, located: Located, now: datetime, asked: Asked | DomainError
) -> Attempt:
    version = located.grant.version if located.grant else None
    told = asked.wanted.asked() if isinstance(asked, Asked) else {}
    return Attempt(now, READING, reader.client_id, reader.name, reader.grant_id, version, told)


def decide_now(reader: Reader, located: Located, ref: str, now: datetime) -> Allowed | Refused:
    decision = decide(
        located.grant, granted_object(located, ref), reader.categories, now, reader.slices
    )
    rule = refusal_of(decision, reader)
    return decision if isinstance(decision, Allowed) and rule is None else Refused(rule or "")


def decide_again(
    conn: Connection, clock: Clock, reader: Reader, before: Allowed
) -> Allowed | Refused:
    """The same decision on the locked grant and the tenure as it is now."""
    assert reader.owner_id is not None
    assert reader.grant_id is not None
    grant = lock_grant(conn, reader.owner_id, reader.grant_id)
    now = clock.now()
    again = decide(grant, before.object_id, reader.categories, now, reader.slices)
    if isinstance(again, Refused):
        return again
    tenure = find_open_tenure(conn, before.object_id)
    if again != before or tenure is None or tenure.tenure_id != before.tenure_id:
        return Refused("not-granted")
    return again


def _kinds(conn: Connection, allowed: Allowed, wanted: Wanted) -> dict[str, str]:
    """The granted streams that were asked for, each with its kind of data."""
    return {
        name: category
        for name, category in stream_categories(conn, allowed.object_id).items()
        if category in allowed.windows and wanted.stream in (None, name)
    }


def _streams(
    allowed: Allowed, wanted: Wanted, kinds: Mapping[str, str], reading: Counted
) -> dict[str, Window]:
    """What this reading shows, each with the window to read."""
    return {
        name: narrow(allowed.windows[category], wanted.from_, wanted.to)
        for name, category in kinds.items()
        if reading.shows(name)
    }


def _has_any(
    log: Log,
    streams: Mapping[str, Window],
    kinds: Mapping[str, str],
    found: Page,
    wanted: Wanted,
    kind: str,
) -> bool:
    """Whether a reading that begins with this page shows a record of this kind, here or later."""
    if any(kinds[row.stream] == kind for row in found.rows):
        return True
    of_kind = {name: window for name, window in streams.items() if kinds[name] == kind}
    rest = found.next_position
    return bool(rest and of_kind and read_page(log, of_kind, rest, wanted).rows)


def read_page(
    log: Log,
    streams: Mapping[str, Window],
    position: Any,
    wanted: Wanted,
    came_by: datetime | None = None,
) -> Page:
    """A page of rows of several streams in time order, of all or of those that came by then.
    Streams may have different windows: what the widest one brings beyond a stream's own is
    dropped, and the reading goes on until the page is full."""
    limit = wanted.limit
    lower, upper = widest(streams.values())
    after = _read_position(position)
    kept: list[Row] = []
    while True:
        rows = page(log, sorted(streams), lower, upper, after, limit + 1, is_whole=wanted.is_whole)
        kept += [
            row
            for row in rows
            if is_inside(row, streams[row.stream])
            and (came_by is None or row.received_at <= came_by)
        ]
        if len(kept) > limit or len(rows) <= limit:
            break
        after = (rows[-1].placed_at, rows[-1].stream, rows[-1].seq)
    more = len(kept) > limit
    kept = kept[:limit]
    return Page(kept, _write_position(kept[-1]) if more else None)


def widest(windows: Iterable[Window]) -> Window:
    """The one window that holds them all."""
    starts, ends = zip(*windows, strict=True)
    return (None if None in starts else min(starts), None if None in ends else max(ends))


def is_inside(row: Row, window: Window) -> bool:
    """Whether a record stands in a window."""
    start, end = window
    return (start is None or row.placed_at >= start) and (end is None or row.placed_at < end)


def _read_position(position: Any) -> tuple[datetime, str, int] | None:
    if position is None:
        return None
    return (datetime.fromisoformat(position[0]), position[1], position[2])


def _write_position(row: Row) -> list[Any]:
    return [row.placed_at.isoformat(), row.stream, row.seq]


def _given(allowed: Allowed, streams: Mapping[str, Window], found: Page) -> Given:
    return Given(
        allowed.object_id,
        allowed.tenure_id,
        sorted(streams),
        *widest(streams.values()),
        "exact",
        len(found.rows),
    )


def _body(located: Located, rows: Sequence[Row], cursor: str | None) -> bytes:
    grant = located.grant
    assert grant is not None
    return records_body(rows, next=cursor, **grant.told)


Rows = Sequence[Row]
