"""The owners of the seeded demo: only they can be entered with one click, and only there."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.errors import OwnerUnknown
from app.accounts.models import Owner
from app.kit.ids import NOBODY, derived_id

COUNT = 2


def demo_owner_id(number: int) -> UUID:
    """The id of the first, second … demo owner, which nobody who signs up can have."""
    return derived_id(NOBODY, "demo owner", str(number))


def list_demo_owners(db: Session) -> Sequence[Owner]:
    """Those that were seeded."""
    found = (db.get(Owner, demo_owner_id(number)) for number in range(1, COUNT + 1))
    return [owner for owner in found if owner is not None]


def is_demo_owner(owner_id: UUID) -> bool:
    """Whether an id is one of theirs; says nothing about demo mode."""
    return any(owner_id == demo_owner_id(number) for number in range(1, COUNT + 1))


def get_demo_owner(db: Session, owner_id: UUID | None) -> Owner:
    """A demo owner by id, the first one without; OwnerUnknown for anybody else."""
    wanted = owner_id or demo_owner_id(1)
    for owner in list_demo_owners(db):
        if owner.owner_id == wanted:
            return owner
    raise OwnerUnknown
