"""What is too old to count goes."""

from datetime import timedelta

from sqlalchemy import func, select

from app.kit.clock import FixedClock
from app.kit.crypto import sha256
from app.kit.db import Database
from app.oauth.models import DeviceCode, PushedRequest, SeenOnce
from app.oauth.replay import burn, forget_old
from tests.oauth.conftest import Vendor
from tests.oauth.test_metadata import request_of


def counts(database: Database) -> tuple[int, ...]:
    tables = (SeenOnce, PushedRequest, DeviceCode)
    with database.read() as db:
        return tuple(db.scalar(select(func.count()).select_from(t)) or 0 for t in tables)


def test_what_is_too_old_to_count_goes(vendor: Vendor, clock: FixedClock) -> None:
    database = vendor.database
    pushed = vendor.post("/oauth/par", request_of(vendor)).json()
    now = clock.now()
    with database.session() as db:
        conn = db.connection()
        assert burn(conn, "test", "a", now + timedelta(minutes=1))
        assert burn(conn, "test", "b", now + timedelta(days=2))
        waiting = DeviceCode(
            device_hash=sha256("d"),
            user_hash=sha256("u"),
            client_id=vendor.client_id,
            parameters={},
            status="waiting",
            interval_seconds=5,
            created_at=now,
            expires_at=now + timedelta(seconds=600),
        )
        db.add(waiting)
    assert counts(database) == (2, 1, 1)
    clock.advance(timedelta(seconds=60))
    with database.connection() as conn:
        assert forget_old(conn, clock) == 1
        assert not burn(conn, "test", "b", now + timedelta(days=2))
    clock.advance(timedelta(seconds=pushed["expires_in"]) + timedelta(days=1))
    with database.connection() as conn:
        forget_old(conn, clock)
    assert counts(database) == (1, 0, 1)
    clock.advance(timedelta(seconds=600))
    with database.connection() as conn:
        forget_old(conn, clock)
    assert counts(database) == (1, 0, 0)
