"""A limit as its form has it: to text and back, with a sentence for what cannot be meant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from app.terms.ceilings import Ceiling, Ceilings
from app.web import terms_words

_LONGEST = 6  # digits, more than any number that is taken


class Wrong(Exception):
    """A form that cannot be meant; errors by field id."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)


@dataclass(frozen=True)
class LimitForm:
    """The form as text, so that a page with errors shows it again. "" stands for no limit."""

    precision: str
    place: str
    history_days: str
    duration_days: str
    times: str
    per: str
    onward: bool
    ai_training: bool
    countries: str


def form_of(limit: Ceiling) -> LimitForm:
    """What the form begins with."""
    often = limit.frequency
    return LimitForm(
        limit.precision,
        limit.place,
        "" if limit.history_days is None else str(limit.history_days),
        str(limit.duration_days),
        str(often.count) if often else "",
        often.per if often else "week",
        limit.onward,
        limit.ai_training,
        ", ".join(limit.countries or ()),
    )


def limit_of(form: LimitForm) -> Ceiling:
    """What the form says; Wrong."""
    codes = [code.strip().upper() for code in form.countries.split(",") if code.strip()]
    told = {
        "precision": form.precision,
        "place": form.place,
        "history_days": _number(form.history_days),
        "duration_days": _number(form.duration_days),
        "frequency": {"count": _number(form.times), "per": form.per} if form.times else None,
        "onward": form.onward,
        "ai_training": form.ai_training,
        "countries": codes or None,
    }
    try:
        return Ceiling.model_validate(told)
    except ValidationError as error:
        fields = {str(fault["loc"][0]): None for fault in error.errors()}
    raise Wrong({_id(name): terms_words.MISTAKES[name] for name in fields})


def with_limit(
    ceilings: Ceilings, category: str, group: str | None, limit: Ceiling | None
) -> Ceilings:
    """The same with another limit; an exception is gone where `limit` is None."""
    told: dict[str, Any] = {"categories": dict(ceilings.categories)}
    exceptions = {name: dict(some) for name, some in ceilings.exceptions.items()}
    if group is None:
        told["categories"][category] = limit or ceilings.categories[category]
    elif limit is not None:
        exceptions.setdefault(group, {})[category] = limit
    else:
        exceptions.get(group, {}).pop(category, None)
    return Ceilings(**told, exceptions={name: some for name, some in exceptions.items() if some})


def _number(text: str) -> int | str | None:
    """None for nothing; what is no number stays as it is, and is refused as such."""
    if not text:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST
    return int(text) if is_number else text


def _id(name: str) -> str:
    return "times" if name == "frequency" else name.replace("_", "-")
