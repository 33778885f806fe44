"""GS1 keys: check digits, padding, company prefixes, serials (GS1 General Specifications §3)."""

import re

_DIGITS = re.compile(r"[0-9]+")
_LENGTHS = (8, 12, 13, 14)
_CHARSET_82 = frozenset(
    "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)
SERIAL_LENGTH = 20


def normalise_gtin(text: str) -> str | None:
    """The GTIN as 14 digits, or None where its length or check digit is wrong."""
    if len(text) not in _LENGTHS or not _DIGITS.fullmatch(text):
        return None
    padded = text.zfill(14)
    return padded if check_digit(padded[:-1]) == padded[-1] else None


def check_digit(digits: str) -> str:
    """The mod-10 check digit that follows `digits`."""
    weighted = sum(
        int(d) * (3 if place % 2 == 0 else 1) for place, d in enumerate(reversed(digits))
    )
    return str(-weighted % 10)


def has_prefix(gtin: str, prefixes: list[str]) -> bool:
    """Whether a 14-digit GTIN lies under a company prefix, which follows the indicator digit.

    A GTIN-12 has a 0 before its first digit, and so has its prefix; a GTIN-8 has no company
    prefix and needs the operator's leave.
    """
    return any(gtin[1:].startswith(prefix) for prefix in prefixes)


def is_serial(text: str) -> bool:
    """Whether `text` can be an AI 21 serial: 1 to 20 characters of character set 82.

    "." and ".." are refused beside: every URL parser folds them away (RFC 3986 §5.2.4), also
    percent-encoded, so their Digital Link would lead elsewhere.
    """
    is_known = 1 <= len(text) <= SERIAL_LENGTH and set(text) <= _CHARSET_82
    return is_known and text not in (".", "..")
