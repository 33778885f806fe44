"""What the authorization server works with: built once by the composition root."""

from dataclasses import dataclass

from app.keys.ring import Keyring
from app.kit.clock import Clock
from app.kit.fetch import Fetcher
from app.oauth.dpop import Nonces
from app.oauth.jwks import KeyCache
from app.settings import Settings

TOKEN_PATH = "/oauth/token"  # noqa: S105 an address, no secret


@dataclass(frozen=True)
class Authority:
    """The issuer with its tools."""

    settings: Settings
    clock: Clock
    keyring: Keyring
    nonces: Nonces
    fetcher: Fetcher
    client_keys: KeyCache

    @property
    def issuer(self) -> str:
        """Its identifier (RFC 8414 §2)."""
        return self.settings.origin

    @property
    def token_endpoint(self) -> str:
        """Where tokens are asked for (RFC 6749 §3.2)."""
        return self.issuer + TOKEN_PATH

    @property
    def resources(self) -> list[str]:
        """What its tokens are good for (RFC 8707 §2): the whole API, or vendors' data."""
        return [self.issuer, f"{self.issuer}/v1/data"]
