"""The key-encryption key in a file of mode 0600, which all machines of one installation have.

AES-256-GCM and not AES Key Wrap (RFC 3394): key wrap binds no context, so a wrapped key could be
moved to another owner's row. The nonce is random; a version wraps far fewer than 2^32 keys.
"""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.keys.provider import CannotUnwrap, KeyStoreLocked, KeyVersion, version_of
from app.keys.secret_file import UNREADABLE, SecretFile
from app.kit.clock import Clock
from app.kit.crypto import CannotOpen, b64u, seal, unb64u, unseal
from app.kit.ids import new_id
from app.kit.logs import logger
from app.settings import Settings

_KEY_BYTES = 32
_KEEP_RETIRED = timedelta(days=1)  # a process may still hold a row that it read before the rotation


@dataclass(frozen=True)
class _Kek:
    version: str
    secret: bytes = field(repr=False)
    made_at: datetime


class FileProvider:
    """The versions in one file, newest first."""

    name = "file"

    def __init__(self, path: Path, clock: Clock) -> None:
        self._file = SecretFile(path, _read_versions)
        self._clock = clock

    def wrap(self, plain: bytes, context: bytes) -> bytes:
        newest = self._held()[0]
        head = self._head(newest.version)
        return head + seal(newest.secret, plain, head + context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        version = version_of(wrapped, self.name)
        head = self._head(version)
        secret = next((kek.secret for kek in self._held() if kek.version == version), None)
        if secret is None:
            raise CannotUnwrap("unknown key version")
        try:
            return unseal(secret, wrapped[len(head) :], head + context)
        except CannotOpen as error:
            raise CannotUnwrap("wrong key or context") from error

    def rotate(self, in_use: Collection[str]) -> str:
        with self._file.locked():
            now = self._clock.now()
            fresh = _Kek(_new_version(), os.urandom(_KEY_BYTES), now)
            kept = _needed(self._held(), in_use, now - _KEEP_RETIRED)
            self._file.write(_write_versions([fresh, *kept]))
        return fresh.version

    def is_current(self, wrapped: bytes) -> bool:
        return version_of(wrapped, self.name) == self._held()[0].version

    def versions(self) -> list[KeyVersion]:
        return [KeyVersion(kek.version, kek.made_at) for kek in self._held()]

    def close(self) -> None:
        """There is nothing to let go of."""

    def make_missing(self) -> None:
        """Make the file, unless another process did."""
        with self._file.locked():
            if self._file.path.exists():
                return
            kek = _Kek(_new_version(), os.urandom(_KEY_BYTES), self._clock.now())
            self._file.write(_write_versions([kek]))
        logger.warning(
            "key-encryption key made; keep a copy of it apart from the key store and from every"
            " backup of it: without it nobody can read the log again",
            file=str(self._file.path),
        )

    def check(self) -> None:
        """KeyStoreLocked where the file is missing or damaged."""
        self._held()

    def _head(self, version: str) -> bytes:
        return f"{self.name}:{version}:".encode()

    def _held(self) -> list[_Kek]:
        try:
            return self._file.read()
        except FileNotFoundError as error:
            raise KeyStoreLocked(
                f"{self._file.path} is missing, and the key store holds keys that only it opens."
            ) from error
        except UNREADABLE as error:
            raise KeyStoreLocked(f"{self._file.path}: {type(error).__name__}") from error


def make_provider(settings: Settings, clock: Clock, *, is_new: bool) -> FileProvider:
    """The provider over the file of the settings, which is made for an empty store only."""
    provider = FileProvider(settings.kek_path, clock)
    if is_new:
        provider.make_missing()
    provider.check()
    return provider


def _new_version() -> str:
    return new_id().hex[:12]


def _needed(held: Sequence[_Kek], in_use: Collection[str], since: datetime) -> list[_Kek]:
    """Those that wrap something still, or did until after `since`; each one was retired when the
    one before it was made."""
    retired = [held[0], *held]
    return [
        kek
        for newer, kek in zip(retired, held, strict=False)
        if kek is newer or kek.version in in_use or newer.made_at >= since
    ]


def _read_versions(value: Any) -> list[_Kek]:
    found = [
        _Kek(row["version"], unb64u(row["secret"]), datetime.fromisoformat(row["made_at"]))
        for row in value["versions"]
    ]
    if not found or any(len(kek.secret) != _KEY_BYTES for kek in found):
        raise ValueError("a key-encryption key has 32 bytes")
    return found


def _write_versions(held: Sequence[_Kek]) -> dict[str, Any]:
    rows = [
        {"version": k.version, "secret": b64u(k.secret), "made_at": k.made_at.isoformat()}
        for k in held
    ]
    return {"versions": rows}
