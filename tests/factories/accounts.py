"""Owners of tests."""

from sqlalchemy.orm import Session

from app.accounts.models import Owner
from app.accounts.owners import create_owner
from app.kit.clock import Clock


def make_owner(db: Session, clock: Clock, name: str = "Owner", email: str | None = None) -> Owner:
    """A person with an account, who has proven `email` where one is given."""
    return create_owner(db, clock, name, email=email, time_zone="Europe/Berlin")
