"""Limits of what may be asked: one for each kind of data, and exceptions for groups of purposes.

Pure: what is asked is compared part by part, and what lies above a limit is named (R-21). What
limits do not speak of, an unknown kind or purpose, is above them.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Any, Literal, Self

from babel import Locale
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)

from app.kit.errors import WrongMember
from app.objects.categories import CATEGORIES
from app.terms.purposes import GROUP_OF, GROUPS, ONWARD

PRECISIONS = ("exact", "hour", "day", "week", "month")  # from the finest to the coarsest
PLACES = ("exact", "1 km", "10 km")
PERIODS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
MOST_DAYS = 36_500
MOST_READINGS = 100  # within a period, as requests may ask

_DAY = timedelta(days=1)


@cache
def countries() -> frozenset[str]:
    """The codes of countries (ISO 3166-1)."""
    codes = map(str, Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha())


def _countries(codes: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if codes is None:
        return None
    if not countries().issuperset(codes):
        raise ValueError("a country is two capital letters (ISO 3166-1)")
    return tuple(sorted(set(codes)))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Frequency(_Part):
    """At most `count` readings within any span of that length."""

    count: Annotated[StrictInt, Field(ge=1, le=MOST_READINGS)]
    per: Literal["hour", "day", "week", "month"]

    @property
    def period(self) -> timedelta:
        return PERIODS[self.per]

    def covers(self, other: "Frequency") -> bool:
        """Whether all that keeps to `other` keeps to this: so many spans of the other's length
        cover one of its own."""
        return self.count >= other.count * math.ceil(self.period / other.period)


class Ceiling(_Part):
    """The most that is fine; `parts_of` a kind says which fields count for it. `history_days` is
    how far back from the day of asking, `duration_days` for how long from then on; null of
    `history_days`, `frequency` or `countries` is no limit."""

    precision: Literal["exact", "hour", "day", "week", "month"]
    place: Literal["exact", "1 km", "10 km"]
    history_days: Annotated[StrictInt, Field(ge=0, le=MOST_DAYS)] | None
    duration_days: Annotated[StrictInt, Field(ge=1, le=MOST_DAYS)]
    frequency: Frequency | None
    onward: StrictBool
    ai_training: StrictBool
    countries: Annotated[
        Annotated[tuple[str, ...], Field(min_length=1, max_length=250)] | None,
        AfterValidator(_countries),
    ]

    def covers(self, other: "Ceiling") -> bool:
        """Whether this lets pass all that the other does."""
        return (
            PRECISIONS.index(self.precision) <= PRECISIONS.index(other.precision)
            and PLACES.index(self.place) <= PLACES.index(other.place)
            and _reaches(self.history_days, other.history_days)
            and self.duration_days >= other.duration_days
            and _is_oftener(self.frequency, other.frequency)
            and self.onward >= other.onward
            and self.ai_training >= other.ai_training
            and (
                self.countries is None
                or (other.countries is not None and set(self.countries) >= set(other.countries))
            )
        )


class Ceilings(_Part):
    """A limit for each kind of data, and others for some kinds where the purpose is of a group
    (`purposes.GROUPS`): the more particular one counts."""

    categories: dict[str, Ceiling]
    exceptions: dict[str, dict[str, Ceiling]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.categories.keys() != CATEGORIES.keys():
            named = ", ".join(CATEGORIES)
            raise WrongMember("categories", f"it has a limit for each kind of data: {named}")
        if not self.exceptions.keys() <= GROUPS.keys():
            named = ", ".join(GROUPS)
            raise WrongMember("exceptions", f"exceptions are for groups of purposes: {named}")
        for limits in self.exceptions.values():
            if not limits or not limits.keys() <= CATEGORIES.keys():
                raise WrongMember("exceptions", "an exception has limits for kinds of data")
        return self

    def of(self, category: str, purpose: str) -> Ceiling | None:
        """The limit that counts; None where there is none for it."""
        exceptions = self.exceptions.get(GROUP_OF.get(purpose, ""), {})
        return exceptions.get(category) or self.categories.get(category)

    def written(self) -> dict[str, Any]:
        """As it is kept and told; the inverse of `model_validate`."""
        return self.model_dump(mode="json")


OPEN = Ceiling(
    precision="exact",
    place="exact",
    history_days=None,
    duration_days=365,
    frequency=None,
    onward=False,
    ai_training=False,
    countries=None,
)
CLOSED = Ceiling(
    precision="day",
    place="10 km",
    history_days=0,
    duration_days=90,
    frequency=None,
    onward=False,
    ai_training=False,
    countries=None,
)
# What every owner has until they say otherwise. They stand in nobody's rows: whoever changes this
# writes it as a version for those who have none, first.
DEFAULT_CEILINGS = Ceilings(
    categories={name: CLOSED if name in ("location", "body") else OPEN for name in CATEGORIES}
)


@dataclass(frozen=True)
class Asked:
    """What somebody asks of one kind of data for one purpose at `now`: the whole history where
    `window_from` is None, without an end where `until` is; `count` readings in all, no more often
    than `frequency`. `countries` are where the data goes, None where that is not said."""

    category: str
    purpose: str
    now: datetime
    precision: str = "exact"
    place: str = "exact"
    window_from: datetime | None = None
    until: datetime | None = None
    count: int | None = None
    frequency: Frequency | None = None
    onward: bool = False
    ai_training: bool = False
    countries: frozenset[str] | None = None


@dataclass(frozen=True)
class Excess:
    """One part of what is asked that lies above its limit; None stands for without any limit.
    `attribute` is a field of `Ceiling`, or "category" or "purpose" where that is not known."""

    attribute: str
    category: str
    asked: Any
    allowed: Any


def parts_of(category: str) -> tuple[str, ...]:
    """The fields of a limit that mean something for a kind of data: only whereabouts have a place,
    and which one it is has no time."""
    without = set() if category == "location" else {"place"}
    if category == "identity":
        without |= {"precision", "history_days"}
    return tuple(name for name in Ceiling.model_fields if name not in without)


def check(ceilings: Ceilings, asked: Asked) -> list[Excess]:
    """What of it is above the limits, in the order of `Ceiling`'s fields; empty where it fits."""
    limit = ceilings.of(asked.category, asked.purpose)
    if limit is None:
        return [Excess("category", asked.category, asked.category, None)]
    if asked.purpose not in GROUP_OF:
        return [Excess("purpose", asked.category, asked.purpose, None)]
    found = {
        "precision": _finer(PRECISIONS, asked.precision, limit.precision),
        "place": _finer(PLACES, asked.place, limit.place),
        "history_days": _too_far(_days_back(asked), limit.history_days),
        "duration_days": _too_far(_days_on(asked), limit.duration_days),
        "frequency": _too_often(asked, limit.frequency),
        "onward": _unwanted(asked.onward or asked.purpose in ONWARD, limit.onward),
        "ai_training": _unwanted(asked.ai_training, limit.ai_training),
        "countries": _outside(asked.countries, limit.countries),
    }
    parts = parts_of(asked.category)
    return [
        Excess(name, asked.category, excess[0], excess[1])
        for name, excess in found.items()
        if excess is not None and name in parts
    ]


