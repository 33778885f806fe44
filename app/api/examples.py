"""Example answers for the API's description, and its problem responses."""

from typing import Any

_PROBLEMS = {
    400: "The request, or its page cursor, cannot be read.",
    401: "No token, or one that does not work any more; the member `reason` says why.",
    403: "The token may not do this, or the permission is paused.",
    404: "There is nothing here that this caller may see.",
    409: "It contradicts what is stored already.",
    410: "It is gone.",
    412: "Something has to be decided first.",
    413: "The body is too large.",
    415: "The content type or encoding is not taken.",
    422: "A part of the request is not valid; `errors` names it.",
    503: "The database does not answer now; try again.",
    507: "There is no space to store this.",
    429: "Too many calls; wait for the seconds in Retry-After.",
}


# For hot roads, which read the token themselves: what the scheme's dependency says elsewhere.
BEARER: dict[str, Any] = {"security": [{"HTTPBearer": []}]}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """RFC 9457 answers for an operation's description."""
    return {status: _problem(status) for status in statuses}


def json_example(description: str, value: Any) -> dict[str, Any]:
    """A described JSON answer with an example."""
    return {"description": description, "content": {"application/json": {"example": value}}}


def _problem(status: int) -> dict[str, Any]:
    example = {
        "type": "https://things.example/problems/not-found",
        "title": "There is nothing here that you may see.",
        "status": status,
        "detail": _PROBLEMS[status],
        "instance": "urn:request:6b2f0f8e-8f0d-4b07-a2a7-6c1f6c1b7c55",
    }
    return {
        "description": _PROBLEMS[status],
        "content": {"application/problem+json": {"example": example}},
    }


_STREAM = {
    "name": "wear",
    "title": "When they are worn",
    "category": "usage",
    "kind": "interval",
    "fields": [
        {"name": "steps", "title": "Steps", "type": "integer", "unit": "count"},
        {"name": "minutes", "title": "Minutes worn", "type": "number", "unit": "min"},
    ],
}
_PRODUCT = {
    "name": "Straight Leg, connected",
    "kind": "jeans",
    "maker": "Big Denim",
    "gtin": "09506000134376",
    "streams": [_STREAM],
}
_GRANT = {"id": "0b0f2f39-54f7-4be4-9d6a-6f5a3b0e8a41", "version": 1}
_GRANTED = {"grant": _GRANT, "agreement": {"id": "SD-BASE-DP", "hash": "sha256:…"}}
_RECORD = {
    "stream": "wear",
    "at": "2026-11-02T08:10:00Z",
    "until": "2026-11-02T08:52:00Z",
    "values": {"minutes": 42, "steps": 3120},
    "flags": [],
}

VENDOR_OBJECTS_EXAMPLE = json_example(
    "The objects of the permission.",
    {
        "objects": [
            {
                "id": "4f3d8a52-3c84-4c1b-9d5e-0a7f1f6f2b10",
                "product": _PRODUCT,
                "categories": ["usage"],
                "window": {"from": None, "to": None},
                "until": "2027-05-02T22:59:59Z",
            }
        ],
        **_GRANTED,
    },
)
COPY_EXAMPLE: dict[str, Any] = {
    "description": "The agreement, signed.",
    "content": {
        "application/jose+json": {
            "example": {
                "payload": "eyJhY2NlcHRlZF9ieSI6…",
                "signatures": [{"protected": "eyJhbGciOiJFZDI1NTE5Ii…", "signature": "Yk9wM…"}],
            }
        }
    },
}
RECORDS_EXAMPLE = json_example(
    "A page of records.", {"records": [_RECORD], "next": None, **_GRANTED}
)
CHANGES_EXAMPLE = json_example(
    "A page of what is new. A change of a permission has it in the form of GET /v1/data/grants.",
    {
        "changes": [
            {
                "type": "grant",
                "events": [{"what": "given", "at": "2026-11-02T08:00:00Z"}],
                "grant": {"grant_id": _GRANT["id"], "status": "active", "version": 1},
            },
            {
                "records": [_RECORD],
                "type": "records",
                **_GRANTED,
                "object": "4f3d8a52-3c84-4c1b-9d5e-0a7f1f6f2b10",
                "stream": "wear",
            },
        ],
        "next": "k1.9Qm0",
        "more": False,
    },
)
RECEIPTS_EXAMPLE = json_example(
    "The receipts.",
    {
        "receipts": [
            {
                "number": 1,
                "event": "given",
                "at": "2026-11-02T08:00:00Z",
                "hash": "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            }
        ]
    },
)
RECEIPT_EXAMPLE = json_example(
    "A receipt as JSON-LD (application/ld+json); in part.",
    {
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": "https://w3id.org/dpv/schema/dpv-27560#receipt",
        "dct:identifier": "urn:uuid:7b0f2f5e-2c0e-5a5e-9f5b-6f1d2d7f4c11",
        "dpv:hasConsentStatus": "dpv:ConsentGiven",
        "dpv:isIndicatedAtTime": "2026-11-02T08:00:00Z",
        "inseam:predecessorHash": None,
    },
)
RECEIPT_FILE_EXAMPLE = json_example(
    "All of them, each with the service's signature, and its public keys.",
    {
        "keys": {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "9f2c41d07ab3", "x": "11qY…"}]},
        "receipts": [
            {"payload": "eyJAY29…", "signatures": [{"protected": "eyJhbG…", "signature": "Q2x…"}]}
        ],
    },
)
BUCKETS_EXAMPLE = json_example(
    "A page of stretches.",
    {
        "stream": "wear",
        "size": "day",
        "zone": "Europe/Paris",
        "buckets": [
            {
                "start": "2026-11-23T23:00:00Z",
                "end": "2026-11-24T23:00:00Z",
                "count": 2,
                "minutes": 431.5,
                "values": {"steps": {"sum": 8120, "min": 3010, "max": 5110, "mean": 4060}},
            }
        ],
        "next": None,
        "grant": _GRANT,
    },
)
SUMMARY_EXAMPLE = json_example(
    "What all of it comes to.",
    {
        "stream": "wear",
        "size": "week",
        "zone": "Europe/Paris",
        "count": 61,
        "minutes": 14210,
        "last": "2026-11-15T23:00:00Z",
        "trend": {"change": "more", "first_half": 9.5, "last_half": 12},
        "grant": _GRANT,
    },
)
OWN_OBJECTS_EXAMPLE = json_example(
    "Your objects.",
    {
        "objects": [
            {
                "id": "7e1b7d1c-0f51-5d0c-8a34-1f8a0f2f6c11",
                "name": "Straight Leg, connected",
                "product": _PRODUCT,
                "since": "2026-10-05T22:00:00Z",
                "used_by": "me",
                "identity": {
                    "object_id": "7e1b7d1c-0f51-5d0c-8a34-1f8a0f2f6c11",
                    "serial": "SL-000001",
                    "did": "did:web:things.example:o:7e1b7d1c-0f51-5d0c-8a34-1f8a0f2f6c11",
                    "digital_link": "https://things.example/01/09506000134376/21/SL-000001",
                },
            }
        ]
    },
)
OWN_RECORDS_EXAMPLE = json_example("A page of records.", {"records": [_RECORD], "next": None})
