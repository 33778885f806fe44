"""What is new under all of a client's permissions: what became of each, and the records that came,
in the order in which they came.

A round looks at every permission once, for what is new between two instants; a page is a part of
a round. It is fetched outside the writer; then each permission with records is locked and decided
again, and the reading recorded, before anything leaves. A kind that may be read so often alone is
left out: whoever follows changes cannot say when to count. So is one that is told over stretches
of time: it never comes record by record.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.accesses.record import READING, Attempt, Given, record_given
from app.consent.decide import Allowed, GrantState, decide
from app.consent.grants import GrantPlace, Happening, Lately, lately, lock_grant, places_of
from app.disclosure.records import is_inside, told_rows, widest
from app.kit.clock import Clock
from app.kit.ids import new_id
from app.objects.categories import CATEGORIES
from app.objects.products import stream_categories
from app.objects.tenures import find_open_tenure
from app.usage.arrivals import arrivals, heard_since
from app.usage.read import Log
from app.usage.rows import Row
from app.usage.segments import Opener

_GRANTS = 100  # looked at together
_MOST_GRANTS = 2000  # looked at for one page
_ALL = frozenset(CATEGORIES)


@dataclass(frozen=True)
class Spot:
    """A stream of an object under a permission, and the number that was told last."""

    object_id: UUID
    stream: str
    seq: int


@dataclass(frozen=True)
class Round:
    """What is looked for: what is new since one instant (ever, if None) until another; behind
    which permission, and, where that one was told in part, behind which record of it."""

    since: datetime | None
    until: datetime
    behind: UUID | None = None
    spot: Spot | None = None

    def written(self) -> list[Any]:
        """As JSON."""
        spot = self.spot and [str(self.spot.object_id), self.spot.stream, self.spot.seq]
        since = self.since and self.since.isoformat()
        return [since, self.until.isoformat(), self.behind and str(self.behind), spot]


def read_round(told: Sequence[Any]) -> Round:
    """What `Round.written` gave."""
    since, until, behind, spot = told
    return Round(
        datetime.fromisoformat(since) if since else None,
        datetime.fromisoformat(until),
        UUID(behind) if behind else None,
        Spot(UUID(spot[0]), spot[1], spot[2]) if spot else None,
    )


@dataclass(frozen=True)
class Came:
    """Records of one stream that came; `allowed` is the decision that they were fetched by."""

    allowed: Allowed
    stream: str
    kind: str
    rows: Sequence[Row]

    def shown(self) -> "Came":
        """The records that lie in the window of their kind."""
        window = self.allowed.windows[self.kind]
        return replace(self, rows=[row for row in self.rows if is_inside(row, window)])


@dataclass(frozen=True)
class Change:
    """What is new under one permission."""

    place: GrantPlace
    state: GrantState
    happened: Sequence[Happening]
    came: Sequence[Came]


@dataclass(frozen=True)
class Changes:
    """A page: what is new, and the round that goes on behind it, None where it is at its end."""

    found: Sequence[Change]
    rest: Round | None


def look_for_changes(
    conn: Connection, clock: Clock, keys: Opener, client_id: str, wanted: Round, limit: int
) -> Changes:
    """The next of a round, up to `limit` records. Nothing of it may leave before
    `record_changes` has been committed."""
    found: list[Change] = []
    left = limit
    for looked, one in enumerate(_each(conn, client_id, wanted), 1):
        spot = wanted.spot if one.place.grant_id == wanted.behind else None
        came: list[Came] = []
        for some in _arrived(conn, clock, keys, one.state, replace(wanted, spot=spot), left):
            came.append(some)
            left -= len(some.rows)
        happened = [] if spot else one.happened
        shown = [told for some in came if (told := some.shown()).rows]
        if happened or shown:
            found.append(Change(one.place, one.state, happened, shown))
        rest = replace(wanted, behind=one.place.grant_id, spot=None)
        if left <= 0:
            last = came[-1]
            spot = Spot(last.allowed.object_id, last.stream, last.rows[-1].seq)
            return Changes(found, replace(rest, spot=spot))
        if looked == _MOST_GRANTS:
            return Changes(found, rest)
    return Changes(found, None)


def record_changes(
    conn: Connection,
    clock: Clock,
    client_id: str,
    name: str,
    found: Sequence[Change],
    send_by: datetime,
) -> list[Change]:
    """What of a page may leave, its readings recorded. A permission that lets other things be read
    by now than when it was fetched tells no records: the next pages tell what became of it. Those
    that tell some are held until the commit."""
    told = []
    for one in sorted(found, key=lambda change: change.place.grant_id):
        owner_id, grant_id = one.place.owner_id, one.place.grant_id
        came: list[Came] = []
        state = lock_grant(conn, owner_id, grant_id) if one.came else None
        now = clock.now()
        if state is not None:
            came = [some for some in one.came if _is_same(conn, state, some, now)]
        if state is not None and came:
            asked = {"changes": True}
            attempt = Attempt(now, READING, client_id, name, grant_id, state.version, asked)
            record_given(conn, owner_id, new_id(), attempt, _given(came), send_by)
        if came or one.happened:
            told.append(replace(one, came=came))
    return told


def _each(conn: Connection, client_id: str, wanted: Round) -> Iterator[Lately]:
    """The permissions of a round, from where it stands: that one once more, if it was told in
    part."""
    behind = wanted.behind
    if behind is not None and wanted.spot is not None:
        behind = UUID(int=behind.int - 1)
    while places := places_of(conn, client_id, behind, _GRANTS):
        yield from lately(conn, places, wanted.since, wanted.until)
        behind = places[-1].grant_id


def _arrived(
    conn: Connection, clock: Clock, keys: Opener, state: GrantState, wanted: Round, limit: int
) -> Iterator[Came]:
    """What came to the streams that a permission lets be read, as many records as are wanted, in
    the order of objects and streams."""
    objects = {detail.object_id for detail in state.details}
    passed = (wanted.spot.object_id, wanted.spot.stream) if wanted.spot else None
    heard = heard_since(conn, objects, wanted.since)
    for object_id, streams in groupby(heard, key=lambda one: one.object_id):
        allowed = decide(state, object_id, _ALL, clock.now())
        if not isinstance(allowed, Allowed):
            continue
        kinds = stream_categories(conn, object_id)
        log = Log(conn, keys, object_id, allowed.tenure_id)
        for one in streams:
            kind, place = kinds.get(one.stream, ""), (object_id, one.stream)
            is_open = kind in allowed.exact() and kind not in allowed.limits
            if not is_open or one.tenure_id != allowed.tenure_id or place < (passed or place):
                continue
            behind = wanted.spot.seq if wanted.spot and place == passed else None
            rows = arrivals(log, one.stream, wanted.since, wanted.until, behind, limit)
            limit -= len(rows)
            if rows:
                told = told_rows(conn, allowed, {one.stream: kind}, rows)
                yield Came(allowed, one.stream, kind, told)
            if limit <= 0:
                return


def _is_same(conn: Connection, state: GrantState, came: Came, now: datetime) -> bool:
    """Whether what was fetched may still be read, by the grant and the tenure as they are now."""
    allowed = came.allowed
    tenure = find_open_tenure(conn, allowed.object_id)
    is_theirs = tenure is not None and tenure.tenure_id == allowed.tenure_id
    return is_theirs and decide(state, allowed.object_id, _ALL, now) == allowed


def _given(came: Sequence[Came]) -> list[Given]:
    """What leaves of each object."""
    found = []
    for _, some in groupby(came, key=lambda one: one.allowed.object_id):
        parts = list(some)
        allowed = parts[0].allowed
        windows = [allowed.windows[part.kind] for part in parts]
        streams, count = [part.stream for part in parts], sum(len(part.rows) for part in parts)
        found.append(
            Given(
                allowed.object_id,
                allowed.tenure_id,
                streams,
                *widest(windows),
                "exact",
                count,
            )
        )
    return found
