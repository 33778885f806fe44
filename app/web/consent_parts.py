"""What the consent page shows of a request: its parts, their borders in words, what was given
before."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from app.consent.asked import Wish
from app.consent.limits import limits_of, written
from app.consent.models import GrantDetail
from app.consent.offer import Part, is_given
from app.consent.precision import EXACT, PLACES, TIMES, Precision, is_coarser_or_same
from app.consent.request_views import RequestView
from app.kit.http import Session
from app.objects.products import streams_of
from app.objects.tenures import Held
from app.terms.ceilings import Excess
from app.terms.roster import Agreement
from app.web import words
from app.web.consent_form import ConsentForm, chosen_of, kind_name
from app.web.format import Formatter
from app.web.terms_words import PLACES as PLACE_WORDS
from app.web.terms_words import PRECISIONS, beyond, told

Above = Callable[[Wish, str], list[Excess]]

_LONG = timedelta(days=3660)  # an end that lies beyond stands for none


@dataclass(frozen=True)
class Things:
    """The owner's objects, and of each its kinds of data with the titles of their streams."""

    held: Mapping[UUID, Held]
    titles: Mapping[UUID, Mapping[str, Sequence[str]]]

    def of(self, part: Part, category: str) -> list[str] | None:
        """The titles behind a kind of a part; None where no object that it is about has it."""
        meant = self.held if part.object_id is None else [part.object_id]
        known = [self.titles[one].get(category) for one in meant if one in self.titles]
        found = [titles for titles in known if titles is not None]
        return list(dict.fromkeys(title for titles in found for title in titles)) if found else None


def load_things(db: Session, held: Iterable[Held]) -> Things:
    """What the owner holds."""
    objects = {one.object_id: one for one in held}
    kinds: dict[UUID, dict[str, list[str]]] = {}
    for product_id in {one.product_id for one in objects.values()}:
        found: dict[str, list[str]] = {"identity": []}
        for stream in streams_of(db, product_id):
            found.setdefault(stream.category, []).append(stream.title)
        kinds[product_id] = found
    return Things(objects, {key: kinds[one.product_id] for key, one in objects.items()})


def shown_parts(
    asked: RequestView, things: Things, form: ConsentForm, fmt: Formatter, above: Above
) -> list[dict[str, Any]]:
    """The parts as the page shows them; a kind that none of the owner's things has is left out, and
    so is a part of which nothing stays, or whose object is the owner's no more."""
    shown = []
    for part in asked.parts:
        kinds = _kinds(asked, part, things, form, fmt, above)
        if kinds:
            mine = things.held[part.object_id] if part.object_id else None
            shown.append(
                {
                    "number": part.number,
                    "object": mine.name if mine else "",
                    "borders": borders(part.wish, fmt),
                    "to": part.wish.window_to and _first_day_without(part.wish.window_to, fmt),
                    "needed": [kind for kind in kinds if kind["needed"]],
                    "optional": [kind for kind in kinds if not kind["needed"]],
                }
            )
    return shown


def _first_day_without(end: datetime, fmt: Formatter) -> date:
    """The first day that begins at the end of a window or behind it."""
    local = fmt.local(end)
    return local.date() if local.time() == time.min else local.date() + timedelta(days=1)


def _kinds(
    asked: RequestView,
    part: Part,
    things: Things,
    form: ConsentForm,
    fmt: Formatter,
    above: Above,
) -> list[dict[str, Any]]:
    found = []
    for detail in asked.details:
        if detail.category not in part.categories:
            continue
        titles = things.of(part, detail.category)
        if titles is None:
            continue
        name = kind_name(part.number, detail.category)
        excess = above(part.wish, detail.category)
        how, where = _first_choice(part.wish.precision, excess)
        rest = [one for one in excess if one.attribute not in ("precision", "place")]
        is_first = detail.needed and not rest
        found.append(
            {
                "name": name,
                "category": detail.category,
                "needed": detail.needed,
                "why": detail.why,
                "streams": titles,
                "ticked": is_first if form.kinds is None else name in form.kinds,
                "above": [beyond(one) for one in excess],
                "how": _options(how_options(part.wish.precision), name, form.how, how),
                "where": _options(where_options(part.wish.precision), name, form.where, where)
                if detail.category == "location"
                else None,
                "news": _news(asked, part, detail.category, fmt),
            }
        )
    return found


def _first_choice(asked: Precision, excess: Sequence[Excess]) -> tuple[str, str]:
    """How exactly a kind is to be told at first: as is asked, and where that is above a limit, as
    the limit says."""
    limits = {one.attribute: one.allowed for one in excess}
    how = limits.get("precision", "summary" if asked.action == "summary" else asked.time)
    return how, limits.get("place", asked.place)


