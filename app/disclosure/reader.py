"""Who reads, as plain values: the doors turn a token into this."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.consent.decide import Allowed, GrantState, Refused, Slice
from app.kit.errors import DomainError
from app.objects.categories import category_of, is_vendor_scope

# What a grant lacks, where the token itself is alive.
OF_THE_OBJECT = ("no-grant", "not-granted")


@dataclass(frozen=True)
class Reader:
    """A client's token. `owner_id` and `grant_id` are None where it carries no grant;
    `dead_reason` says why a token that once worked works no longer; `slices` is the part of its
    grant that it is for, None for all."""

    client_id: str | None
    org_id: UUID | None
    name: str
    owner_id: UUID | None
    grant_id: UUID | None
    scopes: frozenset[str]
    dead_reason: str | None = None
    slices: tuple[Slice, ...] | None = None

    @property
    def categories(self) -> frozenset[str]:
        """The kinds of data that this token carries; its grant may hold more."""
        return frozenset(category_of(s) for s in self.scopes if is_vendor_scope(s))


def refusal_of(decision: Allowed | Refused, reader: Reader) -> str | None:
    """Why nothing may be read: what became of the grant tells most, then what became of the
    token, then what the grant lacks; None where something may."""
    rule = decision.rule if isinstance(decision, Refused) else None
    if rule in (None, *OF_THE_OBJECT):
        return reader.dead_reason or rule
    return rule


@dataclass(frozen=True)
class Disclosed:
    """An answer that was recorded: its bytes, until when they may leave, the next page; and the
    grant that it was read under."""

    body: bytes
    send_by: datetime
    next_cursor: str | None = None
    grant: GrantState | None = None


@dataclass(frozen=True)
class NotDisclosed:
    """A refusal that was recorded: the rule, for the door to turn into an answer; `error` is that
    answer where the rule does not tell it."""

    rule: str
    error: DomainError | None = None
