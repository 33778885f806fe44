"""What becomes of a grant, from the request for it on: every status, every act, one table. Pure.

Statuses are those of ISO/IEC TS 27560 in the words of this house: a grant reads while it is
`active`, and an act that a status does not know changes nothing.
"""

from collections.abc import Mapping

STATUSES = (
    "requested",
    "active",
    "paused",
    "refused",
    "revoked",
    "ended",
    "expired",
    "superseded",
)
READING = frozenset({"active"})
LIVE = ("active", "paused")

# By act, from which status to which. `change` is a new version that the owner gave, `keep` one that
# gives the same; `end` is the vendor's act, `supersede` a newer grant's, `expire` that of time.
_TURNS: Mapping[str, Mapping[str, str]] = {
    "allow": {"requested": "active"},
    "refuse": {"requested": "refused"},
    "pause": {"active": "paused"},
    "resume": {"paused": "active"},
    "change": {"active": "active", "paused": "paused"},
    "keep": {"active": "active", "paused": "paused"},
    "revoke": {"active": "revoked", "paused": "revoked"},
    "end": {"active": "ended", "paused": "ended"},
    "supersede": {"active": "superseded", "paused": "superseded"},
    "expire": {"requested": "expired", "active": "expired", "paused": "expired"},
}
ACTS = tuple(_TURNS)
# How an act stands in a grant's history.
TOLD = {
    "allow": "given",
    "pause": "paused",
    "resume": "resumed",
    "change": "changed",
    "keep": "kept",
    "revoke": "revoked",
    "end": "ended",
    "supersede": "superseded",
    "expire": "expired",
}


def turn(status: str, act: str) -> str | None:
    """The status that follows, or None where the act changes nothing. KeyError for an act that
    there is not."""
    return _TURNS[act].get(status)


def is_over(status: str) -> bool:
    """Whether nothing can become of it any more."""
    return all(status not in turns for turns in _TURNS.values())
