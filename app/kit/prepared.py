"""Statements of the hot roads, compiled once and run by the driver: to look one up that was built,
to prepare its values and to describe its rows costs SQLAlchemy many times what the database does.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError

_Convert = Callable[[Any], Any] | None


class Several(list[Any]):
    """The values of an expanding parameter: a plain list may be one value, of a JSON column."""


class _Text(NamedTuple):
    """What the driver takes: the text, the names of its values in order and whether it takes them
    by position, what each is made ready with, values that stand in the statement itself, and the
    names that the values of a list go by; then what makes each column of a row, and the row."""

    sql: str
    names: list[str]
    is_positional: bool
    binds: list[_Convert]
    constants: dict[str, Any]
    lists: Mapping[str, list[str]]
    results: list[_Convert]
    row: Callable[[Iterable[Any]], Any]


class Prepared:
    """A Core statement, the same for every dialect or one for each, whose values are all given when
    it runs. A list, for an expanding parameter, is never empty; it is filled up to one of few
    lengths by repeating its last value, so that there are few texts."""

    def __init__(self, statement: Executable | None = None, **by_dialect: Executable) -> None:
        self._statement = statement
        self._by_dialect = by_dialect
        self._texts: dict[tuple[str, int], _Text] = {}

    def all(self, conn: Connection, values: Mapping[str, Any]) -> list[Any]:
        """The rows as named tuples, each value as its column's type gives it."""
        text, ready = self._prepare(conn, values)
        return [
            text.row([make(v) if make else v for make, v in zip(text.results, row, strict=True)])
            for row in _run(conn, text.sql, ready)
        ]

    def one(self, conn: Connection, values: Mapping[str, Any]) -> Any | None:
        """The only row, None where there is none."""
        rows = self.all(conn, values)
        assert len(rows) <= 1, "a statement that gives one row gave several"
        return rows[0] if rows else None

    def run_each(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run once for each, for a statement that gives no rows."""
        text, _ = self._prepare(conn, rows[0])
        _run(conn, text.sql, [_ready(text, {**text.constants, **row}) for row in rows])

    def _prepare(self, conn: Connection, values: Mapping[str, Any]) -> tuple[_Text, Any]:
        lists = {name: _filled(one) for name, one in values.items() if isinstance(one, Several)}
        length = max(map(len, lists.values()), default=0)
        text = self._texts.get((conn.dialect.name, length))
        if text is None:
            text = self._compile(conn.dialect, {**values, **lists})
            self._texts[conn.dialect.name, length] = text
        given = {**text.constants, **values}
        for name, names in text.lists.items():
            given.update(zip(names, lists[name], strict=True))
        return text, _ready(text, given)

    def _compile(self, dialect: Dialect, values: Mapping[str, Any]) -> _Text:
        statement: Any = self._by_dialect.get(dialect.name, self._statement)
        compiled = statement.compile(dialect=dialect)
        state = compiled.construct_expanded_state(values)
        binds = {
            name: one.type.dialect_impl(dialect).bind_processor(dialect)
            for one, name in compiled.bind_names.items()
        }
        for name, names in state.parameter_expansion.items():
            binds |= dict.fromkeys(names, binds.pop(name))
        names = list(state.positiontup or binds)
        columns = getattr(statement, "exported_columns", ())
        return _Text(
            state.statement,
            names,
            state.positiontup is not None,
            [binds[name] for name in names],
            {name: one for name, one in state.parameters.items() if name not in values},
            state.parameter_expansion,
            [one.type.dialect_impl(dialect).result_processor(dialect, None) for one in columns],
            _row_of([one.key for one in columns]),
        )


def _run(conn: Connection, sql: str, ready: Any) -> list[Any]:
    """The rows as the driver gives them, none where there can be none; a list of values runs once
    for each. A DBAPIError as SQLAlchemy raises it, and a lost connection is done with."""
    assert conn.in_transaction(), "a prepared statement runs within a transaction"
    error_type: Any = conn.dialect.loaded_dbapi.Error
    cursor = conn.connection.cursor()
    try:
        if isinstance(ready, list):
            cursor.executemany(sql, ready)
            return []
        cursor.execute(sql, ready)
        return list(cursor.fetchall()) if cursor.description else []
    except error_type as error:
        is_lost = conn.dialect.is_disconnect(error, conn.connection.driver_connection, cursor)
        if is_lost:
            conn.invalidate(error)
        told = DBAPIError.instance(
            sql, None, error, error_type, connection_invalidated=is_lost, dialect=conn.dialect
        )
        raise told from error
    finally:
        cursor.close()


def _row_of(names: Sequence[str]) -> Callable[[Iterable[Any]], Any]:
    make: Any = namedtuple
    found: Callable[[Iterable[Any]], Any] = make("Row", names)._make
    return found


def _ready(text: _Text, given: Mapping[str, Any]) -> Any:
    """The values as the driver takes them."""
    values = [
        given[name] if make is None else make(given[name])
        for name, make in zip(text.names, text.binds, strict=True)
    ]
    return tuple(values) if text.is_positional else dict(zip(text.names, values, strict=True))


def _filled(values: list[Any]) -> list[Any]:
    """The values, the last one again and again until their number is a power of two."""
    return values + values[-1:] * ((1 << (len(values) - 1).bit_length()) - len(values))