def check_all(ceilings: Ceilings, asked: Iterable[Asked]) -> list[Excess]:
    """Everything above the limits in the parts of one request, each once."""
    found = [excess for one in asked for excess in check(ceilings, one)]
    return [excess for number, excess in enumerate(found) if excess not in found[:number]]


_Found = tuple[Any, Any] | None


def _finer(scale: tuple[str, ...], asked: str, allowed: str) -> _Found:
    is_known = asked in scale
    is_fine = is_known and scale.index(asked) >= scale.index(allowed)
    return None if is_fine else (asked, allowed)


def _days_back(asked: Asked) -> int | None:
    """From the day of asking: its beginning, which lies within the last 24 hours, is 0 days."""
    if asked.window_from is None:
        return None
    return max(0, math.ceil((asked.now - asked.window_from) / _DAY) - 1)


def _days_on(asked: Asked) -> int | None:
    if asked.until is None:
        return None
    return max(0, math.ceil((asked.until - asked.now) / _DAY))


def _too_far(asked: int | None, allowed: int | None) -> _Found:
    return None if _reaches(allowed, asked) else (asked, allowed)


def _reaches(one: int | None, other: int | None) -> bool:
    """Whether one number of days is as many as another, where None is all there are."""
    return one is None or (other is not None and one >= other)


def _is_oftener(one: Frequency | None, other: Frequency | None) -> bool:
    return one is None or (other is not None and one.covers(other))


def _too_often(asked: Asked, allowed: Frequency | None) -> _Found:
    """A number of readings in all keeps to a frequency when it is no higher."""
    if allowed is None or (asked.count is not None and asked.count <= allowed.count):
        return None
    if asked.frequency is not None and allowed.covers(asked.frequency):
        return None
    return _readings(asked), allowed.model_dump()


def _readings(asked: Asked) -> Mapping[str, Any] | None:
    told: dict[str, Any] = {} if asked.count is None else {"count": asked.count}
    if asked.frequency is not None:
        told["frequency"] = asked.frequency.model_dump()
    return told or None


def _unwanted(asked: bool, allowed: bool) -> _Found:
    return (True, False) if asked and not allowed else None


def _outside(asked: frozenset[str] | None, allowed: tuple[str, ...] | None) -> _Found:
    if allowed is None:
        return None
    if asked is None:
        return None, list(allowed)
    outside = sorted(asked - set(allowed))
    return (outside, list(allowed)) if outside else None
