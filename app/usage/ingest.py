"""Taking records in: each line is stored, known already, or refused with its reason.

Several calls are taken at once: few reads, one lock per object and one write per table, however
many records, objects and calls there are. What a record is called is looked at before its time:
sent again, a stored record is a duplicate whatever the clock says by then.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, delete

from app.keys.log_keys import KeysMissing
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.errors import DomainError, NotFound
from app.usage import queries
from app.usage.corrections import note_corrections
from app.usage.entry import to_micros
from app.usage.errors import (
    BatchRefused,
    InvalidRecord,
    ObjectUnclaimed,
    RecordConflict,
    TooLateForId,
    UnknownStream,
)
from app.usage.formats.assemble import Measure, assemble
from app.usage.formats.names import StreamFields
from app.usage.heads import StreamKey, new_head, trust_head
from app.usage.items import Item, RefusedLine
from app.usage.models import RecentName
from app.usage.place import Frame, check_pauses, is_clock_wrong, place
from app.usage.queries import HeadRow, ObjectRow, TenureRow
from app.usage.read import Log, entries_at
from app.usage.schema import StreamCache, Streams
from app.usage.segments import Opener, Sealer, StreamPlace
from app.usage.sequences import Counter
from app.usage.store import Fresh, append, note_names

STORED, DUPLICATE, REFUSED = "stored", "duplicate", "refused"
NAMES_KEPT = timedelta(days=7)
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)


class LineResult(NamedTuple):
    """What became of one line; `error` where it was refused."""

    line: int
    status: str
    error: DomainError | None = None


class Call(NamedTuple):
    """What one maker sends in one call: records, or measurements that are yet to become records.
    `object_id` is the one that the call is about, where its address says so. `is_strict`: all of
    it or nothing; `signed_by` is the key of the object that signed it."""

    org_id: UUID
    items: Sequence[Item | RefusedLine] = ()
    measures: Sequence[Measure | RefusedLine] = ()
    object_id: UUID | None = None
    is_strict: bool = False
    signed_by: str | None = None


class Taken(NamedTuple):
    """What became of a call: one result a line, in order. With `error` nothing of it was stored:
    its object is unknown, or it was strict, and then `results` has the lines at fault."""

    results: list[LineResult]
    error: DomainError | None = None


class Name(NamedTuple):
    """What a record is known by: its object and the hash of its id or device sequence."""

    object_id: UUID
    name_hash: bytes


@dataclass(frozen=True)
class Taker:
    """What ingest needs beside the calls: built once by the composition root."""

    keys: Sealer
    streams: StreamCache
    tolerance: timedelta


@dataclass(slots=True)
class _Thing:
    """What the database says of an object: whose it is, what it records, its present tenure, and
    where that one's streams stand. `trusted` are those that may be gone on from."""

    row: ObjectRow
    streams: Streams
    tenure: TenureRow | None
    frame: Frame | None
    heads: dict[str, HeadRow]
    trusted: set[str] = field(default_factory=set)


class _Checked(NamedTuple):
    """A line whose values fit its stream."""

    item: Item
    thing: _Thing
    body: str
    names: tuple[Name, ...] = ()
    content: bytes = b""


@dataclass(slots=True)
class _Round:
    """What the calls have brought so far. `is_same` tells of a record whose device sequence was
    had long ago whether it is the one that was stored then."""

    now: datetime
    is_same: Callable[["_Checked"], bool]
    seen: dict[Name, bytes] = field(default_factory=dict)
    counters: dict[tuple[StreamKey, str], Counter] = field(default_factory=dict)
    unheard: set[UUID] = field(default_factory=set)
    fresh: dict[StreamKey, list[Fresh]] = field(default_factory=dict)
    names: list[tuple[UUID, bytes, bytes, datetime]] = field(default_factory=list)
    corrected: list[tuple[UUID, UUID, str, str]] = field(default_factory=list)


def ingest(conn: Connection, clock: Clock, taker: Taker, call: Call) -> list[LineResult]:
    """The results of one call by itself; see `ingest_all`."""
    return ingest_all(conn, clock, taker, [call])[0].results


