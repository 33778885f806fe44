"""Keys of the log: made before their first use, each for a stream and month, and destroyed."""

import asyncio
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, func, select, update

from app.keys import log_keys as log_keys_module
from app.keys.issue import Limits
from app.keys.log_keys import (
    KeyDestroyed,
    KeyName,
    KeysMissing,
    LogKeys,
    WritingKey,
    open_log_keys,
    run,
    run_now,
)
from app.keys.models import KeyCheck, LogKey, OwnerKey, TenureKey
from app.keys.provider import CannotUnwrap
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.errors import Unavailable
from app.kit.ids import new_id
from app.settings import Settings
from tests.support.served import at_once

MONTH = 2026 * 12 + 10
SQLITE = pytest.mark.parametrize("engine_kind", ["sqlite"], indirect=True)


def new_name(owner_id: UUID | None = None, tenure_id: UUID | None = None) -> KeyName:
    return KeyName(owner_id or new_id(), tenure_id or new_id(), "wear", MONTH)


def taken(keys: LogKeys, name: KeyName) -> WritingKey:
    return run_now(keys, lambda: keys.writing(name))


def opens(keys: LogKeys, tenure_id: UUID, key: WritingKey) -> bool:
    """Whether the key of that id opens what `key` seals."""
    nonce = os.urandom(12)
    sealed = key.cipher.encrypt(nonce, b"worn", b"here")
    cipher = run_now(keys, lambda: keys.opening(tenure_id, key.key_id))
    try:
        return cipher.decrypt(nonce, sealed, b"here") == b"worn"
    except InvalidTag:
        return False


def test_a_key_is_missing_until_it_is_fetched(log_keys: LogKeys) -> None:
    name = new_name()
    with pytest.raises(KeysMissing) as missing:
        log_keys.writing(name)
    assert (missing.value.names, missing.value.ids) == ({name}, set())
    log_keys.fetch(missing.value)
    key = log_keys.writing(name)
    assert log_keys.writing(name).key_id == key.key_id
    assert opens(log_keys, name.tenure_id, key)


def test_another_process_opens_what_one_has_sealed(
    log_keys: LogKeys, key_settings: Settings, clock: FixedClock
) -> None:
    name = new_name()
    key = taken(log_keys, name)
    with closing(open_log_keys(key_settings, clock)) as other:
        with pytest.raises(KeysMissing) as missing:
            other.opening(name.tenure_id, key.key_id)
        assert (missing.value.names, missing.value.ids) == (set(), {(name.tenure_id, key.key_id)})
        assert opens(other, name.tenure_id, key)
        assert taken(other, name).key_id == key.key_id


def test_each_stream_month_turn_and_tenure_has_a_key_of_its_own(log_keys: LogKeys) -> None:
    name = new_name()
    others = [
        name._replace(stream="wash"),
        name._replace(month=MONTH + 1),
        name._replace(turn=1),
        name._replace(tenure_id=new_id()),
    ]
    log_keys.fetch(KeysMissing(names=[name, *others]))
    keys = [log_keys.writing(one) for one in [name, *others]]
    assert len({key.key_id for key in keys}) == 5
    nonce = os.urandom(12)
    assert len({key.cipher.encrypt(nonce, b"the same", b"") for key in keys}) == 5


def test_many_keys_are_fetched_in_one_go(log_keys: LogKeys, rows: Database) -> None:
    owner_id = new_id()
    names = [new_name(owner_id) for _ in range(450)] + [new_name() for _ in range(450)]
    log_keys.fetch(KeysMissing(names=names))
    assert len({log_keys.writing(name).key_id for name in names}) == 900
    assert counts(rows) == [451, 900, 900]


def counts(rows: Database) -> list[int | None]:
    tables = (OwnerKey, TenureKey, LogKey)
    with rows.read() as db:
        return [db.scalar(select(func.count()).select_from(table)) for table in tables]


