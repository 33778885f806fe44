"""Taking records in: each line is stored, known already, or refused with its reason.

Several calls are taken at once: few reads, one lock per object and one write per table, however
many records, objects and calls there are. What a record is called is looked at before its time:
sent again, a stored record is a duplicate whatever the clock says by then.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from itertools import chain, groupby
from typing import NamedTuple
from uuid import UUID

import msgspec
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
from app.usage.items import MAX_RECORDS, Item, RefusedLine
from app.usage.models import RecentName
from app.usage.place import Frame, check_pauses, is_clock_wrong, place
from app.usage.queries import HeadRow, ObjectRow, TenureRow
from app.usage.read import Log, entries_at
from app.usage.schema import Shape, StreamCache, Streams
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
    it or nothing; `signed_by` is the key of the object that signed it; `sender` is the object that
    speaks for itself, and for no other."""

    org_id: UUID
    items: Sequence[Item | RefusedLine] = ()
    measures: Sequence[Measure | RefusedLine] = ()
    object_id: UUID | None = None
    is_strict: bool = False
    signed_by: str | None = None
    sender: UUID | None = None


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
    where that one's streams stand. `spots` are the streams that these calls have records of."""

    row: ObjectRow
    streams: Streams
    tenure: TenureRow | None
    heads: dict[str, HeadRow]
    spots: dict[str, "_Spot"] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Spot:
    """A stream of an object in its present tenure, and what this round adds to it. `is_unheard`:
    a wrong time may belong to an earlier owner."""

    key: StreamKey
    place: StreamPlace
    frame: Frame
    head: HeadRow
    keep_days: int | None
    is_interval: bool
    shape: Shape
    is_unheard: bool = False
    fresh: list[Fresh] = field(default_factory=list)


class _Checked(msgspec.Struct, gc=False):  # a named tuple is three times as dear to make
    """A line whose values fit its stream."""

    item: Item
    spot: _Spot
    body: str
    is_wrong: bool
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
    things = _look_up(conn, taker, calls)
    now = clock.now()  # behind the locks: what came earlier than this is committed, or comes later
    latest = now + taker.tolerance
    checked = [
        _check_call(_Bench(taker.keys, things, now, latest), _items(call, things), call)
        for call in calls
    ]
    lines = [one for call in checked for one in call if type(one) is _Checked]
    state = _Round(now, partial(_is_same, conn, taker.keys))
    _note_unheard(conn, [one.spot for one in lines if one.is_wrong])
    named = {name for one in lines for name in one.names}
    if named:
        state.seen = {Name(*key): c for key, c in queries.recent_names(conn, named).items()}
        state.counters = _counters(conn, lines)
    taken = [
        _take_call(one, call, state) if _knows(call, things) else Taken([], _unknown())
        for one, call in zip(checked, calls, strict=True)
    ]
    spots = [spot for thing in things.values() for spot in thing.spots.values() if spot.fresh]
    _write(conn, taker, spots, state)
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
    return _thing_of(call, things, call.object_id) is not None


def _thing_of(call: Call, things: dict[UUID, _Thing], object_id: UUID) -> _Thing | None:
    """The object, where the call may write for it: an object of its maker, and none but the
    sender where that speaks for itself."""
    thing = things.get(object_id)
    if thing is None or thing.row.org_id != call.org_id:
        return None
    return thing if call.sender in (None, object_id) else None


def _items(call: Call, things: dict[UUID, _Thing]) -> Sequence[Item | RefusedLine]:
    """The call's records; measurements are put together to records by their product's names."""
    if not call.measures:
        return call.items
    by_object: dict[UUID, list[Measure]] = {}
    found: list[Item | RefusedLine] = []
    for one in call.measures:
        if isinstance(one, RefusedLine):
            found.append(one)
        elif _thing_of(call, things, one.object_id) is None:
            found.append(RefusedLine(one.line, _unknown("/n")))
        else:
            by_object.setdefault(one.object_id, []).append(one)
    for object_id, measures in by_object.items():
        streams = things[object_id].streams
        fields = {n: StreamFields(kind, streams.fields[n]) for n, kind in streams.kinds.items()}
        found += assemble(measures, fields)
    return sorted(found, key=lambda one: one.line)


