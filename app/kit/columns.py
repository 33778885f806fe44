"""The only column types: each keeps exactly the same values on SQLite STRICT and on PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Float,
    LargeBinary,
    Table,
    Text,
    Uuid,
    event,
    func,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _is_sqlite(dialect: Dialect) -> bool:
    return dialect.name == "sqlite"


class _PlainBlob(sqlite.BLOB):
    """BLOB without a wrapper around each value: sqlite3 takes and gives bytes as they are."""

    def bind_processor(self, dialect: Dialect) -> None:
        return None

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None


class Id(TypeDecorator[UUID]):
    """A UUID: BLOB of 16 bytes on SQLite, uuid on PostgreSQL."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_PlainBlob() if _is_sqlite(dialect) else Uuid())

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        if value is None or not _is_sqlite(dialect):
            return value
        return value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        return UUID(bytes=value) if isinstance(value, bytes) else value


class Instant(TypeDecorator[datetime]):
    """An aware UTC time: INTEGER microseconds since 1970 on SQLite, timestamptz on PostgreSQL."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        wanted = sqlite.INTEGER() if _is_sqlite(dialect) else postgresql.TIMESTAMP(timezone=True)
        return dialect.type_descriptor(wanted)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time needs a zone")
        return (value - _EPOCH) // _MICROSECOND if _is_sqlite(dialect) else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        found: datetime = value if not _is_sqlite(dialect) else _EPOCH + value * _MICROSECOND
        return found.astimezone(UTC)


class Flag(TypeDecorator[bool]):
    """A truth value: INTEGER 0 or 1 on SQLite, boolean on PostgreSQL."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sqlite.INTEGER() if _is_sqlite(dialect) else Boolean())

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> Any:
        return int(value) if value is not None and _is_sqlite(dialect) else value

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


class Json(TypeDecorator[Any]):
    """A small JSON value: TEXT on SQLite, jsonb on PostgreSQL. Never for values to hash or echo."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        wanted = sqlite.TEXT() if _is_sqlite(dialect) else postgresql.JSONB(none_as_null=True)
        return dialect.type_descriptor(wanted)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or not _is_sqlite(dialect):
            return value
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return json.loads(value) if value is not None and _is_sqlite(dialect) else value


class Whole(TypeDecorator[int]):
    """A 64-bit integer: INTEGER on SQLite, bigint on PostgreSQL."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sqlite.INTEGER() if _is_sqlite(dialect) else BigInteger())


class Real(TypeDecorator[float]):
    """A 64-bit float: REAL on SQLite, double precision on PostgreSQL."""

    impl = Float
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        wanted: TypeEngine[Any] = postgresql.DOUBLE_PRECISION()
        return dialect.type_descriptor(sqlite.REAL() if _is_sqlite(dialect) else wanted)


class Words(TypeDecorator[str]):
    """Text of at most `limit` characters, kept by a CHECK on both databases."""

    impl = Text
    cache_ok = True

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def __repr__(self) -> str:
        return f"Words({self.limit})"


class Blob(TypeDecorator[bytes]):
    """Bytes of at most `limit`, kept by a CHECK on both databases."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def __repr__(self) -> str:
        return f"Blob({self.limit})"

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_PlainBlob() if _is_sqlite(dialect) else LargeBinary())


@event.listens_for(Column, "after_parent_attach")
def _bound_length(column: Column[Any], parent: object) -> None:
    """Give each Words and Blob column its CHECK: SQLite itself ignores declared lengths."""
    if isinstance(parent, Table) and isinstance(column.type, Words | Blob):
        size = func.length(column)
        parent.append_constraint(
            CheckConstraint(size <= column.type.limit, name=f"{column.name}_length")
        )
