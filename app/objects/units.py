"""Units a field may have: SenML names (RFC 8428 §12.1, RFC 8798 §3) and a few counted things."""

_SENML = """m kg g s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H Cel lm lx Bq Gy Sv kat m2 m3
l m/s m/s2 m3/s l/s W/m2 cd/m2 bit bit/s lat lon pH dB dBW Bspl count / % %RH %EL EL 1/s 1/min
beat/min beats S/m B VA VAs var vars J/m kg/m3 deg NTU"""
_SECONDARY = """ms min h MHz kW kVA kvar Ah Wh kWh varh kvarh kVAh Wh/km KiB GB Mbit/s B/s MB/s mV
mA dBm ug/m3 mm/h m/h ppm /100 /1000 hPa mm cm km km/h"""
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

UNITS = frozenset([*_SENML.split(), *_SECONDARY.split(), "1"])
PLACE_UNITS = frozenset({"lat", "lon"})


def unit_words(unit: str | None) -> str:
    """The unit as people write it; empty for a bare number."""
    return "" if unit is None else _WORDS.get(unit, unit)
