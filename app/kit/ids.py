"""Identifiers made by the application, never by the database."""

import secrets
from uuid import UUID, uuid5
from uuid import uuid4 as new_id

NOBODY = UUID(int=0)

__all__ = ["NOBODY", "derived_id", "new_id", "new_secret", "parse_id"]


def new_secret(prefix: str = "") -> str:
    """A 256-bit random secret, base64url, with a readable prefix that tells what it opens."""
    return prefix + secrets.token_urlsafe(32)


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