def _look_up(conn: Connection, taker: Taker, calls: Sequence[Call]) -> dict[UUID, _Thing]:
    wanted: dict[UUID, set[UUID]] = {}
    for call in calls:
        mine = _objects_of(chain(call.items, call.measures))
        for object_id in mine | ({call.object_id} if call.object_id else set()):
            wanted.setdefault(object_id, set()).add(call.org_id)
    orgs = {call.org_id for call in calls}
    every, tenures, stands = queries.look_up(conn, wanted, orgs)
    rows = [row for row in every if row.org_id in wanted[row.object_id]]
    streams = _streams(conn, taker.streams, {row.product_id for row in rows})
    heads: dict[UUID, dict[str, HeadRow]] = {}
    for head in stands:
        tenure = tenures.get(head.object_id)
        if tenure is not None and head.tenure_id == tenure.tenure_id:
            heads.setdefault(head.object_id, {})[head.stream] = head
    return {
        row.object_id: _Thing(
            row,
            streams[row.product_id],
            tenures.get(row.object_id),
            heads.get(row.object_id, {}),
        )
        for row in rows
    }


def _objects_of(lines: Iterable[Item | Measure | RefusedLine]) -> set[UUID]:
    """The objects that the lines name. Neighbours mostly share one, and are told apart by that
    first: a UUID is dear to hash."""
    named = (one.object_id for one in lines if not isinstance(one, RefusedLine))
    return {object_id for object_id, _ in groupby(named)}


def _streams(conn: Connection, cache: StreamCache, products: set[UUID]) -> dict[UUID, Streams]:
    known = {product_id: cache.get(product_id) for product_id in products}
    unknown = [product_id for product_id, streams in known.items() if streams is None]
    rows = queries.streams_of(conn, unknown) if unknown else []
    for product_id in unknown:
        mine = [row[1:] for row in rows if row.product_id == product_id]
        known[product_id] = cache.put(product_id, mine)
    return {product_id: streams for product_id, streams in known.items() if streams is not None}


class _Bench(NamedTuple):
    """What lines are checked with."""

    keys: Opener
    things: dict[UUID, _Thing]
    now: datetime
    latest: datetime


def _check_call(
    bench: _Bench, lines: Sequence[Item | RefusedLine], call: Call
) -> list[_Checked | RefusedLine]:
    """The lines as far as they can be judged one by one."""
    found: list[_Checked | RefusedLine] = []
    last: UUID | None = None
    thing: _Thing | None = None
    for one in lines:
        if type(one) is RefusedLine:
            found.append(one)
            continue
        assert type(one) is Item  # there are no others
        if one.object_id is not last:
            last = one.object_id
            thing = _thing_of(call, bench.things, last)
        try:
            if thing is None:
                raise _unknown("/object")
            spot = thing.spots.get(one.stream) or _open_spot(bench, thing, one.stream)
            found.append(_check(one, spot))
        except DomainError as error:
            found.append(RefusedLine(one.line, error.with_traceback(None)))
    return found


def _open_spot(bench: _Bench, thing: _Thing, stream: str) -> _Spot:
    """Where records of a stream go. ObjectUnclaimed, UnknownStream, LogDamaged where nowhere."""
    row, tenure, streams = thing.row, thing.tenure, thing.streams
    if tenure is None:
        raise ObjectUnclaimed(hold=True)
    kind = streams.kinds.get(stream)
    if kind is None:
        raise UnknownStream(f"The product has no stream {stream!r}.", field="/stream")
    key = (row.object_id, tenure.tenure_id, stream)
    head = thing.heads.get(stream)
    if head is not None:
        _trust(bench, head)
    head = head or new_head(key, bench.now)
    frame = Frame(
        bench.now,
        bench.latest,
        row.registered_at,
        tenure.tenure_id,
        tenure.starts_at,
        tenure.claimed_at,
        tenure.pauses,
    )
    spot = _Spot(
        key,
        StreamPlace(tenure.owner_id, *key, head.key_turn),
        frame,
        head,
        _keep_days(tenure, streams, stream),
        kind == "interval",
        streams.shapes[stream],
    )
    thing.spots[stream] = spot
    return spot


