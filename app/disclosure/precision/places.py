"""Places told as squares of a fixed grid: about a kilometre wide, or ten.

Bands of equal height go round the earth, each cut into as many equal parts as keep them about
square; around each pole lies one round cell. The grid is the same for everybody and for ever, so
asking again tells nothing new. `country` is not built: it needs the borders of countries, which are
not here. Nothing offers it.
"""

from collections.abc import Mapping, Sequence
from math import cos, floor, radians
from typing import Any, Literal

from app.objects.units import PLACE_UNITS

PlaceSize = Literal["1 km", "10 km"]
Cell = tuple[float, float]
Field = Mapping[str, Any]

_BANDS = {"1 km": 20_000, "10 km": 2_000}  # from pole to pole are 20,004 km
_DIGITS = 5  # about a metre
_HEIGHT_UNITS = frozenset({"m", "cm", "mm"})


def cell(lat: float, lon: float, size: PlaceSize) -> Cell:
    """The centre, as latitude and longitude, of the grid's cell that a place lies in. The 180th
    meridian is one, east and west; at the poles longitude says nothing."""
    bands = _BANDS[size]
    height = 180 / bands
    band = min(max(floor((lat + 90) / height), 0), bands - 1)
    if band in (0, bands - 1):
        return (-90.0 if band == 0 else 90.0), 0.0
    middle = (band + 0.5) * height - 90
    parts = max(round(360 * cos(radians(middle)) / height), 1)
    part = floor((lon + 180) / 360 * parts) % parts
    return round(middle, _DIGITS), round((part + 0.5) * 360 / parts - 180, _DIGITS)


def place_fields(fields: Sequence[Field]) -> frozenset[str]:
    """The fields of a stream that may say where something was: latitudes and longitudes and, beside
    these, heights. What a maker calls a height nobody knows, so each length below kilometres is
    one. Empty for a stream without a place."""
    units = {field["name"]: field.get("unit") for field in fields}
    if not PLACE_UNITS.intersection(units.values()):
        return frozenset()
    return frozenset(name for name, unit in units.items() if unit in PLACE_UNITS | _HEIGHT_UNITS)


def hide_place(
    values: Mapping[str, Any], fields: Sequence[Field], size: PlaceSize
) -> dict[str, Any]:
    """A record's values, told exactly but for its place: that is the centre of its cell. What else
    may say where it was is left out: heights, half a place, and texts that no list limits."""
    hidden = place_fields(fields)
    if not hidden:
        return dict(values)
    hidden |= {f["name"] for f in fields if f["type"] == "string" and not f.get("enum")}
    told = {name: value for name, value in values.items() if name not in hidden}
    for lat, lon in _pairs(fields):
        if lat in values and lon in values:
            told[lat], told[lon] = cell(float(values[lat]), float(values[lon]), size)
    return told


def cells_of(
    values: Mapping[str, Any], fields: Sequence[Field], size: PlaceSize
) -> dict[Cell, int]:
    """How many of a record's places lie in each cell."""
    counts: dict[Cell, int] = {}
    for lat, lon in _pairs(fields):
        if lat in values and lon in values:
            found = cell(float(values[lat]), float(values[lon]), size)
            counts[found] = counts.get(found, 0) + 1
    return counts


def cells_told(cells: Mapping[Cell, int]) -> list[dict[str, Any]]:
    """Cells for an answer, from south to north."""
    return [{"lat": lat, "lon": lon, "count": cells[lat, lon]} for lat, lon in sorted(cells)]


def _pairs(fields: Sequence[Field]) -> list[tuple[str, str]]:
    """The names of a stream's places: its first latitude with its first longitude, and so on."""
    lats, lons = ([f["name"] for f in fields if f.get("unit") == unit] for unit in ("lat", "lon"))
    return list(zip(lats, lons, strict=False))
