"""Times for people: in UTC, named so, until `static/zone.js` shows them in the visitor's zone."""

from datetime import UTC, datetime, time, timedelta

from markupsafe import Markup

_MINUTE = "%H:%M"
_SHOWN = {"day": _MINUTE, "last": _MINUTE, "minute": _MINUTE, "second": "%H:%M:%S"}


def when(instant: str | datetime, show: str, zone: str = " UTC") -> Markup:
    """A `<time>`. `day` and `last` leave out a midnight, where a day is meant: `last` is the last
    day of what ends at that instant. `zone` is empty where the text around it names UTC."""
    at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    at = at.astimezone(UTC)
    text = f"{day_of(at, show)}, {at.strftime(_SHOWN[show])}{zone}"
    if show in ("day", "last") and at.time() == time(0):
        text = f"{day_of(at, show)}{zone}"
    wire = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" data-show="{}">{}</time>').format(wire, show, text)


def day_of(at: datetime, show: str = "day") -> str:
    if show == "last" and at.time() == time(0):
        at -= timedelta(days=1)
    return f"{at.day} {at:%B %Y}"
