"""A garment as its records tell it, and what a mender would say. Pure: no web, no clock."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from markupsafe import Markup

from app.demo.vendor.times import when

KINDS = {
    "usage": "when and how long they are worn",
    "care": "how they are washed",
    "condition": "what state they are in",
    "body": "how they fit",
    "identity": "their serial number and links",
}
PURPOSES = {"RepairImpairments": "to find and mend faults"}
UNITS = {"Cel": "°C", "min": "minutes", "count": "", "h": "hours"}
HOT = 40
REST, WATCH, MEND = "Nothing to mend yet", "Worth a look at the bench", "Time to reinforce them"
EARLY = "Too early to say"
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Table:
    """The newest records of one stream, ready to print."""

    title: str
    heads: list[str]
    rows: list[list[str]]
    total: int


@dataclass(frozen=True)
class Garment:
    """What was read of one object. `minutes` and `washes` are None where no such kind was given,
    `wears_since_wash` where no wash is known. `begins_today`: nothing from before was given."""

    name: str
    maker: str
    minutes: dict[date, float] | None
    washes: list[tuple[date, float | None]] | None
    wears_since_wash: int | None
    begins_today: bool
    tables: list[Table]

    @property
    def hours(self) -> float:
        return sum((self.minutes or {}).values()) / 60

    @property
    def by_temperature(self) -> list[tuple[str, int]]:
        """How many washes at each temperature, coolest first."""
        counted = Counter(-1.0 if warm is None else warm for _, warm in self.washes or [])
        return [
            (f"{warm:g} °C" if warm >= 0 else "not said", times)
            for warm, times in sorted(counted.items())
        ]


def read_garment(
    one: Mapping[str, Any], records: list[dict[str, Any]], read_at: datetime | None = None
) -> Garment:
    """Find wear and washes by what the product's streams say of themselves, not by their names."""
    product = one["product"]
    streams = {stream["name"]: stream for stream in product["streams"]}
    wears = {n: s for n, s in streams.items() if _is_of(s, "usage") and s["kind"] == "interval"}
    washes = {n: s for n, s in streams.items() if _is_of(s, "care") and s["kind"] == "instant"}
    return Garment(
        name=product["name"],
        maker=product["maker"],
        minutes=_minutes_by_day(records, wears) if wears else None,
        washes=_washes(records, washes) if washes else None,
        wears_since_wash=_wears_since_wash(records, wears, washes),
        begins_today=_begins_today(one, read_at),
        tables=[_table(s, [r for r in records if r["stream"] == n]) for n, s in streams.items()],
    )


def advise(garment: Garment) -> tuple[str, list[str]]:
    """A rule of thumb, said aloud: hours of wear strain the seams, hot washes tire the cloth."""
    if garment.minutes is None:
        return "We cannot say", ["You kept the wearing to yourself, and our rule starts from it."]
    hot = sum(1 for _, warm in garment.washes or [] if warm is not None and warm > HOT)
    reasons = ["You gave us nothing from before today."] if garment.begins_today else []
    reasons.append(_worn_words(garment))
    if garment.washes is None:
        reasons.append("How they are washed we were not told, so washes do not count here.")
    else:
        reasons += [*_wash_words(garment, hot), *_rest_words(garment)]
    if not garment.minutes:
        return EARLY, [*reasons, "Wear them, and look again."]
    strain = garment.hours + 15 * hot
    if strain < 150:
        return REST, [*reasons, "Bring them by after about 150 hours of wear."]
    if strain < 400:
        return WATCH, [*reasons, "At this age the crotch seam and the hems are the first to open."]
    return MEND, [*reasons, "A patch inside the thigh now saves a hole later."]


