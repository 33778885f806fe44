"""`authorization_details` of the type urn:inseam:object-data (RFC 9396): what a vendor asks for, or
was given, object by object and kind by kind. Pure.

An entry names an object or, without `identifier`, any that its owner chooses. A part that a grant
does not have gives nothing; a part that a wish does not have wishes for all that was granted.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from app.consent.asked import precision_of
from app.consent.limits import Limits as ReadingLimits
from app.consent.limits import limits_of
from app.kit import jsonio
from app.kit.errors import InvalidJson, fault_text
from app.objects.categories import CATEGORIES

TYPE = "urn:inseam:object-data"
TYPES = [TYPE]

_MOST = 50  # entries
_LONGEST = 32 * 1024  # characters


class BadDetails(ValueError):
    """What is wrong with them, in words that repeat nothing of the request."""


def _check_text(value: object) -> object:
    """A time is written as in RFC 3339; a bare number could be seconds or milliseconds."""
    if value is None or isinstance(value, datetime) or (isinstance(value, str) and "T" in value):
        return value
    raise ValueError("a time is written as in RFC 3339, such as 2026-11-25T09:00:00Z")


def _check_year(at: datetime) -> datetime:
    if not 1 < at.year < 9999:
        raise ValueError("the year lies outside 2 to 9998")
    return at


def _check_category(name: str) -> str:
    if name not in CATEGORIES:
        raise ValueError("a kind of data that is not known")
    return name


Moment = Annotated[AwareDatetime, BeforeValidator(_check_text), AfterValidator(_check_year)]


def _check_once(actions: list[str]) -> list[str]:
    if len(set(actions)) < len(actions):
        raise ValueError("an action stands twice")
    return actions


Actions = Annotated[
    list[Literal["read", "summary"]],
    Field(min_length=1, max_length=2),
    AfterValidator(_check_once),
]
Category = Annotated[str, AfterValidator(_check_category)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Precision(_Part):
    """How exactly it is told: what stretch of time comes to one line, by the owner's clock, and how
    wide a square a place lies in."""

    time: Literal["exact", "hour", "day", "week", "month"] = "exact"
    place: Literal["exact", "1 km", "10 km"] = "exact"


class Window(_Part):
    """Which time the records are of: half-open, null for no border."""

    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = None

    def covers(self, other: "Window") -> bool:
        starts = self.from_ is None or (other.from_ is not None and self.from_ <= other.from_)
        return starts and (self.to is None or (other.to is not None and other.to <= self.to))


class Frequency(_Part):
    """At most `count` readings within any span of that length."""

    count: Annotated[StrictInt, Field(ge=1, le=100)]
    per: Literal["hour", "day", "week", "month"]


class Limits(_Part):
    """How often it may be read, of each object and kind: so many times, no more often than so, or
    once."""

    count: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = None
    frequency: Frequency | None = None
    single_use: StrictBool | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.single_use is False:
            raise ValueError("single_use is true, or absent")
        if self.single_use and (self.count is not None or self.frequency is not None):
            raise ValueError("a single use has no other limit")
        if not self.model_dump(exclude_none=True):
            raise ValueError("limits without a limit")
        return self


class Entry(_Part):
    """One entry of `authorization_details`. Without `actions` it is to be read, without `precision`
    told exactly; where it is a part of what was granted, as that says."""

    type: Literal["urn:inseam:object-data"]
    identifier: UUID | None = None
    actions: Actions | None = None
    datatypes: Annotated[list[Category], Field(min_length=1, max_length=len(CATEGORIES))]
    locations: Annotated[list[str], Field(min_length=1, max_length=2)] | None = None
    precision: Precision | None = None
    window: Window | None = None
    until: Moment | None = None
    limits: Limits | None = None
    purpose: Annotated[str, StringConstraints(max_length=100)] | None = None
    retention: Annotated[str, StringConstraints(pattern=r"^P[1-9]\d{0,4}D$")] | None = None

    def written(self) -> dict[str, Any]:
        """As it stands on the wire."""
        told = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        if self.window is not None:
            told["window"] = {"from": None, "to": None} | told["window"]
        return told


def read_details(text: str, resources: Sequence[str]) -> list[Entry]:
    """The entries that a parameter holds; BadDetails where one cannot be granted as it stands."""
    if len(text) > _LONGEST:
        raise BadDetails("authorization_details are very long.")
    try:
        value = jsonio.loads(text.encode())
    except InvalidJson as error:
        raise BadDetails("authorization_details are no JSON.") from error
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST:
        raise BadDetails(f"authorization_details are an array of 1 to {_MOST} entries.")
    entries = [_read(one, number) for number, one in enumerate(value)]
    _check_apart(entries)
    for entry in entries:
        if entry.locations is not None and not set(entry.locations) <= set(resources):
            raise BadDetails("locations names another service.")
        window = entry.window
        if window and window.from_ and window.to and window.from_ >= window.to:
            raise BadDetails("A window ends after it begins.")
    return entries


def _read(value: object, number: int) -> Entry:
    if not isinstance(value, dict) or value.get("type") != TYPE:
        raise BadDetails(f"Entry {number} has a type that is not taken; {TYPE} is.")
    try:
        return Entry.model_validate(value)
    except ValidationError as error:
        fault = error.errors()[0]
        known = [str(p) for p in fault["loc"] if p in _NAMES or isinstance(p, int)]
        where = "/".join([str(number), *known])
        raise BadDetails(f"Entry {where}: {_said(fault)}.") from error


def _said(fault: Mapping[str, Any]) -> str:
    return "has a member that is not known" if fault["type"] == "extra_forbidden" else _fixed(fault)


def _fixed(fault: Mapping[str, Any]) -> str:
    """pydantic's words, in the characters that an OAuth error may have (RFC 6749 §5.2)."""
    text = fault_text(dict(fault)).replace('"', "'").replace("\\", "/")
    return "".join(sign for sign in text if " " <= sign <= "~")[:150]


