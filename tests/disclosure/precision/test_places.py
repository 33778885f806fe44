"""Squares of the grid: their size, poles and the 180th meridian; what else tells of a place."""

from math import asin, cos, radians, sin, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.disclosure.precision.places import (
    Cell,
    PlaceSize,
    cell,
    cells_of,
    hide_place,
    place_fields,
)
from tests.disclosure.precision.logs import field

SIZES: list[PlaceSize] = ["1 km", "10 km"]
KM = {"1 km": 1.0, "10 km": 10.0}
both_sizes = pytest.mark.parametrize("size", SIZES)
lats, lons = st.floats(-90, 90), st.floats(-180, 180)


def distance(one: Cell, other: Cell) -> float:
    """Kilometres over the earth's surface, by the haversine formula."""
    (a, b), (c, d) = (map(radians, place) for place in (one, other))
    half = sin((c - a) / 2) ** 2 + cos(a) * cos(c) * sin((d - b) / 2) ** 2
    return 2 * 6371.0 * asin(min(1.0, sqrt(half)))


@given(lat=lats, lon=lons, size=st.sampled_from(SIZES))
def test_centre_lies_in_its_own_cell(lat: float, lon: float, size: PlaceSize) -> None:
    centre = cell(lat, lon, size)
    assert cell(*centre, size) == centre
    assert -90 <= centre[0] <= 90
    assert -180 <= centre[1] < 180


@given(lat=lats, lon=lons, size=st.sampled_from(SIZES))
def test_place_is_near_the_centre_of_its_cell(lat: float, lon: float, size: PlaceSize) -> None:
    """Half of a square's diagonal, and a little more where a band has but few parts."""
    assert distance((lat, lon), cell(lat, lon, size)) <= 1.01 * KM[size]


@given(lat=st.floats(-89, 89), lon=lons, size=st.sampled_from(SIZES))
def test_cells_are_about_square_and_as_large_as_they_say(
    lat: float, lon: float, size: PlaceSize
) -> None:
    centre = cell(lat, lon, size)
    step = 180 / (20_000 / KM[size])
    wide = 1
    while cell(centre[0], centre[1] + wide * step / 20, size) == centre:
        wide += 1
    width = 2 * wide * step / 20 * cos(radians(centre[0])) * 111.19
    assert 0.8 * KM[size] <= width <= 1.4 * KM[size]
    assert cell(centre[0] + 0.49 * step, centre[1], size) == centre
    assert cell(centre[0] + 0.51 * step, centre[1], size) != centre


@both_sizes
@pytest.mark.parametrize("lat", [-89.99, -60.001, -0.001, 0.0, 0.001, 48.8584, 71.3, 89.9])
def test_180th_meridian_is_one(lat: float, size: PlaceSize) -> None:
    assert cell(lat, 180, size) == cell(lat, -180, size)
    east, west = cell(lat, 179.999_999, size), cell(lat, -179.999_999, size)
    assert distance(east, west) <= 1.5 * KM[size]


@both_sizes
@pytest.mark.parametrize("lon", [-180, -179.9, -45, 0, 0.1, 90, 180])
def test_a_pole_is_one_place(lon: float, size: PlaceSize) -> None:
    assert cell(90, lon, size) == cell(89.9999, 12, size) == (90, 0)
    assert cell(-90, lon, size) == cell(-89.9999, 12, size) == (-90, 0)


@pytest.mark.parametrize(
    ("lat", "lon", "size", "expected"),
    [
        (48.8584, 2.2945, "1 km", (48.8565, 2.29121)),
        (48.8584, 2.2945, "10 km", (48.825, 2.32434)),
        (0, 0, "1 km", (0.0045, 0.0045)),
        (-33.8568, 151.2153, "10 km", (-33.885, 151.21951)),
    ],
)
def test_grid_is_the_same_for_ever(lat: float, lon: float, size: PlaceSize, expected: Cell) -> None:
    assert cell(lat, lon, size) == expected


FIELDS = [
    field("latitude", unit="lat"),
    field("longitude", unit="lon"),
    field("hoehe", unit="m"),
    field("depth", unit="cm"),
    field("ridden", unit="km"),
    field("speed", unit="km/h"),
    field("street", "string"),
    field("mode", "string", enum=["walk", "ride"]),
    field("moving", "boolean"),
]
VALUES: dict[str, Any] = {
    "latitude": 48.8584,
    "longitude": 2.2945,
    "hoehe": 35,
    "depth": 4,
    "ridden": 3.5,
    "speed": 12,
    "street": "Quai Branly",
    "mode": "ride",
    "moving": True,
}


@both_sizes
def test_values_keep_all_that_tells_no_place(size: PlaceSize) -> None:
    lat, lon = cell(48.8584, 2.2945, size)
    kept = {"ridden": 3.5, "speed": 12, "mode": "ride", "moving": True}
    assert hide_place(VALUES, FIELDS, size) == {"latitude": lat, "longitude": lon} | kept
    assert VALUES["latitude"] == 48.8584


@pytest.mark.parametrize("lost", ["latitude", "longitude"])
def test_half_a_place_is_left_out(lost: str) -> None:
    half = {name: value for name, value in VALUES.items() if name != lost}
    told = hide_place(half, FIELDS, "1 km")
    assert not {"latitude", "longitude"} & told.keys()
    assert cells_of(half, FIELDS, "1 km") == {}


def test_stream_without_a_place_is_told_whole() -> None:
    fields = [one for one in FIELDS if one.get("unit") not in ("lat", "lon")]
    assert place_fields(fields) == frozenset()
    values = {name: VALUES[name] for name in ("hoehe", "street")}
    assert hide_place(values, fields, "10 km") == values


def test_latitude_alone_makes_a_place_that_is_never_told() -> None:
    fields = [field("latitude", unit="lat"), field("speed", unit="m/s")]
    assert hide_place({"latitude": 1, "speed": 2}, fields, "1 km") == {"speed": 2}
    assert place_fields(fields) == {"latitude"}


def test_each_of_two_places_is_hidden() -> None:
    names = ["a_lat", "a_lon", "b_lon", "b_lat"]
    fields = [field(name, unit=name[2:]) for name in names]
    values = {"a_lat": 1, "a_lon": 2, "b_lat": 50, "b_lon": 60}
    first, second = cell(1, 2, "10 km"), cell(50, 60, "10 km")
    told = hide_place(values, fields, "10 km")
    assert (told["a_lat"], told["a_lon"]) == first
    assert (told["b_lat"], told["b_lon"]) == second
    assert cells_of(values, fields, "10 km") == {first: 1, second: 1}
    assert cells_of(values | {"b_lat": 1, "b_lon": 2}, fields, "10 km") == {first: 2}
