"""What a grant gives right now, in the plain machine form that token answers carry (RFC 9396)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.consent.decide import live_status
from app.consent.lifecycle import LIVE
from app.kit import jsonio
from app.oauth import queries
from app.oauth.details import TYPE, Entry, Precision, Window
from app.objects.categories import category_of


@dataclass(frozen=True)
class Granted:
    """A grant as it stands now. A paused one still gives tokens; nothing can be read by them."""

    grant_id: UUID
    status: str
    until: datetime
    purpose: str
    version: int
    details: Sequence[queries.AnyRow]

    @property
    def is_issuing(self) -> bool:
        return self.status in LIVE

    def entries(self, scopes: Iterable[str] | None = None) -> list[Entry]:
        """One for each object, precision, window and terms (RFC 9396 §7: granted, not asked),
        of all kinds or of those that the scopes open."""
        kinds = None if scopes is None else {category_of(scope) for scope in scopes}
        found: dict[tuple[Any, ...], list[str]] = {}
        for d in self.details:
            if kinds is None or d.category in kinds:
                terms = jsonio.dumps(d.terms or {})
                told = (d.action, d.precision_time, d.precision_place)
                key = (d.pseudonym, told, d.window_from, d.window_to, d.until, terms)
                found.setdefault(key, []).append(d.category)
        return [
            Entry(
                type=TYPE,
                identifier=pseudonym,
                actions=[action],
                datatypes=sorted(kinds),
                precision=_precision(time, place),
                window=Window(**{"from": start, "to": end}),
                until=until,
                purpose=self.purpose,
                **jsonio.loads(terms),
            )
            for (pseudonym, told, start, end, until, terms), kinds in found.items()
            for action, time, place in [told]
        ]

    def scopes(self, wanted: Iterable[str]) -> list[str]:
        """Those of the scopes that the grant gives anything of."""
        categories = {d.category for d in self.details}
        return [scope for scope in wanted if category_of(scope) in categories]


def _precision(time: str, place: str) -> Precision | None:
    """None where all is exact, as where nothing is said of it."""
    told = {"time": time, "place": place}
    return None if set(told.values()) == {"exact"} else Precision.model_validate(told)


def load_granted(conn: Connection, now: datetime, owner_id: UUID, grant_id: UUID) -> Granted | None:
    """The grant and what of its details is still open."""
    row = queries.find_grant(conn, owner_id, grant_id)
    if row is None:
        return None
    details = queries.details_of(conn, owner_id, grant_id, row.version)
    status = live_status(row.status, row.until, now)
    still_open = [d for d in details if d.until > now]
    return Granted(grant_id, status, row.until, row.purpose, row.version, still_open)
