"""Examples of makers' calls for the API's description; a test sends each of them."""

from typing import Any

_FACTS = {
    "type": "Start, end and steps of each time they are worn.",
    "format": "JSON records; SenML names and units.",
    "estimated_volume": "About 4 records a day, 1 kB.",
    "is_continuous": False,
    "is_real_time": False,
    "stored": "both",
    "retention": "A week on the device; here until you erase it.",
    "how_to_get": "Claim the jeans with the code on their label and sign in.",
    "how_to_retrieve": "Export it, or read it by API.",
    "how_to_erase": "Write to us with the serial number; it is gone within 30 days.",
    "technical_means": "Web pages and a JSON API with OAuth 2.",
    "terms_of_use": "Yours to use as you like, free of charge.",
    "quality_of_service": "What we get, you get: same data, same precision, same delay.",
}
PRODUCT_SPEC_EXAMPLE: dict[str, Any] = {
    "name": "Straight Leg, connected",
    "kind": "jeans",
    "gtin": "09506000134376",
    "article_number": "SL-501-C",
    "passport": {
        "material": "98 % organic cotton, 2 % elastane",
        "origin": "Woven in Italy, sewn in Portugal",
        "care": "Wash at 30 °C, inside out; do not tumble dry.",
    },
    "streams": [
        {
            "name": "wear",
            "title": "When they are worn",
            "category": "usage",
            "kind": "interval",
            "fields": [
                {
                    "name": "steps",
                    "title": "Steps",
                    "type": "integer",
                    "unit": "count",
                    "senml_name": "steps",
                    "minimum": 0,
                },
                {
                    "name": "minutes",
                    "title": "Minutes worn",
                    "type": "number",
                    "unit": "min",
                    "senml_name": "minutes",
                    "minimum": 0,
                },
            ],
            "facts": _FACTS,
            "holder_copy": "Nothing.",
        }
    ],
}

_PRODUCT = "5b0a8a57-6f52-4a53-93f4-1d1f6f1c8e2a"
_OBJECT = "7e1b7d1c-0f51-5d0c-8a34-1f8a0f2f6c11"
_LINK = "https://things.example/01/09506000134376/21/SL-000001"
_CODE = "57MPA-KNMZF-2RBWP-405W2-EBXPV-HK"
_JOB = "2d5c2a0e-7a52-5d0e-9c11-6a4b1e7f3f90"

PRODUCT_OUT_EXAMPLE = {
    **PRODUCT_SPEC_EXAMPLE,
    "product_id": _PRODUCT,
    "registered_at": "2026-11-02T09:00:00Z",
}

MINT_EXAMPLE = {"product_id": _PRODUCT, "serials": ["SL-000001", "SL-000002"]}
MINT_ONE_EXAMPLE = {"product_id": _PRODUCT, "serial": "SL-000001"}
BULK_EXAMPLE = {"product_id": _PRODUCT, "count": 10_000, "serial_prefix": "SL-"}
BULK_LIST_EXAMPLE = {"product_id": _PRODUCT, "serials": ["SL-000001", "SL-000002"]}

MINTED_EXAMPLE = {
    "line": 1,
    "serial": "SL-000001",
    "status": "minted",
    "type": None,
    "detail": None,
    "object_id": _OBJECT,
    "did": f"did:web:things.example:o:{_OBJECT}",
    "digital_link": _LINK,
    "claim_code": _CODE,
    "claim_link": f"{_LINK}#claim={_CODE}",
    "label_svg": '<svg xmlns="http://www.w3.org/2000/svg" role="img">…</svg>',
}
REFUSED_EXAMPLE = {
    **dict.fromkeys(MINTED_EXAMPLE),
    "line": 2,
    "serial": "SL-000002",
    "status": "refused",
    "type": "https://things.example/problems/serial-taken",
    "detail": "This serial was minted before.",
}
OBJECT_EXAMPLE = {
    "object_id": _OBJECT,
    "product_id": _PRODUCT,
    "serial": "SL-000001",
    "did": f"did:web:things.example:o:{_OBJECT}",
    "digital_link": _LINK,
    "minted_at": "2026-11-02T09:00:00Z",
    "recording": True,
}
JOB_EXAMPLE = {
    "job_id": _JOB,
    "state": "running",
    "done": 2500,
    "total": 10_000,
    "failure": None,
    "report": f"/v1/jobs/{_JOB}/report",
    "created_at": "2026-11-02T09:00:00Z",
    "finished_at": None,
}
REPORT_EXAMPLE = {"rows": [MINTED_EXAMPLE, REFUSED_EXAMPLE], "next": 2}

# The key of RFC 8037, appendix A, whose private half everybody knows.
KEY_ORDER_EXAMPLE: dict[str, Any] = {
    "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    "not_before": "2026-11-25T09:00:00Z",
    "not_after": "2028-11-25T09:00:00Z",
}
KEY_EXAMPLE = {
    "key_id": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    "alg": "Ed25519",
    **KEY_ORDER_EXAMPLE,
    "registered_at": "2026-11-25T09:00:00Z",
    "revoked_at": None,
}

DEAD_LETTER_EXAMPLE = {
    "letter_id": "c8f1a6de-2f0b-5a43-8f0e-6a1d6b1c9e77",
    "topic": f"inseam/{_OBJECT}/events",
    "at": "2026-11-25T09:00:00Z",
    "reason": "unknown-stream",
    "refused": 2,
    "line": 4,
    "size": 812,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
