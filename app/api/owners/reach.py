"""How far an owner's own token reaches."""

from uuid import UUID

from fastapi import Response

from app.consent.grants import GrantView
from app.oauth.protect import Principal

NO_STORE = {"Cache-Control": "no-store"}


def keep_nowhere(response: Response) -> None:
    """What is an owner's own stays in no cache on the way."""
    response.headers.update(NO_STORE)


def owner_of(caller: Principal) -> UUID:
    """Whose token it is."""
    assert caller.owner_id is not None  # a personal token has an owner
    return caller.owner_id


def covers(caller: Principal, object_id: UUID) -> bool:
    """Whether a token that may be limited to some objects reaches this one."""
    return caller.objects is None or object_id in caller.objects


def touches(caller: Principal, view: GrantView) -> bool:
    """Whether it reaches everything that a permission is about."""
    return all(covers(caller, detail.object_id) for detail in view.details)
