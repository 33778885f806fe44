"""What a grant gives right now, in the plain machine form that token answers carry (RFC 9396)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.consent.decide import live_status
from app.oauth import queries
from app.objects.categories import category_of
from app.usage.wire import rfc3339

DETAIL_TYPE = "urn:inseam:object-data"

_ISSUING = ("active", "paused")


@dataclass(frozen=True)
class Granted:
    """A grant as it stands now. A paused one still gives tokens; nothing can be read by them."""

    grant_id: UUID
    status: str
    until: datetime
    purpose: str
    details: Sequence[queries.AnyRow]

    @property
    def is_issuing(self) -> bool:
        return self.status in _ISSUING

    def scopes(self, wanted: Iterable[str]) -> list[str]:
        """Those of the scopes that the grant gives anything of."""
        categories = {d.category for d in self.details}
        return [scope for scope in wanted if category_of(scope) in categories]


def load_granted(conn: Connection, now: datetime, owner_id: UUID, grant_id: UUID) -> Granted | None:
    """The grant and what of its details is still open."""
    row = queries.find_grant(conn, owner_id, grant_id)
    if row is None:
        return None
    details = queries.details_of(conn, owner_id, grant_id, row.version)
    status = live_status(row.status, row.until, now)
    still_open = [d for d in details if d.until > now]
    return Granted(grant_id, status, row.until, row.purpose, still_open)


def authorization_details(granted: Granted, scopes: Iterable[str]) -> list[dict[str, Any]]:
    """One entry for each object, action and window (RFC 9396 §7: what was granted, not asked)."""
    categories = {category_of(scope) for scope in scopes}
    entries: dict[tuple[Any, ...], list[str]] = {}
    for d in granted.details:
        if d.category in categories:
            key = (d.pseudonym, d.action, d.window_from, d.window_to, d.until)
            entries.setdefault(key, []).append(d.category)
    return [
        {
            "type": DETAIL_TYPE,
            "identifier": str(pseudonym),
            "actions": [action],
            "datatypes": sorted(kinds),
            "window": {"from": _time(start), "to": _time(end)},
            "until": rfc3339(until),
            "purpose": granted.purpose,
        }
        for (pseudonym, action, start, end, until), kinds in entries.items()
    ]


def _time(instant: datetime | None) -> str | None:
    return rfc3339(instant) if instant else None
