"""A product's facts as people read them, in the order of the law that asks for them."""

from collections.abc import Mapping
from typing import Any

from app.organizations.models import Organization

Told = list[tuple[str, str]]

_YES_NO = {True: "Yes", False: "No"}
_STORED = {
    "device": "On the device",
    "server": "On a server",
    "both": "On the device and on a server",
}
_STREAM = {
    "type": "Kind of data",
    "format": "Format",
    "estimated_volume": "About how much",
    "is_continuous": "Generated continuously",
    "is_real_time": "Generated in real time",
    "stored": "Where it is stored",
    "retention": "How long it is kept",
    "how_to_get": "How you get access",
    "how_to_retrieve": "How you take a copy",
    "how_to_erase": "How you erase it",
    "technical_means": "Technical means",
    "terms_of_use": "Terms of use",
    "quality_of_service": "Quality of service",
}
_PASSPORT = {
    "material": "Material",
    "origin": "Origin",
    "care": "Care",
    "repair": "Repair",
    "end_of_life": "At the end of its life",
}


def stream_facts(facts: Mapping[str, Any]) -> Told:
    """What Regulation (EU) 2023/2854 (Data Act), article 3(2), wants told of a stream."""
    return [(label, _words(name, facts[name])) for name, label in _STREAM.items()]


def passport_facts(passport: Mapping[str, Any]) -> Told:
    """Material, origin, care and whatever else the maker says."""
    known = [(label, passport[name]) for name, label in _PASSPORT.items() if name in passport]
    more: Mapping[str, str] = passport.get("more", {})
    return [*known, *more.items()]


def maker_facts(maker: Organization) -> Told:
    """Who the maker is and how it is reached: the data holder of article 3(3)."""
    told = [
        ("Made by", maker.name),
        ("Country", maker.country),
        ("Website", maker.website),
        ("Contact", maker.contact),
    ]
    return [(label, text) for label, text in told if text]


def _words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _YES_NO[value]
    return _STORED.get(value, value) if name == "stored" else str(value)
