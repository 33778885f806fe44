"""A vendor that reads without a pause cannot keep its owner from ending the permission."""

import threading
import time
from uuid import UUID

from app.consent.grants import get_grant, lock_grant, revoke
from app.kit.clock import FixedClock
from app.kit.db import Database
from tests.factories.world import World
from tests.support.rounds import rounds

READERS = 4


def read_until(database: Database, ids: tuple[UUID, UUID], is_over: threading.Event) -> None:
    """Hold the grant again and again, so that the readers' times with it overlap."""
    while not is_over.is_set():
        with database.connection() as conn:
            lock_grant(conn, *ids)
            time.sleep(0.02)


def test_readers_without_a_pause_do_not_hold_off_a_revocation(
    database: Database, clock: FixedClock
) -> None:
    world = World(database, clock)
    owner = world.owner()
    jeans = world.owned(owner)
    for _ in range(rounds(2, 20)):
        grant_id = world.allow(owner, [jeans]).grant.grant_id
        is_over = threading.Event()
        given = (database, (owner, grant_id), is_over)
        readers = [threading.Thread(target=read_until, args=given) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        time.sleep(0.1)
        try:
            with database.session() as db:
                revoke(db, clock, owner, grant_id)
        finally:
            is_over.set()
            for reader in readers:
                reader.join(30)
        with database.read() as db:
            assert get_grant(db, clock, owner, grant_id).status == "revoked"
