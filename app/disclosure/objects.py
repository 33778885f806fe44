"""Which objects a vendor may read, and what of each."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from app.accesses.record import LISTING, Attempt, Given, record_given, record_refused
from app.consent.decide import Allowed, GrantState, Refused, decide
from app.consent.grants import lock_grant
from app.consent.limits import Used, with_use
from app.consent.uses import uses_of
from app.disclosure.reader import Disclosed, NotDisclosed, Reader, refusal_of
from app.disclosure.records import precision_told, widest
from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.ids import NOBODY, new_id
from app.objects.identity import identity_of
from app.objects.products import describe_object
from app.objects.tenures import find_open_tenure
from app.usage.wire import rfc3339


def list_objects(
    conn: Connection, clock: Clock, reader: Reader, origin: str, deadline: timedelta
) -> Disclosed | NotDisclosed:
    """Every object of the reader's grant with product, streams and window; recorded."""
    now = clock.now()
    grant = lock_grant(conn, reader.owner_id or NOBODY, reader.grant_id or NOBODY)
    version = grant.version if grant else None
    attempt = Attempt(now, LISTING, reader.client_id, reader.name, reader.grant_id, version)
    rule = _refusal(grant, reader, now)
    if rule is not None:
        record_refused(conn, reader.owner_id, None, None, attempt, rule)
        return NotDisclosed(rule)
    assert grant is not None
    assert reader.owner_id is not None
    allowed = _allowed(conn, grant, reader, now)
    send_by = clock.now() + deadline
    given = [Given(a.object_id, a.tenure_id, [], None, None, "exact", 0) for a in allowed]
    record_given(conn, reader.owner_id, new_id(), attempt, given, send_by)
    body = {
        "objects": [_object_out(conn, grant, a, reader, origin, now) for a in allowed],
        **grant.told,
    }
    return Disclosed(jsonio.dumps(body), send_by, grant=grant)


def _refusal(grant: GrantState | None, reader: Reader, now: datetime) -> str | None:
    """Why nothing at all may be listed; a live grant whose objects are all gone lists nothing."""
    decision = decide(grant, None, reader.categories, now, reader.slices)
    rule = refusal_of(decision, reader)
    return None if rule == "not-granted" else rule


def _allowed(conn: Connection, grant: GrantState, reader: Reader, now: datetime) -> list[Allowed]:
    found = []
    for object_id in dict.fromkeys(d.object_id for d in grant.details):
        decision = decide(grant, object_id, reader.categories, now, reader.slices)
        if isinstance(decision, Refused):
            continue
        tenure = find_open_tenure(conn, object_id)
        if tenure is not None and tenure.tenure_id == decision.tenure_id:
            found.append(decision)
    return found


def _object_out(
    conn: Connection,
    grant: GrantState,
    allowed: Allowed,
    reader: Reader,
    origin: str,
    now: datetime,
) -> dict[str, Any]:
    product = describe_object(conn, allowed.object_id)
    streams = [s for s in product.pop("streams") if s["category"] in allowed.windows]
    details = [
        d
        for d in grant.details
        if d.object_id == allowed.object_id and d.category in allowed.windows and d.until > now
    ]
    out: dict[str, Any] = {
        "id": str(allowed.pseudonym),
        "product": product | {"streams": streams},
        "categories": sorted(allowed.windows),
        "window": _window(allowed),
        "until": rfc3339(min(d.until for d in details)),
    }
    if precision := precision_told(allowed):
        out["precision"] = precision
    if allowed.limits:
        out["limits"] = _limits(conn, grant, allowed, reader)
    if "identity" in allowed.windows:
        out["identity"] = identity_of(conn, allowed.object_id, origin)
    return out


def _limits(
    conn: Connection, grant: GrantState, allowed: Allowed, reader: Reader
) -> dict[str, Any]:
    """How often each kind may be read, where that is limited, and how often it was."""
    assert reader.owner_id is not None  # allowed: a grant has an owner
    uses = uses_of(conn, reader.owner_id, grant.grant_id)
    return {
        kind: with_use(limits, uses.get((allowed.object_id, kind), Used()))
        for kind, limits in sorted(allowed.limits.items())
    }


def _window(allowed: Allowed) -> dict[str, str | None]:
    """The window all kinds share; the widest where they differ, as each record proves."""
    start, end = widest(allowed.windows.values())
    return {
        "from": rfc3339(start) if start else None,
        "to": rfc3339(end) if end else None,
    }
