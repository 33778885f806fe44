"""What the site remembers, all of it in memory: flows under way and live connections."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ROOM = 1000
WAIT_SECONDS = 14 * 24 * 3600


class Pending:
    """Started flows by state, as Authlib's cache: an owner may answer from another browser, and
    days later, so a flow waits longer than the hour that Authlib asks for."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, str]] = {}

    async def get(self, key: str) -> str | None:
        until, value = self._kept.get(key, (0.0, ""))
        return value if until > time.monotonic() else None

    async def set(self, key: str, value: str, seconds: int) -> None:
        make_room(self._kept)
        self._kept[key] = (time.monotonic() + max(seconds, WAIT_SECONDS), value)

    async def delete(self, key: str) -> None:
        self._kept.pop(key, None)


@dataclass(frozen=True)
class Copies:
    """What was read, and when."""

    objects: list[dict[str, Any]]
    records: dict[str, list[dict[str, Any]]]
    read_at: datetime


@dataclass(frozen=True)
class Note:
    """Something to tell the visitor, in plain words."""

    title: str
    text: str
    reason: str = ""
    at: datetime | None = None


@dataclass
class Link:
    """One connection: the tokens of a grant and the copies read with them.

    `note` is why the last look brought nothing; `ended` says that there is nothing left to hold.
    The lock keeps one refresh token from being used twice at a time.
    """

    token: dict[str, Any]
    copies: Copies | None = None
    note: Note | None = None
    ended: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def end(self, note: Note) -> None:
        """Forget tokens and copies, as a vendor must; only the reason stays."""
        self.token, self.copies, self.note, self.ended = {}, None, note, True


class Links:
    """Connections by the random name that a visitor's session holds."""

    def __init__(self) -> None:
        self._kept: dict[str, Link] = {}

    def put(self, link: Link) -> str:
        make_room(self._kept)
        name = secrets.token_urlsafe(24)
        self._kept[name] = link
        return name

    def get(self, name: str | None) -> Link | None:
        return self._kept.get(name) if name else None

    def drop(self, name: str | None) -> None:
        self._kept.pop(name or "", None)


def make_room(kept: dict[str, Any]) -> None:
    """Let the oldest go when a shelf is full, so that no visitor can fill the memory."""
    while len(kept) >= ROOM:
        del kept[next(iter(kept))]
