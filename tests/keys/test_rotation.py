"""Rotating the key-encryption key while others read and write; old versions are dropped late."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from app.keys.file_provider import FileProvider
from app.keys.log_keys import LogKeys, open_log_keys
from app.keys.models import KeyCheck, OwnerKey
from app.keys.provider import CannotUnwrap
from app.keys.store import KeyStore
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.settings import Settings
from tests.keys.test_log_keys import SQLITE, files, new_name, opens, taken


def versions_of(rows: Database) -> list[str]:
    with rows.read() as db:
        found = [*db.scalars(select(OwnerKey.wrapped)), *db.scalars(select(KeyCheck.wrapped))]
    return [wrapped.split(b":")[1].decode() for wrapped in found]


def test_every_owner_key_comes_under_the_newest_version(log_keys: LogKeys, rows: Database) -> None:
    name = new_name()
    key = taken(log_keys, name)
    taken(log_keys, new_name())
    old = versions_of(rows)
    newest = log_keys.rotate()
    assert [one.version for one in log_keys.versions()] == [newest, old[0]]
    assert log_keys.rewrap() == 2
    assert versions_of(rows) == [newest] * 3
    assert log_keys.rewrap() == 0
    assert opens(log_keys, name.tenure_id, key)


@SQLITE
def test_what_was_wrapped_before_is_gone_from_the_files(
    log_keys: LogKeys, key_settings: Settings, rows: Database
) -> None:
    taken(log_keys, new_name())
    old = versions_of(rows)[0].encode()
    assert old in b"".join(files(key_settings, "sqlite", rows).values())
    log_keys.rotate()
    log_keys.rewrap()
    assert old not in b"".join(files(key_settings, "sqlite", rows).values())


@contextmanager
def busy(threads: int, act: Callable[[int], object]) -> Iterator[list[int]]:
    """Do it over and over in so many threads, while the block runs; how often each has. What one
    of them raised is raised here."""
    is_over, done = threading.Event(), [0] * threads

    def go(number: int) -> None:
        while not is_over.is_set():
            act(number)
            done[number] += 1

    with ThreadPoolExecutor(threads) as pool:
        going = [pool.submit(go, number) for number in range(threads)]
        try:
            yield done
        finally:
            is_over.set()
    for one in going:
        one.result()


def rotate_in_turn(keys: LogKeys, done: list[int], times: int) -> int:
    """Rotate again and again, each time after every thread has done something."""
    anew = 0
    for _ in range(times):
        before = list(done)
        keys.rotate()
        anew += keys.rewrap()
        while any(now == then for now, then in zip(done, before, strict=True)):
            time.sleep(0.005)
    return anew


def test_no_call_fails_while_keys_are_rotated(
    log_keys: LogKeys, key_settings: Settings, clock: FixedClock
) -> None:
    """Four threads, each time as a process that has just started and remembers nothing."""
    known = [new_name() for _ in range(5)]
    keys = [taken(log_keys, name) for name in known]
    settings = key_settings.model_copy(update={"pool_size": 4})

    def work(number: int) -> None:
        fresh = new_name(known[number].owner_id)
        with closing(open_log_keys(settings, clock)) as process:
            assert opens(process, known[number].tenure_id, keys[number])
            assert taken(process, known[number]).key_id == keys[number].key_id
            made = taken(process, fresh)
        assert opens(log_keys, fresh.tenure_id, made)

    with (
        busy(4, work) as done,
        closing(open_log_keys(settings, clock)) as rotating,
    ):
        assert rotate_in_turn(rotating, done, 6) >= 30


def test_a_row_that_was_read_before_a_rotation_is_read_again(
    log_keys: LogKeys, key_settings: Settings, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version it was wrapped under is gone by then."""
    name = new_name()
    key = taken(log_keys, name)
    find, owners = KeyStore.find, KeyStore.tenures
    turned: list[object] = []

    def late(real: Callable[..., Any], store: KeyStore, ids: object) -> object:
        found = real(store, ids)
        if real not in turned:
            turned.append(real)
            forget_old(log_keys, clock)
        return found

    monkeypatch.setattr(KeyStore, "find", lambda store, ids: late(find, store, ids))
    monkeypatch.setattr(KeyStore, "tenures", lambda store, ids: late(owners, store, ids))
    with closing(open_log_keys(key_settings, clock)) as other:
        assert opens(other, name.tenure_id, key)
    with closing(open_log_keys(key_settings, clock)) as other:
        assert taken(other, name).key_id == key.key_id
    assert len(turned) == 2