def _trust(bench: _Bench, head: HeadRow) -> None:
    """`trust_head`; the keys that all heads need are asked for together."""
    try:
        trust_head(bench.keys, head)
    except KeysMissing as missing:
        every = [one for thing in bench.things.values() for one in thing.heads.values()]
        raise KeysMissing(ids={(one.tenure_id, one.key_id) for one in every}) from missing


def _check(item: Item, spot: _Spot) -> _Checked:
    if spot.is_interval != (item.until is not None):
        raise _wrong_kind(item)
    body = spot.shape.write(item.values)
    is_wrong = is_clock_wrong(item.at, item.until, spot.frame)
    if item.record_id is None and item.sequence is None:
        return _Checked(item, spot, body, is_wrong)
    names = tuple(_names(item, spot.frame.tenure_id))
    told = f"{item.stream}\n{item.at.isoformat()}\n{item.until}\n{item.corrects}\n{body}"
    return _Checked(item, spot, body, is_wrong, names, sha256(told))


def _wrong_kind(item: Item) -> InvalidRecord:
    text = "has intervals: `until` is missing" if item.until is None else "has no intervals"
    return InvalidRecord(f"The stream {item.stream!r} {text}.", field="/until")


def _names(item: Item, tenure_id: UUID) -> Iterable[Name]:
    if item.record_id is not None:
        yield Name(item.object_id, sha256(item.record_id))
    if item.sequence is not None:
        told = f"\0sequence\0{tenure_id}\0{item.stream}\0{item.epoch or ''}\0{item.sequence}"
        yield Name(item.object_id, sha256(told))


def _note_unheard(conn: Connection, doubtful: Sequence[_Spot]) -> None:
    """Note of which objects a wrong time may belong to an earlier owner. What these very calls
    bring counts as not heard yet: a device empties its buffer in one go, the old owner's part
    too."""
    if not doubtful:
        return
    unheard = queries.unheard_since_transfer(conn, {spot.key[:2] for spot in doubtful})
    for spot in doubtful:
        spot.is_unheard = spot.key[0] in unheard


def _counters(conn: Connection, lines: Sequence[_Checked]) -> dict[tuple[StreamKey, str], Counter]:
    counted = {_counter_of(one) for one in lines if one.item.sequence is not None}
    return {(key, epoch): Counter(conn, *key, epoch) for key, epoch in counted}


def _counter_of(one: _Checked) -> tuple[StreamKey, str]:
    return one.spot.key, one.item.epoch or ""


@lru_cache(MAX_RECORDS)
def _stored(line: int) -> LineResult:
    """What becomes of nearly every line, so it is said once."""
    return LineResult(line, STORED)


def _take_call(lines: Sequence[_Checked | RefusedLine], call: Call, state: _Round) -> Taken:
    """What becomes of a call's lines; those that will be stored join the round."""
    results: list[LineResult] = []
    taken: list[tuple[_Checked, Fresh]] = []
    added: dict[Name, bytes] = {}
    is_all = True
    for one in lines:
        if type(one) is RefusedLine:
            results.append(LineResult(one.line, REFUSED, one.error))
            is_all = False
            continue
        assert type(one) is _Checked  # there are no others
        try:
            if one.names and _is_known(one, state, added):
                results.append(LineResult(one.item.line, DUPLICATE))
                continue
            taken.append((one, _take(one, call.signed_by)))
        except DomainError as error:
            results.append(LineResult(one.item.line, REFUSED, error.with_traceback(None)))
            is_all = False
            continue
        if one.names:
            added |= dict.fromkeys(one.names, one.content)
        results.append(_stored(one.item.line))
    if call.is_strict and not is_all:
        return Taken([result for result in results if result.status == REFUSED], BatchRefused())
    _join(taken, added, state)
    return Taken(results)