def ingest_all(conn: Connection, clock: Clock, taker: Taker, calls: Sequence[Call]) -> list[Taken]:
    """Store what makers send, in this transaction.

    A line that is refused does not touch the others, unless its call is strict. The caller has
    checked that the makers may write logs. KeysMissing where this process does not hold a key yet.
    """
    now = clock.now()
    things = _look_up(conn, taker, calls, now)
    checked = [
        [_check_line(taker.keys, one, call.org_id, things) for one in _items(call, things)]
        for call in calls
    ]
    lines = [one for call in checked for one in call if isinstance(one, _Checked)]
    state = _Round(now, partial(_is_same, conn, taker.keys), unheard=_unheard(conn, lines))
    named = {name for one in lines for name in one.names}
    if named:
        state.seen = {Name(*key): c for key, c in queries.recent_names(conn, named).items()}
        state.counters = _counters(conn, lines)
    taken = [
        _take_call(one, call, state) if _knows(call, things) else Taken([], _unknown())
        for one, call in zip(checked, calls, strict=True)
    ]
    _write(conn, taker, things, state)
    return taken


def forget_names(conn: Connection, clock: Clock) -> int:
    """Drop the names that need not be known any more; the number dropped."""
    old = delete(RecentName).where(RecentName.forget_at < clock.now())
    return conn.execute(old).rowcount


def _unknown(field: str | None = None) -> NotFound:
    return NotFound("There is no such object of yours.", field=field)


def _knows(call: Call, things: dict[UUID, _Thing]) -> bool:
    """Whether the object that the call's address names is this maker's."""
    if call.object_id is None:
        return True
    thing = things.get(call.object_id)
    return thing is not None and thing.row.org_id == call.org_id


def _items(call: Call, things: dict[UUID, _Thing]) -> Sequence[Item | RefusedLine]:
    """The call's records; measurements are put together to records by their product's names."""
    if not call.measures:
        return call.items
    by_object: dict[UUID, list[Measure]] = {}
    found: list[Item | RefusedLine] = []
    for one in call.measures:
        if isinstance(one, RefusedLine):
            found.append(one)
        elif (thing := things.get(one.object_id)) is None or thing.row.org_id != call.org_id:
            found.append(RefusedLine(one.line, _unknown("/n")))
        else:
            by_object.setdefault(one.object_id, []).append(one)
    for object_id, measures in by_object.items():
        streams = things[object_id].streams
        fields = {n: StreamFields(kind, streams.fields[n]) for n, kind in streams.kinds.items()}
        found += assemble(measures, fields)
    return sorted(found, key=lambda one: one.line)


def _look_up(
    conn: Connection, taker: Taker, calls: Sequence[Call], now: datetime
) -> dict[UUID, _Thing]:
    wanted: dict[UUID, set[UUID]] = {}
    for call in calls:
        lines = chain(call.items, call.measures)
        mine = {one.object_id for one in lines if not isinstance(one, RefusedLine)}
        for object_id in mine | ({call.object_id} if call.object_id else set()):
            wanted.setdefault(object_id, set()).add(call.org_id)
    rows = [row for row in queries.objects(conn, wanted) if row.org_id in wanted[row.object_id]]
    streams = _streams(conn, taker.streams, {row.product_id for row in rows})
    tenures = queries.lock_open_tenures(conn, [row.object_id for row in rows])
    latest = now + taker.tolerance
    heads: dict[UUID, dict[str, HeadRow]] = {}
    for head in queries.heads(conn, tenures).values():
        if head.tenure_id == tenures[head.object_id].tenure_id:
            heads.setdefault(head.object_id, {})[head.stream] = head
    return {
        row.object_id: _Thing(
            row,
            streams[row.product_id],
            tenures.get(row.object_id),
            _frame(now, latest, row, tenures.get(row.object_id)),
            heads.get(row.object_id, {}),
        )
        for row in rows
    }


def _streams(conn: Connection, cache: StreamCache, products: set[UUID]) -> dict[UUID, Streams]:
    known = {product_id: cache.get(product_id) for product_id in products}
    unknown = [product_id for product_id, streams in known.items() if streams is None]
    rows = queries.streams_of(conn, unknown) if unknown else []
    for product_id in unknown:
        mine = [row[1:] for row in rows if row.product_id == product_id]
        known[product_id] = cache.put(product_id, mine)
    return {product_id: streams for product_id, streams in known.items() if streams is not None}


def _frame(
    now: datetime, latest: datetime, row: ObjectRow, tenure: TenureRow | None
) -> Frame | None:
    return tenure and Frame(
        now,
        latest,
        row.registered_at,
        tenure.tenure_id,
        tenure.starts_at,
        tenure.claimed_at,
        tenure.pauses,
    )


def _check_line(
    keys: Opener, item: Item | RefusedLine, org_id: UUID, things: dict[UUID, _Thing]
) -> _Checked | RefusedLine:
    if isinstance(item, RefusedLine):
        return item
    try:
        return _check(keys, item, org_id, things)
    except DomainError as error:
        return RefusedLine(item.line, error)


