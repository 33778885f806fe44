"""The demo's products, as their makers register them: two by Big Denim, one by Drum Works."""

from typing import Any

WEAR, WASH = "wear", "wash"  # the jeans' streams

_STEPS = {"type": "integer", "unit": "count", "minimum": 0}
_MINUTES = {"type": "number", "unit": "min", "minimum": 0, "maximum": 1440}


def _field(name: str, title: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "title": title, "senml_name": name} | more


def _facts(kind: str, volume: str, **more: Any) -> dict[str, Any]:
    """What article 3(2) of the Data Act wants told; the same for all streams unless said."""
    return {
        "type": kind,
        "format": "JSON records with SenML names and units.",
        "estimated_volume": volume,
        "is_continuous": False,
        "is_real_time": False,
        "stored": "both",
        "retention": "Up to 14 days in the product until it is sent; here until you erase it.",
        "how_to_get": "Claim it with the code on its label, then sign in here. It is free.",
        "how_to_retrieve": "Take an export as a ZIP file, or read it by API with your own token.",
        "how_to_erase": "On its page here, at once: all of it, or the days that you choose.",
        "technical_means": "These web pages, and a JSON API with OAuth 2.0 for apps you choose.",
        "terms_of_use": "It is yours: use it and give it on as you like, without charge.",
        "quality_of_service": "You get what anyone gets: same fields, same precision, same delay.",
    } | more


def _wear(name: str, title: str, told: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "category": "usage",
        "kind": "interval",
        "fields": [
            _field("steps", "Steps", **_STEPS),
            _field("minutes", "Minutes worn", **_MINUTES),
        ],
        "facts": _facts(told, "About 3 records a day, 1 kB; less than 400 kB a year."),
        "holder_copy": "Nothing. It is sent here unread and dropped.",
    }


def _place(told: str) -> dict[str, Any]:
    return {
        "name": "place",
        "title": "Where you go",
        "category": "location",
        "kind": "instant",
        "fields": [
            _field("latitude", "Latitude", type="number", unit="lat"),
            _field("longitude", "Longitude", type="number", unit="lon"),
        ],
        "facts": _facts(
            told,
            "About 4 records a day, 1 kB.",
            retention="Up to 14 days in the product until it is sent; here for 90 days.",
            quality_of_service="Only where there is a mobile network; otherwise some hours later.",
        ),
        "holder_copy": "Nothing. The place is worked out in the product itself.",
        "keep_days": 90,
    }


JEANS: dict[str, Any] = {
    "name": "Straight Leg, connected",
    "kind": "jeans",
    "gtin": "09506000134376",
    "article_number": "SL-501-C",
    "passport": {
        "material": "98 % organic cotton, 2 % elastane; buttons of brass",
        "origin": "Woven in Prato, Italy; sewn in Guimarães, Portugal",
        "care": "Wash at 30 °C, inside out, with like colours. Do not tumble dry.",
        "repair": "Seams and rivets can be repaired for life; ask any tailor or our workshop.",
        "end_of_life": "Bring them back to any shop: the cloth is spun again.",
        "more": {"Battery": "A coin cell in the waistband, which you can change."},
    },
    "streams": [
        _wear(
            WEAR,
            "When you wear them",
            "When the jeans are worn, how long and how many steps.",
        ),
        {
            "name": WASH,
            "title": "When they are washed",
            "category": "care",
            "kind": "instant",
            "fields": [
                _field(
                    "temperature",
                    "Temperature",
                    type="number",
                    unit="Cel",
                    minimum=0,
                    maximum=100,
                ),
                _field(
                    "programme",
                    "Programme",
                    type="string",
                    enum=["cold", "delicate", "easy care", "cotton"],
                ),
            ],
            "facts": _facts(
                "When the jeans are washed, how hot and how roughly.",
                "About 1 record a week, less than 1 kB.",
            ),
            "holder_copy": "The hottest wash so far, for the warranty, in the jeans themselves.",
        },
        {
            "name": "fit",
            "title": "How they fit",
            "category": "body",
            "kind": "instant",
            "fields": [
                _field(
                    "waist_tension",
                    "Tension of the waistband",
                    type="number",
                    unit="N",
                    minimum=0,
                    maximum=60,
                )
            ],
            "facts": _facts(
                "How tight the waistband sits, which tells something about your body.",
                "1 record a day, less than 1 kB.",
            ),
            "holder_copy": "Nothing.",
        },
        _place("Where the jeans were when they were moved, to about 50 metres."),
    ],
}

