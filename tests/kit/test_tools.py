"""Cursors, limits, kept answers, sealed boxes, column types."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, MetaData, Table, insert, select
from sqlalchemy.exc import DBAPIError

from app.kit import columns, crypto, idempotency
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.errors import (
    AnswerWiped,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InvalidCursor,
    TooManyRequests,
)
from app.kit.idempotency import Answer
from app.kit.ids import derived_id, new_id
from app.kit.limits import Limit, spend
from app.kit.paging import Cursors

KEYS = {"k2": b"2" * 32, "k1": b"1" * 32}
KEY = "b41f7a3e-0d1c-4a7e-9d53-1f0a9a8f6a10"


def test_a_cursor_opens_only_for_its_caller_and_query(clock: FixedClock) -> None:
    cursors = Cursors(lambda: KEYS, clock, timedelta(hours=1))
    cursor = cursors.seal([1, "x"], "vendor", "wear")
    assert cursors.open(cursor, "vendor", "wear") == [1, "x"]
    for bound in (("vendor", "wash"), ("other", "wear"), ("vendor",), ()):
        with pytest.raises(InvalidCursor):
            cursors.open(cursor, *bound)


@pytest.mark.parametrize("bad", ["", "k2", "k2.", "k2.!!", "k9.AAAA", "k2." + "A" * 80, "é.é"])
def test_a_foreign_cursor_is_refused(clock: FixedClock, bad: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursors(lambda: KEYS, clock, timedelta(hours=1)).open(bad, "vendor")


def test_a_cursor_expires_and_survives_a_rotation(clock: FixedClock) -> None:
    old = Cursors(lambda: {"k1": KEYS["k1"]}, clock, timedelta(hours=1)).seal(1, "v")
    cursors = Cursors(lambda: KEYS, clock, timedelta(hours=1))
    assert cursors.open(old, "v") == 1
    clock.advance(3600)
    with pytest.raises(InvalidCursor):
        cursors.open(old, "v")


def test_a_limit_is_shared_and_opens_again(database: Database, clock: FixedClock) -> None:
    limit = Limit("test", 2, 60)
    for _ in range(2):
        database.submit(lambda c: spend(c, clock, limit, "me")).result(10)
    with pytest.raises(TooManyRequests) as refused:
        database.submit(lambda c: spend(c, clock, limit, "me")).result(10)
    assert 0 < refused.value.extra["retry_after"] <= 60
    database.submit(lambda c: spend(c, clock, limit, "you")).result(10)
    clock.advance(60)
    database.submit(lambda c: spend(c, clock, limit, "me")).result(10)


@pytest.mark.parametrize("is_secret", [False, True])
def test_the_first_answer_is_given_again(
    database: Database, clock: FixedClock, is_secret: bool
) -> None:
    def call(request: bytes, key: str = KEY, caller: str = "maker") -> Answer:
        with database.connection() as conn:
            kept = idempotency.begin(conn, clock, caller, key, request, is_secret=is_secret)
            if kept is not None:
                return kept
            answer = Answer(201, b"secret of " + request)
            idempotency.finish(conn, caller, key, answer, is_secret=is_secret)
            return answer

    first = call(b"POST a")
    assert call(b"POST a") == Answer(201, first.body, is_replay=True)
    with pytest.raises(IdempotencyKeyReused):
        call(b"POST b")
    assert call(b"POST b", caller="other").is_replay is False
    with database.connection() as conn:
        stored = conn.execute(select(idempotency.KeptAnswer.body)).scalars().all()
        assert (first.body in stored) is not is_secret
        assert idempotency.wipe(conn, "maker", KEY)
    with pytest.raises(AnswerWiped):
        call(b"POST a")
    clock.advance(timedelta(hours=24))
    assert call(b"POST a").is_replay is False


def test_a_failed_work_keeps_no_answer(database: Database, clock: FixedClock) -> None:
    with pytest.raises(ValueError), database.connection() as conn:
        idempotency.begin(conn, clock, "maker", KEY, b"x", is_secret=False)
        raise ValueError
    with database.connection() as conn:
        assert idempotency.begin(conn, clock, "maker", KEY, b"x", is_secret=False) is None


@pytest.mark.parametrize("key", [None, "", "short", "x" * 256, "tab\tin" + "x" * 30])
def test_a_secret_answer_needs_a_key_nobody_guesses(key: str | None) -> None:
    with pytest.raises(IdempotencyKeyMissing):
        idempotency.check_key(key, is_secret=True)
    assert idempotency.check_key(None, is_secret=False) is None


def test_a_box_opens_only_for_its_secret_and_context() -> None:
    private = crypto.box_key(KEY.encode(), b"test")
    sealed = crypto.box_seal(private.public_key().public_bytes_raw(), b"codes", b"job 1")
    assert crypto.box_open(private, sealed, b"job 1") == b"codes"
    other = crypto.box_key(b"another", b"test")
    flipped = bytes([sealed[0] ^ 1]) + sealed[1:]
    for key, text, context in (
        (other, sealed, b"job 1"),
        (private, sealed, b"job 2"),
        (private, flipped, b"job 1"),
        (private, sealed[:20], b"job 1"),
    ):
        with pytest.raises(crypto.CannotOpen):
            crypto.box_open(key, text, context)


def test_derived_ids_do_not_collide_over_their_parts() -> None:
    space = new_id()
    assert derived_id(space, "a", "bc") != derived_id(space, "ab", "c")
    assert derived_id(space, "é") != derived_id(space, "e\u0301")
    assert derived_id(space, "a") == derived_id(space, b"a")


def test_columns_keep_the_same_values_everywhere(database: Database) -> None:
    table = Table(
        "kept_values",
        MetaData(),
        Column("id", columns.Id, primary_key=True),
        Column("at", columns.Instant),
        Column("flag", columns.Flag),
        Column("json", columns.Json),
        Column("whole", columns.Whole),
        Column("real", columns.Real),
        Column("words", columns.Words(4)),
        Column("blob", columns.Blob(4)),
        sqlite_strict=True,
    )
    row = {
        "id": new_id(),
        "at": datetime(2026, 3, 29, 1, 59, 59, 999999, timezone(timedelta(hours=2))),
        "flag": True,
        "json": {"b": [1, None, "é"], "a": {}},
        "whole": 2**53 - 1,
        "real": math.pi,
        "words": "🧵🧵🧵🧵",
        "blob": b"\x00\xff\x00\xff",
    }
    with database.connection() as conn:
        table.create(conn)
        conn.execute(insert(table), [row])
        found = conn.execute(select(table)).one()._asdict()
        empty = {"id": new_id()}
        conn.execute(insert(table), [empty])
        blank = conn.execute(select(table).where(table.c.id == empty["id"])).one()
        assert list(blank[1:]) == [None] * 7
    assert found == row
    assert found["at"].tzinfo is UTC
    for bad in ({"words": "12345"}, {"blob": b"12345"}):
        with pytest.raises(DBAPIError), database.connection() as conn:
            conn.execute(insert(table), [{"id": new_id()} | bad])
    with database.connection() as conn:
        table.drop(conn)
