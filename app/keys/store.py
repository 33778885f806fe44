"""The key store's rows. Each function is one transaction, and none waits for a network in it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import Connection, delete, inspect, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from app.keys.hierarchy import WrappedKey, WrappedTenure
from app.keys.models import KeyBase, KeyCheck, LogKey, OwnerKey, TenureKey
from app.kit.db import Database
from app.kit.errors import Unavailable
from app.kit.faults import is_retried

T = TypeVar("T")
Row = TypeVar("Row")
Place = tuple[UUID, str, int, int]  # tenure, stream, month, turn

_CHECK = "provider"
_CHUNK = 400
_TRIES = 5
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7146531)")

_TENURE = (TenureKey.tenure_id, TenureKey.owner_id, TenureKey.wrapped)
_KEY = (
    LogKey.key_id,
    LogKey.tenure_id,
    LogKey.stream,
    LogKey.month,
    LogKey.turn,
    LogKey.part,
    LogKey.wrapped,
    LogKey.used,
)


class OwnerRow(NamedTuple):
    """An owner's key as it is stored."""

    owner_id: UUID
    wrapped: bytes


class KeyStore:
    """Rows in, rows out; whoever calls wraps and opens them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def close(self) -> None:
        self._db.close()

    def check_value(self) -> bytes | None:
        """The check value, or None where nothing was stored yet."""
        with self._db.read() as db:
            if not inspect(db.connection()).has_table(KeyCheck.__tablename__):
                return None
            return db.scalar(select(KeyCheck.wrapped).where(KeyCheck.name == _CHECK))

    def create(self, check_value: bytes) -> bytes:
        """Make the tables and the check value; the one that another process made first, if so."""

        def work(conn: Connection) -> bytes:
            if conn.dialect.name == "postgresql":
                conn.execute(_ONE_AT_A_TIME)
            KeyBase.metadata.create_all(conn)
            _add(conn, KeyCheck, [{"name": _CHECK, "wrapped": check_value}])
            found = select(KeyCheck.wrapped).where(KeyCheck.name == _CHECK)
            return conn.execute(found).scalar_one()

        return self._write(work)

    def replace_check(self, old: bytes, new: bytes) -> None:
        """Put a new check value in place of the old one, unless it was replaced meanwhile."""
        change = update(KeyCheck).where(KeyCheck.name == _CHECK, KeyCheck.wrapped == old)
        self._write(lambda conn: conn.execute(change.values(wrapped=new)))

    def owners(self, owner_ids: Collection[UUID]) -> dict[UUID, bytes]:
        """Wrapped keys of owners that have one."""
        with self._db.read() as db:
            conn = db.connection()
            return {
                row.owner_id: row.wrapped
                for part in _chunks(owner_ids)
                for row in conn.execute(
                    select(OwnerKey.owner_id, OwnerKey.wrapped).where(OwnerKey.owner_id.in_(part))
                )
            }

    def add_owners(self, made: Mapping[UUID, bytes]) -> None:
        """Store new keys of owners that have none."""
        rows = [{"owner_id": owner_id, "wrapped": made[owner_id]} for owner_id in sorted(made)]
        self._write(lambda conn: _add(conn, OwnerKey, rows))

    def tenures(self, tenure_ids: Collection[UUID]) -> dict[UUID, WrappedTenure]:
        """Wrapped keys of tenures that have one."""
        with self._db.read() as db:
            conn = db.connection()
            return {
                row.tenure_id: WrappedTenure(*row)
                for part in _chunks(tenure_ids)
                for row in conn.execute(
                    select(*_TENURE, OwnerKey.wrapped)
                    .join(OwnerKey, OwnerKey.owner_id == TenureKey.owner_id)
                    .where(TenureKey.tenure_id.in_(part))
                )
            }

    def add_tenures(self, made: Sequence[WrappedTenure]) -> None:
        """Store new keys of tenures that have none, where the owner's key is the one they are
        wrapped under."""

        def work(conn: Connection) -> None:
            now = _held(conn, OwnerKey.owner_id, OwnerKey.wrapped, {one.owner_id for one in made})
            rows = [
                {"tenure_id": one.tenure_id, "owner_id": one.owner_id, "wrapped": one.wrapped}
                for one in sorted(made)
                if now.get(one.owner_id) == one.owner_wrapped
            ]
            _add(conn, TenureKey, rows)

        self._write(work)

    def latest(self, places: Collection[Place]) -> dict[Place, WrappedKey]:
        """The last key of each place that has one."""
        place = tuple_(LogKey.tenure_id, LogKey.stream, LogKey.month, LogKey.turn)
        with self._db.read() as db:
            conn = db.connection()
            rows = (
                WrappedKey(*row)
                for part in _chunks(places)
                for row in conn.execute(select(*_KEY).where(place.in_(part)).order_by(LogKey.part))
            )
            return {(row.tenure_id, row.stream, row.month, row.turn): row for row in rows}

    def add_keys(self, made: Sequence[tuple[WrappedTenure, WrappedKey]], made_at: datetime) -> None:
        """Store new keys in places that have none, where the tenure's key is the one they are
        wrapped under."""

        def work(conn: Connection) -> None:
            tenure_ids = {key.tenure_id for _, key in made}
            now = _held(conn, TenureKey.tenure_id, TenureKey.wrapped, tenure_ids)
            rows = [
                {**key._asdict(), "made_at": made_at}
                for tenure, key in sorted(made, key=lambda pair: pair[1][1:6])
                if now.get(key.tenure_id) == tenure.wrapped
            ]
            _add(conn, LogKey, rows)

        self._write(work)

    def reserve(self, key_ids: Collection[UUID], block: int, cap: int) -> set[UUID]:
        """Take `block` uses of each key that has so many left; those keys."""

        def work(conn: Connection) -> set[UUID]:
            return {
                key_id for part in _chunks(key_ids) for key_id in _reserve(conn, part, block, cap)
            }

        return self._write(work)

    def find(self, ids: Collection[tuple[UUID, UUID]]) -> list[tuple[WrappedTenure, WrappedKey]]:
        """Keys by (tenure, key) with what opens them; those that are gone are left out."""
        with self._db.read() as db:
            conn = db.connection()
            found = [
                _pair(row)
                for part in _chunks({key_id for _, key_id in ids})
                for row in conn.execute(
                    select(*_KEY, *_TENURE, OwnerKey.wrapped)
                    .join(TenureKey, TenureKey.tenure_id == LogKey.tenure_id)
                    .join(OwnerKey, OwnerKey.owner_id == TenureKey.owner_id)
                    .where(LogKey.key_id.in_(part))
                )
            ]
        return [pair for pair in found if (pair[1].tenure_id, pair[1].key_id) in ids]

    def delete_keys(self, tenure_id: UUID, key_ids: Collection[UUID]) -> None:
        """Delete keys of a tenure, and what the files still hold of them."""

        def work(conn: Connection) -> None:
            for part in _chunks(key_ids):
                conn.execute(
                    delete(LogKey).where(LogKey.tenure_id == tenure_id, LogKey.key_id.in_(part))
                )

        self._write(work)
        self._purge(LogKey)

    def delete_tenure(self, tenure_id: UUID) -> None:
        """Delete a tenure's key and all below it, and what the files still hold of them."""
        self._write(lambda conn: _delete_tenures(conn, [tenure_id]))
        self._purge(TenureKey, LogKey)

    def delete_owner(self, owner_id: UUID) -> None:
        """Delete an owner's key and all below it, and what the files still hold of them."""

        def work(conn: Connection) -> None:
            conn.execute(delete(OwnerKey).where(OwnerKey.owner_id == owner_id))
            below = select(TenureKey.tenure_id).where(TenureKey.owner_id == owner_id)
            _delete_tenures(conn, conn.execute(below).scalars().all())

        self._write(work)
        self._purge(OwnerKey, TenureKey, LogKey)

    def owner_pages(self) -> Iterator[list[OwnerRow]]:
        """All wrapped owner keys, in pages; no transaction is open between two of them."""
        after: UUID | None = None
        while page := self._owner_page(after):
            yield page
            after = page[-1].owner_id

    def replace_owners(self, changes: Sequence[tuple[UUID, bytes, bytes]]) -> int:
        """Put the new in place of (owner, old, new) where the old still stands; how many."""

        def work(conn: Connection) -> int:
            return sum(
                conn.execute(
                    update(OwnerKey)
                    .where(OwnerKey.owner_id == owner_id, OwnerKey.wrapped == old)
                    .values(wrapped=new)
                ).rowcount
                for owner_id, old, new in sorted(changes)
            )

        return self._write(work) if changes else 0

    def purge_owners(self) -> None:
        """Take what owner keys were replaced out of the files."""
        self._purge(OwnerKey, KeyCheck)

    def _owner_page(self, after: UUID | None) -> list[OwnerRow]:
        wanted = select(OwnerKey.owner_id, OwnerKey.wrapped).order_by(OwnerKey.owner_id)
        if after is not None:
            wanted = wanted.where(OwnerKey.owner_id > after)
        with self._db.read() as db:
            return [OwnerRow(*row) for row in db.execute(wanted.limit(_CHUNK))]

    def _write(self, work: Callable[[Connection], T]) -> T:
        for _ in range(_TRIES):
            try:
                with self._db.connection() as conn:
                    return work(conn)
            except DBAPIError as error:
                if not is_retried(error):
                    raise
        raise Unavailable

    def _purge(self, *tables: type[KeyBase]) -> None:
        self._db.purge([table.__tablename__ for table in tables], is_secret=True)


