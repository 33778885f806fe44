"""Taking records in: each line is stored, known already, or refused with its reason.

A call is few reads, one lock per object and one write per table, however many records and objects
it has. A record's own id is looked at before its time: sent again, a stored record is a duplicate
whatever the clock says by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.errors import DomainError, NotFound
from app.usage import queries
from app.usage.errors import InvalidRecord, ObjectUnclaimed, RecordConflict, UnknownStream
from app.usage.items import Item, RefusedLine
from app.usage.place import Frame, is_clock_wrong, place
from app.usage.schema import Shape, shape_of
from app.usage.store import Fresh, store

STORED, DUPLICATE, REFUSED = "stored", "duplicate", "refused"


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of one line; `error` where it was refused."""

    line: int
    status: str
    error: DomainError | None = None


@dataclass(frozen=True, slots=True)
class _Stream:
    kind: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database says of everything that a call names."""

    frames: dict[UUID, Frame | None]
    products: dict[UUID, UUID]
    streams: dict[tuple[UUID, str], _Stream]


@dataclass(frozen=True, slots=True)
class _Checked:
    """A line whose values fit its stream."""

    item: Item
    frame: Frame
    body: str
    id_key: tuple[UUID, bytes] | None = None
    content_hash: bytes | None = None


def ingest(
    conn: Connection,
    clock: Clock,
    *,
    org_id: UUID,
    items: Sequence[Item | RefusedLine],
    tolerance_seconds: int,
) -> list[LineResult]:
    """Store what a maker sends, in this transaction; one result for each line, in order.

    A line that is refused does not touch the others. The caller has checked that the maker may
    write logs.
    """
    now = clock.now()
    sent = [item for item in items if isinstance(item, Item)]
    known = _look_up(conn, org_id, sent, now, now + timedelta(seconds=tolerance_seconds))
    checked = [_check_line(item, known) for item in items]
    lines = [one for one in checked if isinstance(one, _Checked)]
    seen = queries.known_record_ids(conn, {one.id_key for one in lines if one.id_key})
    unheard = _unheard(conn, lines)
    results: list[LineResult] = []
    fresh: list[Fresh] = []
    for one in checked:
        if isinstance(one, RefusedLine):
            results.append(LineResult(one.line, REFUSED, one.error))
        else:
            results.append(_take(one, seen, unheard, fresh))
    if fresh:
        store(conn, now, fresh)
    return results


def check_object(conn: Connection, org_id: UUID, object_id: UUID) -> None:
    """NotFound where the object is unknown or another maker's."""
    if not queries.objects_of_maker(conn, org_id, [object_id]):
        raise NotFound("There is no such object of yours.")


def _look_up(
    conn: Connection, org_id: UUID, sent: Sequence[Item], now: datetime, latest: datetime
) -> _Known:
    objects = queries.objects_of_maker(conn, org_id, {item.object_id for item in sent})
    tenures = queries.lock_open_tenures(conn, [row.object_id for row in objects])
    frames: dict[UUID, Frame | None] = {}
    for object_id, _, registered_at in objects:
        tenure = tenures.get(object_id)
        frames[object_id] = tenure and Frame(
            now, latest, registered_at, tenure.tenure_id, tenure.starts_at, tenure.claimed_at
        )
    products = {row.object_id: row.product_id for row in objects}
    names = {item.stream for item in sent}
    streams = {
        (product_id, name): _Stream(kind, shape_of(fields))
        for product_id, name, kind, fields in queries.streams_of(
            conn, set(products.values()), names
        )
    }
    return _Known(frames, products, streams)


def _check_line(item: Item | RefusedLine, known: _Known) -> _Checked | RefusedLine:
    if isinstance(item, RefusedLine):
        return item
    try:
        return _check(item, known)
    except DomainError as error:
        return RefusedLine(item.line, error)


def _check(item: Item, known: _Known) -> _Checked:
    if item.object_id not in known.frames:
        raise NotFound("There is no such object of yours.", field="/object")
    frame = known.frames[item.object_id]
    if frame is None:
        raise ObjectUnclaimed(hold=True)
    stream = known.streams.get((known.products[item.object_id], item.stream))
    if stream is None:
        raise UnknownStream(f"The product has no stream {item.stream!r}.", field="/stream")
    _check_kind(item, stream.kind)
    body = stream.shape.write(item.values)
    if item.record_id is None:
        return _Checked(item, frame, body)
    content = f"{item.stream}\n{item.at.isoformat()}\n{item.until}\n{body}"
    return _Checked(item, frame, body, (item.object_id, sha256(item.record_id)), sha256(content))


def _check_kind(item: Item, kind: str) -> None:
    if kind == "interval" and item.until is None:
        raise InvalidRecord(
            f"The stream {item.stream!r} has intervals: `until` is missing.", field="/until"
        )
    if kind != "interval" and item.until is not None:
        raise InvalidRecord(
            f"The stream {item.stream!r} has no intervals, so no `until`.", field="/until"
        )


def _unheard(conn: Connection, lines: Sequence[_Checked]) -> set[UUID]:
    """Objects of which a wrong time may belong to an earlier owner. What this very call brings
    counts as not heard yet: a device empties its buffer in one go, the old owner's part too."""
    doubtful = {
        (one.item.object_id, one.frame.tenure_id)
        for one in lines
        if is_clock_wrong(one.item.at, one.item.until, one.frame)
    }
    return queries.unheard_since_transfer(conn, doubtful) if doubtful else set()


def _take(
    one: _Checked, seen: dict[tuple[UUID, bytes], bytes], unheard: set[UUID], fresh: list[Fresh]
) -> LineResult:
    """Add the line to `fresh`, and its id to `seen`, unless it is known or has no place."""
    item = one.item
    before = seen.get(one.id_key) if one.id_key else None
    if before is not None and before == one.content_hash:
        return LineResult(item.line, DUPLICATE)
    if before is not None:
        return LineResult(item.line, REFUSED, RecordConflict(field="/id"))
    try:
        placed = place(item.at, item.until, one.frame, is_unheard=item.object_id in unheard)
    except DomainError as error:
        return LineResult(item.line, REFUSED, error)
    id_hash = None
    if one.id_key and one.content_hash:
        seen[one.id_key] = one.content_hash
        id_hash = one.id_key[1]
    key = (item.object_id, one.frame.tenure_id, item.stream)
    fresh.append(
        Fresh(key, item.at, item.until, placed, item.record_id, one.body, id_hash, one.content_hash)
    )
    return LineResult(item.line, STORED)
