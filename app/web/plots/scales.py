"""From values to positions: nice ticks, linear scales, and the frame that a plot is drawn in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """Size and margins in user units; `name` ends up in the class that shows or hides it,
    `kind` in one more class."""

    name: str
    width: float
    height: float
    left: float = 46
    right: float = 8
    top: float = 30
    bottom: float = 28
    tick_space: float = 44
    kind: str = ""

    @property
    def inner_width(self) -> float:
        return self.width - self.left - self.right

    @property
    def floor(self) -> float:
        return self.height - self.bottom

    def x(self, share: float) -> float:
        return self.left + share * self.inner_width

    def y(self, value: float, low: float, high: float) -> float:
        """`low` lies on the floor, `high` at the top."""
        span = high - low or 1.0
        return self.floor - (value - low) / span * (self.floor - self.top)


# Text in an SVG shrinks with its box, so a phone gets a drawing of its own and CSS picks one.
WIDE = Frame("wide", 720, 250)
NARROW = Frame("narrow", 344, 234, left=40, right=4)
FRAMES = (WIDE, NARROW)


@dataclass(frozen=True)
class Axis:
    """The value axis: its unit in words, whether only whole numbers have a sense (counts), and
    whether it begins at zero whatever the values (amounts)."""

    unit: str = ""
    is_whole: bool = False
    from_zero: bool = False


PLAIN = Axis()


def nice_ticks(low: float, high: float, count: int = 4, *, is_whole: bool = False) -> list[float]:
    """About `count` round steps (1, 2, 2.5 or 5 times a power of ten) that enclose low and high;
    whole steps where only whole numbers have a sense."""
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    size = max(abs(low), abs(high), 1e-6)
    if high - low < 1e-9 * size:
        high = low + size
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    steps = [m * power for m in (1, 2, 2.5, 5, 10)]
    if is_whole:
        steps = [s for s in steps if s >= 1 and s == round(s)] or [1.0]
    step = next((s for s in steps if rough <= s * (1 + 1e-9)), steps[-1])
    first, last = math.floor(_in_steps(low, step)), math.ceil(_in_steps(high, step))
    digits = 3 - math.floor(math.log10(step))
    return [round(i * step, digits) for i in range(first, last + 1)]


def _in_steps(value: float, step: float) -> float:
    """How many steps a value is from zero, without the division's own error."""
    steps = value / step
    whole = round(steps)
    return whole if abs(steps - whole) <= 1e-13 * max(1.0, abs(steps)) else steps


def thin(places: Sequence[float], space: float) -> list[int]:
    """Which of the positions to label so that neighbours keep `space` between them."""
    kept: list[int] = []
    for index, place in enumerate(places):
        if not kept or place - places[kept[-1]] >= space:
            kept.append(index)
    return kept


def short_number(value: float) -> str:
    """An axis label: 1200 -> “1.2k”, 0.5 -> “0.5”."""
    size = abs(value)
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if size >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.4g}"
