"""The key-encryption key in the transit engine of a Vault, which it never leaves.

Owner keys are re-wrapped by unwrapping and wrapping: transit's own `rewrap` takes no context.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hvac  # type: ignore[import-untyped]
from hvac.exceptions import (  # type: ignore[import-untyped]
    Forbidden,
    InternalServerError,
    InvalidRequest,
    VaultError,
)
from requests.exceptions import RequestException

from app.keys.provider import CannotUnwrap, KeyStoreLocked, KeyVersion, version_of
from app.kit.clock import Clock
from app.kit.errors import Unavailable
from app.kit.logs import logger
from app.settings import Settings

_SECONDS = 5  # to connect, and again to wait for each part of the answer


class VaultProvider:
    """One transit key, of the default type aes256-gcm96. Its versions are kept by Vault, and
    trimmed by whoever runs that."""

    name = "vault"

    def __init__(self, url: str, token: Callable[[], str], key: str, mount: str) -> None:
        self._token = token
        self._place = {"name": key, "mount_point": mount}
        self._client = hvac.Client(url=url, token=token(), timeout=_SECONDS)
        self._newest: str | None = None

    def wrap(self, plain: bytes, context: bytes) -> bytes:
        data = self._ask("encrypt_data", plaintext=_text(plain), associated_data=_text(context))
        return str(data["ciphertext"]).encode()

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        version_of(wrapped, self.name)
        sealed = wrapped.decode("ascii", "replace")
        data = self._ask("decrypt_data", ciphertext=sealed, associated_data=_text(context))
        return b64decode(data["plaintext"])

    def rotate(self, in_use: Collection[str]) -> str:
        self._ask("rotate_key")
        self._newest = self.versions()[0].version
        return self._newest

    def is_current(self, wrapped: bytes) -> bool:
        if self._newest is None:
            self._newest = self.versions()[0].version
        return version_of(wrapped, self.name) == self._newest

    def versions(self) -> list[KeyVersion]:
        made = self._ask("read_key")["keys"]
        return [
            KeyVersion(f"v{number}", datetime.fromtimestamp(made[str(number)], UTC))
            for number in sorted(map(int, made), reverse=True)
        ]

    def close(self) -> None:
        self._client.adapter.close()

    def _ask(self, what: str, **given: str) -> Any:
        """The data of Vault's answer. CannotUnwrap where it says that the request is wrong,
        Unavailable where it gives no answer or does not let us in."""
        try:
            return self._ask_twice(what, given)
        except (VaultError, RequestException, OSError, ValueError, KeyError, TypeError) as error:
            if _is_refusal(error):
                raise CannotUnwrap("Vault does not open it") from error
            logger.error("no answer from Vault", asked=what, error=type(error).__name__)
            raise Unavailable("The key provider does not answer; please try again.") from error

    def _ask_twice(self, what: str, given: dict[str, str]) -> Any:
        """Once more with the token read again: whoever keeps it may have renewed it."""
        call = getattr(self._client.secrets.transit, what)
        try:
            return _data(call(**self._place, **given))
        except Forbidden:
            self._client.token = self._token()
            return _data(call(**self._place, **given))


def make_provider(settings: Settings, clock: Clock, *, is_new: bool) -> VaultProvider:
    """The provider over the transit key of the settings. Vault itself makes a key that is not
    there when something is first wrapped under it, where its policy allows that."""
    if not settings.vault_url or not (settings.vault_token or settings.vault_token_file):
        raise KeyStoreLocked(
            "Set INSEAM_VAULT_URL, and INSEAM_VAULT_TOKEN or INSEAM_VAULT_TOKEN_FILE."
        )
    return VaultProvider(
        settings.vault_url, _token_of(settings), settings.vault_key, settings.vault_mount
    )


def _token_of(settings: Settings) -> Callable[[], str]:
    def read() -> str:
        try:
            return Path(settings.vault_token_file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise KeyStoreLocked(f"INSEAM_VAULT_TOKEN_FILE: {type(error).__name__}") from error

    return read if settings.vault_token_file else lambda: settings.vault_token


def _is_refusal(error: Exception) -> bool:
    """Some versions of Vault answer a wrong key or context with 500."""
    if isinstance(error, InternalServerError):
        return "message authentication failed" in " ".join(error.errors or [])
    return isinstance(error, InvalidRequest)


def _data(answer: Any) -> Any:
    """`rotate` is answered without a body by older versions."""
    return answer["data"] if isinstance(answer, dict) else None


def _text(value: bytes) -> str:
    return b64encode(value).decode()
