"""Limits and wishes for tests, and strategies that make any of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from app.objects.categories import CATEGORIES
from app.terms.ceilings import (
    CLOSED,
    OPEN,
    PERIODS,
    PLACES,
    PRECISIONS,
    Asked,
    Ceiling,
    Ceilings,
    Frequency,
)
from app.terms.purposes import GROUP_OF, GROUPS

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
COUNTRIES = ("AT", "CH", "DE", "FR")


def ceiling(**changes: Any) -> Ceiling:
    """Open, but for what is given."""
    return Ceiling.model_validate(OPEN.model_dump() | changes)


def closed(**changes: Any) -> Ceiling:
    return Ceiling.model_validate(CLOSED.model_dump() | changes)


def ceilings(exceptions: dict[str, dict[str, Ceiling]] | None = None, **some: Ceiling) -> Ceilings:
    """Open for every kind, but for what is given."""
    return Ceilings(
        categories={name: some.get(name, OPEN) for name in CATEGORIES},
        exceptions=exceptions or {},
    )


def asked(**changes: Any) -> Asked:
    """Something that the defaults let pass."""
    told = Asked("usage", "RepairImpairments", NOW, window_from=NOW, until=NOW + 90 * DAY)
    return replace(told, **changes)


frequencies = st.builds(Frequency, count=st.integers(1, 100), per=st.sampled_from(list(PERIODS)))
some_countries = st.frozensets(st.sampled_from(COUNTRIES), min_size=1)
any_ceiling = st.builds(
    Ceiling,
    precision=st.sampled_from(PRECISIONS),
    place=st.sampled_from(PLACES),
    history_days=st.none() | st.integers(0, 500),
    duration_days=st.integers(1, 500),
    frequency=st.none() | frequencies,
    onward=st.booleans(),
    ai_training=st.booleans(),
    countries=st.none() | some_countries.map(tuple),
)
_each = st.fixed_dictionaries(dict.fromkeys(CATEGORIES, any_ceiling))
_some = st.dictionaries(st.sampled_from(list(CATEGORIES)), any_ceiling, min_size=1, max_size=2)
any_ceilings = st.builds(
    Ceilings,
    categories=_each,
    exceptions=st.dictionaries(st.sampled_from(list(GROUPS)), _some, max_size=2),
)
_minutes = st.integers(0, 700 * 24 * 60).map(lambda n: timedelta(minutes=n))
any_asked = st.builds(
    Asked,
    st.sampled_from([*CATEGORIES, "mood"]),
    st.sampled_from([*GROUP_OF, "Mischief"]),
    st.just(NOW),
    precision=st.sampled_from([*PRECISIONS, "second"]),
    place=st.sampled_from([*PLACES, "country"]),
    window_from=st.none() | _minutes.map(lambda back: NOW - back),
    until=st.none() | _minutes.map(lambda on: NOW + on),
    count=st.none() | st.integers(1, 200),
    frequency=st.none() | frequencies,
    onward=st.booleans(),
    ai_training=st.booleans(),
    countries=st.none() | some_countries,
)


def narrower(draw: Any, told: Asked) -> Asked:
    """One that asks for no more than `told` in any part."""
    changes: dict[str, Any] = {}
    for name, scale in (("precision", PRECISIONS), ("place", PLACES)):
        value = getattr(told, name)
        if value in scale:
            changes[name] = draw(st.sampled_from(scale[scale.index(value) :]))
    if told.window_from is None or draw(st.booleans()):
        start = told.window_from or NOW - 700 * DAY
        changes["window_from"] = start + draw(_minutes)
    if told.until is None or draw(st.booleans()):
        changes["until"] = NOW + draw(_minutes) if told.until is None else told.until - DAY
    if draw(st.booleans()):
        changes["count"] = draw(st.integers(1, told.count or 200))
    if told.frequency is None and draw(st.booleans()):
        changes["frequency"] = draw(frequencies)
    elif told.frequency is not None:
        fewer = draw(st.integers(1, told.frequency.count))
        changes["frequency"] = Frequency(count=fewer, per=told.frequency.per)
    changes["onward"] = told.onward and draw(st.booleans())
    changes["ai_training"] = told.ai_training and draw(st.booleans())
    if told.countries is None:
        changes["countries"] = draw(st.none() | some_countries)
    else:
        kept = st.frozensets(st.sampled_from(sorted(told.countries)), min_size=1)
        changes["countries"] = draw(kept)
    return replace(told, **changes)


def wider(draw: Any, told: Ceiling) -> Ceiling:
    """One that lets pass all that `told` does."""
    more = st.integers(0, 400)
    changes: dict[str, Any] = {
        "precision": draw(st.sampled_from(PRECISIONS[: PRECISIONS.index(told.precision) + 1])),
        "place": draw(st.sampled_from(PLACES[: PLACES.index(told.place) + 1])),
        "duration_days": told.duration_days + draw(more),
        "onward": told.onward or draw(st.booleans()),
        "ai_training": told.ai_training or draw(st.booleans()),
    }
    if told.history_days is not None:
        changes["history_days"] = draw(st.none() | st.just(told.history_days + draw(more)))
    if told.frequency is not None:
        most = draw(st.integers(told.frequency.count, 100))
        changes["frequency"] = draw(st.none() | st.just({"count": most, "per": told.frequency.per}))
    if told.countries is not None:
        others = draw(some_countries)
        changes["countries"] = draw(st.none() | st.just((*told.countries, *others)))
    return Ceiling.model_validate(told.model_dump() | changes)
