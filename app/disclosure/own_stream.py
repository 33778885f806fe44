"""An owner's whole log, or a window of it, in chunks: each is fetched, then recorded, then sent.

The reading's row says up to which record it has come, and is committed before those bytes leave.
Whether the token lives and the object is still its owner's is asked again for every chunk.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from app.accesses.record import STREAM, Attempt, Given, record_given, record_more, record_refused
from app.consent.decide import narrow
from app.disclosure.own import OwnReader, find_own
from app.disclosure.reader import NotDisclosed
from app.disclosure.records import Wanted, Window
from app.kit.clock import Clock
from app.kit.ids import new_id
from app.objects.products import stream_categories
from app.usage.read import Log, Position, page
from app.usage.segments import Opener
from app.usage.wire import record_lines


@dataclass(frozen=True)
class OwnStream:
    """A reading that goes on: of what, and where it stands. `is_begun` once it has its row."""

    access_id: UUID
    object_id: UUID
    tenure_id: UUID
    streams: list[str]
    window: Window
    is_whole: bool
    after: Position | None = None
    is_begun: bool = False


@dataclass(frozen=True)
class Chunk:
    """Lines that may leave once they are recorded; `rest` is the reading behind them, None where
    they are the last."""

    body: bytes
    count: int
    rest: OwnStream | None


def open_own(
    conn: Connection, clock: Clock, reader: OwnReader, ref: str, wanted: Wanted
) -> OwnStream | NotDisclosed:
    """Begin to read one own object; a refusal is recorded."""
    held = find_own(conn, reader, ref)
    names = [] if held is None else sorted(stream_categories(conn, held.object_id))
    streams = [name for name in names if wanted.stream in (None, name)]
    if held is None or not streams:
        attempt = _attempt(clock, reader, wanted)
        record_refused(conn, reader.owner_id, None, None, attempt, "not-granted")
        return NotDisclosed("not-granted")
    window = narrow((None, None), wanted.from_, wanted.to)
    return OwnStream(new_id(), held.object_id, held.tenure_id, streams, window, wanted.is_whole)


def fetch_chunk(conn: Connection, keys: Opener, stream: OwnStream, size: int) -> Chunk:
    """The next records as lines; nothing of it may leave before `note_chunk` is committed."""
    log = Log(conn, keys, stream.object_id, stream.tenure_id)
    rows = page(log, stream.streams, *stream.window, stream.after, size, is_whole=stream.is_whole)
    rest = None
    if len(rows) == size:
        last = rows[-1]
        rest = replace(stream, after=(last.placed_at, last.stream, last.seq), is_begun=True)
    return Chunk(record_lines(rows), len(rows), rest)


def note_chunk(
    conn: Connection,
    clock: Clock,
    reader: OwnReader,
    stream: OwnStream,
    wanted: Wanted,
    chunk: Chunk,
    send_by: datetime,
) -> bool:
    """Record that these lines leave; False where they may not, because the object is no longer
    this owner's or the token's."""
    held = find_own(conn, reader, str(stream.object_id))
    if held is None or held.tenure_id != stream.tenure_id:
        return False
    if stream.is_begun:
        record_more(conn, reader.owner_id, stream.access_id, chunk.count, send_by)
        return True
    attempt = _attempt(clock, reader, wanted)
    given = Given(
        stream.object_id, stream.tenure_id, stream.streams, *stream.window, "exact", chunk.count
    )
    record_given(conn, reader.owner_id, stream.access_id, attempt, [given], send_by)
    return True


def _attempt(clock: Clock, reader: OwnReader, wanted: Wanted) -> Attempt:
    asked = {name: value for name, value in wanted.asked().items() if name != "limit"}
    return reader.attempt(clock.now(), STREAM, asked)
