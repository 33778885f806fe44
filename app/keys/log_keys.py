"""The keys that seal the usage log: provider, owner key, tenure key, a key per stream and month.

They lie in a store of their own, and order takes the place of a shared transaction: a key is
committed there before its first use, and destroyed there before the data it opens is removed.
"""

import asyncio
import importlib
import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.keys.hierarchy import Hierarchy, WrappedKey, WrappedTenure
from app.keys.issue import Limits, take, tenures_of, twice
from app.keys.provider import CannotUnwrap, KeyProvider, KeyStoreLocked, KeyVersion
from app.keys.recent import Recent
from app.keys.rewrap import rewrap, versions_in_use
from app.keys.store import KeyStore
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.errors import DomainError, Kind, Unavailable
from app.kit.faults import translate
from app.settings import Settings

T = TypeVar("T")

_TRIES = 40  # a page over many months may find one key after the other missing
_ROUNDS = 4  # of taking keys that others take, make or destroy at the same time


class KeyName(NamedTuple):
    """What a new segment is sealed under: `month` is year * 12 + (month - 1) in UTC, `turn` counts
    how often the month was rewritten under a new key."""

    owner_id: UUID
    tenure_id: UUID
    stream: str
    month: int
    turn: int = 0


class WritingKey(NamedTuple):
    """A key to seal with, for one random nonce of 96 bits."""

    key_id: UUID
    cipher: AESGCM


class KeysMissing(Exception):
    """This process does not hold these keys: let `LogKeys.fetch` bring them, then try again.
    `ids` are (tenure, key)."""

    def __init__(
        self, names: Iterable[KeyName] = (), ids: Iterable[tuple[UUID, UUID]] = ()
    ) -> None:
        super().__init__("keys of the log are to be fetched")
        self.names = set(names)
        self.ids = set(ids)


class KeyDestroyed(DomainError):
    """What was asked for was removed for good: the key that opened it exists no more."""

    kind, slug, title = Kind.gone, "key-destroyed", "This was removed for good."


class _Reserved:
    """A key with the uses of it that this process has left."""

    def __init__(self, key: WritingKey, left: int) -> None:
        self.key = key
        self.left = left
        self._lock = threading.Lock()

    def use(self) -> WritingKey | None:
        with self._lock:
            self.left -= 1
            return self.key if self.left >= 0 else None


class LogKeys:
    """The keys that this process holds, over the store of all. For threads.

    A key in memory outlives its row: before using one, its caller reads that the tenure lives.
    """

    def __init__(
        self, store: KeyStore, provider: KeyProvider, clock: Clock, limits: Limits
    ) -> None:
        self._store = store
        self._provider = provider
        self._clock = clock
        self._limits = limits
        self._hierarchy = Hierarchy(provider, limits.remembered)
        self._writing: Recent[KeyName, _Reserved] = Recent(limits.remembered)
        self._opening: Recent[tuple[UUID, UUID], AESGCM] = Recent(limits.remembered)
        self._gone: Recent[tuple[UUID, UUID], bool] = Recent(limits.remembered)
        self._taking = threading.Lock()

    def writing(self, name: KeyName) -> WritingKey:
        """The key to seal under, for one use. Never waits; KeysMissing."""
        held = self._writing.get(name)
        key = held.use() if held else None
        if key is None:
            raise KeysMissing(names=[name])
        return key

    def opening(self, tenure_id: UUID, key_id: UUID) -> AESGCM:
        """The key to open with. Never waits; KeysMissing, or KeyDestroyed where fetch found that
        it is no more."""
        place = (tenure_id, key_id)
        cipher = self._opening.get(place)
        if cipher is not None:
            return cipher
        if self._gone.get(place):
            raise KeyDestroyed
        raise KeysMissing(ids=[place])

    def fetch(self, missing: KeysMissing) -> None:
        """Read, make and reserve what is missing, committed when this returns. May wait for the
        provider and the store; Unavailable where they do not answer."""
        if missing.ids:
            twice(partial(self._open, missing.ids))
        for _ in range(_ROUNDS):
            lacking = [name for name in missing.names if self._is_lacking(name)]
            if not lacking:
                return
            twice(partial(self._take, lacking))

    def destroy(self, tenure_id: UUID, key_ids: Collection[UUID]) -> None:
        """Destroy keys, in the files as well. May be repeated; Unavailable where it must be."""
        self._store.delete_keys(tenure_id, key_ids)
        self._forget(lambda tenure, key: tenure == tenure_id and key in key_ids)

    def destroy_tenure(self, tenure_id: UUID) -> None:
        """Destroy a tenure's key and every key below it, as `destroy` does."""
        self._store.delete_tenure(tenure_id)
        self._hierarchy.forget(tenure_id)
        self._forget(lambda tenure, _: tenure == tenure_id)

    def destroy_owner(self, owner_id: UUID) -> None:
        """Destroy an owner's key and every key below it, as `destroy` does."""
        self._store.delete_owner(owner_id)
        self._hierarchy.forget(owner_id)
        self._forget(lambda *_: True)

    def versions(self) -> list[KeyVersion]:
        """The versions of the key-encryption key, the one in use first."""
        return self._provider.versions()

    def rotate(self) -> str:
        """Put a new version of the key-encryption key in use; its name. `rewrap` comes next."""
        return self._provider.rotate(versions_in_use(self._store, self._provider.name))

    def rewrap(self) -> int:
        """Wrap every owner key under the newest version, while others read and write; how many
        were not. What they were wrapped as before is gone from the files when this returns."""
        return rewrap(self._store, self._hierarchy, self._provider)

    def close(self) -> None:
        """Forget every key, and let go of the store and the provider."""
        self._hierarchy.forget()
        self._forget(lambda *_: True)
        self._store.close()
        self._provider.close()

    def unlock(self, check_value: bytes | None) -> None:
        """KeyStoreLocked where the provider has not the key of this store; a store that is empty,
        None, becomes this provider's."""
        try:
            value = check_value or self._hierarchy.make_check()
            self._hierarchy.check(value)
            if check_value is None:
                self._hierarchy.check(self._store.create(value))
        except CannotUnwrap as error:
            raise KeyStoreLocked(
                f"The key-encryption key is not that of this key store: {error}."
            ) from error

    def _is_lacking(self, name: KeyName) -> bool:
        held = self._writing.get(name)
        return held is None or held.left <= 0

    def _open(self, ids: Collection[tuple[UUID, UUID]]) -> None:
        gone = set(ids)
        for tenure, key in self._store.find(ids):
            self._opening.put(_id(key), self._hierarchy.open_key(tenure, key))
            gone.discard(_id(key))
        for place in gone:
            self._gone.put(place, True)

    def _take(self, names: Collection[KeyName]) -> None:
        owners = {name.tenure_id: name.owner_id for name in names}
        tenures = tenures_of(self._store, self._hierarchy, owners)
        with self._taking:  # many calls that miss one key take one block of it
            places = {
                name[1:]: tenures[name.tenure_id]
                for name in names
                if name.tenure_id in tenures and self._is_lacking(name)
            }
            taken = take(self._store, self._hierarchy, self._clock, self._limits, places)
            for place, key in taken.items():
                self._hold(KeyName(owners[key.tenure_id], *place), places[place], key)

    def _hold(self, name: KeyName, tenure: WrappedTenure, key: WrappedKey) -> None:
        cipher = self._hierarchy.open_key(tenure, key)
        self._opening.put(_id(key), cipher)
        self._writing.put(name, _Reserved(WritingKey(key.key_id, cipher), self._limits.block))

    def _forget(self, is_meant: Callable[[UUID, UUID], bool]) -> None:
        """Forget the keys of the log whose tenure and id are meant."""
        self._opening.forget(lambda place, _: is_meant(*place))
        self._writing.forget(lambda name, held: is_meant(name.tenure_id, held.key.key_id))


