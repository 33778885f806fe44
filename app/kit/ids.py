"""Identifiers made by the application, never by the database."""

import secrets
from datetime import datetime
from random import Random
from uuid import UUID, uuid5
from uuid import uuid4 as new_id

NOBODY = UUID(int=0)
_NO_MARKS = ~(0xF << 76 | 0x3 << 62)  # version and variant
_MARKS_OF_7 = 0x7 << 76 | 0x2 << 62
_random = Random()  # noqa: S311 for names of requests, which are no secrets

__all__ = [
    "NOBODY",
    "derived_id",
    "new_id",
    "new_ordered_id",
    "new_request_id",
    "new_secret",
    "parse_id",
]


def new_secret(prefix: str = "") -> str:
    """A 256-bit random secret, base64url, with a readable prefix that tells what it opens."""
    return prefix + secrets.token_urlsafe(32)


def new_request_id() -> str:
    """A name for a request: no two are alike, and nobody need be unable to guess it."""
    return f"{_random.getrandbits(128):032x}"


def new_ordered_id(now: datetime) -> UUID:
    """UUIDv7 (RFC 9562 §5.7) for what an index holds by the thousand: the new ones lie together. It
    tells its millisecond, so it stays within."""
    made = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return UUID(int=made & _NO_MARKS | _MARKS_OF_7)


def derived_id(namespace: UUID, *parts: str | bytes) -> UUID:
    """UUIDv5 (RFC 9562 §5.5) over length-prefixed parts, so that no two lists of parts collide."""
    encoded = [p if isinstance(p, bytes) else p.encode() for p in parts]
    name = b"".join(len(p).to_bytes(4, "big") + p for p in encoded)
    return uuid5(namespace, name.hex())


def parse_id(text: str) -> UUID | None:
    """The UUID that `text` spells in its canonical form, or None."""
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value if str(value) == text.lower() else None
