"""How exactly a grant lets its vendor know what was recorded. Pure."""

from typing import NamedTuple

TIMES = ("exact", "hour", "day", "week", "month")
PLACES = ("exact", "1 km", "10 km")
ACTIONS = ("read", "summary")

_UNIONS: dict[str, tuple[str, ...]] = {
    "exact": TIMES,
    "hour": TIMES[1:],
    "day": ("day", "week", "month"),
    "week": ("week",),
    "month": ("month",),
}


def is_coarser_or_same(asked: str, granted: str) -> bool:
    """Whether each stretch of the size asked is a union of stretches of the size granted; `exact`
    is made of nothing smaller. Weeks and months cut each other: their differences are days."""
    return asked in _UNIONS.get(granted, ())


class Precision(NamedTuple):
    """`action` is `read` for record after record or stretch after stretch, `summary` for a few
    words on all of them. `time` is what stretch of time is told as one, `place` how wide a square
    on the map is."""

    action: str = "read"
    time: str = "exact"
    place: str = "exact"

    @property
    def is_exact(self) -> bool:
        """Whether records are told one by one, their times as they are."""
        return (self.action, self.time) == ("read", "exact")

    @property
    def stretch(self) -> str:
        """What is told as one, or a summary is made of: of what is asked exactly, days."""
        return "day" if self.action == "summary" and self.time == "exact" else self.time

    def covers(self, other: "Precision") -> bool:
        """Whether who has this learns all that the other tells."""
        return (
            ACTIONS.index(self.action) <= ACTIONS.index(other.action)
            and is_coarser_or_same(other.time, self.time)
            and PLACES.index(self.place) <= PLACES.index(other.place)
        )

    def narrowed(self, other: "Precision") -> "Precision":
        """What both tell: in each respect the coarser of the two. Where neither is, as of weeks
        and months, it is this one's."""
        time = other.time if is_coarser_or_same(other.time, self.time) else self.time
        action = max(self.action, other.action, key=ACTIONS.index)
        return Precision(action, time, max(self.place, other.place, key=PLACES.index))

    def widened(self, other: "Precision") -> "Precision":
        """In each respect the finer of the two. Where neither is, it is this one's: nothing is
        told that neither tells."""
        time = other.time if is_coarser_or_same(self.time, other.time) else self.time
        action = min(self.action, other.action, key=ACTIONS.index)
        return Precision(action, time, min(self.place, other.place, key=PLACES.index))


EXACT = Precision()


def chosen(asked: Precision, how: str | None, where: str | None) -> Precision:
    """What an owner chose of what was asked: `how` is one of `TIMES`, or "summary"; `where` one of
    `PLACES`; None leaves it as asked. Whether it is no more than was asked is not looked at."""
    place = where or asked.place
    if how == "summary":
        time = "day" if asked.time == "exact" else asked.time
        return Precision("summary", time, place)
    return asked._replace(place=place) if how is None else Precision("read", how, place)
