"""The key ring: a file that all workers of one machine share and reread when it changes."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from app.kit import jsonio
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
    secret: bytes
    made_at: datetime


class Keyring:
    """The keys in one file, newest first by kind."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._stamp: tuple[int, int] | None = None
        self._keys: list[Key] = []
        with self._locked():
            if not path.exists():
                self._write([self._make(kind) for kind in KINDS])
                logger.warning("key ring made; keep a copy apart from the database", file=path.name)
        self._reload()

    def keys(self, kind: str) -> list[Key]:
        """All keys of a kind, the one in use first."""
        self._reload()
        return [key for key in self._keys if key.kind == kind]

    def cursor_keys(self) -> Mapping[str, bytes]:
        """Cursor keys by id, the one in use first."""
        return {key.key_id: key.secret for key in self.keys("cursor")}

    def rotate(self, kind: str) -> Key:
        """Put a new key in use; the older ones stay to open and verify."""
        with self._locked():
            self._reload()
            fresh = self._make(kind)
            self._write([fresh, *self._keys])
        self._reload()
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

    def _reload(self) -> None:
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if stamp == self._stamp:
                return
            rows = jsonio.loads(self._path.read_bytes())["keys"]
            self._keys = [
                Key(r["id"], r["kind"], unb64u(r["secret"]), datetime.fromisoformat(r["made_at"]))
                for r in rows
            ]
        except (OSError, ValueError, KeyError, TypeError, DomainError) as error:
            raise KeyringUnreadable(f"{self._path.name}: {type(error).__name__}") from error
        self._stamp = stamp

    def _write(self, keys: list[Key]) -> None:
        rows = [
            {
                "id": k.key_id,
                "kind": k.kind,
                "secret": b64u(k.secret),
                "made_at": k.made_at.isoformat(),
            }
            for k in keys
        ]
        fresh = self._path.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"keys": rows}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


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
