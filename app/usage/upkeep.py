"""What the log needs done now and then, in steps of one transaction each: packing, retention, and
making removals final. Each step tells whether there was something to do."""

from app.keys.eager import EagerKeys
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.logs import logger
from app.usage.errors import LogDamaged
from app.usage.models import Segment
from app.usage.pack import pack_next
from app.usage.removals import RemovalRow, unfinished_removals
from app.usage.remove import key_ids, note_final, seal_anew
from app.usage.retention import expire_next
from app.usage.segments import CannotOpen

_LOOK = 20  # removals


def pack(db: Database, clock: Clock, keys: EagerKeys) -> bool:
    """Pack some small segments."""
    with db.connection() as conn:
        return pack_next(conn, keys)


def expire(db: Database, clock: Clock, keys: EagerKeys) -> bool:
    """Remove what one stream has kept long enough. Where its month's key lives on, the bytes must
    leave SQLite's log of older pages; PostgreSQL frees them by itself."""
    with db.connection() as conn:
        is_found = expire_next(conn, clock, keys)
    if is_found and db.is_sqlite:
        db.purge([Segment.__tablename__])
    return is_found


def finish_removal(db: Database, clock: Clock, keys: EagerKeys) -> bool:
    """A step of making one removal final. The order is what keeps it right: nothing is sealed
    under the old keys any more before they are destroyed, and the bytes that they sealed leave the
    files after. One that was changed behind the service's back is left for its operator: the
    others come first, and then its error is raised."""
    with db.connection() as conn:
        waiting = unfinished_removals(conn, _LOOK)
    damaged: Exception | None = None
    for removal in waiting:
        try:
            _finish(db, clock, keys, removal)
        except (CannotOpen, LogDamaged) as error:
            logger.error("a removal is not final; verify the log", fault=str(error))
            damaged = error
        else:
            return True
    if damaged is not None:
        raise damaged
    return False


def _finish(db: Database, clock: Clock, keys: EagerKeys, removal: RemovalRow) -> None:
    with db.connection() as conn:
        is_ready = seal_anew(conn, keys, removal)
    if is_ready:
        keys.keys.destroy(removal.tenure_id, key_ids(removal))
        db.purge([Segment.__tablename__])
        with db.connection() as conn:
            note_final(conn, clock, keys, removal)


STEPS = (finish_removal, expire, pack)
