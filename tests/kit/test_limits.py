"""Rate limits: what is counted, and what only looks."""

from datetime import timedelta

import pytest

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.errors import TooManyRequests
from app.kit.limits import Limit, check, spend, spend_together

LIMIT = Limit("test", 3, 60)


def test_a_check_counts_nothing_and_sees_what_was_spent(
    database: Database, clock: FixedClock
) -> None:
    with database.connection() as conn:
        for _ in range(5):
            check(conn, clock, LIMIT, "a", 3)
        with pytest.raises(TooManyRequests):
            check(conn, clock, LIMIT, "a", 4)
        spend(conn, clock, LIMIT, "a", 2)
        check(conn, clock, LIMIT, "a")
        check(conn, clock, LIMIT, "b", 3)
        with pytest.raises(TooManyRequests) as caught:
            check(conn, clock, LIMIT, "a", 2)
        assert 0 < caught.value.extra["retry_after"] <= 60
        spend(conn, clock, LIMIT, "a")
        with pytest.raises(TooManyRequests):
            spend(conn, clock, LIMIT, "a")
        clock.advance(timedelta(seconds=60))
        check(conn, clock, LIMIT, "a", 3)


def test_several_are_counted_at_once_and_each_is_told(
    database: Database, clock: FixedClock
) -> None:
    with database.connection() as conn:
        assert spend_together(conn, clock, LIMIT, []) == []
        told = spend_together(conn, clock, LIMIT, ["b", "a", "a", "a", "a", "b"])
        assert [error is None for error in told] == [True, True, True, True, False, True]
        assert told[4] is not None
        assert 0 < told[4].extra["retry_after"] <= 60
        told = spend_together(conn, clock, LIMIT, ["b", "b", "a"])
        assert [error is None for error in told] == [True, False, False]
        with pytest.raises(TooManyRequests):
            spend(conn, clock, LIMIT, "b")
