"""The jeans' maker while the demo runs: its gateway goes on where the seed ended, over HTTP.

What it tells fits the real clock: the jeans are worn all the time, and washed now and then.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx2

from app.demo.products import WASH, WEAR
from app.demo.story import ZONE
from app.kit.clock import Clock
from app.kit.logs import logger

EVERY_SECONDS = 20
_MOST_TURNS = 24 * 3600 // EVERY_SECONDS  # a demo that is forgotten falls silent after a day
_MOST_WAITING = 500
_WASH_EVERY = 45  # turns; for two before it nobody wears them
_MORNING = timedelta(hours=3)  # how far back, at most, the first turn tells
_LATELY = timedelta(minutes=5)  # as far back as any later one tells: a machine may have slept
_LEAST = timedelta(seconds=1)


@dataclass
class Jeans:
    """One pair: until when its life has been told, and what is not sent yet."""

    told_to: datetime
    dice: Random
    turns: int = 0
    waiting: list[dict[str, Any]] = field(default_factory=list)

    def live(self, now: datetime) -> None:
        """Tell what has happened since the last turn."""
        first, turn = self.turns == 0, self.turns % _WASH_EVERY
        self.turns += 1
        if first:
            self._begin(now)
        elif turn == 0:
            self._wash(now)
        elif turn < _WASH_EVERY - 2:
            self._wear(max(self.told_to, now - _LATELY), now)
        self.told_to = now
        del self.waiting[:-_MOST_WAITING]

    def _begin(self, now: datetime) -> None:
        """Today so far: washed, dried, put on. Not before the owner's midnight, so that a
        permission from today on has something to show at once."""
        midnight = now.astimezone(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
        start = max(midnight, self.told_to, now - _MORNING)
        self._wash(start + (now - start) * 0.1)
        self._wear(start + (now - start) * 0.6, now)

    def _wear(self, start: datetime, end: datetime) -> None:
        if end - start < _LEAST:
            return
        minutes = (end - start).total_seconds() / 60
        steps = round(minutes * max(0.0, self.dice.gauss(16, 8)))
        values = {"steps": steps, "minutes": round(minutes, 1)}
        self._tell(WEAR, start, values, until=_wire(end))

    def _wash(self, at: datetime) -> None:
        self._tell(WASH, at, {"temperature": 30, "programme": "delicate"})

    def _tell(self, stream: str, at: datetime, values: dict[str, Any], **more: str) -> None:
        """The id lets a record that is sent twice be stored once."""
        known = {"stream": stream, "at": _wire(at), "values": values, "id": f"{stream}-{_wire(at)}"}
        self.waiting.append(known | more)


class Gateway:
    """Big Denim's way into the service: a token for itself, and records of its jeans."""

    def __init__(
        self,
        origin: str,
        client: tuple[str, str],
        worn: Mapping[UUID, datetime],
        clock: Clock,
        transport: Any = None,
    ) -> None:
        self._http = httpx2.Client(
            base_url=origin, timeout=10, trust_env=False, transport=transport
        )
        self._client = client
        self._clock = clock
        self._jeans = {
            object_id: Jeans(told_to, Random(str(object_id)))  # noqa: S311  # believable, not secret
            for object_id, told_to in worn.items()
        }
        self._token: tuple[str, float] = ("", 0.0)

    def send(self) -> None:
        """One turn of every pair. What cannot be sent is said and waits for the next turn."""
        for object_id, jeans in self._jeans.items():
            if jeans.turns >= _MOST_TURNS:
                continue
            jeans.live(self._clock.now())
            try:
                self._send(object_id, jeans)
            except httpx2.HTTPError as error:
                logger.error("the demo's gateway could not send", error=str(error))

    def close(self) -> None:
        self._http.close()

    def _send(self, object_id: UUID, jeans: Jeans) -> None:
        if not jeans.waiting:
            return
        path = f"/v1/objects/{object_id}/events"
        answer = self._http.post(path, json=jeans.waiting, headers=self._bearer())
        answer.raise_for_status()
        jeans.waiting.clear()
        for line in answer.json()["results"]:
            if line["status"] == "refused":
                logger.error("a record of the demo's gateway was refused", detail=line["detail"])

    def _bearer(self) -> dict[str, str]:
        """A token by client credentials (RFC 6749 §4.4), renewed before it ends."""
        token, ends = self._token
        if time.monotonic() >= ends:
            told = {"grant_type": "client_credentials", "scope": "log:write"}
            answer = self._http.post("/oauth/token", data=told, auth=self._client)
            answer.raise_for_status()
            given = answer.json()
            token = given["access_token"]
            self._token = token, time.monotonic() + given["expires_in"] - 2 * EVERY_SECONDS
        return {"Authorization": f"Bearer {token}"}


def _wire(at: datetime) -> str:
    return at.astimezone(ZoneInfo(ZONE)).isoformat(timespec="milliseconds")
