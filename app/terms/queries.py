"""Selects of terms; they never decide."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Owner
from app.terms.models import TermsVersion


def newest_version(db: Session, owner_id: UUID) -> TermsVersion | None:
    query = select(TermsVersion).where(TermsVersion.owner_id == owner_id)
    return db.scalars(query.order_by(TermsVersion.version.desc()).limit(1)).first()


def versions_of(db: Session, owner_id: UUID) -> Sequence[TermsVersion]:
    """Newest first."""
    query = select(TermsVersion).where(TermsVersion.owner_id == owner_id)
    return db.scalars(query.order_by(TermsVersion.version.desc())).all()


def lock_owner(db: Session, owner_id: UUID) -> Owner:
    """Until the commit nobody else changes what hangs on this owner's row."""
    query = select(Owner).where(Owner.owner_id == owner_id).with_for_update()
    return db.scalars(query).one()