def how_options(asked: Precision) -> list[tuple[str, str]]:
    """What may be chosen in place of what is asked: that, and what tells less."""
    words_of = PRECISIONS | {"exact": "exactly as recorded"}
    times = [time for time in TIMES if is_coarser_or_same(time, asked.time)]
    said = [(time, words_of[time].capitalize()) for time in times if asked.action == "read"]
    return [*said, ("summary", "In a few words: how often, how long, when last")]


def where_options(asked: Precision) -> list[tuple[str, str]]:
    """The same of places."""
    return [(one, PLACE_WORDS[one].capitalize()) for one in PLACES[PLACES.index(asked.place) :]]


def _options(
    options: Sequence[tuple[str, str]], name: str, given: Sequence[str], first: str
) -> dict[str, Any] | None:
    """A choice for the page; None where there is none, or nothing to be told so."""
    if len(options) < 2:
        return None
    value = chosen_of(given, name) or first
    return {
        "options": [(f"{name}:{key}", text) for key, text in options],
        "value": f"{name}:{value}",
    }


def _news(asked: RequestView, part: Part, category: str, fmt: Formatter) -> str:
    """How a kind stands to what was given before, where the request is to change that."""
    if asked.changes is None:
        return ""
    before = [
        detail
        for detail in asked.changes.details
        if detail.category == category and part.object_id in (None, detail.object_id)
    ]
    if not before:
        return "New: you have not given this before."
    if all(is_given(part.wish, detail) for detail in before):
        return "As you gave it before."
    said = [line for detail in before for line in _given_borders(detail, fmt)]
    told = " ".join(dict.fromkeys(said))
    return f"More than you gave before, which was: {told}" if told else "More than you gave before."


def borders(wish: Wish, fmt: Formatter) -> list[str]:
    """How far a part goes, in sentences; what it leaves open is not said."""
    said = []
    if wish.precision != EXACT:
        said.append(f"They ask for it {told(wish.precision)}.")
    if wish.window_from or wish.window_to:
        said.append(_window(wish.window_from, wish.window_to, fmt))
    if wish.until:
        said.append(f"They ask for it until {fmt.at(wish.until)} at the latest.")
    limits = written(wish.limits)
    if limits:
        said.append(words.often(limits))
    if wish.retention:
        said.append(f"They say that they keep it {words.keeps(wish.retention)}.")
    return said


def agreement_said(asked: RequestView) -> dict[str, Any] | None:
    """Which agreement will hold, against the owner's own; None where an app of their own asks."""
    told = asked.proffered
    if told is None:
        return None
    held = told.agreement
    return {
        "own": agreement_link(told.own),
        "held": held and agreement_link(held),
        "is_own": held == told.own,
        "is_short": told.is_short,
    }


def agreement_link(one: Agreement) -> dict[str, str]:
    """An agreement by its title, and the page of these very words."""
    return {"title": one.title, "page": f"/agreements/{one.hash.hex()}"}


def given_before(asked: RequestView, things: Things, fmt: Formatter) -> list[dict[str, Any]]:
    """What the grant that is to change gives now, by object."""
    found: dict[UUID, dict[str, Any]] = {}
    for detail in asked.changes.details if asked.changes else ():
        mine = things.held.get(detail.object_id)
        name = mine.name if mine else "An object you no longer have"
        one = found.setdefault(detail.object_id, {"object": name, "kinds": []})
        label = words.kind(detail.category).label
        one["kinds"].append({"label": label, "borders": _given_borders(detail, fmt)})
    return list(found.values())


def asked_from(asked: RequestView, things: Things, fmt: Formatter) -> datetime | None:
    """How far back the request reaches into what the owner's things have recorded; None where it
    asks for nothing from before today."""
    starts = []
    for part in asked.parts:
        meant = [one for one in things.held.values() if part.object_id in (None, one.object_id)]
        begin = min((one.starts_at for one in meant), default=None)
        if begin is not None:
            starts.append(max(begin, part.wish.window_from or begin))
    first = min(starts, default=None)
    return first if first is not None and fmt.local(first).date() < fmt.today() else None


def window_of(detail: GrantDetail, fmt: Formatter) -> list[str]:
    """Which time the records are of that a detail gives; nothing where that is all the time."""
    if detail.window_from is None and detail.window_to is None:
        return []
    return [_window(detail.window_from, detail.window_to, fmt)]


def _given_borders(detail: GrantDetail, fmt: Formatter) -> list[str]:
    limits, said = written(limits_of(detail.terms)), window_of(detail, fmt)
    if detail.precision != EXACT:
        said.insert(0, f"Told {told(detail.precision)}.")
    if detail.until - fmt.now < _LONG:
        said.append(f"Until {fmt.last_day(detail.until)}.")
    return [*said, words.often(limits)] if limits else said


def _window(start: datetime | None, end: datetime | None, fmt: Formatter) -> str:
    if start is None:
        return f"What is recorded until {fmt.at(end)}." if end else ""
    if end is None:
        return f"What is recorded from {fmt.at(start)} on."
    return f"What is recorded from {fmt.at(start)} to {fmt.at(end)}."
