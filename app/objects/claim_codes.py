"""Claim codes: 128 random bits and a check character, in letters nobody mistakes."""

import secrets

from app.kit.crypto import sha256

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISTAKEN = str.maketrans({"I": "1", "L": "1", "O": "0"})
_SYMBOLS = 26
_GROUP = 5


def new_code() -> str:
    """A fresh code as it is printed: 27 characters of Crockford base32 in groups of five."""
    value = secrets.randbits(128)
    digits = "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -5, -5))
    return group(digits + _check(digits))


def group(code: str) -> str:
    """A bare code in groups, as it is printed."""
    return "-".join(code[i : i + _GROUP] for i in range(0, len(code), _GROUP))


def normalise(text: str) -> str | None:
    """The bare code behind what somebody typed; None where a character is wrong or missing.

    Case, spaces and hyphens do not matter; I and L are read as 1, O as 0.
    """
    kept = "".join(c for c in text.upper() if not c.isspace() and c != "-")
    bare = kept.translate(_MISTAKEN)
    if len(bare) != _SYMBOLS + 1 or not set(bare) <= set(_ALPHABET):
        return None
    return bare if _check(bare[:-1]) == bare[-1] else None


def hash_code(text: str) -> bytes:
    """What is stored of a code. A mistyped one has a hash as well, which nothing matches, so
    that it takes the same way and time as a wrong one."""
    return sha256(f"claim\0{normalise(text) or text[:100]}")


def _check(digits: str) -> str:
    """A check character modulo 31 with growing weights: finds each single error and each swap of
    neighbours, except between 0 and Z."""
    total = sum((place % 31 + 1) * _ALPHABET.index(d) for place, d in enumerate(digits))
    return _ALPHABET[total % 31]