def forget_old(keys: LogKeys, clock: FixedClock) -> None:
    """Rotate until only versions are left that no row was wrapped under before."""
    for _ in range(3):
        keys.rotate()
        keys.rewrap()
        clock.advance(timedelta(days=2))
    assert len(keys.versions()) <= 3


def test_a_version_is_dropped_a_day_after_nothing_uses_it(
    log_keys: LogKeys, clock: FixedClock
) -> None:
    taken(log_keys, new_name())
    first = log_keys.versions()[0].version
    clock.advance(timedelta(hours=1))
    second = log_keys.rotate()
    clock.advance(timedelta(days=3))
    third = log_keys.rotate()
    assert [one.version for one in log_keys.versions()] == [third, second, first], "in use"
    log_keys.rewrap()
    clock.advance(timedelta(hours=23))
    fourth = log_keys.rotate()
    assert [one.version for one in log_keys.versions()] == [fourth, third, second], (
        "the first was retired days ago, the second hours ago"
    )
    log_keys.rewrap()
    clock.advance(timedelta(hours=2))
    fifth = log_keys.rotate()
    assert [one.version for one in log_keys.versions()] == [fifth, fourth, third]


def test_a_damaged_owner_key_does_not_hold_up_the_others(
    log_keys: LogKeys, rows: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged, whole = new_name(), new_name()
    taken(log_keys, damaged)
    taken(log_keys, whole)
    with rows.connection() as conn:
        change = update(OwnerKey).where(OwnerKey.owner_id == damaged.owner_id)
        old = conn.execute(
            select(OwnerKey.wrapped).where(OwnerKey.owner_id == damaged.owner_id)
        ).scalar_one()
        conn.execute(change.values(wrapped=old[:-1] + bytes([old[-1] ^ 1])))
    newest = log_keys.rotate()
    assert log_keys.rewrap() == 1
    assert versions_of(rows).count(newest) == 2
    assert str(damaged.owner_id) in "".join(capsys.readouterr())


def test_a_file_is_read_again_when_another_process_has_rotated(
    tmp_path: Path, clock: FixedClock
) -> None:
    one, other = (FileProvider(tmp_path / "kek.json", clock) for _ in range(2))
    one.make_missing()
    old = other.wrap(b"a key", b"owner 1")
    version = one.rotate(())
    assert not other.is_current(old)
    fresh = other.wrap(b"a key", b"owner 1")
    assert fresh.startswith(f"file:{version}:".encode())
    assert one.unwrap(fresh, b"owner 1") == other.unwrap(old, b"owner 1") == b"a key"
    assert (tmp_path / "kek.json").stat().st_mode & 0o777 == 0o600


def test_what_is_not_as_it_was_wrapped_does_not_unwrap(tmp_path: Path, clock: FixedClock) -> None:
    provider = FileProvider(tmp_path / "kek.json", clock)
    provider.make_missing()
    wrapped = provider.wrap(b"a key", b"owner 1")
    unknown = b"file:000000000000:" + wrapped.split(b":", 2)[2]
    flipped = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for changed in (flipped, unknown, wrapped[:20], b"", b"vault" + wrapped[4:]):
        with pytest.raises(CannotUnwrap):
            provider.unwrap(changed, b"owner 1")
    with pytest.raises(CannotUnwrap):
        provider.unwrap(wrapped, b"owner 2")


def test_threads_that_rotate_at_once_lose_no_version(tmp_path: Path, clock: FixedClock) -> None:
    providers = [FileProvider(tmp_path / "kek.json", clock) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: one.make_missing(), providers))
        wrapped = [provider.wrap(b"a key", b"") for provider in providers]
        made = list(pool.map(partial(FileProvider.rotate, in_use=()), providers * 3))
    assert {one.version for one in providers[0].versions()} >= set(made)
    assert [providers[0].unwrap(one, b"") for one in wrapped] == [b"a key"] * 4
