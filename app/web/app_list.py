"""The owner's own apps as the pages list them, with what each may read and when it last did."""

from typing import Any
from uuid import UUID

from app.accesses.history import reads_of_grant
from app.consent.grants import list_live
from app.consent.own import has_no_end
from app.kit.clock import Clock
from app.kit.http import Session
from app.organizations import own_apps
from app.organizations.client_rules import plain_name


def apps_of(db: Session, clock: Clock, owner_id: UUID) -> list[dict[str, Any]]:
    """Every app that has not ended, newest first."""
    listed = []
    for app in own_apps.list_live(db, owner_id):
        permissions = permissions_of(db, clock, owner_id, app.client_id)
        reads = [one["read_at"] for one in permissions if one["read_at"]]
        listed.append(
            {
                "id": app.client_id,
                "name": plain_name(app.name),
                "created_at": app.created_at,
                "used_at": max(reads, default=None),
                "permissions": permissions,
            }
        )
    return listed


def permissions_of(
    db: Session, clock: Clock, owner_id: UUID, client_id: str
) -> list[dict[str, Any]]:
    """What an app may read under now."""
    return [
        {
            "id": str(grant.grant_id),
            "on": grant.created_at,
            "until": None if has_no_end(grant) else grant.until,
            "read_at": reads_of_grant(db, owner_id, grant.grant_id).last_at,
        }
        for grant in list_live(db, clock, owner_id, client_id)
    ]
