"""Whether a grant allows a reading, and which part of the log: pure, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.consent.lifecycle import LIVE, READING
from app.consent.limits import Limits, limits_of


@dataclass(frozen=True)
class Detail:
    """One object and category of a grant, as it stands now. The window is half-open."""

    object_id: UUID
    tenure_id: UUID
    pseudonym: UUID
    category: str
    action: str
    precision_time: str
    precision_place: str
    window_from: datetime | None
    window_to: datetime | None
    until: datetime
    terms: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class GrantState:
    """A grant as it stands now, with the details of its version."""

    grant_id: UUID
    version: int
    status: str
    until: datetime
    details: Sequence[Detail]
    agreement: str | None = None
    agreement_hash: bytes | None = None

    @property
    def told(self) -> dict[str, Any]:
        """What answers say of it: which grant, and the agreement that holds (None where none)."""
        held = None
        if self.agreement is not None and self.agreement_hash is not None:
            held = {"id": self.agreement, "hash": f"sha256:{self.agreement_hash.hex()}"}
        return {"grant": {"id": str(self.grant_id), "version": self.version}, "agreement": held}


@dataclass(frozen=True)
class Slice:
    """What of a grant one token is for: some kinds of one object, or of any (None); the window
    is half-open."""

    pseudonym: UUID | None
    categories: frozenset[str]
    window_from: datetime | None
    window_to: datetime | None


@dataclass(frozen=True)
class Refused:
    """Nothing may be read; `rule` names why."""

    rule: str


@dataclass(frozen=True)
class Allowed:
    """What may be read of one object: one window per category, and the limits of those that may
    not be read as often as one likes."""

    object_id: UUID
    tenure_id: UUID
    pseudonym: UUID
    windows: dict[str, tuple[datetime | None, datetime | None]]
    limits: dict[str, Limits] = field(default_factory=dict)


def live_status(status: str, until: datetime, now: datetime) -> str:
    """A grant's status now: an active one is expired from `until` on, to the microsecond."""
    return "expired" if status in LIVE and until <= now else status


def decide(
    grant: GrantState | None,
    object_id: UUID | None,
    categories: frozenset[str],
    now: datetime,
    slices: Sequence[Slice] | None = None,
) -> Allowed | Refused:
    """What `grant` lets its vendor read of an object now, within the token's `categories` and, if
    it is for a part of the grant alone, its `slices`.

    Rules in order: no-grant, the grant's status, not-granted. What a detail's own end has
    closed, or the token does not carry, is as if it were never granted.
    """
    if grant is None:
        return Refused("no-grant")
    status = live_status(grant.status, grant.until, now)
    if status not in READING:
        return Refused(status)
    open_details = [
        d
        for d in grant.details
        if d.object_id == object_id and d.category in categories and d.until > now
    ]
    if not open_details:
        return Refused("not-granted")
    first = open_details[0]
    windows = {}
    for d in open_details:
        window = within((d.window_from, d.window_to), d.pseudonym, d.category, slices)
        if window is not None:
            windows[d.category] = window
    if not windows:
        return Refused("not-granted")
    found = {d.category: limits_of(d.terms) for d in open_details if d.category in windows}
    limits = {category: one for category, one in found.items() if one is not None}
    return Allowed(first.object_id, first.tenure_id, first.pseudonym, windows, limits)


def within(
    window: tuple[datetime | None, datetime | None],
    pseudonym: UUID,
    category: str,
    slices: Sequence[Slice] | None,
) -> tuple[datetime | None, datetime | None] | None:
    """What of a granted window a token is for; None where nothing."""
    if slices is None:
        return window
    for one in slices:
        if category in one.categories and one.pseudonym in (None, pseudonym):
            return narrow(window, one.window_from, one.window_to)
    return None


def narrow(
    window: tuple[datetime | None, datetime | None],
    wanted_from: datetime | None,
    wanted_to: datetime | None,
) -> tuple[datetime | None, datetime | None]:
    """The overlap of a granted window and a wanted one; an open side gives way."""
    starts = [t for t in (window[0], wanted_from) if t is not None]
    ends = [t for t in (window[1], wanted_to) if t is not None]
    return (max(starts, default=None), min(ends, default=None))
