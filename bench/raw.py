"""The other yardstick: what the driver alone reaches, writing the same records as plain rows.

A row table with the primary key and the index by time that segments have, one transaction a batch.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any
from uuid import UUID, uuid4

from app.kit.db import Database
from bench.cases import Case
from bench.load import STAMP
from bench.records import make_lines
from bench.sample import Sample

_TABLE = """
CREATE TABLE bench_rows (object_id {id} NOT NULL, tenure_id {id} NOT NULL, stream TEXT NOT NULL,
  seq {whole} NOT NULL, placed_at {instant} NOT NULL, record TEXT NOT NULL,
  PRIMARY KEY (object_id, tenure_id, stream, seq))
"""
_INDEX = "CREATE INDEX bench_rows_time ON bench_rows (object_id, tenure_id, stream, placed_at)"
_SQLITE = {"id": "BLOB", "whole": "INTEGER", "instant": "INTEGER"}
_POSTGRES = {"id": "uuid", "whole": "bigint", "instant": "timestamptz"}
_INSERT = "INSERT INTO bench_rows VALUES (?,?,?,?,?,?)"
_COPY = "COPY bench_rows FROM STDIN (FORMAT BINARY)"
_TYPES = ["uuid", "uuid", "text", "int8", "timestamptz", "text"]

Write = Callable[[Sequence[tuple[Any, ...]]], None]


class Raw:
    """A table of rows beside the service's, and a driver's connection that fills it."""

    def __init__(self, write: Write, start: datetime, *, is_sqlite: bool) -> None:
        self._write = write
        self._start = start
        self._is_sqlite = is_sqlite
        self._ids = [uuid4(), uuid4()]
        self._batches = 0
        self._lines: list[str] = []

    def run(self, case: Case, seconds: float) -> Sample:
        """Write batch after batch; only the writing counts, not the making of the rows."""
        self._lines = self._lines or make_lines(case.records)
        self._write(self._next())  # what the first one costs more
        times: list[float] = []
        used = 0.0
        while sum(times) < seconds:
            rows = self._next()
            begin, cpu = perf_counter(), process_time()
            self._write(rows)
            times.append(perf_counter() - begin)
            used += process_time() - cpu
        slowest = sorted(times)[len(times) * 99 // 100]
        each = used / len(times) * 1e6
        speed = len(times) / sum(times)
        return Sample(case, speed, median(times) * 1000, slowest * 1000, each, None)

    def _next(self) -> list[tuple[Any, ...]]:
        """A batch moved on in time, as the load moves its requests."""
        at = self._start + timedelta(seconds=self._batches)
        first = self._batches * len(self._lines)
        self._batches += 1
        stamp = at.replace(tzinfo=None).isoformat(timespec="seconds")
        return [
            self._row(first + n, at + timedelta(milliseconds=n), line.replace(STAMP, stamp))
            for n, line in enumerate(self._lines)
        ]

    def _row(self, seq: int, at: datetime, line: str) -> tuple[Any, ...]:
        ids: list[UUID | bytes] = [one.bytes if self._is_sqlite else one for one in self._ids]
        placed = int(at.timestamp() * 1e6) if self._is_sqlite else at
        return (*ids, line[11:15], seq, placed, line)  # {"stream":"wear"


@contextmanager
def open_raw(folder: Path, database_url: str, start: datetime) -> Iterator[Raw]:
    """On a SQLite file of its own with the service's pragmas, or in the service's PostgreSQL."""
    url = database_url or f"sqlite:///{folder / 'raw.db'}"
    with Database(url, pool_size=1) as database:
        fairy = database.engine.raw_connection()
        raw: Any = fairy.driver_connection
        names = _SQLITE if database.is_sqlite else _POSTGRES
        raw.execute(_TABLE.format(**names) + (" STRICT" if database.is_sqlite else ""))
        raw.execute(_INDEX)
        if not database.is_sqlite:
            raw.commit()
        write = _by_executemany(raw) if database.is_sqlite else _by_copy(raw)
        try:
            yield Raw(write, start, is_sqlite=database.is_sqlite)
        finally:
            fairy.close()


def _by_executemany(raw: Any) -> Write:
    def write(rows: Sequence[tuple[Any, ...]]) -> None:
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(_INSERT, rows)
        raw.execute("COMMIT")

    return write


def _by_copy(raw: Any) -> Write:
    def write(rows: Sequence[tuple[Any, ...]]) -> None:
        with raw.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(_TYPES)
            for row in rows:
                copy.write_row(row)
        raw.commit()

    return write
