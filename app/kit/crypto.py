"""Small uses of `cryptography`: hashing of secrets, sealing under a key or to a public key."""

import hashlib
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_KEY_BYTES = 32


class CannotOpen(Exception):
    """The key is not the one it was sealed under, or the bytes or their context were changed."""


def sha256(value: str | bytes) -> bytes:
    """32 bytes; enough for secrets of 128 random bits and more, which nobody can enumerate."""
    return hashlib.sha256(value if isinstance(value, bytes) else value.encode()).digest()


def b64u(value: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def unb64u(text: str) -> bytes:
    """The inverse of `b64u`; ValueError where `text` is none."""
    if "=" in text or not text.isascii():
        raise ValueError("not base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def derive_key(secret: bytes, purpose: bytes) -> bytes:
    """32 bytes from a secret for one purpose (HKDF-SHA-256, RFC 5869)."""
    return HKDF(hashes.SHA256(), length=_KEY_BYTES, salt=None, info=purpose).derive(secret)


def seal(key: bytes, plain: bytes, context: bytes) -> bytes:
    """AES-256-GCM under a 32-byte key: nonce of 12 bytes, then ciphertext and tag."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """The inverse of `seal`; CannotOpen where key, bytes or context differ."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise CannotOpen from error


def box_key(secret: bytes, purpose: bytes) -> X25519PrivateKey:
    """The private key that a secret stands for: who knows the secret can open the box."""
    return X25519PrivateKey.from_private_bytes(derive_key(secret, purpose))


def box_seal(public: bytes, plain: bytes, context: bytes) -> bytes:
    """Seal to a public key of 32 bytes, so that the sealer itself cannot open it again.

    An ephemeral X25519 key (RFC 7748) agrees on the key of one AES-256-GCM message.
    """
    ephemeral = X25519PrivateKey.generate()
    own = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    return own + seal(derive_key(shared, own + public), plain, context)


def box_open(private: X25519PrivateKey, sealed: bytes, context: bytes) -> bytes:
    """The inverse of `box_seal`; CannotOpen where anything differs."""
    own, rest = sealed[:_KEY_BYTES], sealed[_KEY_BYTES:]
    public = private.public_key().public_bytes_raw()
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(own))
    except ValueError as error:
        raise CannotOpen from error
    return unseal(derive_key(shared, own + public), rest, context)
