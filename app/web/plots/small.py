"""Small drawings beside text: a week in bars, and a tape measure showing how far time has run."""

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from app.web.plots.svg import tag

_BAR, _STEP, _HEIGHT = 7, 11, 34
_TAPE_WIDTH, _TAPE_HEIGHT, _MARKS = 320.0, 26.0, 24


def sparkline(label: str, values: Sequence[float | None]) -> Markup:
    """One bar per value; None leaves a stitch on the floor. `label` says it in words."""
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    bars, gaps = "", ""
    for index, value in enumerate(values):
        x = index * _STEP
        if value is None:
            gaps += f"M{x} {_HEIGHT - 1}h{_BAR}"
        else:
            height = max(2.0, value / top * (_HEIGHT - 2))
            bars += f"M{x} {_HEIGHT}v-{height:.1f}h{_BAR}v{height:.1f}z"
    return tag(
        "svg",
        tag("path", class_="plot-bar", d=bars or "M0 0"),
        tag("path", class_="plot-gap", d=gaps or "M0 0"),
        class_="spark",
        viewBox=f"0 0 {max(len(values), 1) * _STEP - (_STEP - _BAR)} {_HEIGHT}",
        role="img",
        aria_label=label,
    )


def tape(label: str, since: datetime, until: datetime, now: datetime) -> Markup:
    """A tape measure from `since` to `until`, filled up to `now`. `label` says it in words."""
    whole = (until - since).total_seconds() or 1.0
    share = min(max((now - since).total_seconds() / whole, 0.0), 1.0)
    gone = share * _TAPE_WIDTH
    marks = "".join(
        f"M{1 + index * (_TAPE_WIDTH - 2) / _MARKS:.1f} 4v{_mark_length(index)}"
        for index in range(_MARKS + 1)
    )
    return tag(
        "svg",
        tag("rect", class_="tape-gone", x=0, y=4, width=gone, height=18),
        tag("path", class_="tape-marks", d=marks),
        tag("path", class_="tape-now", d=f"M{min(max(gone, 1.5), _TAPE_WIDTH - 1.5):.1f} 0v26"),
        class_="tape",
        viewBox=f"0 0 {_TAPE_WIDTH:.0f} {_TAPE_HEIGHT:.0f}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def _mark_length(index: int) -> int:
    if index % 6 == 0:
        return 18
    return 12 if index % 3 == 0 else 7