def test_a_key_has_no_more_uses_than_its_cap(
    key_settings: Settings, clock: FixedClock, rows: Database
) -> None:
    name = new_name()
    limits = Limits(cap=10, block=4)
    with closing(open_log_keys(key_settings, clock, limits)) as keys:
        used = [taken(keys, name).key_id for _ in range(20)]
    assert [used.count(key_id) for key_id in dict.fromkeys(used)] == [8, 8, 4]
    with rows.read() as db:
        stored = db.execute(select(LogKey.key_id, LogKey.used).order_by(LogKey.part)).all()
    assert [row.key_id for row in stored] == list(dict.fromkeys(used))
    assert [row.used for row in stored] == [8, 8, 4]


def test_a_block_is_committed_before_it_is_used(log_keys: LogKeys, rows: Database) -> None:
    key = taken(log_keys, new_name())
    with rows.read() as db:
        used = db.scalar(select(LogKey.used).where(LogKey.key_id == key.key_id))
    assert used == Limits().block


def test_processes_that_race_for_a_key_agree_and_stay_below_its_cap(
    key_settings: Settings, clock: FixedClock, rows: Database
) -> None:
    limits = Limits(cap=40, block=4)
    name, sibling = new_name(), new_name()
    sibling = sibling._replace(owner_id=name.owner_id)
    processes = [open_log_keys(key_settings, clock, limits) for _ in range(4)]

    def write(number: int) -> list[tuple[UUID, WritingKey]]:
        keys = processes[number % 4]
        return [(n.tenure_id, taken(keys, n)) for _ in range(20) for n in (name, sibling)]

    wrote = [key for one in at_once(8, write) for key in one]
    assert len(wrote) == 320
    used = [key.key_id for _, key in wrote]
    assert max(used.count(key_id) for key_id in set(used)) <= limits.cap
    assert counts(rows)[:2] == [1, 2]
    for keys in processes:
        assert all(opens(keys, tenure_id, key) for tenure_id, key in wrote[::7])
        keys.close()


def test_threads_that_miss_one_key_take_one_block(log_keys: LogKeys, rows: Database) -> None:
    name = new_name()
    at_once(8, lambda _: taken(log_keys, name))
    with rows.read() as db:
        assert db.scalar(select(LogKey.used)) == Limits().block


def test_what_was_not_used_for_long_is_forgotten_and_fetched_again(
    key_settings: Settings, clock: FixedClock
) -> None:
    names = [new_name() for _ in range(6)]
    with closing(open_log_keys(key_settings, clock, Limits(remembered=3))) as keys:
        first = [taken(keys, name) for name in names]
        with pytest.raises(KeysMissing):
            keys.writing(names[0])
        assert taken(keys, names[0]).key_id == first[0].key_id
        assert opens(keys, names[1].tenure_id, first[1])


def move(conn: Connection, table: type, key: str, source: UUID, target: UUID) -> None:
    """Give one row the wrapped key of another."""
    found = select(table.wrapped).where(getattr(table, key) == source)
    value = conn.execute(found).scalar_one()
    conn.execute(update(table).where(getattr(table, key) == target).values(wrapped=value))


@pytest.mark.parametrize("level", ["owner", "tenure", "log"])
def test_a_wrapped_key_in_another_row_does_not_open(
    log_keys: LogKeys, key_settings: Settings, clock: FixedClock, rows: Database, level: str
) -> None:
    owner_id = new_id()
    here, there = new_name(owner_id), new_name(owner_id if level == "tenure" else None)
    if level == "log":
        there = here._replace(stream="wash")
    keys = taken(log_keys, here), taken(log_keys, there)
    table, column, ids = {
        "owner": (OwnerKey, "owner_id", (here.owner_id, there.owner_id)),
        "tenure": (TenureKey, "tenure_id", (here.tenure_id, there.tenure_id)),
        "log": (LogKey, "key_id", (keys[0].key_id, keys[1].key_id)),
    }[level]
    with rows.connection() as conn:
        move(conn, table, column, *ids)
    with closing(open_log_keys(key_settings, clock)) as fresh:
        assert opens(fresh, here.tenure_id, keys[0])
        with pytest.raises(CannotUnwrap):
            opens(fresh, there.tenure_id, keys[1])
        with pytest.raises(CannotUnwrap):
            taken(fresh, there)