def _check(keys: Opener, item: Item, org_id: UUID, things: dict[UUID, _Thing]) -> _Checked:
    thing = things.get(item.object_id)
    if thing is None or thing.row.org_id != org_id:
        raise _unknown("/object")
    if thing.frame is None:
        raise ObjectUnclaimed(hold=True)
    kind = thing.streams.kinds.get(item.stream)
    if kind is None:
        raise UnknownStream(f"The product has no stream {item.stream!r}.", field="/stream")
    if (kind == "interval") != (item.until is not None):
        raise _wrong_kind(item)
    if item.stream not in thing.trusted:
        _trust(keys, thing, item.stream, things)
    body = thing.streams.shapes[item.stream].write(item.values)
    if item.record_id is None and item.sequence is None:
        return _Checked(item, thing, body)
    names = tuple(_names(item, thing.frame.tenure_id))
    told = f"{item.stream}\n{item.at.isoformat()}\n{item.until}\n{item.corrects}\n{body}"
    return _Checked(item, thing, body, names, sha256(told))


def _trust(keys: Opener, thing: _Thing, stream: str, things: dict[UUID, _Thing]) -> None:
    """Once for each stream; the keys that all heads need are asked for together."""
    head = thing.heads.get(stream)
    if head is not None:
        try:
            trust_head(keys, head)
        except KeysMissing as missing:
            every = [one for other in things.values() for one in other.heads.values()]
            raise KeysMissing(ids={(one.tenure_id, one.key_id) for one in every}) from missing
    thing.trusted.add(stream)


def _wrong_kind(item: Item) -> InvalidRecord:
    text = "has intervals: `until` is missing" if item.until is None else "has no intervals"
    return InvalidRecord(f"The stream {item.stream!r} {text}.", field="/until")


def _names(item: Item, tenure_id: UUID) -> Iterable[Name]:
    if item.record_id is not None:
        yield Name(item.object_id, sha256(item.record_id))
    if item.sequence is not None:
        told = f"\0sequence\0{tenure_id}\0{item.stream}\0{item.epoch or ''}\0{item.sequence}"
        yield Name(item.object_id, sha256(told))


def _unheard(conn: Connection, lines: Sequence[_Checked]) -> set[UUID]:
    """Objects of which a wrong time may belong to an earlier owner. What these very calls bring
    counts as not heard yet: a device empties its buffer in one go, the old owner's part too."""
    doubtful = {
        (one.item.object_id, one.thing.frame.tenure_id)
        for one in lines
        if one.thing.frame and is_clock_wrong(one.item.at, one.item.until, one.thing.frame)
    }
    return queries.unheard_since_transfer(conn, doubtful) if doubtful else set()


def _counters(conn: Connection, lines: Sequence[_Checked]) -> dict[tuple[StreamKey, str], Counter]:
    counted = {_counter_of(one) for one in lines if one.item.sequence is not None}
    return {(key, epoch): Counter(conn, *key, epoch) for key, epoch in counted}


def _counter_of(one: _Checked) -> tuple[StreamKey, str]:
    return _key_of(one), one.item.epoch or ""


def _key_of(one: _Checked) -> StreamKey:
    assert one.thing.frame is not None  # checked: an object without a tenure has no line here
    return one.item.object_id, one.thing.frame.tenure_id, one.item.stream


def _take_call(lines: Sequence[_Checked | RefusedLine], call: Call, state: _Round) -> Taken:
    """What becomes of a call's lines; those that will be stored join the round."""
    results: list[LineResult] = []
    taken: list[tuple[_Checked, Fresh]] = []
    added: dict[Name, bytes] = {}
    for one in lines:
        if isinstance(one, RefusedLine):
            results.append(LineResult(one.line, REFUSED, one.error))
            continue
        try:
            fresh = _take(one, call, state, added)
        except DomainError as error:
            results.append(LineResult(one.item.line, REFUSED, error))
            continue
        if fresh is None:
            results.append(LineResult(one.item.line, DUPLICATE))
            continue
        taken.append((one, fresh))
        added |= dict.fromkeys(one.names, one.content)
        results.append(LineResult(one.item.line, STORED))
    refused = [result for result in results if result.status == REFUSED]
    if call.is_strict and refused:
        return Taken(refused, BatchRefused())
    _join(taken, added, state)
    return Taken(results)


