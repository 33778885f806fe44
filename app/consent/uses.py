"""Counting what was read under a grant, where that is limited (`limits`)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.consent.limits import Used
from app.consent.models import GrantUse
from app.kit.prepared import Prepared

_USES = GrantUse.__table__


def _lock(insert: sqlite.Insert | postgresql.Insert) -> Any:
    """The row, made where there is none, and held until the commit: whoever counts as well waits
    here, and then sees what was counted."""
    return insert.on_conflict_do_update(
        index_elements=["owner_id", "grant_id", "object_id", "category"],
        set_={"used": _USES.c.used},
    ).returning(_USES.c.used, _USES.c.recent)


_LOCK = Prepared(
    sqlite=_lock(sqlite.insert(GrantUse)), postgresql=_lock(postgresql.insert(GrantUse))
)
_COUNT = Prepared(
    update(GrantUse)
    .where(
        GrantUse.owner_id == bindparam("owner"),
        GrantUse.grant_id == bindparam("grant"),
        GrantUse.object_id == bindparam("object"),
        GrantUse.category == bindparam("kind"),
    )
    .values(used=bindparam("times"), recent=bindparam("lately"))
)


def lock_uses(
    conn: Connection, owner_id: UUID, grant_id: UUID, object_id: UUID, categories: Iterable[str]
) -> dict[str, Used]:
    """How often each kind was read so far, held until the commit; in one order, so that readers do
    not wait for each other in circles."""
    found = {}
    for category in sorted(categories):
        key = {"owner_id": owner_id, "grant_id": grant_id, "object_id": object_id}
        new = {"category": category, "used": 0, "recent": []}
        row = _LOCK.one(conn, key | new)
        assert row is not None  # it is made where there is none
        found[category] = Used(row.used, _times(row.recent))
    return found


def count_uses(
    conn: Connection,
    owner_id: UUID,
    grant_id: UUID,
    object_id: UUID,
    used: Mapping[str, Used],
) -> None:
    """Write down what was locked before, as it is with the reading that is recorded now."""
    rows = [
        {
            "owner": owner_id,
            "grant": grant_id,
            "object": object_id,
            "kind": category,
            "times": one.count,
            "lately": [at.isoformat() for at in one.recent],
        }
        for category, one in used.items()
    ]
    if rows:
        _COUNT.run_each(conn, rows)


def uses_of(
    db: Session | Connection, owner_id: UUID, grant_id: UUID
) -> dict[tuple[UUID, str], Used]:
    """How often each object and kind of a grant was read, where that is limited and it was."""
    query = select(GrantUse.object_id, GrantUse.category, GrantUse.used, GrantUse.recent).where(
        GrantUse.owner_id == owner_id, GrantUse.grant_id == grant_id
    )
    return {
        (object_id, category): Used(used, _times(recent))
        for object_id, category, used, recent in db.execute(query)
    }


def _times(told: Iterable[str]) -> tuple[datetime, ...]:
    return tuple(map(datetime.fromisoformat, told))
