"""Permissions of an owner's own apps: they may have no end, so the owner is asked now and then, and
they end with the app."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.security_log import note_event
from app.consent import requests
from app.consent.grants import GrantView, list_live, revoke
from app.consent.models import Grant
from app.kit.clock import Clock
from app.organizations import own_apps

NO_END = timedelta(days=36_525)  # how far an end lies that stands for none: a century
ASK_AFTER = timedelta(days=90)

_WANTED = ("given", "kept")


def has_no_end(grant: Grant) -> bool:
    """Whether a grant lasts until its owner ends it."""
    return grant.until - grant.created_at >= NO_END


def is_to_be_asked(view: GrantView, now: datetime) -> bool:
    """Whether to ask the owner if a grant without an end is still wanted: 90 days after they gave
    it, and each 90 days after they kept it."""
    if view.status != "active" or not has_no_end(view.grant):
        return False
    wanted_at = max((e.at for e in view.events if e.what in _WANTED), default=view.grant.created_at)
    return now >= wanted_at + ASK_AFTER


def end_app(db: Session, clock: Clock, owner_id: UUID, client_id: str) -> datetime:
    """End an app and all that it was given; until when a reading may still leave, as in `revoke`.
    OwnAppNotFound."""
    name = own_apps.get(db, owner_id, client_id).name
    own_apps.end(db, clock, owner_id, client_id)
    note_event(db, owner_id, clock.now(), "app-ended", name, client_id=client_id)
    requests.close_all_of(db, clock, owner_id, client_id)
    quiet_at = clock.now()
    for grant in list_live(db, clock, owner_id, client_id):
        quiet_at = max(quiet_at, revoke(db, clock, owner_id, grant.grant_id))
    return quiet_at
