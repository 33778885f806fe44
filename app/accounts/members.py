"""Organizations that own objects, and the people who act for them in roles."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts import queries
from app.accounts.errors import LastAdmin, OwnerUnknown, RoleUnknown
from app.accounts.models import Membership, Owner
from app.accounts.owners import create_owner, get_owner
from app.kit.clock import Clock

ROLES = ("admin", "grant", "view", "export")


def create_organization_owner(db: Session, clock: Clock, name: str, founder_id: UUID) -> Owner:
    """An owner that is an organization, with its first administrator."""
    organization = create_owner(db, clock, name, kind="organization")
    add_member(db, clock, organization.owner_id, founder_id, "admin")
    return organization


def add_member(db: Session, clock: Clock, owner_id: UUID, member_id: UUID, role: str) -> Membership:
    """Let a person act for an organization, or change the role in which they do."""
    _check(db, owner_id, "organization")
    _check(db, member_id, "person")
    if role not in ROLES:
        raise RoleUnknown(field="/role")
    member = db.get(Membership, (owner_id, member_id))
    if member is None:
        member = Membership(
            owner_id=owner_id, member_id=member_id, role=role, created_at=clock.now()
        )
        db.add(member)
    elif role != "admin":
        _keep_an_admin(db, member)
    member.role = role
    db.flush()
    return member


def remove_member(db: Session, owner_id: UUID, member_id: UUID) -> None:
    """End a person's role; LastAdmin where nobody could admit others any more."""
    member = db.get(Membership, (owner_id, member_id))
    if member is not None:
        _keep_an_admin(db, member)
        db.delete(member)
        db.flush()


def role_of(db: Session, owner_id: UUID, member_id: UUID) -> str | None:
    """In which role a person acts for an owner; a person is the admin of their own things."""
    if owner_id == member_id:
        return "admin"
    member = db.get(Membership, (owner_id, member_id))
    return member.role if member else None


def list_members(db: Session, owner_id: UUID) -> Sequence[Membership]:
    """Who acts for the organization, the longest first."""
    return queries.members_of(db, owner_id)


def _check(db: Session, owner_id: UUID, kind: str) -> None:
    if get_owner(db, owner_id).kind != kind:
        raise OwnerUnknown(f"This owner is not of the kind {kind}.")


def _keep_an_admin(db: Session, leaving: Membership) -> None:
    others = (m for m in list_members(db, leaving.owner_id) if m.member_id != leaving.member_id)
    if leaving.role == "admin" and not any(m.role == "admin" for m in others):
        raise LastAdmin
