"""Whether two agreements fit: what an owner proffers against what a vendor says that it accepts.

Pure. There are three answers (IEEE 7012): accept, one alternative from the same roster, reject.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from app.terms.clauses import prohibited
from app.terms.roster import Agreement, newest

Outcome = Literal["accept", "alternative", "reject"]


@dataclass(frozen=True)
class Match:
    """What becomes of a proffer. An alternative that `is_above` the owner's own needs the owner:
    it allows more, forbids less, or owes less."""

    outcome: Outcome
    agreement: Agreement | None = None
    is_above: bool = False


def is_within(one: Agreement, limit: Agreement) -> bool:
    """Whether whoever proffers `limit` loses nothing by `one`: it allows no more, forbids no less
    and owes no less. Two agreements may each be above the other."""
    forbids, must = prohibited(one.clauses), prohibited(limit.clauses)
    return (
        one.kind == limit.kind
        and one.allows <= limit.allows
        and forbids >= must
        and set(one.obligations) >= set(limit.obligations)
    )


def match(own: Agreement, accepted: Collection[str]) -> Match:
    """What a vendor that accepts these agreements (their ids) answers to the owner's own.

    Of several alternatives it is one that takes nothing from the owner; of those the nearest to
    what the owner proffers, and else the one that takes least. Ids that the roster does not have
    are passed over.
    """
    if own.id in accepted:
        return Match("accept", own)
    known = [one for one in newest(own.kind) if one.id in accepted]
    if not known:
        return Match("reject")
    best = min(known, key=lambda one: (not is_within(one, own), _distance(one, own), one.id))
    return Match("alternative", best, not is_within(best, own))


def _distance(one: Agreement, other: Agreement) -> int:
    """In how many uses and duties they differ."""
    owed = set(one.obligations) ^ set(other.obligations)
    return len(one.allows ^ other.allows) + len(owed)