def _add(conn: Connection, table: type[KeyBase], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert in the given order, which all processes share; what is there already stays."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    if rows:
        conn.execute(make(table).on_conflict_do_nothing(), rows)


def _held(conn: Connection, key: Any, value: Any, ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """Values by key, kept from being changed or deleted until this transaction ends."""
    return {
        row[0]: row[1]
        for part in _chunks(ids)
        for row in conn.execute(
            select(key, value).where(key.in_(part)).order_by(key).with_for_update(read=True)
        )
    }


def _reserve(conn: Connection, ids: Sequence[UUID], block: int, cap: int) -> Sequence[UUID]:
    wanted = LogKey.key_id.in_(ids)
    conn.execute(select(LogKey.key_id).where(wanted).order_by(LogKey.key_id).with_for_update())
    taken = (
        update(LogKey)
        .where(wanted, LogKey.used + block <= cap)
        .values(used=LogKey.used + block)
        .returning(LogKey.key_id)
    )
    return conn.execute(taken).scalars().all()


def _pair(row: Sequence[Any]) -> tuple[WrappedTenure, WrappedKey]:
    return WrappedTenure(*row[len(_KEY) :]), WrappedKey(*row[: len(_KEY)])


def _delete_tenures(conn: Connection, tenure_ids: Sequence[UUID]) -> None:
    """The tenures first: whoever adds a key below them holds them, so none is added after."""
    for part in _chunks(tenure_ids):
        conn.execute(delete(TenureKey).where(TenureKey.tenure_id.in_(part)))
        conn.execute(delete(LogKey).where(LogKey.tenure_id.in_(part)))


def _chunks(values: Iterable[Row]) -> Iterator[Sequence[Row]]:
    """In order, so that all processes lock rows in the same one."""
    every = sorted(values)  # type: ignore[type-var]  # ids, or tuples of ids, words and numbers
    for start in range(0, len(every), _CHUNK):
        yield every[start : start + _CHUNK]
