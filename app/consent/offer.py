"""What a request offers its owner to give, part by part, and what of it was chosen. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.consent.asked import Wish, wider_terms
from app.consent.models import GrantDetail
from app.consent.precision import Precision

Kind = tuple[int, str]  # of which part, which kind of data


@dataclass(frozen=True)
class Part:
    """Kinds of data that are asked for alike: of one object of the owner's, or of any that the
    owner chooses (None). An answer names it by its `number`, its place in the request."""

    number: int
    wish: Wish
    object_id: UUID | None

    @property
    def categories(self) -> frozenset[str]:
        return self.wish.categories

    @property
    def kinds(self) -> set[Kind]:
        """How an answer names what of it is given."""
        return {(self.number, category) for category in self.categories}


def parts_of(wishes: Sequence[Wish], own: Mapping[UUID, UUID]) -> list[Part]:
    """What an owner can be asked for. `own` are the owner's objects by the vendor's ids of them;
    what names any other is left out."""
    return [
        Part(number, wish, None if wish.identifier is None else own[wish.identifier])
        for number, wish in enumerate(wishes)
        if wish.identifier is None or wish.identifier in own
    ]


def only_new(
    parts: Sequence[Part], given: Sequence[GrantDetail], has: Mapping[UUID, frozenset[str]]
) -> list[Part]:
    """The parts without the kinds that were given before, as far as they are asked for now. `has`
    are the kinds of each object that the owner may choose."""
    before = {(detail.object_id, detail.category): detail for detail in given}
    found = []
    for part in parts:
        named = {part.object_id: has.get(part.object_id, frozenset())} if part.object_id else has
        new = frozenset(
            category
            for category in part.categories
            for object_id, kinds in named.items()
            if category in kinds and not is_given(part.wish, before.get((object_id, category)))
        )
        if new:
            found.append(replace(part, wish=replace(part.wish, categories=new)))
    return found


def is_given(wish: Wish, detail: GrantDetail | None) -> bool:
    """Whether what was given before is as much as is wished for. A beginning and an end that a wish
    leaves open are the owner's to choose, so it asks for no more than they chose."""
    if detail is None:
        return False
    begins, ends = detail.window_from, detail.window_to
    is_early = wish.window_from is None or begins is None or begins <= wish.window_from
    is_late = ends is None or (wish.window_to is not None and ends >= wish.window_to)
    is_long = wish.until is None or detail.until >= wish.until
    is_fine = detail.precision.covers(wish.precision)
    return is_early and is_late and is_long and is_fine and _is_wider(detail.terms, wish.terms)


def choose(
    parts: Sequence[Part],
    kinds: Collection[Kind],
    objects: Collection[UUID],
    precisions: Mapping[Kind, Precision] | None = None,
) -> dict[tuple[UUID, str], Wish]:
    """What is given: by object and kind, the wish that says how far. An object that a part names
    is in it whether it stands among `objects` or not. What has a precision of its own among
    `precisions` is given so, and all else as it was asked for.

    Where several ticked parts ask for the same, one is given: that without any border, else one
    that names the object, else the first.
    """
    found: dict[tuple[UUID, str], Wish] = {}
    for part in sorted(parts, key=_precedence):
        meant = objects if part.object_id is None else (part.object_id,)
        for object_id in meant:
            for category in part.categories:
                kind = (part.number, category)
                if kind in kinds:
                    precision = (precisions or {}).get(kind, part.wish.precision)
                    wish = replace(part.wish, precision=precision)
                    found.setdefault((object_id, category), wish)
    return found


def _precedence(part: Part) -> tuple[bool, bool, int]:
    is_bounded = part.wish != Wish(None, part.categories)
    return is_bounded, part.object_id is None, part.number


def _is_wider(given: Mapping[str, Any] | None, asked: Mapping[str, Any] | None) -> bool:
    return wider_terms(given, asked) == (given or None)
