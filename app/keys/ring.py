"""The key ring: a file that all workers of one machine share and reread when it changes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from app.keys.secret_file import UNREADABLE, SecretFile
from app.kit.clock import Clock
from app.kit.crypto import b64u, unb64u
from app.kit.errors import DomainError, Kind
from app.kit.ids import new_id
from app.kit.logs import logger

KINDS = ("cursor", "signing")


class KeyringUnreadable(DomainError):
    """The key ring cannot be read. The service does not start without its keys, and never makes
    new ones over a damaged file."""

    kind, slug, title = Kind.unavailable, "keyring-unreadable", "The key ring cannot be read."


@dataclass(frozen=True)
class Key:
    """32 secret bytes; for signing the seed of an Ed25519 key (RFC 8032 §5.1.5)."""

    key_id: str
    kind: str
    secret: bytes = field(repr=False)
    made_at: datetime


class Keyring:
    """The keys in one file, newest first by kind."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._file = SecretFile(path, _read_keys)
        self._clock = clock
        with self._file.locked():
            if not path.exists():
                self._file.write(_write_keys([self._make(kind) for kind in KINDS]))
                logger.warning("key ring made; keep a copy apart from the database", file=path.name)
        self._held()

    def keys(self, kind: str) -> list[Key]:
        """All keys of a kind, the one in use first."""
        return [key for key in self._held() if key.kind == kind]

    def cursor_keys(self) -> Mapping[str, bytes]:
        """Cursor keys by id, the one in use first."""
        return {key.key_id: key.secret for key in self.keys("cursor")}

    def rotate(self, kind: str) -> Key:
        """Put a new key in use; the older ones stay to open and verify."""
        with self._file.locked():
            fresh = self._make(kind)
            self._file.write(_write_keys([fresh, *self._held()]))
        return fresh

    def public_jwks(self) -> dict[str, Any]:
        """The public halves of the signing keys (RFC 7517 §5)."""
        return {"keys": [_public_jwk(key) for key in self.keys("signing")]}

    def sign(self, payload: bytes, kind: str) -> str:
        """A compact JWS (RFC 7515) over `payload` by the signing key in use; `typ` is `kind`."""
        key = self.keys("signing")[0]
        header = {"alg": "Ed25519", "kid": key.key_id, "typ": kind}
        return jws.serialize_compact(header, payload, _private_jwk(key), algorithms=["Ed25519"])

    def _make(self, kind: str) -> Key:
        return Key(new_id().hex[:12], kind, os.urandom(32), self._clock.now())

    def _held(self) -> list[Key]:
        try:
            return self._file.read()
        except UNREADABLE as error:
            raise KeyringUnreadable(f"{self._file.path.name}: {type(error).__name__}") from error


def _read_keys(value: Any) -> list[Key]:
    return [
        Key(r["id"], r["kind"], unb64u(r["secret"]), datetime.fromisoformat(r["made_at"]))
        for r in value["keys"]
    ]


def _write_keys(keys: list[Key]) -> dict[str, Any]:
    rows = [
        {
            "id": k.key_id,
            "kind": k.kind,
            "secret": b64u(k.secret),
            "made_at": k.made_at.isoformat(),
        }
        for k in keys
    ]
    return {"keys": rows}


def _private_jwk(key: Key) -> OKPKey:
    public = Ed25519PrivateKey.from_private_bytes(key.secret).public_key().public_bytes_raw()
    return OKPKey.import_key(
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": key.key_id,
            "x": b64u(public),
            "d": b64u(key.secret),
        }
    )


def _public_jwk(key: Key) -> dict[str, Any]:
    public = Ed25519PrivateKey.from_private_bytes(key.secret).public_key().public_bytes_raw()
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "Ed25519",
        "kid": key.key_id,
        "x": b64u(public),
    }