@pytest.mark.parametrize("change", [{"month": MONTH + 1}, {"stream": "wash"}, {"turn": 7}])
def test_a_key_does_not_open_under_another_name(
    log_keys: LogKeys,
    key_settings: Settings,
    clock: FixedClock,
    rows: Database,
    change: dict[str, object],
) -> None:
    name = new_name()
    key = taken(log_keys, name)
    with rows.connection() as conn:
        conn.execute(update(LogKey).values(**change))
    with closing(open_log_keys(key_settings, clock)) as fresh, pytest.raises(CannotUnwrap):
        opens(fresh, name.tenure_id, key)


def test_a_tenure_of_another_owner_is_refused(log_keys: LogKeys) -> None:
    name = new_name()
    taken(log_keys, name)
    with pytest.raises(ValueError, match="another owner"):
        taken(log_keys, name._replace(owner_id=new_id(), month=MONTH + 1))


def destroy_key(keys: LogKeys, name: KeyName, key: WritingKey) -> None:
    keys.destroy(name.tenure_id, [key.key_id])


def destroy_tenure(keys: LogKeys, name: KeyName, _: WritingKey) -> None:
    keys.destroy_tenure(name.tenure_id)


def destroy_owner(keys: LogKeys, name: KeyName, _: WritingKey) -> None:
    keys.destroy_owner(name.owner_id)


DESTROY = pytest.mark.parametrize(
    ("destroy", "levels"),
    [
        (destroy_key, (LogKey,)),
        (destroy_tenure, (TenureKey, LogKey)),
        (destroy_owner, (OwnerKey, TenureKey, LogKey)),
    ],
)


@DESTROY
def test_a_destroyed_key_opens_nothing_and_its_neighbours_do(
    log_keys: LogKeys,
    key_settings: Settings,
    clock: FixedClock,
    destroy: Callable[[LogKeys, KeyName, WritingKey], None],
    levels: tuple[type, ...],
) -> None:
    name, neighbour = new_name(), new_name()
    key, kept = taken(log_keys, name), taken(log_keys, neighbour)
    destroy(log_keys, name, key)
    destroy(log_keys, name, key)
    with pytest.raises(KeysMissing):
        log_keys.writing(name)
    with closing(open_log_keys(key_settings, clock)) as other:
        for keys in (log_keys, other):
            with pytest.raises(KeyDestroyed):
                opens(keys, name.tenure_id, key)
            assert opens(keys, neighbour.tenure_id, kept)
            assert taken(keys, name).key_id != key.key_id


def test_a_tenures_key_made_anew_is_not_taken_for_the_old_one(
    log_keys: LogKeys, key_settings: Settings, clock: FixedClock
) -> None:
    """Another process still remembers the old one, and what it writes must open everywhere."""
    name = new_name()
    with closing(open_log_keys(key_settings, clock)) as other:
        taken(other, name)
        log_keys.destroy_owner(name.owner_id)
        taken(log_keys, name)
        late = taken(other, name._replace(month=MONTH + 1))
        log_keys.destroy_tenure(name.tenure_id)
        taken(log_keys, name)
        later = taken(other, name._replace(month=MONTH + 2))
    with pytest.raises(KeyDestroyed):
        opens(log_keys, name.tenure_id, late)
    assert opens(log_keys, name.tenure_id, later)


def wrapped(rows: Database, table: type, key: str, one: UUID) -> bytes:
    with rows.read() as db:
        found = db.scalar(select(table.wrapped).where(getattr(table, key) == one))
    assert found
    return bytes(found)


def files(settings: Settings, engine_kind: str, rows: Database) -> dict[str, bytes]:
    """The files a store consists of; of PostgreSQL its tables' only, as its log keeps all."""
    if engine_kind == "sqlite":
        return {one.name: one.read_bytes() for one in settings.data_dir.glob("keys.db*")}
    with rows.connection() as conn:
        conn.exec_driver_sql("CHECKPOINT")
        data = Path(conn.exec_driver_sql("SHOW data_directory").scalar_one())
        names = ["owner_keys", "tenure_keys", "log_keys"]
        paths = [
            conn.exec_driver_sql(f"SELECT pg_relation_filepath('{name}')").scalar_one()
            for name in names
        ]
    return {path: (data / path).read_bytes() for path in paths}


