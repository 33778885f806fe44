"""Statements of the hot roads, compiled once and run by the driver: to look one up that was built,
to prepare its values and to describe its rows costs SQLAlchemy many times what the database does.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, NamedTuple

from psycopg import RawCursor
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8
from sqlalchemy import Connection, Dialect, Executable, Insert, Integer, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator, TypeEngine

_Convert = Callable[[Any], Any] | None
_MOST_ROWS = 64  # of one INSERT: each number of rows is a text of its own
_FEW_ROWS = 16


class Several(list[Any]):
    """The values of an expanding parameter: a plain list may be one value, of a JSON column."""


class _Text(NamedTuple):
    """What the driver takes: the text, the names of its values in order, what each is made ready
    with, values that stand in the statement itself, and the names that the values of a list go by;
    then what makes each column of a row, and the row: None where it gives no rows."""

    sql: str
    names: list[str]
    binds: list[_Convert]
    constants: dict[str, Any]
    lists: Mapping[str, list[str]]
    results: list[_Convert]
    row: Callable[[Iterable[Any]], Any] | None


class _Message(NamedTuple):
    """A text and its values; a list of them runs once for each."""

    text: _Text
    values: tuple[Any, ...] | list[tuple[Any, ...]]


class Prepared:
    """A Core statement, the same for every dialect or one for each, whose values are all given when
    it runs. A list, for an expanding parameter, is never empty; all are filled up to one of few
    lengths by repeating the last value, so that there are few texts."""

    def __init__(self, statement: Executable | None = None, **by_dialect: Executable) -> None:
        self._statement = statement
        self._by_dialect = by_dialect
        self._texts: dict[tuple[str, int], _Text] = {}
        self._inserts: dict[tuple[str, tuple[str, ...], int], _Text] = {}

    def all(self, conn: Connection, values: Mapping[str, Any]) -> list[Any]:
        """The rows as named tuples, each value as its column's type gives it."""
        return run_together(conn, [(self, values)])[0]

    def one(self, conn: Connection, values: Mapping[str, Any]) -> Any | None:
        """The only row, None where there is none."""
        rows = self.all(conn, values)
        assert len(rows) <= 1, "a statement that gives one row gave several"
        return rows[0] if rows else None

    def run_each(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run once for each, for a statement that gives no rows."""
        run_together(conn, [(self, rows)])

    def messages(
        self, dialect: Dialect, given: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> Iterator[_Message]:
        """What the driver runs: it once with these values, or once for each row of them."""
        if isinstance(given, Mapping):
            yield self._with_values(dialect, given)
        elif not isinstance(self._of(dialect), Insert):
            text = self._text(dialect, 0, given[0])
            yield _Message(text, [_ready(text, {**text.constants, **row}) for row in given])
        elif dialect.name == "postgresql":
            yield from self._with_rows(dialect, given)
        else:
            text = self._insert(dialect, tuple(given[0]), 0, given[0])
            yield _Message(text, [_ready(text, {**text.constants, **row}) for row in given])

    def _with_values(self, dialect: Dialect, values: Mapping[str, Any]) -> _Message:
        several = {name: one for name, one in values.items() if isinstance(one, Several)}
        most = max(map(len, several.values()), default=0)
        length = most and 1 << (most - 1).bit_length()
        lists = {name: one + one[-1:] * (length - len(one)) for name, one in several.items()}
        text = self._text(dialect, length, {**values, **lists})
        given = {**text.constants, **values}
        for name, names in text.lists.items():
            given.update(zip(names, lists[name], strict=True))
        return _Message(text, _ready(text, given))

    def _with_rows(self, dialect: Dialect, rows: Sequence[Mapping[str, Any]]) -> Iterator[_Message]:
        """Many rows to one INSERT: for each row by itself the driver goes to its socket and back.
        More than a few go by powers of two, so that there are few texts."""
        names = tuple(rows[0])
        start = 0
        while start < len(rows):
            left = len(rows) - start
            count = left if left <= _FEW_ROWS else min(1 << left.bit_length() - 1, _MOST_ROWS)
            given: dict[str, Any] = {}
            for number, row in enumerate(rows[start : start + count]):
                given.update(
                    zip(_numbered(names, number), map(row.__getitem__, names), strict=True)
                )
            text = self._insert(dialect, names, count, given)
            yield _Message(text, _ready(text, text.constants | given))
            start += count

    def _insert(
        self, dialect: Dialect, names: tuple[str, ...], count: int, values: Mapping[str, Any]
    ) -> _Text:
        """The INSERT of so many rows with these columns and no others; 0 of one by itself."""
        text = self._inserts.get((dialect.name, names, count))
        if text is None:
            insert = self._of(dialect)
            told = _repeated(insert, names, count) if count else insert
            text = _compile(dialect, told, values, None if count else names)
            self._inserts[dialect.name, names, count] = text
        return text

    def _text(self, dialect: Dialect, length: int, values: Mapping[str, Any]) -> _Text:
        text = self._texts.get((dialect.name, length))
        if text is None:
            text = _compile(dialect, self._of(dialect), values)
            self._texts[dialect.name, length] = text
        return text

    def _of(self, dialect: Dialect) -> Any:
        return self._by_dialect.get(dialect.name, self._statement)


def run_together(
    conn: Connection,
    asked: Sequence[tuple[Prepared, Mapping[str, Any] | Sequence[Mapping[str, Any]]]],
) -> list[list[Any]]:
    """Run statements in their order and give the rows of each, none where it gives none.

    Each has its values, or rows of them, and runs once for each row then. PostgreSQL is told all of
    them before it is asked what became of the first, so that together they are one round trip. A
    DBAPIError is the one that SQLAlchemy raises, and a lost connection is done with.
    """
    assert conn.in_transaction(), "a prepared statement runs within a transaction"
    told = [
        (place, message)
        for place, (prepared, given) in enumerate(asked)
        for message in prepared.messages(conn.dialect, given)
    ]
    found: list[list[Any]] = [[] for _ in asked]
    with _as_sqlalchemy(conn, told[0][1].text.sql):
        for (place, (text, _)), rows in zip(told, _run(conn, told), strict=True):
            if text.row is not None:
                found[place] += [_row(text, one) for one in rows]
    return found


def _run(conn: Connection, told: Sequence[tuple[int, _Message]]) -> Iterator[Iterable[Any]]:
    """What the driver gives for each, while it is open."""
    driver: Any = conn.connection.driver_connection
    is_postgres = conn.dialect.name == "postgresql"
    with ExitStack() as stack:
        cursors = []
        is_together = is_postgres and (len(told) > 1 or _is_to_begin(driver))
        with driver.pipeline() if is_together else ExitStack():
            for _, (text, values) in told:
                cursor: Any = RawCursor(driver) if is_postgres else driver.cursor()
                stack.callback(cursor.close)
                run = cursor.executemany if isinstance(values, list) else cursor.execute
                run(text.sql, values)
                cursors.append(cursor)
        for cursor, (_, (text, _)) in zip(cursors, told, strict=True):
            yield cursor.fetchall() if text.row is not None else ()


def _is_to_begin(driver: Any) -> bool:
    """Whether the driver says BEGIN before its next statement, which by itself is a round trip."""
    return bool(driver.pgconn.transaction_status == TransactionStatus.IDLE)


@contextmanager
def _as_sqlalchemy(conn: Connection, sql: str) -> Iterator[None]:
    error_type: Any = conn.dialect.loaded_dbapi.Error
    try:
        yield
    except error_type as error:
        is_lost = conn.dialect.is_disconnect(error, conn.connection.driver_connection, None)
        if is_lost:
            conn.invalidate(error)
        told = DBAPIError.instance(
            sql, None, error, error_type, connection_invalidated=is_lost, dialect=conn.dialect
        )
        raise told from error


def _compile(
    dialect: Dialect,
    statement: Any,
    values: Mapping[str, Any],
    columns_of_insert: Sequence[str] | None = None,
) -> _Text:
    plain = _positional(dialect)
    compiled = statement.compile(dialect=plain, column_keys=columns_of_insert)
    state = compiled.construct_expanded_state(values)
    binds = {name: _maker(one.type, plain) for one, name in compiled.bind_names.items()}
    for name, names in state.parameter_expansion.items():
        binds |= dict.fromkeys(names, binds.pop(name))
    names = list(state.positiontup)
    columns = list(getattr(statement, "exported_columns", ()))
    return _Text(
        state.statement,
        names,
        [binds[name] for name in names],
        {name: one for name, one in state.parameters.items() if name not in values},
        state.parameter_expansion,
        [one.type.dialect_impl(plain).result_processor(plain, None) for one in columns],
        _row_of([one.key for one in columns]) if columns else None,
    )


def _maker(kind: TypeEngine[Any], dialect: Dialect) -> _Convert:
    """What makes a value of this type ready. PostgreSQL gets every number as one type: by default
    its size decides, and a statement that is kept ready for one is planned again for another."""
    made = kind.dialect_impl(dialect)
    native = made.impl if isinstance(made, TypeDecorator) else made
    if dialect.name == "postgresql" and isinstance(native, Integer):
        return _whole
    return made.bind_processor(dialect)


def _whole(value: int | None) -> Int8 | None:
    return None if value is None else Int8(value)


@cache
def _positional(dialect: Dialect) -> Dialect:
    """The dialect with values by position: those of PostgreSQL itself, $1 and so on, spare the
    driver to read each text for its names."""
    if dialect.name != "postgresql":
        return dialect
    plain: Any = type(dialect)
    made: Dialect = plain(paramstyle="numeric_dollar")
    return made


def _repeated(insert: Any, names: tuple[str, ...], count: int) -> Any:
    """The INSERT with values for so many rows."""
    columns = insert.table.c
    return insert.values(
        [
            {
                name: bindparam(told, type_=columns[name].type)
                for name, told in zip(names, _numbered(names, number), strict=True)
            }
            for number in range(count)
        ]
    )


@cache
def _numbered(names: tuple[str, ...], number: int) -> list[str]:
    """How the values of a row go by."""
    return [f"{name}_{number}" for name in names]


def _row_of(names: Sequence[str]) -> Callable[[Iterable[Any]], Any]:
    make: Any = namedtuple
    found: Callable[[Iterable[Any]], Any] = make("Row", names)._make
    return found


def _row(text: _Text, row: Sequence[Any]) -> Any:
    assert text.row is not None  # it gives rows
    return text.row(
        [one if make is None else make(one) for make, one in zip(text.results, row, strict=True)]
    )


def _ready(text: _Text, given: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values as the driver takes them."""
    return tuple(
        [
            given[name] if make is None else make(given[name])
            for name, make in zip(text.names, text.binds, strict=True)
        ]
    )
