"""How an object's log looks to its owner by API, beside its records: what they send and get."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Body
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from app.api.examples import json_example
from app.api.vendors.data import Time
from app.objects.recording import Pause
from app.usage.own import Recording, Removed

LONGEST_DAYS = 36_500
_PAUSE = {"stream": "place", "from": "2026-11-20T08:00:00Z", "to": None}
_KEEPING = {"stream": "place", "by_product": 90, "by_owner": 30, "days": 30, "paused": True}
RECORDING_EXAMPLE = json_example(
    "How it is recorded.", {"paused": False, "pauses": [_PAUSE], "streams": [_KEEPING]}
)
STATS_EXAMPLE = json_example(
    "How much there is.",
    {
        "days_in": "UTC",
        "streams": [
            {
                "stream": "wear",
                "count": 310,
                "first_at": "2026-08-04T06:10:00Z",
                "last_at": "2026-11-23T17:42:00Z",
                "last_received_at": "2026-11-23T18:00:03Z",
                "days": {"2026-11-22": 4, "2026-11-23": 3},
            }
        ],
    },
)
_ERASURE = {
    "at": "2026-11-23T18:02:00Z",
    "by": "owner",
    "stream": "place",
    "from": "2026-11-01T00:00:00Z",
    "to": "2026-11-08T00:00:00Z",
    "removed": 31,
    "final_at": None,
}
ERASURES_EXAMPLE = json_example("What was removed.", {"erasures": [_ERASURE]})
REMOVED_EXAMPLE = json_example("What went.", {"removed": 31})

Stream = Annotated[str, Field(min_length=1, max_length=40, examples=["place"])]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Pausing(_Strict):
    """Which stream; the whole object if absent."""

    stream: Stream | None = None


class Retention(_Strict):
    """For how many days; null for as long as the product says."""

    days: Annotated[StrictInt, Field(ge=1, le=LONGEST_DAYS)] | None = Field(examples=[30])


class Erasure(_Strict):
    """What is to go: of one stream or all, from an instant until just before another. Say
    `everything` to mean all of it."""

    stream: Stream | None = None
    from_: Time | None = Field(None, alias="from")
    to: Time | None = None
    everything: StrictBool = False

    @model_validator(mode="after")
    def check_choice(self) -> "Erasure":
        is_part = (self.stream, self.from_, self.to) != (None, None, None)
        if is_part == self.everything:
            raise ValueError("say a stream, from or to, or everything: true")
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise ValueError("from is not before to")
        return self


class PauseOut(BaseModel):
    """What happened between `from` and `to` was not wanted, and never will be."""

    stream: str | None = Field(description="Null for the whole object.")
    from_: datetime = Field(alias="from")
    to: datetime | None = Field(description="Null while it lasts.")


class KeepingOut(BaseModel):
    """How long a stream is kept. Null days: until you erase it."""

    stream: str
    by_product: int | None
    by_owner: int | None
    days: int | None = Field(description="The shorter of the two.")
    paused: bool = Field(description="Whether nothing of it is recorded now.")


class RecordingOut(BaseModel):
    """What is recorded, and how long it is kept."""

    paused: bool = Field(description="Whether the object rests as a whole.")
    pauses: list[PauseOut] = Field(description="All of your time with it, the newest first.")
    streams: list[KeepingOut]


class ErasureOut(BaseModel):
    """An entry of the log about what was removed of it."""

    at: datetime
    by: Literal["owner", "retention"]
    stream: str | None = Field(description="Null where it was of all streams.")
    from_: datetime | None = Field(alias="from")
    to: datetime | None
    removed: int = Field(description="How many records went.")
    final_at: datetime | None = Field(
        description="When the keys that sealed them were destroyed; null until then."
    )


class ErasuresOut(BaseModel):
    """The removals, the newest first."""

    erasures: list[ErasureOut]


class RemovedOut(BaseModel):
    """How many records went."""

    removed: int


WHOLE = Pausing()
_PAUSING = Body(
    openapi_examples={
        "stream": {"summary": "One stream", "value": {"stream": "place"}},
        "object": {"summary": "The whole object", "value": {}},
    }
)
Which = Annotated[Pausing, _PAUSING]
What = Annotated[
    Erasure,
    Body(
        openapi_examples={
            "part": {
                "summary": "A week of one stream",
                "value": {name: _ERASURE[name] for name in ("stream", "from", "to")},
            },
            "all": {"summary": "Everything", "value": {"everything": True}},
        }
    ),
]


def recording_out(recording: Recording) -> RecordingOut:
    """What is recorded now."""
    is_paused = recording.paused_since(None) is not None
    streams = [
        KeepingOut(
            stream=one.stream,
            by_product=one.by_product,
            by_owner=one.by_owner,
            days=one.days,
            paused=is_paused or recording.paused_since(one.stream) is not None,
        )
        for one in recording.keeping
    ]
    return RecordingOut(
        paused=is_paused, pauses=[_pause_out(one) for one in recording.pauses], streams=streams
    )


def _pause_out(one: Pause) -> PauseOut:
    return PauseOut.model_validate({"stream": one.stream, "from": one.from_, "to": one.to})


def erasure_out(one: Removed) -> ErasureOut:
    """An entry of the log."""
    told: dict[str, Any] = {
        "at": one.removed_at,
        "by": "owner" if one.is_owners else "retention",
        "stream": one.stream,
        "from": one.from_,
        "to": one.to,
        "removed": one.records,
        "final_at": one.final_at,
    }
    return ErasureOut.model_validate(told)