def _take(one: _Checked, signed_by: str | None) -> Fresh:
    """The record as it will be stored. A DomainError refuses it."""
    _, _, stream, at, until, _, record_id, sequence, epoch, corrects = one.item
    spot = one.spot
    frame = spot.frame
    placed_at, flags = at, ""
    if one.is_wrong or at < frame.claimed_at:  # else it stands where it says, as nearly all do
        placed_at, flags = place(at, until, frame, is_unheard=spot.is_unheard)
    if frame.pauses:
        check_pauses(stream, placed_at, until if placed_at is at else None, frame.pauses)
    if record_id is not None and sequence is None:
        _check_age(one)
    return at, until, placed_at, flags, record_id, epoch, sequence, corrects, one.body, signed_by


def _is_known(one: _Checked, state: _Round, added: dict[Name, bytes]) -> bool:
    """Whether the record came before; RecordConflict where another one did under its name."""
    contents = {c for name in one.names if (c := added.get(name) or state.seen.get(name))}
    if contents - {one.content}:
        raise _conflict("id" if one.item.record_id is not None else "sequence")
    if contents:
        return True
    if one.item.sequence is None or one.item.sequence not in state.counters[_counter_of(one)].had:
        return False
    if not state.is_same(one):
        raise _conflict("sequence")
    return True


def _conflict(name: str) -> RecordConflict:
    return RecordConflict(f"This {name} came before with another content.", field=f"/{name}")


def _is_same(conn: Connection, keys: Opener, one: _Checked) -> bool:
    """Whether a record is the one that was stored under its device sequence, too long ago for its
    name to be remembered: the stored one is looked up at this one's time. Where that time says
    nothing, or something was removed there, it counts as the same, and is not stored again."""
    object_id, tenure_id, stream = one.spot.key
    if one.is_wrong:
        return True
    at = to_micros(one.item.at)
    log = Log(conn, keys, object_id, tenure_id)
    for entry in entries_at(log, stream, at):
        if (entry.sequence, entry.epoch) == (one.item.sequence, one.item.epoch):
            until = None if one.item.until is None else to_micros(one.item.until)
            told = (entry.at, entry.until, entry.body, entry.corrects)
            return told == (at, until, one.body, one.item.corrects)
    return queries.is_removed_at(conn, object_id, tenure_id, stream, at)


def _check_age(one: _Checked) -> None:
    """A name is kept for some days after its record came, and that was not before the record
    began, nor before the claim. A clock that is wrong says nothing of when it began: such a record
    is taken, or a device without a clock could send none; its name is known as long as others."""
    frame = one.spot.frame
    if not one.is_wrong and max(one.item.at, frame.claimed_at) < frame.now - NAMES_KEPT:
        raise TooLateForId(field="/id")


def _join(taken: Sequence[tuple[_Checked, Fresh]], added: dict[Name, bytes], state: _Round) -> None:
    for one, fresh in taken:
        one.spot.fresh.append(fresh)
        if one.names:
            _join_names(one, fresh, state)
        if one.item.corrects is not None:
            state.corrected.append((*one.spot.key, one.item.corrects))
    state.seen |= added


def _join_names(one: _Checked, fresh: Fresh, state: _Round) -> None:
    """The log itself tells a number after some days, at its record's time, unless that was ahead
    of the server's: then its name is kept for ever."""
    until = [state.now + NAMES_KEPT] * len(one.names)
    if one.item.sequence is not None:
        state.counters[_counter_of(one)].had.add(one.item.sequence)
        at, _, placed, *_ = fresh
        if at > placed:
            until[-1] = _NEVER
    state.names += [(*n, one.content, end) for n, end in zip(one.names, until, strict=True)]


def _write(conn: Connection, taker: Taker, spots: Sequence[_Spot], state: _Round) -> None:
    if not spots:
        return
    work = [(spot.place, spot.head, spot.keep_days, spot.fresh) for spot in spots]
    append(conn, taker.keys, state.now, work)
    if state.names:
        note_names(conn, state.names)
    for counter in state.counters.values():
        counter.keep(conn)
    if state.corrected:
        note_corrections(conn, state.now, state.corrected)


def _keep_days(tenure: TenureRow, streams: Streams, stream: str) -> int | None:
    """How long the stream is kept: as the product says, or the owner, whichever is shorter."""
    chosen = (tenure.keep_days or {}).get(stream)
    days = [one for one in (chosen, streams.keep_days[stream]) if one is not None]
    return min(days, default=None)
