"""Streams and passports as the pages show them."""

from typing import Any

from app.objects.models import Stream
from app.passports.service import ProductPage
from app.web.format import country_name, unit_words

_FACTS = (
    ("type", "Kind"),
    ("format", "Format"),
    ("estimated_volume", "How much"),
    ("is_continuous", "Continuously"),
    ("is_real_time", "In real time"),
    ("stored", "Where it is stored"),
    ("retention", "How long it is kept"),
    ("how_to_get", "How you get it"),
    ("how_to_retrieve", "How you take a copy"),
    ("how_to_erase", "How you erase it"),
    ("technical_means", "With what means"),
    ("terms_of_use", "Terms of use"),
    ("quality_of_service", "Quality of service"),
)
_STORED = {
    "device": "on the device",
    "server": "on a server",
    "both": "on the device and on a server",
}
_PASSPORT = (
    ("material", "Material"),
    ("origin", "Origin"),
    ("care", "Care"),
    ("repair", "Repair"),
    ("end_of_life", "At the end of its life"),
)


def stream_cards(page: ProductPage) -> list[dict[str, Any]]:
    """Each stream with its fields and the facts of the Data Act, article 3(2), in that order."""
    return [_card(stream) for stream in page.streams]


def passport_facts(page: ProductPage) -> list[tuple[str, str]]:
    """What the maker tells anyone about the product."""
    passport = page.product.passport
    told = [(label, passport[name]) for name, label in _PASSPORT if name in passport]
    return told + list(passport.get("more", {}).items())


def maker_facts(page: ProductPage) -> list[tuple[str, str]]:
    """Who the maker is and how to reach it (Data Act, article 3(3))."""
    maker = page.maker
    told = [
        ("Maker", maker.name),
        ("Country", country_name(maker.country)),
        ("Website", maker.website),
    ]
    told.append(("Contact", maker.contact))
    return [(label, text) for label, text in told if text]


def _card(stream: Stream) -> dict[str, Any]:
    return {
        "name": stream.name,
        "title": stream.title,
        "category": stream.category,
        "fields": [(f["title"], _unit(f)) for f in stream.fields],
        "facts": [
            ("How long it is kept here", _kept(stream.keep_days)),
            *((label, _said(stream.facts[name])) for name, label in _FACTS),
        ],
        "holder_copy": stream.holder_copy,
    }


def _kept(days: int | None) -> str:
    """How long its records are kept here, before the owner has a say."""
    if days is None:
        return "Until its owner erases it."
    shown = "1 day" if days == 1 else f"{days:,} days"
    return f"{shown}, then it is removed for good. Its owner can make that shorter."


def _unit(told: dict[str, Any]) -> str:
    """The unit in words, unless the title says it already: “Minutes worn”."""
    unit = unit_words(told.get("unit"))
    return "" if unit.lower() in told["title"].lower().split() else unit


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return _STORED.get(value, str(value))
