"""From a vendor's own id of an object back to the object (hot path)."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from app.consent import queries


@dataclass(frozen=True)
class Known:
    """What a vendor's id stands for."""

    org_id: UUID
    owner_id: UUID
    object_id: UUID
    tenure_id: UUID


def find_pseudonym(conn: Connection, pseudonym: UUID) -> Known | None:
    """Whose object `pseudonym` stands for, and for which vendor's organization."""
    row = queries.find_pseudonym(conn, pseudonym)
    if row is None:
        return None
    return Known(row.org_id, row.owner_id, row.object_id, row.tenure_id)
