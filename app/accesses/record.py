"""Writing access records. Only `disclosure` and `exports` call this, in the transaction that
authorises."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, insert, update
from sqlalchemy.dialects import postgresql, sqlite

from app.accesses.models import Access
from app.kit.ids import NOBODY, derived_id
from app.kit.prepared import Prepared

READING = "records"  # a reading of records, and nothing else
BUCKETS = "buckets"  # a reading of what stretches of time come to
SUMMARY = "summary"  # a reading of a few words on all records
READINGS = (READING, BUCKETS, SUMMARY)
LISTING = "objects"  # a look at what there is to read
STREAM = "stream"  # a reading in chunks that goes on until the last record
EXPORT = "export"  # asking for a copy, and fetching it

_ADD = insert(Access)  # built once: building a statement costs as much as running it
_MORE = Prepared(
    update(Access)
    .where(
        Access.owner_id == bindparam("owner"),
        Access.access_id == bindparam("access"),
        Access.place == 0,
    )
    .values(count=Access.count + bindparam("more"), send_by=bindparam("by"))
)
_REFUSALS = UUID("5f0d0c52-70c4-4b5e-8f8e-5b1c4e2f9a10")


@dataclass(frozen=True)
class Attempt:
    """Who tried what: the same for every object that one attempt touches."""

    at: datetime
    action: str
    client_id: str | None
    reader: str
    grant_id: UUID | None
    grant_version: int | None
    asked: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """What left for one object: streams, half-open window, precision, number of records."""

    object_id: UUID
    tenure_id: UUID
    streams: list[str]
    window_from: datetime | None
    window_to: datetime | None
    precision: str
    count: int


def record_given(
    conn: Connection,
    owner_id: UUID,
    access_id: UUID,
    attempt: Attempt,
    given: Sequence[Given],
    send_by: datetime | None,
) -> None:
    """One row for each object the attempt touches; a reading of nothing still leaves one row.

    `send_by` is None for an owner's own copy, which no end of a permission has to wait for.
    """
    rows = [
        _row(owner_id, access_id, place, attempt)
        | {
            "object_id": g.object_id,
            "tenure_id": g.tenure_id,
            "streams": g.streams,
            "window_from": g.window_from,
            "window_to": g.window_to,
            "precision": g.precision,
            "count": g.count,
            "result": "given",
            "send_by": send_by,
        }
        for place, g in enumerate(given)
    ]
    empty = _row(owner_id, access_id, 0, attempt) | {"result": "given", "send_by": send_by}
    conn.execute(_ADD, rows or [empty])


def record_more(
    conn: Connection, owner_id: UUID, access_id: UUID, count: int, send_by: datetime
) -> None:
    """A reading of one object that goes on: so many more records leave, until then at the latest.
    Its row tells up to which record, in the order of reading, the answer may have left."""
    row = {"owner": owner_id, "access": access_id, "more": count, "by": send_by}
    _MORE.run_each(conn, [row])


def record_refused(
    conn: Connection,
    owner_id: UUID | None,
    object_id: UUID | None,
    tenure_id: UUID | None,
    attempt: Attempt,
    rule: str,
) -> None:
    """Count a refusal; equal ones of one reader on one object within a minute share a row.

    An attempt that names no owner is written under nobody, so that its time tells nothing.
    """
    minute = attempt.at.strftime("%Y-%m-%dT%H:%M")
    who = attempt.client_id or attempt.reader
    access_id = derived_id(
        _REFUSALS, who, str(attempt.grant_id), str(object_id), rule, attempt.action, minute
    )
    row = _row(owner_id or NOBODY, access_id, 0, attempt)
    row |= {"object_id": object_id, "tenure_id": tenure_id, "result": "refused", "rule": rule}
    upsert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    conn.execute(
        upsert(Access)
        .values(**row)
        .on_conflict_do_update(
            index_elements=["owner_id", "access_id", "place"], set_={"times": Access.times + 1}
        )
    )


def _row(owner_id: UUID, access_id: UUID, place: int, attempt: Attempt) -> dict[str, Any]:
    return {
        "owner_id": owner_id,
        "access_id": access_id,
        "place": place,
        "at": attempt.at,
        "object_id": None,
        "tenure_id": None,
        "client_id": attempt.client_id,
        "reader": attempt.reader,
        "grant_id": attempt.grant_id,
        "grant_version": attempt.grant_version,
        "action": attempt.action,
        "asked": attempt.asked,
        "streams": [],
        "window_from": None,
        "window_to": None,
        "precision": None,
        "count": 0,
        "result": "",
        "rule": None,
        "times": 1,
        "send_by": None,
    }