_NAMES = {
    name
    for model in (Entry, Frequency, Limits, Precision, Window)
    for field, info in model.model_fields.items()
    for name in (info.alias or field,)
}


def _check_apart(entries: Sequence[Entry]) -> None:
    """Each object and kind stands once, so that what was asked is never a matter of order."""
    seen: set[tuple[UUID | None, str]] = set()
    for entry in entries:
        for category in entry.datatypes:
            if (entry.identifier, category) in seen:
                raise BadDetails("Two entries are about the same object and kind.")
            seen.add((entry.identifier, category))


def covers(granted: Iterable[Entry], wanted: Entry) -> bool:
    """Whether what was granted gives all of `wanted`: each kind, of the named object or, where it
    names none, of any; as long, as far, for the same purpose. Readings are counted for the whole
    grant, so no token has limits of its own."""
    return all(
        any(_gives(one, wanted, category) for one in granted) for category in wanted.datatypes
    )


def _gives(granted: Entry, wanted: Entry, category: str) -> bool:
    return (
        category in granted.datatypes
        and wanted.identifier in (None, granted.identifier)
        and _tells_all(granted, wanted)
        and (wanted.window is None or (granted.window or Window()).covers(wanted.window))
        and (wanted.until is None or granted.until is None or wanted.until <= granted.until)
        and (wanted.limits is None or _limits(wanted) == _limits(granted))
        and wanted.purpose in (None, granted.purpose)
        and _keeps_shorter(granted.retention, wanted.retention)
    )


def _tells_all(granted: Entry, wanted: Entry) -> bool:
    """Whether it is told as exactly as is wanted; what that leaves open is as granted. The two
    widths of squares cut each other, so who has one is not told the other too."""
    mine = precision_of(granted.written())
    other = precision_of(granted.written() | wanted.written())
    return mine.covers(other) and mine.place in ("exact", other.place)


def _limits(entry: Entry) -> ReadingLimits | None:
    return limits_of(entry.written())


def _keeps_shorter(granted: str | None, wanted: str | None) -> bool:
    return granted is None or wanted is None or _days(wanted) <= _days(granted)


def _days(retention: str) -> timedelta:
    return timedelta(days=int(retention[1:-1]))
