"""Zones and times to try, most of them close to where clocks are changed."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EARLIEST = datetime(1800, 1, 1, tzinfo=UTC)
NAMES = sorted(available_timezones())
# Half an hour, a skipped date, midnights that come twice, three hours, a lasting change, none.
ODD = [
    "Europe/Paris",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Antarctica/Casey",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "America/Juneau",
    "UTC",
]


@lru_cache(maxsize=512)
def changes(name: str) -> list[datetime]:
    """Days after which a zone's clock was changed, from 1840 to 2100."""
    zone, start = ZoneInfo(name), datetime(1840, 1, 1, tzinfo=UTC)
    days = [start + n * 4 * DAY for n in range(260 * 91)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    pairs = zip(days, offsets, offsets[1:], strict=False)
    return [day for day, before, after in pairs if before != after] or [start]


@st.composite
def zones_and_times(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    name = draw(st.sampled_from(ODD) | st.sampled_from(NAMES))
    if draw(st.booleans()):
        near = draw(st.sampled_from(changes(name)))
        at = near + timedelta(seconds=draw(st.integers(-2 * 86_400, 6 * 86_400)))
    else:
        at = EARLIEST + timedelta(seconds=draw(st.integers(0, 400 * 365 * 86_400)))
    return ZoneInfo(name), at
