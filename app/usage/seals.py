"""Seals of rows that hold nothing secret: they say that no column was changed."""

from os import urandom
from uuid import UUID

from cryptography.exceptions import InvalidTag

from app.keys.log_keys import KeyName, WritingKey
from app.usage.segments import MARKS, CannotOpen, Opener

SEAL_BYTES = 28  # AES-256-GCM of nothing: a nonce and a tag
_NONCE_BYTES = 12


def name_of_seal(owner_id: UUID, tenure_id: UUID) -> KeyName:
    """The key under which a tenure's heads and entries of removals, and its marks, are sealed."""
    return KeyName(owner_id, tenure_id, MARKS, 0, 0)


def seal_columns(key: WritingKey, columns: bytes) -> bytes:
    """A seal over columns, written so that no two rows read the same."""
    nonce = urandom(_NONCE_BYTES)
    return nonce + key.cipher.encrypt(nonce, b"", columns)


def check_columns(
    keys: Opener, tenure_id: UUID, key_id: UUID, seal: bytes, columns: bytes, what: str
) -> None:
    """CannotOpen, which names `what`, where the columns are not those that were sealed."""
    cipher = keys.opening(tenure_id, key_id)
    try:
        cipher.decrypt(seal[:_NONCE_BYTES], seal[_NONCE_BYTES:], columns)
    except (InvalidTag, ValueError) as error:
        raise CannotOpen(what) from error
