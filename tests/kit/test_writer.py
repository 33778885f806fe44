"""Whatever waits shares a transaction: what a loop brings at once, and what comes just after."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection

from app.kit import writer
from app.kit.db import Database
from app.kit.errors import Unavailable
from app.kit.writer import Writer


class Counted:
    """A joint work that notes how many it was given each time."""

    def __init__(self) -> None:
        self.groups: list[int] = []

    def __call__(self, conn: Connection, given: Sequence[int]) -> list[int]:
        self.groups.append(len(given))
        return [one + 1 for one in given]


def test_what_one_turn_of_the_loop_brings_is_one_group(database: Database) -> None:
    work = Counted()

    async def many() -> list[int]:
        return await asyncio.gather(*(database.run_jointly(work, n) for n in range(20)))

    assert asyncio.run(many()) == list(range(1, 21))
    assert work.groups == [20]
    assert asyncio.run(many()) == list(range(1, 21))  # another loop in the same thread
    assert work.groups == [20, 20]


def test_those_who_were_answered_are_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_LINGER", 30.0)
    monkeypatch.setattr(Writer, "_take", _patient)
    work = Counted()

    async def in_turn() -> None:
        await asyncio.gather(*(database.run_jointly(work, n) for n in range(3)))
        first = asyncio.ensure_future(database.run_jointly(work, 3))
        await asyncio.sleep(0.05)
        assert not first.done()
        await asyncio.gather(first, *(database.run_jointly(work, n) for n in (4, 5)))

    asyncio.run(in_turn())
    assert work.groups == [3, 3]


_take = Writer._take


def _patient(self: Writer, before: int, seconds: float) -> Any:
    return _take(self, before, 30.0)


def test_a_lonely_caller_waits_for_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_LINGER", 30.0)
    monkeypatch.setattr(Writer, "_take", _patient)
    work = Counted()

    async def one_by_one() -> None:
        for n in range(5):
            assert await asyncio.wait_for(database.run_jointly(work, n), 20) == n + 1

    asyncio.run(one_by_one())
    assert work.groups == [1] * 5


def test_a_closed_writer_tells_those_who_wait_in_a_loop(database: Database) -> None:
    async def late() -> None:
        await database.run_jointly(Counted(), 1)
        database.close()
        await database.run_jointly(Counted(), 1)

    with pytest.raises(Unavailable):
        asyncio.run(late())
