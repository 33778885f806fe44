"""Terms in plain words: limits as sentences, what lies above one, what a version changed."""

from collections.abc import Mapping
from typing import Any

from app.consent.precision import Precision
from app.terms.ceilings import Ceiling, Excess, parts_of
from app.terms.service import Difference
from app.web import words
from app.web.format import country_name

# What for, after a kind of data or “when it is asked for …”.
GROUPS = {
    "service": "to give you a service",
    "improvement": "to improve what they offer",
    "research": "for research",
    "marketing": "to advertise and sell to you",
    "selling": "to sell data, or what it tells",
}

PRECISIONS = {
    "exact": "as exactly as it is recorded",
    "hour": "by the hour",
    "day": "by the day",
    "week": "by the week",
    "month": "by the month",
}
PLACES = {"exact": "the exact place", "1 km": "to 1 km", "10 km": "to 10 km"}
PERIODS = {"hour": "an hour", "day": "a day", "week": "a week", "month": "in 30 days"}
OUTCOMES = {
    "fits": ("Within your limits", "good"),
    "marked": ("Asks for more", "wait"),
    "refused": ("Refused without asking you", "bad"),
}

# What is wrong with a field of the form, by field of the limit.
MISTAKES = {
    "precision": "Choose how exactly.",
    "place": "Choose how exactly.",
    "history_days": "Give a number of days from 0 to 36,500, or nothing.",
    "duration_days": "Give a number of days from 1 to 36,500.",
    "frequency": "Give a number of times from 1 to 100, or nothing.",
    "countries": "Give countries by their two letters, such as FR, DE, or nothing.",
}

_USES = ("onward", "ai_training")
_ALWAYS = ("precision", "place", "history_days", "duration_days")  # also without a limit


def limit(category: str, ceiling: Ceiling) -> str:
    """A limit in one or two sentences."""
    parts = [
        value(name, getattr(ceiling, name))
        for name in parts_of(category)
        if name not in _USES and (name in _ALWAYS or getattr(ceiling, name) is not None)
    ]
    said = ", ".join(parts)
    return f"{said[:1].upper()}{said[1:]}. {_uses(ceiling)}"


def _uses(ceiling: Ceiling) -> str:
    told = (value("onward", ceiling.onward), value("ai_training", ceiling.ai_training))
    if ceiling.onward == ceiling.ai_training:
        both = "May be passed on and train" if ceiling.onward else "Not passed on, and trains no"
        return f"{both} artificial intelligence."
    return f"{told[0].capitalize()}, but {told[1]}."


def value(attribute: str, told: Any) -> str:
    """A part of a limit, or what is asked of it, as a phrase."""
    match attribute:
        case "precision":
            return PRECISIONS.get(told, str(told))
        case "place":
            return PLACES.get(told, str(told))
        case "history_days":
            return _back(told)
        case "duration_days":
            return "without an end" if told is None else f"for {_days(told)}"
        case "frequency":
            return _often(told)
        case "onward":
            return "may be passed on" if told else "not passed on"
        case "ai_training":
            names = "artificial intelligence"
            return f"may train {names}" if told else f"trains no {names}"
        case "countries":
            if told is None:
                return "in any country"
            return f"only in {words.join(country_name(code) for code in told)}"
    return str(told)


def excess(one: Excess) -> str:
    """What a request asks for beyond a limit, as a sentence with its kind of data."""
    return f"{words.kind(one.category).label}: {beyond(one)}"


def told(precision: Precision) -> str:
    """How exactly a permission, or a request for one, has it told, after “told”."""
    if precision.action == "summary":
        return "in a few words: how often, how long, when last"
    place = "" if precision.place == "exact" else f", places {PLACES[precision.place]}"
    return PRECISIONS[precision.time] + place


def why_unasked(attribute: str, category: str, asked: Any, allowed: Any) -> str:
    """Why a request was refused without its owner, as a sentence."""
    if attribute == "gatekeeper":
        return (
            f"It comes from {asked}, which the law names a gatekeeper: it may not be given your "
            "data this way."
        )
    if attribute == "agreement":
        return "It does not accept your agreement, or offers one that gives you less."
    return excess(Excess(attribute, category, asked, allowed))


def beyond(one: Excess) -> str:
    """The same where the kind of data is plain."""
    if one.attribute in ("category", "purpose"):
        return "you have no limit for what it asks for."
    if one.attribute == "countries":
        asked = "it does not say where it goes" if one.asked is None else _goes_to(one.asked)
    else:
        asked = value(one.attribute, one.asked)
    return f"{asked}. Your limit: {value(one.attribute, one.allowed)}."


def difference(one: Difference) -> str:
    """What a version changed, as a sentence."""
    if one.attribute == "agreement":
        return f"The agreement: {one.after.title}. Before: {one.before.title}."
    if one.attribute == "refuses_unasked":
        return f"What is above your limits: {_refuses(one.after)}. Before: {_refuses(one.before)}."
    place = subject(one.category or "", one.group)
    if one.attribute == "exception":
        if one.after is None:
            return f"{place}: the exception is gone."
        return f"{place}: a limit of its own. {limit(one.category or '', one.after)}"
    new, old = value(one.attribute, one.after), value(one.attribute, one.before)
    return f"{place}: {new}. Before: {old}."


def subject(category: str, group: str | None) -> str:
    """A kind of data, and what it is asked for."""
    label = words.kind(category).label
    return f"{label}, {GROUPS[group]}" if group else label


def _refuses(is_refused: bool) -> str:
    return "refused without asking you" if is_refused else "marked, and you are asked"


def _goes_to(codes: list[str]) -> str:
    return f"it goes to {words.join(country_name(code) for code in codes)}"


def _back(days: int | None) -> str:
    if days is None:
        return "as far back as it goes"
    return f"{_days(days)} back" if days else "nothing from before they ask"


def _days(days: int) -> str:
    return {1: "a day", 365: "a year"}.get(days, f"{days:,} days")


def _often(told: Any) -> str:
    if told is None:
        return "as often as they like"
    parts: Mapping[str, Any] = told if isinstance(told, Mapping) else told.model_dump()
    if "per" in parts:
        return f"{words.times(parts['count'])} {PERIODS[parts['per']]} at most"
    said = [_often(parts["frequency"])] if "frequency" in parts else []
    if "count" in parts:
        said.append(f"{words.times(parts['count'])} in all")
    return words.join(said)
