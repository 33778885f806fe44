"""What an object's id in a vendor's request stands for.

Every lookup is made in every case, so that the time an answer takes does not tell whether an
unknown id belongs to somebody.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from app.consent.decide import GrantState
from app.consent.grants import find_grant
from app.consent.pseudonyms import find_pseudonym
from app.disclosure.reader import Reader
from app.kit.ids import NOBODY, parse_id
from app.objects.tenures import find_open_tenure


@dataclass(frozen=True)
class Located:
    """The object an id names for this reader, whose it is, and the reader's grant."""

    object_id: UUID | None
    tenure_id: UUID | None
    owner_id: UUID | None
    grant: GrantState | None


def locate(conn: Connection, reader: Reader, ref: str) -> Located:
    """Resolve `ref`: this vendor's pseudonym, or a real id, which opens nothing by itself."""
    wanted = parse_id(ref) or NOBODY
    grant = find_grant(conn, reader.owner_id or NOBODY, reader.grant_id or NOBODY)
    known = find_pseudonym(conn, wanted)
    is_ours = known is not None and known.org_id == reader.org_id
    tenure = find_open_tenure(conn, known.object_id if known and is_ours else wanted)
    if tenure is None:
        return Located(None, None, None, grant)
    if known and is_ours and known.tenure_id != tenure.tenure_id:
        return Located(None, None, None, grant)
    return Located(tenure.object_id, tenure.tenure_id, tenure.owner_id, grant)


def granted_object(located: Located, ref: str) -> UUID | None:
    """The object whose pseudonym in the reader's own grant is `ref`; a real id is none."""
    wanted = parse_id(ref)
    for detail in located.grant.details if located.grant else ():
        if detail.pseudonym == wanted and detail.tenure_id == located.tenure_id:
            return detail.object_id
    return None
