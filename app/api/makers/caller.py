"""The maker behind a token."""

from dataclasses import dataclass
from uuid import UUID

from app.oauth.errors import InsufficientScope
from app.oauth.protect import Principal


@dataclass(frozen=True)
class Maker:
    """Whose products and objects these are, and which client of theirs calls."""

    client_id: str
    org_id: UUID


def maker_of(caller: Principal) -> Maker:
    """The organization that holds a maker's scope by client credentials."""
    if caller.sender is not None:
        raise InsufficientScope("objects:write")  # an object writes its log, and that is all
    assert caller.client_id is not None  # makers' scopes are given to clients only,
    assert caller.org_id is not None  # and a client is an organization's
    return Maker(caller.client_id, caller.org_id)