def given_words(detail: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """One line of the token answer's `authorization_details` (RFC 9396) in plain words."""
    window = detail.get("window") or {}
    since, to = window.get("from"), window.get("to")
    kinds = [KINDS.get(kind, kind) for kind in detail.get("datatypes", [])]
    how = _told(detail)
    purpose = str(detail.get("purpose", "")).rpartition("#")[2]
    return {
        "thing": names.get(detail.get("identifier", ""), "One garment"),
        "kinds": ("; ".join(kinds) or "nothing") + how,
        "since": _from(since) if since else "all that was recorded",
        "to": _to(to) if to else "and what is still to come",
        "until": when(detail["until"], "last") if detail.get("until") else "not said",
        "purpose": PURPOSES.get(purpose, purpose or "not said"),
    }


def _told(detail: Mapping[str, Any]) -> str:
    """How exactly, where not exactly."""
    if detail.get("actions") == ["summary"]:
        return ", in a few words"
    time = detail.get("precision", {}).get("time", "exact")
    return "" if time == "exact" else f", by the {time}"


def kept_words(asked: str, scope: str) -> list[str]:
    """What was asked for and not given."""
    kept = (one.partition(":")[0] for one in asked.split() if one not in scope.split())
    return [KINDS[kind] for kind in kept]


def _from(instant: str) -> Markup:
    return Markup("from {}").format(when(instant, "day"))


def _to(instant: str) -> Markup:
    return Markup("to {}").format(when(instant, "last"))


def _is_of(stream: Mapping[str, Any], category: str) -> bool:
    return bool(stream["category"] == category)


def _minutes_by_day(
    records: Iterable[Mapping[str, Any]], streams: Mapping[str, Mapping[str, Any]]
) -> dict[date, float]:
    days: dict[date, float] = {}
    for record in records:
        if record["stream"] in streams and (minutes := _minutes(record, streams)) > 0:
            day = datetime.fromisoformat(record["at"]).date()
            days[day] = days.get(day, 0.0) + minutes
    return days


def _minutes(record: Mapping[str, Any], streams: Mapping[str, Mapping[str, Any]]) -> float:
    """The minutes the record names, or else how long its interval is."""
    told = _value(record, streams[record["stream"]], "min")
    if told is not None:
        return told
    start, end = (datetime.fromisoformat(record[key]) for key in ("at", "until"))
    return (end - start).total_seconds() / 60


def _washes(
    records: Iterable[Mapping[str, Any]], streams: Mapping[str, Mapping[str, Any]]
) -> list[tuple[date, float | None]]:
    return [
        (datetime.fromisoformat(r["at"]).date(), _value(r, streams[r["stream"]], "Cel"))
        for r in records
        if r["stream"] in streams
    ]


def _wears_since_wash(
    records: Iterable[Mapping[str, Any]],
    wears: Mapping[str, Mapping[str, Any]],
    washes: Mapping[str, Mapping[str, Any]],
) -> int | None:
    """On how many days they were worn after the last wash; None where none is known."""
    at: dict[str, list[datetime]] = {name: [] for name in (*wears, *washes)}
    for record in records:
        if record["stream"] in at:
            at[record["stream"]].append(datetime.fromisoformat(record["at"]))
    last = max((one for name in washes for one in at[name]), default=None)
    if last is None:
        return None
    return len({one.date() for name in wears for one in at[name] if one > last})


def _begins_today(one: Mapping[str, Any], read_at: datetime | None) -> bool:
    """Whether what was given begins within the day that ends now."""
    since = (one.get("window") or {}).get("from")
    if since is None or read_at is None:
        return False
    return read_at - datetime.fromisoformat(since) < _DAY


def _value(record: Mapping[str, Any], stream: Mapping[str, Any], unit: str) -> float | None:
    """The first number that the stream measures in this unit."""
    for field in stream["fields"]:
        value = record["values"].get(field["name"])
        if field.get("unit") == unit and isinstance(value, int | float):
            return float(value)
    return None


def _table(stream: Mapping[str, Any], records: list[dict[str, Any]]) -> Table:
    fields = stream["fields"]
    units = [UNITS.get(f.get("unit") or "", f.get("unit") or "") for f in fields]
    heads = [
        f"{f['title']}, {u}" if u and u not in f["title"].lower() else f["title"]
        for f, u in zip(fields, units, strict=True)
    ]
    rows = [
        [when(r["at"], "minute", zone="")] + [str(r["values"].get(f["name"], "–")) for f in fields]
        for r in records[:-11:-1]
    ]
    return Table(stream["title"], ["When", *heads], rows, len(records))


def _worn_words(garment: Garment) -> str:
    minutes = sum((garment.minutes or {}).values())
    if not garment.minutes:
        return "No wear in what you gave us yet."
    long = _times(round(minutes), "minute") if minutes < 120 else f"{minutes / 60:.0f} hours"
    return f"{long} of wear on {_times(len(garment.minutes), 'day')}."


def _wash_words(garment: Garment, hot: int) -> list[str]:
    times = len(garment.washes or [])
    if not times:
        return ["No wash in what you gave us yet."]
    said = f"{_times(times, 'wash', 'es')}, {hot} of them above {HOT} °C."
    return [said, *([f"Wash them at {HOT} °C or cooler: heat tires cotton."] if hot else [])]


def _rest_words(garment: Garment) -> list[str]:
    worn = garment.wears_since_wash
    if worn is None:
        return []
    return [
        f"Worn on {_times(worn, 'day')} since the last wash"
        + (": wash them before they come to the bench." if worn >= 6 else ".")
    ]


def _times(count: int, thing: str, more: str = "s") -> str:
    return f"{count} {thing}{'' if count == 1 else more}"
