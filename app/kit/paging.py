"""Page cursors: sealed, and bound to who asks and to what was asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.crypto import CannotOpen, b64u, seal, sha256, unb64u, unseal
from app.kit.errors import InvalidCursor

MAX_LIMIT = 1000


@dataclass(frozen=True)
class Cursors:
    """Seals positions with AES-256-GCM, so that a caller can neither read nor bend them.

    `keys` gives the keys by id, the one in use first; a retired key still opens.
    """

    keys: Callable[[], Mapping[str, bytes]]
    clock: Clock
    life: timedelta

    def seal(self, position: Any, *bound_to: object) -> str:
        """A cursor for a JSON position, good for the same `bound_to` until its life ends."""
        key_id, key = next(iter(self.keys().items()))
        expires = int((self.clock.now() + self.life).timestamp())
        plain = jsonio.dumps([expires, position])
        return f"{key_id}.{b64u(seal(key, plain, _context(bound_to)))}"

    def open(self, cursor: str, *bound_to: object) -> Any:
        """The position in a cursor; InvalidCursor where it is foreign, altered or expired."""
        key_id, _, text = cursor.partition(".")
        key = self.keys().get(key_id)
        if key is None:
            raise InvalidCursor
        try:
            expires, position = jsonio.loads(unseal(key, unb64u(text), _context(bound_to)))
        except (CannotOpen, ValueError) as error:
            raise InvalidCursor from error
        if datetime.fromtimestamp(expires, UTC) <= self.clock.now():
            raise InvalidCursor("The page cursor has expired; start again without `after`.")
        return position


def _context(bound_to: tuple[object, ...]) -> bytes:
    return sha256(jsonio.dumps([str(part) for part in bound_to]))