def open_log_keys(settings: Settings, clock: Clock, limits: Limits | None = None) -> LogKeys:
    """The keys over the store and the provider of the settings. KeyStoreLocked where these two do
    not belong together, before anything is written."""
    url = settings.key_store_url
    database = Database(url, pool_size=settings.pool_size, busy_seconds=settings.busy_seconds)
    store = KeyStore(database)
    with ExitStack() as undo:
        undo.callback(store.close)
        try:
            check_value = store.check_value() if _may_be_read(url) else None
            provider = _make_provider(settings, clock, is_new=check_value is None)
            undo.callback(provider.close)
            keys = LogKeys(store, provider, clock, limits or Limits())
            keys.unlock(check_value)
        except (DBAPIError, PoolTimeout) as error:
            raise translate(error) from error
        undo.pop_all()
    return keys


async def run(database: Database, keys: LogKeys, work: Callable[[Connection], T]) -> T:
    """`database.run(work)`; keys that it misses are fetched in a thread, and it runs again."""
    for _ in range(_TRIES):
        try:
            return await database.run(work)
        except KeysMissing as missing:
            await asyncio.to_thread(keys.fetch, missing)
    raise Unavailable


def run_now(keys: LogKeys, work: Callable[[], T]) -> T:
    """`work()`; keys that it misses are fetched, and it runs again. `work` is a transaction of
    its own, or has no effect before it has its keys."""
    for _ in range(_TRIES):
        try:
            return work()
        except KeysMissing as missing:
            keys.fetch(missing)
    raise Unavailable


def _id(key: WrappedKey) -> tuple[UUID, UUID]:
    return key.tenure_id, key.key_id


def _may_be_read(url: str) -> bool:
    """Whether there may be a store: reading a SQLite file that is not there would make it."""
    place = make_url(url)
    return place.get_backend_name() != "sqlite" or Path(place.database or "").exists()


def _make_provider(settings: Settings, clock: Clock, *, is_new: bool) -> KeyProvider:
    """The one place that knows drivers by name, because what they need may not be installed."""
    name = settings.key_provider
    try:
        module = importlib.import_module(f"app.keys.{name}_provider")
    except ModuleNotFoundError as error:
        raise KeyStoreLocked(
            f"The key provider {name} needs {error.name}: install inseam[{name}]."
        ) from error
    made: KeyProvider = module.make_provider(settings, clock, is_new=is_new)
    return made