JACKET: dict[str, Any] = {
    "name": "Field Jacket, connected",
    "kind": "jacket",
    "gtin": "09506000134383",
    "article_number": "FJ-110-C",
    "passport": {
        "material": "Waxed cotton; lining of recycled polyester; zip of brass",
        "origin": "Woven in Dundee, Scotland; sewn in Porto, Portugal",
        "care": "Sponge with cold water; wax again once a year. Never machine-wash.",
        "repair": "Zips, cuffs and lining can be replaced; patterns are free on request.",
        "end_of_life": "Bring it back to any shop. The sensor comes out with two screws.",
    },
    "streams": [
        _wear(
            "outing",
            "When you are out in it",
            "When the jacket is worn outdoors, how long and how many steps.",
        ),
        {
            "name": "weather",
            "title": "The weather it meets",
            "category": "environment",
            "kind": "instant",
            "fields": [
                _field(
                    "temperature",
                    "Temperature outside",
                    type="number",
                    unit="Cel",
                    minimum=-40,
                    maximum=60,
                ),
                _field("humidity", "Humidity", type="number", unit="%RH", minimum=0, maximum=100),
            ],
            "facts": _facts(
                "How warm and how damp it is outside while the jacket is worn.",
                "About 2 records a day, less than 1 kB.",
            ),
            "holder_copy": "Nothing.",
        },
        {
            "name": "zip",
            "title": "How often the zip was pulled",
            "category": "condition",
            "kind": "counter",
            "fields": [_field("pulls", "Pulls so far", **_STEPS)],
            "facts": _facts(
                "A counter of how often the main zip was pulled, to see its wear.",
                "1 record a day, less than 1 kB.",
            ),
            "holder_copy": "The total when the jacket comes in for repair.",
        },
        _place("Where the jacket was when it was moved, to about 50 metres."),
    ],
}

WASHER: dict[str, Any] = {
    "name": "Drum 7, connected",
    "kind": "washing machine",
    "gtin": "09506110000073",
    "article_number": "D7-2026",
    "passport": {
        "material": "Steel drum and body; 18 % recycled plastic",
        "origin": "Built in Brno, Czechia",
        "care": "Clean the filter every two months; run 60 °C once a month.",
        "repair": "Spare parts for 12 years; the repair manual is free. Repairability 8.4 of 10.",
        "end_of_life": "Collected free of charge when a new one is delivered.",
        "more": {"Energy class": "A", "Noise while spinning": "72 dB"},
    },
    "streams": [
        {
            "name": "cycle",
            "title": "When it runs",
            "category": "usage",
            "kind": "interval",
            "fields": [
                _field(
                    "programme",
                    "Programme",
                    type="string",
                    enum=["eco", "quick", "delicate", "cotton"],
                ),
                _field(
                    "temperature", "Temperature", type="number", unit="Cel", minimum=0, maximum=95
                ),
                _field("load", "Load", type="number", unit="kg", minimum=0, maximum=9),
            ],
            "facts": _facts(
                "When the machine runs, with which programme and how full.",
                "About 5 records a week, 2 kB.",
            ),
            "holder_copy": "Nothing.",
        },
        {
            "name": "consumption",
            "title": "What it consumes",
            "category": "condition",
            "kind": "instant",
            "fields": [
                _field("energy", "Energy", type="number", unit="Wh", minimum=0, maximum=5000),
                _field("water", "Water", type="number", unit="l", minimum=0, maximum=200),
            ],
            "facts": _facts(
                "Energy and water of each run, measured at its end.",
                "About 5 records a week, 1 kB.",
            ),
            "holder_copy": "Averages over all machines of a model, which name no machine.",
        },
        {
            "name": "fault",
            "title": "Faults",
            "category": "condition",
            "kind": "instant",
            "fields": [
                _field(
                    "code",
                    "Fault",
                    type="string",
                    enum=["filter blocked", "no water", "door open", "unbalanced"],
                ),
                _field("is_solved", "Solved by itself", type="boolean"),
            ],
            "facts": _facts(
                "Faults that the machine notices.", "A few records a year, less than 1 kB."
            ),
            "holder_copy": "The last ten faults, in the machine, for whoever repairs it.",
        },
        {
            "name": "runs",
            "title": "How much it has run",
            "category": "condition",
            "kind": "counter",
            "fields": [_field("total", "Runs so far", **_STEPS)],
            "facts": _facts(
                "A counter of all runs, which tells how worn the machine is.",
                "1 record a day, less than 1 kB.",
            ),
            "holder_copy": "The total, in the machine, for whoever repairs it.",
        },
    ],
}

PRODUCTS = (JEANS, JACKET, WASHER)