@DESTROY
def test_nothing_of_a_destroyed_key_stays_in_the_files(
    log_keys: LogKeys,
    key_settings: Settings,
    engine_kind: str,
    rows: Database,
    destroy: Callable[[LogKeys, KeyName, WritingKey], None],
    levels: tuple[type, ...],
) -> None:
    """The page that held it holds others still."""
    name = new_name()
    log_keys.fetch(KeysMissing(names=[new_name() for _ in range(20)]))
    key = taken(log_keys, name)
    log_keys.fetch(KeysMissing(names=[new_name() for _ in range(20)]))
    keys = {LogKey: ("key_id", key.key_id), TenureKey: ("tenure_id", name.tenure_id)}
    keys[OwnerKey] = ("owner_id", name.owner_id)
    secrets = [wrapped(rows, level, *keys[level]) for level in levels]
    before = b"".join(files(key_settings, engine_kind, rows).values())
    assert all(secret in before for secret in secrets)
    destroy(log_keys, name, key)
    after = files(key_settings, engine_kind, rows)
    assert [f for f, content in after.items() for secret in secrets if secret in content] == []


def test_destroying_says_so_where_a_reader_holds_the_bytes_back(
    key_settings: Settings, clock: FixedClock
) -> None:
    settings = key_settings.model_copy(update={"busy_seconds": 0.2})
    with (
        closing(open_log_keys(settings, clock)) as keys,
        Database(settings.key_store_url, pool_size=2) as reader,
    ):
        name = new_name()
        key = taken(keys, name)
        with reader.engine.execution_options(
            isolation_level="SERIALIZABLE", inseam_read=True
        ).connect() as conn:
            conn.execute(select(OwnerKey.owner_id))
            with pytest.raises(Unavailable):
                keys.destroy(name.tenure_id, [key.key_id])
        keys.destroy(name.tenure_id, [key.key_id])


def test_keys_are_destroyed_while_others_are_made(
    log_keys: LogKeys, key_settings: Settings, clock: FixedClock, rows: Database
) -> None:
    """No key is left below one that was destroyed, and no call fails."""
    names = [new_name() for _ in range(3)]
    with closing(open_log_keys(key_settings, clock)) as other:

        def act(number: int) -> None:
            for n in range(15):
                name = names[n % 3]
                if number == 0:
                    log_keys.destroy_tenure(name.tenure_id)
                elif number == 1:
                    log_keys.destroy_owner(name.owner_id)
                else:
                    taken(other, name._replace(month=MONTH + n * 10 + number))

        at_once(4, act)
    with rows.read() as db:
        tenures = set(db.scalars(select(TenureKey.tenure_id)))
        assert set(db.scalars(select(LogKey.tenure_id))) <= tenures
        owners = set(db.scalars(select(OwnerKey.owner_id)))
        assert set(db.scalars(select(TenureKey.owner_id))) <= owners


def test_a_work_runs_again_with_the_keys_it_missed(log_keys: LogKeys, rows: Database) -> None:
    names = [new_name(), new_name()]

    def work(conn: Connection) -> list[UUID]:
        conn.execute(select(KeyCheck.name))
        return [log_keys.writing(name).key_id for name in names]

    assert len(set(asyncio.run(run(rows, log_keys, work)))) == 2


def test_a_work_that_always_misses_something_ends(log_keys: LogKeys, rows: Database) -> None:
    tries = []

    def work(_: object = None) -> None:
        tries.append(1)
        raise KeysMissing(names=[new_name()])

    with pytest.raises(Unavailable):
        asyncio.run(run(rows, log_keys, work))
    with pytest.raises(Unavailable):
        run_now(log_keys, work)
    assert len(tries) == 2 * log_keys_module._TRIES
