"""What the authorization server works with: built once by the composition root."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.keys.ring import Keyring
from app.kit.clock import Clock
from app.oauth.dpop import Nonces
from app.organizations.clients import KnownClient
from app.settings import Settings


class ClientKeys(Protocol):
    """Gives the public keys of clients."""

    def keys_for(self, client: KnownClient, kid: str | None, alg: str) -> Sequence[Any]:
        """Those that may have signed so; none where there are none."""


@dataclass(frozen=True)
class Authority:
    """The issuer with its tools."""

    settings: Settings
    clock: Clock
    keyring: Keyring
    nonces: Nonces
    client_keys: ClientKeys

    @property
    def issuer(self) -> str:
        """Its identifier (RFC 8414 §2)."""
        return self.settings.origin

    @property
    def resources(self) -> list[str]:
        """What its tokens are good for (RFC 8707 §2): the whole API, or vendors' data."""
        return [self.issuer, f"{self.issuer}/v1/data"]
