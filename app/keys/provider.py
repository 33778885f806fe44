"""What holds the key-encryption key: a file, Vault, or whatever else can do these few things."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, Protocol

from app.kit.errors import DomainError, Kind


class CannotUnwrap(Exception):
    """The bytes were wrapped by another provider, under a key that is not here, for another
    context, or were changed since."""


class KeyStoreLocked(DomainError):
    """The key-encryption key does not open the key store. The service does not start, and writes
    nothing: give it the key that belongs to this store."""

    kind, slug, title = Kind.unavailable, "key-store-locked", "The key store cannot be opened."


class KeyVersion(NamedTuple):
    """A version of the key-encryption key: its name, and since when it wraps."""

    version: str
    made_at: datetime


class KeyProvider(Protocol):
    """Wraps and unwraps owner keys. A module `app.keys.<name>_provider` has one, and makes it in
    `make_provider(settings, clock, *, is_new)`, where `is_new` says that the key store is empty.

    What it wrapped begins with `<name>:<version>:`. The context is bound: under another one the
    bytes do not unwrap. Unavailable where it must be asked over a network and does not answer.
    """

    name: str

    def wrap(self, plain: bytes, context: bytes) -> bytes:
        """Wrap under the newest version."""

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The inverse, under any version that is kept; CannotUnwrap."""

    def rotate(self, in_use: Collection[str]) -> str:
        """Put a new version in use; its name. Versions outside `in_use` that were retired long
        ago may be dropped."""

    def is_current(self, wrapped: bytes) -> bool:
        """Whether it is wrapped under the newest version."""

    def versions(self) -> list[KeyVersion]:
        """All versions that are kept, the newest first."""

    def close(self) -> None:
        """Let go of connections."""


def version_of(wrapped: bytes, name: str) -> str:
    """The version in `<name>:<version>:...`; CannotUnwrap where another provider wrapped it."""
    parts = wrapped.split(b":", 2)
    if len(parts) != 3 or parts[0] != name.encode():
        raise CannotUnwrap("another provider wrapped it")
    return parts[1].decode("ascii", "replace")
