"""What the log needs done now and then, in steps of one transaction each: packing, retention, and
making removals final. Each step tells whether there was something to do."""

from app.keys.eager import EagerKeys
from app.kit.clock import Clock
from app.kit.db import Database
from app.usage.models import Segment
from app.usage.pack import pack_next
from app.usage.remove import next_unfinished, note_final, seal_anew
from app.usage.retention import expire_next


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
    files after."""
    with db.connection() as conn:
        removal = next_unfinished(conn)
        is_ready = removal is not None and seal_anew(conn, keys, removal)
    if removal is not None and is_ready:
        keys.keys.destroy(removal.tenure_id, removal.keys)
        db.purge([Segment.__tablename__])
        with db.connection() as conn:
            note_final(conn, clock, removal)
    return removal is not None


STEPS = (finish_removal, expire, pack)
