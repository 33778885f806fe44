"""What becomes of calls that bring records: whatever waits is taken in one work of the writer."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.errors import DomainError, TooManyRequests
from app.kit.http import Connection
from app.kit.idempotency import Answer, begin, finish
from app.kit.limits import Limit, check, spend
from app.oauth.protect import Credential, Principal, principal_of, require_scope
from app.objects.device_keys import keys_at
from app.settings import Settings
from app.usage.errors import BatchRefused
from app.usage.formats.reader import Batch
from app.usage.ingest import (
    DUPLICATE,
    REFUSED,
    STORED,
    Call,
    LineResult,
    Taken,
    Taker,
    ingest_all,
)
from app.usage.items import MAX_RECORDS
from app.usage.signatures import verify_detached


@lru_cache(MAX_RECORDS)
def _stored_line(line: int) -> bytes:
    return b'{"line":%d,"status":"stored"}' % line


@dataclass(frozen=True)
class Sending:
    """A call, read and judged as far as that goes without the database.

    `request` is whatever makes it the same call again, where it has a key; `signature` is its
    Detached-JWS over `signed`.
    """

    shown: Credential
    batch: Batch
    object_id: UUID | None = None
    is_strict: bool = False
    key: str | None = None
    request: bytes = b""
    signature: str | None = None
    signed: bytes = b""


@dataclass(frozen=True)
class Intake:
    """Takes calls in; built once by the composition root, so that its works wait together."""

    clock: Clock
    settings: Settings
    taker: Taker
    limit: Limit = field(init=False)

    def __post_init__(self) -> None:
        limit = Limit("ingest", self.settings.rate_ingest_per_minute, 60)
        object.__setattr__(self, "limit", limit)

    def take_together(
        self, conn: Connection, sendings: Sequence[Sending]
    ) -> list[Answer | Exception]:
        """Calls without a key: for each its answer, or the error that refuses it."""
        writers, clients = self._writers(conn, sendings)
        calls: list[Call | DomainError] = [
            _call(conn, self.clock, one, writer) if isinstance(writer, Principal) else writer
            for one, writer in zip(sendings, writers, strict=True)
        ]
        good = [call for call in calls if isinstance(call, Call)]
        taken = iter(ingest_all(conn, self.clock, self.taker, good))
        self._count(conn, clients)
        return [
            _answer(next(taken), self.settings.origin) if isinstance(call, Call) else call
            for call in calls
        ]

    def take_once(self, conn: Connection, sending: Sending) -> Answer | Exception:
        """A call with a key: its first answer is kept with what it stored, and given again."""
        (writer,), clients = self._writers(conn, [sending])
        if not isinstance(writer, Principal):
            self._count(conn, clients)
            return writer
        assert sending.key is not None
        caller = writer.counted_as
        call = _call(conn, self.clock, sending, writer)  # a signature is judged on a replay too
        if isinstance(call, DomainError):
            raise call
        kept = begin(conn, self.clock, caller, sending.key, sending.request, is_secret=False)
        if kept is not None:
            self._count(conn, clients)
            return kept
        answer = _answer(ingest_all(conn, self.clock, self.taker, [call])[0], self.settings.origin)
        if isinstance(answer, Exception):
            raise answer
        finish(conn, caller, sending.key, answer, is_secret=False)
        self._count(conn, clients)
        return answer

    def _writers(
        self, conn: Connection, sendings: Sequence[Sending]
    ) -> tuple[list[Principal | DomainError], Counter[str]]:
        """Who sends each call, as far as the client's limit goes, and how many each client sends.
        An error is told, not raised, so that what is counted stays."""
        known: dict[Credential, Principal | DomainError] = {}
        for shown in {one.shown for one in sendings}:
            try:
                known[shown] = require_scope(principal_of(conn, self.clock, shown), "log:write")
            except DomainError as error:
                known[shown] = error
        found = [known[one.shown] for one in sendings]
        clients = Counter(one.counted_as for one in found if isinstance(one, Principal))
        over = {client: self._check(conn, client, count) for client, count in clients.items()}
        judged = [
            (over[one.counted_as] or one) if isinstance(one, Principal) else one for one in found
        ]
        return judged, clients

    def _check(self, conn: Connection, client: str, count: int) -> DomainError | None:
        try:
            check(conn, self.clock, self.limit, client, count)
        except DomainError as error:
            return error
        return None

    def _count(self, conn: Connection, clients: Counter[str]) -> None:
        """The last act: other workers' calls of the client wait from here until the commit."""
        for client, count in sorted(clients.items()):
            with suppress(TooManyRequests):  # it was let in; others were counted meanwhile
                spend(conn, self.clock, self.limit, client, count)


def _call(
    conn: Connection, clock: Clock, sending: Sending, writer: Principal
) -> Call | DomainError:
    assert writer.org_id is not None  # who holds log:write is a maker's client
    signed_by = None
    if sending.signature is not None and sending.object_id is not None:
        keys = keys_at(conn, [sending.object_id], clock.now()).get(sending.object_id, [])
        try:
            signed_by = verify_detached(sending.signature, sending.signed, keys)
        except DomainError as error:
            return error
    return Call(
        writer.org_id,
        sending.batch.items,
        sending.batch.measures,
        sending.object_id,
        sending.is_strict,
        signed_by,
        writer.sender,
    )


def _answer(taken: Taken, origin: str) -> Answer | Exception:
    if isinstance(taken.error, BatchRefused):
        return BatchRefused(results=[_write_line(one, origin) for one in taken.results])
    return taken.error or Answer(200, _write_results(taken.results, origin))


def _write_results(results: Sequence[LineResult], origin: str) -> bytes:
    counts = Counter([status for _, status, _ in results])
    lines = [
        _stored_line(line)
        if status is STORED
        else jsonio.dumps(_write_line(LineResult(line, status, error), origin))
        for line, status, error in results
    ]
    totals = (counts[STORED], counts[DUPLICATE], counts[REFUSED])
    told = b",".join(lines), *totals
    return b'{"results":[%b],"stored":%d,"duplicate":%d,"refused":%d}' % told


def _write_line(one: LineResult, origin: str) -> dict[str, Any]:
    line: dict[str, Any] = {"line": one.line, "status": one.status}
    return line if one.error is None else line | _explain(one.error, origin)


def _explain(error: DomainError, origin: str) -> dict[str, Any]:
    """The members of a problem (RFC 9457 §3.1) that make sense for one line."""
    told = {
        "type": f"{origin}/problems/{error.slug}",
        "title": error.title,
        "detail": error.detail,
    }
    if error.field is not None:
        told["pointer"] = error.field
    return told | error.extra
