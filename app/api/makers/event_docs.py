"""What the API's description says of records and of the answer to them."""

from typing import Any

from app.api.examples import json_example
from app.api.kept import KEY_WORDS
from app.kit import jsonio
from app.usage.items import MAX_RECORDS

_RECORD = {
    "object": "7e1b7d1c-0f51-5d0c-8a34-1f8a0f2f6c11",
    "stream": "wear",
    "at": "2026-11-02T08:10:00+01:00",
    "until": "2026-11-02T08:52:00+01:00",
    "values": {"steps": 3120, "minutes": 42},
    "id": "wear-2026-11-02-1",
}
_WASH = {
    "object": "7e1b7d1c-0f51-5d0c-8a34-1f8a0f2f6c11",
    "stream": "wash",
    "at": "2026-11-01T17:30:00+01:00",
    "values": {"temperature": 30, "programme": "delicate"},
    "id": "wash-2026-11-01-1",
}


_SENML = [
    {
        "bn": "urn:uuid:7e1b7d1c-0f51-5d0c-8a34-1f8a0f2f6c11:",
        "bt": 1793603400,
        "n": "steps",
        "u": "count",
        "v": 3120,
    },
    {"n": "minutes", "u": "min", "v": 42},
    {"n": "wear/duration", "u": "s", "v": 2520},
    {"n": "temperature", "t": -52800, "u": "Cel", "v": 30},
]
OBJECT_ID: dict[str, Any] = {
    "name": "object_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "The object's id.",
}


def parameters(*more: dict[str, Any]) -> dict[str, Any]:
    """The headers that a call may have, for `openapi_extra`."""
    headers: list[tuple[str, str, dict[str, Any]]] = [
        ("Idempotency-Key", KEY_WORDS, {"maxLength": 255}),
        ("Prefer", "`handling=strict` (RFC 7240): all lines or none.", {}),
        (
            "Content-Encoding",
            "How the body is compressed, if it is.",
            {"enum": ["gzip", "zstd"]},
        ),
        (
            "Detached-JWS",
            "The object's own signature over the body before compression (RFC 7515, appendix F); "
            "for calls about one object.",
            {"maxLength": 4096},
        ),
    ]
    told = [
        {
            "name": name,
            "in": "header",
            "required": False,
            "schema": {"type": "string", **schema},
            "description": description,
        }
        for name, description, schema in headers
    ]
    return {"parameters": [*more, *told]}


def _text(longest: int, description: str) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest, "description": description}


def _record_schema(*, with_object: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "stream": _text(40, "A stream of the object's product."),
        "at": {
            "type": "string",
            "format": "date-time",
            "description": "When, or when it began: RFC 3339 with zone, microseconds at most.",
        },
        "until": {
            "type": "string",
            "format": "date-time",
            "description": "When it ended. Required for streams of intervals, and only there.",
        },
        "values": {
            "type": "object",
            "minProperties": 1,
            "description": "Fields of the stream and their values, in the registered units.",
        },
        "id": _text(100, "The record's own id: sent again within 7 days, it is stored once."),
        "sequence": {
            "type": "integer",
            "minimum": 0,
            "description": "The device's own count in this stream: sent again, however late, it is "
            "stored once. Numbers may come in any order, and what is missing is shown.",
        },
        "epoch": _text(64, "Which life of the device's counter `sequence` is of."),
        "corrects": _text(100, "The id of an earlier record of the stream that this replaces."),
    }
    required = ["stream", "at", "values"]
    if with_object:
        wanted = {"type": "string", "format": "uuid", "description": "The object's id."}
        properties = {"object": wanted} | properties
        required = ["object", *required]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def request_body(*, with_object: bool) -> dict[str, Any]:
    """The body of both operations, for `openapi_extra`."""
    record = _record_schema(with_object=with_object)
    examples = [
        {name: value for name, value in one.items() if with_object or name != "object"}
        for one in (_RECORD, _WASH)
    ]
    many = {"type": "array", "maxItems": MAX_RECORDS, "items": record}
    content = {
        "schema": {"oneOf": [record, many]},
        "examples": {
            "one": {"summary": "One record", "value": examples[0]},
            "several": {"summary": "Several records", "value": examples},
        },
    }
    one_a_line = {"schema": {"type": "string"}, "example": _lines(examples)}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": content,
                "application/x-ndjson": one_a_line,
                "application/senml+json": {"schema": {"type": "array"}, "example": _SENML},
                "application/senml+cbor": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    }


def _lines(records: list[dict[str, Any]]) -> str:
    return "".join(jsonio.dumps(one).decode() + "\n" for one in records)


RESULTS_EXAMPLE = json_example(
    "What became of each line; also when every line was refused.",
    {
        "results": [
            {"line": 1, "status": "stored"},
            {"line": 2, "status": "duplicate"},
            {
                "line": 3,
                "status": "refused",
                "type": "https://things.example/problems/object-unclaimed",
                "title": "Nobody owns this object yet.",
                "detail": "Nobody owns this object yet.",
                "hold": True,
            },
        ],
        "stored": 1,
        "duplicate": 1,
        "refused": 1,
    },
)
