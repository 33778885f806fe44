"""Whether a grant allows a reading, and which part of the log: pure, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.consent.lifecycle import LIVE, READING
from app.consent.limits import Limits, limits_of
from app.consent.precision import EXACT, Precision


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
    zone: str | None = None

    @property
    def precision(self) -> Precision:
        """How exactly it is told; days and the like are those of the `zone`."""
        return Precision(self.action, self.precision_time, self.precision_place)


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
    is half-open. It is told as exactly as the grant says, and no more exactly than `precision`."""

    pseudonym: UUID | None
    categories: frozenset[str]
    window_from: datetime | None
    window_to: datetime | None
    precision: Precision = EXACT

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        """The two borders."""
        return self.window_from, self.window_to


@dataclass(frozen=True)
class Telling:
    """How exactly a kind of data is told: as `granted`, in the time of a place (`zone`), and of
    that what `asked` leaves, which is a part of it or the same."""

    granted: Precision = EXACT
    asked: Precision = EXACT
    zone: str | None = None


@dataclass(frozen=True)
class Refused:
    """Nothing may be read; `rule` names why."""

    rule: str


@dataclass(frozen=True)
class Allowed:
    """What may be read of one object: one window per category, the limits of those that may not be
    read as often as one likes, and how exactly each is told."""

    object_id: UUID
    tenure_id: UUID
    pseudonym: UUID
    windows: dict[str, tuple[datetime | None, datetime | None]]
    limits: dict[str, Limits] = field(default_factory=dict)
    telling: dict[str, Telling] = field(default_factory=dict)

    def exact(self) -> frozenset[str]:
        """The categories whose records may be told one by one."""
        return frozenset(kind for kind, one in self.telling.items() if one.asked.is_exact)


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
    windows, telling = {}, {}
    for d in open_details:
        part = part_of(d, slices)
        if part is not None:
            windows[d.category] = narrow((d.window_from, d.window_to), *part.window)
            asked = d.precision.narrowed(part.precision)
            telling[d.category] = Telling(d.precision, asked, d.zone)
    if not windows:
        return Refused("not-granted")
    found = {d.category: limits_of(d.terms) for d in open_details if d.category in windows}
    limits = {category: one for category, one in found.items() if one is not None}
    return Allowed(first.object_id, first.tenure_id, first.pseudonym, windows, limits, telling)


def part_of(detail: Detail, slices: Sequence[Slice] | None) -> Slice | None:
    """The part of a detail that a token is for, all of it where it is not for parts; None where
    nothing."""
    if slices is None:
        return Slice(None, frozenset([detail.category]), None, None)
    for one in slices:
        if detail.category in one.categories and one.pseudonym in (None, detail.pseudonym):
            return one
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
