"""What a request asks for, entry by entry (RFC 9396): which object, which kinds, how far. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.consent.limits import Limits, limits_of, wider, written
from app.consent.precision import EXACT, Precision

Moment = datetime | None


@dataclass(frozen=True)
class Wish:
    """Some kinds of data of one object, by the vendor's id of it, or of any that the owner chooses;
    None of a border where there is none. `retention` is how long the vendor keeps it, as a duration
    in days (ISO 8601), `limits` how often it is read."""

    identifier: UUID | None
    categories: frozenset[str]
    window_from: Moment = None
    window_to: Moment = None
    until: Moment = None
    retention: str | None = None
    limits: Limits | None = None
    precision: Precision = EXACT

    @property
    def terms(self) -> dict[str, Any] | None:
        """What a grant's detail keeps of it, beside its borders."""
        return _terms(self.retention, self.limits)


def wishes_of(asked: Mapping[str, Any]) -> list[Wish]:
    """What a kept request (`AccessRequest.asked`) asks for."""
    found = [_wish(entry) for entry in asked.get("entries", [])]
    told = asked.get("open")
    kinds = [detail["category"] for detail in asked["details"]] if told is None else told
    return [*found, Wish(None, frozenset(kinds))] if kinds else found


def wider_terms(
    one: Mapping[str, Any] | None, other: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """The terms that give as much as both."""
    kept = [(terms or {}).get("retention") for terms in (one, other)]
    longest = None if None in kept else max(filter(None, kept), key=days_of)
    return _terms(longest, wider(limits_of(one), limits_of(other)))


def days_of(retention: str) -> int:
    """How many days a retention is."""
    return int(retention.removeprefix("P").removesuffix("D"))


def _terms(retention: str | None, limits: Limits | None) -> dict[str, Any] | None:
    told = {"retention": retention, "limits": written(limits)}
    return {name: value for name, value in told.items() if value is not None} or None


def _wish(entry: Mapping[str, Any]) -> Wish:
    window = entry.get("window") or {}
    told = entry.get("identifier")
    return Wish(
        None if told is None else UUID(told),
        frozenset(entry["datatypes"]),
        _moment(window.get("from")),
        _moment(window.get("to")),
        _moment(entry.get("until")),
        entry.get("retention"),
        limits_of(entry),
        precision_of(entry),
    )


def precision_of(entry: Mapping[str, Any]) -> Precision:
    """How exactly an entry of authorization_details is to be told, where it stands for itself.
    Whoever may read need not ask for a summary beside it."""
    told = entry.get("precision") or {}
    action = "read" if "read" in entry.get("actions", ["read"]) else "summary"
    return Precision(action, told.get("time", "exact"), told.get("place", "exact"))


def _moment(text: str | None) -> Moment:
    return None if text is None else datetime.fromisoformat(text)