def _take(one: _Checked, call: Call, state: _Round, added: dict[Name, bytes]) -> Fresh | None:
    """The record as it will be stored; None where it is known. A DomainError refuses it."""
    item, frame = one.item, one.thing.frame
    assert frame is not None  # checked
    if one.names and _is_known(one, state, added):
        return None
    placed = place(item.at, item.until, frame, is_unheard=item.object_id in state.unheard)
    if frame.pauses:
        check_pauses(item.stream, placed.placed_at, frame.pauses)
    if item.record_id is not None and item.sequence is None:
        _check_age(item, frame)
    at = to_micros(item.at)
    return Fresh(
        at,
        None if item.until is None else to_micros(item.until),
        at if placed.placed_at is item.at else to_micros(placed.placed_at),
        placed.flags,
        item.record_id,
        item.epoch,
        item.sequence,
        item.corrects,
        one.body,
        call.signed_by,
    )


def _is_known(one: _Checked, state: _Round, added: dict[Name, bytes]) -> bool:
    """Whether the record came before; RecordConflict where another one did under its name."""
    contents = {c for name in one.names if (c := added.get(name) or state.seen.get(name))}
    if contents - {one.content}:
        raise RecordConflict(field="/id" if one.item.record_id is not None else "/sequence")
    if contents:
        return True
    if one.item.sequence is None or one.item.sequence not in state.counters[_counter_of(one)].had:
        return False
    if not state.is_same(one):
        raise RecordConflict(field="/sequence")
    return True


def _is_same(conn: Connection, keys: Opener, one: _Checked) -> bool:
    """Whether a record is the one that was stored under its device sequence, too long ago for its
    name to be remembered: the stored one is looked up at this one's time. Where that time says
    nothing, or something was removed there, it counts as the same, and is not stored again."""
    object_id, tenure_id, stream = _key_of(one)
    assert one.thing.frame is not None  # checked
    if is_clock_wrong(one.item.at, one.item.until, one.thing.frame):
        return True
    at = to_micros(one.item.at)
    log = Log(conn, keys, object_id, tenure_id)
    for entry in entries_at(log, stream, at):
        if (entry.sequence, entry.epoch) == (one.item.sequence, one.item.epoch):
            until = None if one.item.until is None else to_micros(one.item.until)
            told = (entry.at, entry.until, entry.body, entry.corrects)
            return told == (at, until, one.body, one.item.corrects)
    return queries.is_removed_at(conn, object_id, tenure_id, stream, at)


def _check_age(item: Item, frame: Frame) -> None:
    """A name is kept for some days after its record came, and that was not before the record
    began, nor before the claim; a clock that is wrong says nothing of when it began."""
    is_wrong = is_clock_wrong(item.at, item.until, frame)
    earliest = frame.claimed_at if is_wrong else max(item.at, frame.claimed_at)
    if earliest < frame.now - NAMES_KEPT:
        raise TooLateForId(field="/id")


def _join(taken: Sequence[tuple[_Checked, Fresh]], added: dict[Name, bytes], state: _Round) -> None:
    for one, fresh in taken:
        key = _key_of(one)
        state.fresh.setdefault(key, []).append(fresh)
        if fresh.sequence is not None:
            state.counters[_counter_of(one)].had.add(fresh.sequence)
        if fresh.corrects is not None:
            state.corrected.append((*key, fresh.corrects))
        state.names += [(*name, one.content, _until(one, name, fresh, state)) for name in one.names]
    state.seen |= added


def _until(one: _Checked, name: Name, fresh: Fresh, state: _Round) -> datetime:
    """When a name need not be known any more: the log itself tells a number after some days, at
    its record's time, unless that was ahead of the server's."""
    is_ahead = fresh.at > fresh.placed
    if is_ahead and fresh.sequence is not None and name == one.names[-1]:
        return _NEVER
    return state.now + NAMES_KEPT


def _write(conn: Connection, taker: Taker, things: dict[UUID, _Thing], state: _Round) -> None:
    if not state.fresh:
        return
    work = []
    for key, records in state.fresh.items():
        thing = things[key[0]]
        head = thing.heads.get(key[2]) or new_head(key, state.now)
        work.append((_place_of(thing, head), head, _keep_days(thing, key[2]), records))
    append(conn, taker.keys, state.now, work)
    if state.names:
        note_names(conn, state.names)
    for counter in state.counters.values():
        counter.keep(conn)
    if state.corrected:
        note_corrections(conn, state.now, state.corrected)


def _keep_days(thing: _Thing, stream: str) -> int | None:
    """How long the stream is kept: as the product says, or the owner, whichever is shorter."""
    chosen = (thing.tenure.keep_days or {}).get(stream) if thing.tenure else None
    days = [one for one in (chosen, thing.streams.keep_days[stream]) if one is not None]
    return min(days, default=None)


def _place_of(thing: _Thing, head: HeadRow) -> StreamPlace:
    assert thing.tenure is not None  # something of it is stored
    return StreamPlace(
        thing.tenure.owner_id, head.object_id, head.tenure_id, head.stream, head.key_turn
    )
