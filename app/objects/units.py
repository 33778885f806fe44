"""Units a field may have: SenML names (RFC 8428 §12.1, RFC 8798 §3) and a few counted things."""

from fractions import Fraction

from app.kit.jsonio import MAX_INTEGER

_SENML = """m kg g s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H Cel lm lx Bq Gy Sv kat m2 m3
l m/s m/s2 m3/s l/s W/m2 cd/m2 bit bit/s lat lon pH dB dBW Bspl count / % %RH %EL EL 1/s 1/min
beat/min beats S/m B VA VAs var vars J/m kg/m3 deg NTU"""
# Secondary units: name, primary unit, scale and offset if any; value × scale + offset is primary.
_SECONDARY = """ms s 1/1000
min s 60
h s 3600
MHz Hz 1000000
kW W 1000
kVA VA 1000
kvar var 1000
Ah C 3600
Wh J 3600
kWh J 3600000
varh vars 3600
kvarh vars 3600000
kVAh VAs 3600000
Wh/km J/m 36/10
KiB B 1024
GB B 1000000000
Mbit/s bit/s 1000000
B/s bit/s 8
MB/s bit/s 8000000
mV V 1/1000
mA A 1/1000
dBm dBW 1 -30
ug/m3 kg/m3 1/1000000000
mm/h m/s 1/3600000
m/h m/s 1/3600
ppm / 1/1000000
/100 / 1/100
/1000 / 1/1000
hPa Pa 100
mm m 1/1000
cm m 1/100
km m 1000
km/h m/s 10/36"""
_WORDS = {
    "Cel": "°C",
    "lat": "degrees latitude",
    "lon": "degrees longitude",
    "count": "",
    "1": "",
    "/": "",
    "%": "%",
    "min": "minutes",
    "h": "hours",
    "s": "seconds",
    "N": "newtons",
    "Wh": "Wh",
    "l": "litres",
}

_TO_PRIMARY = {
    name: (primary, Fraction(scale), Fraction(*offset))
    for name, primary, scale, *offset in map(str.split, _SECONDARY.splitlines())
}

UNITS = frozenset([*_SENML.split(), *_TO_PRIMARY, "1"])
PLACE_UNITS = frozenset({"lat", "lon"})


def unit_words(unit: str | None) -> str:
    """The unit as people write it; empty for a bare number."""
    return "" if unit is None else _WORDS.get(unit, unit)


def convert(value: int | float, unit: str, wanted: str) -> int | float | None:
    """The value in the unit `wanted`, worked out exactly (RFC 8798 §3); None where the two have no
    primary unit in common. OverflowError where it is too large for a number."""
    primary, scale, offset = _TO_PRIMARY.get(unit, (unit, Fraction(1), Fraction()))
    other, wanted_scale, wanted_offset = _TO_PRIMARY.get(wanted, (wanted, Fraction(1), Fraction()))
    if primary != other:
        return None
    found = (Fraction(repr(value)) * scale + offset - wanted_offset) / wanted_scale
    is_whole = isinstance(value, int) and found.denominator == 1 and abs(found) <= MAX_INTEGER
    return int(found) if is_whole else float(found)
