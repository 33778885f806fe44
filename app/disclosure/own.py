"""An owner's own reading with a personal token: what anyone could get, and recorded as well."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.accesses.record import LISTING, READING, Attempt, Given, record_given, record_refused
from app.consent.decide import narrow
from app.disclosure.reader import Disclosed, NotDisclosed
from app.disclosure.records import Wanted, read_asked, read_page
from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.errors import DomainError
from app.kit.ids import new_id, parse_id
from app.kit.paging import Cursors
from app.objects.identity import identity_of
from app.objects.products import describe_object, stream_categories
from app.objects.tenures import Held, held_objects
from app.usage.read import Log, StreamSummary, summary
from app.usage.segments import Opener
from app.usage.wire import records_body, rfc3339


@dataclass(frozen=True)
class OwnReader:
    """A personal token: whose it is, how the history names it, and the objects it is limited to
    (None = all). A client where a vendor's token was tried in its place."""

    owner_id: UUID
    name: str
    objects: frozenset[UUID] | None
    client_id: str | None = None
    grant_id: UUID | None = None

    def attempt(self, now: datetime, action: str, asked: dict[str, object]) -> Attempt:
        return Attempt(now, action, self.client_id, self.name, self.grant_id, None, asked)

    def may_read(self, object_id: UUID) -> bool:
        return self.objects is None or object_id in self.objects


def refuse_own(
    conn: Connection, clock: Clock, reader: OwnReader, action: str, refused: NotDisclosed
) -> NotDisclosed:
    """Record that a token which names its owner may not do this."""
    attempt = reader.attempt(clock.now(), action, {})
    record_refused(conn, reader.owner_id, None, None, attempt, refused.rule)
    return refused


def list_own(
    conn: Connection, clock: Clock, reader: OwnReader, origin: str, deadline: timedelta
) -> Disclosed:
    """The owner's objects with products and streams."""
    held = [h for h in held_objects(conn, reader.owner_id) if reader.may_read(h.object_id)]
    send_by = clock.now() + deadline
    given = [Given(h.object_id, h.tenure_id, [], None, None, "exact", 0) for h in held]
    attempt = reader.attempt(clock.now(), LISTING, {})
    record_given(conn, reader.owner_id, new_id(), attempt, given, send_by)
    objects = [
        {
            "id": str(h.object_id),
            "name": h.name,
            "product": describe_object(conn, h.object_id),
            "since": rfc3339(h.starts_at),
            "used_by": h.used_by,
            "identity": identity_of(conn, h.object_id, origin),
        }
        for h in held
    ]
    return Disclosed(jsonio.dumps({"objects": objects}), send_by)


def read_own(
    conn: Connection,
    clock: Clock,
    cursors: Cursors,
    keys: Opener,
    reader: OwnReader,
    ref: str,
    query: Wanted | DomainError,
    deadline: timedelta,
) -> Disclosed | NotDisclosed:
    """A page of one own object's records, in the form a vendor would get; `query` may be what is
    wrong with it."""
    asked = read_asked(cursors, query, reader.owner_id, reader.name, ref)
    held = find_own(conn, reader, ref)
    if isinstance(asked, DomainError):
        attempt = reader.attempt(clock.now(), READING, {})
        object_id, tenure_id = (held.object_id, held.tenure_id) if held else (None, None)
        record_refused(conn, reader.owner_id, object_id, tenure_id, attempt, asked.slug)
        return NotDisclosed(asked.slug, asked)
    wanted = asked.wanted
    attempt = reader.attempt(clock.now(), READING, wanted.asked())
    window = narrow((None, None), wanted.from_, wanted.to)
    streams = {}
    if held is not None:
        names = stream_categories(conn, held.object_id)
        streams = {name: window for name in names if wanted.stream in (None, name)}
    if held is None or not streams:
        record_refused(conn, reader.owner_id, None, None, attempt, "not-granted")
        return NotDisclosed("not-granted")
    log = Log(conn, keys, held.object_id, held.tenure_id)
    found = read_page(log, streams, asked.position, wanted)
    send_by = clock.now() + deadline
    given = Given(
        held.object_id, held.tenure_id, sorted(streams), *window, "exact", len(found.rows)
    )
    record_given(conn, reader.owner_id, new_id(), attempt, [given], send_by)
    cursor = cursors.seal(found.next_position, *asked.bound) if found.next_position else None
    return Disclosed(records_body(found.rows, next=cursor), send_by, cursor)


def count_own(
    conn: Connection, clock: Clock, reader: OwnReader, ref: str, deadline: timedelta
) -> Disclosed | NotDisclosed:
    """How much each stream of an own object holds; nothing is opened for it."""
    attempt = reader.attempt(clock.now(), "stats", {})
    held = find_own(conn, reader, ref)
    if held is None:
        record_refused(conn, reader.owner_id, None, None, attempt, "not-granted")
        return NotDisclosed("not-granted")
    send_by = clock.now() + deadline
    given = Given(held.object_id, held.tenure_id, [], None, None, "exact", 0)
    record_given(conn, reader.owner_id, new_id(), attempt, [given], send_by)
    found = summary(conn, held.object_id, held.tenure_id)
    streams = [_stats(name, found.get(name)) for name in stream_categories(conn, held.object_id)]
    return Disclosed(jsonio.dumps({"days_in": "UTC", "streams": streams}), send_by)


def find_own(conn: Connection, reader: OwnReader, ref: str) -> Held | None:
    """The object of that id, where it is this owner's and the token reaches it."""
    wanted = parse_id(ref)
    for held in held_objects(conn, reader.owner_id):
        if held.object_id == wanted and reader.may_read(held.object_id):
            return held
    return None


def _stats(stream: str, told: StreamSummary | None) -> dict[str, Any]:
    return {
        "stream": stream,
        "count": told.count if told else 0,
        "first_at": rfc3339(told.first_at) if told and told.first_at else None,
        "last_at": rfc3339(told.last_at) if told and told.last_at else None,
        "last_received_at": rfc3339(told.last_received_at) if told else None,
        "days": told.days if told else {},
    }
