"""Whatever is changed, taken out or moved in the stored log is found, and where is named.

Each change is made by SQL, as somebody with the database but without the keys would. What the
database itself refuses needs no finding.
"""

import json
import logging
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from sqlalchemy import Column, Connection, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from app import cli
from app.keys.eager import EagerKeys
from app.keys.log_keys import open_log_keys
from app.kit import columns
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.objects.models import Tenure
from app.settings import Settings
from app.usage.corrections import note_corrections
from app.usage.entry import from_micros
from app.usage.models import Correction, Removal, Segment, StreamHead
from app.usage.packing import pack
from app.usage.segments import STORED, SegmentRow, aad_of
from app.usage.verify import Fault, verify_log
from tests.factories import usage as make
from tests.support.rounds import IS_FULL
from tests.usage.scene import DAY, MINUTE, Scene

MONTH_BORDER = 29 * DAY  # after the claim, on the 4th of November
PG_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
TABLES = (Segment, StreamHead, Removal)


def build(scene: Scene) -> Scene:
    """Two streams and two months; packed and loose segments, a removed run, a correction, one that
    a device signed; and an earlier tenure and another object beside it."""
    scene.clock.advance(2 * DAY)
    scene.send_singly([scene.start + DAY], stream="wear")
    make.end_tenure(scene.conn, scene.clock, scene.object_id)
    scene.tenure_id = make.give_thing(scene.conn, scene.clock, scene.object_id)
    start = scene.clock.now()
    scene.clock.advance(31 * DAY)
    scene.send_run(70, start)
    scene.send_run(50, start + DAY)
    scene.send_run(3, start + 3 * DAY, step=DAY)
    scene.pack()
    scene.send_singly([start + 8 * DAY], signed_by="key-1")
    scene.send_run(5, start + MONTH_BORDER)
    recent = scene.clock.now() - DAY
    assert scene.send(scene.record(recent, 1, id="a")) == ["stored"]
    assert scene.send(scene.record(recent, 2, id="b", corrects="a")) == ["stored"]
    scene.erase(start + 20 * MINUTE, start + 40 * MINUTE)
    scene.send_run(4, start + DAY, "wear")
    scene.send_run(4, start + MONTH_BORDER, "wear")
    scene.finish_removals()
    return scene


@pytest.fixture
def scene(database: Database, clock: FixedClock) -> Iterator[Scene]:
    with database.connection() as conn:
        yield build(Scene.built(conn, clock))


@pytest.fixture
def _fresh_logs() -> Iterator[None]:
    """The command sends logs to a stream that is closed when it ends."""
    yield
    structlog.reset_defaults()
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)


@contextmanager
def undone(conn: Connection) -> Iterator[None]:
    """What the block does to the database is undone after it."""
    nested = conn.begin_nested()
    try:
        yield
    finally:
        nested.rollback()


class Raw:
    """A row as the database keeps it, to change one value of."""

    def __init__(self, conn: Connection, table: type[Any], place: Any, row: Any) -> None:
        self.conn, self.table, self.place, self.row = conn, table, place, row

    @property
    def is_sqlite(self) -> bool:
        return self.conn.dialect.name == "sqlite"

    @property
    def where(self) -> str:
        return "rowid = :place" if self.is_sqlite else "ctid = CAST(:place AS tid)"

    def flips(self, column: Column[Any], chance: random.Random) -> Iterator[tuple[str, Any]]:
        """The value with one bit changed, as SQL and its parameter: each byte of a short value, as
        many of a long one; few of each outside of the soak."""
        value = getattr(self.row, column.name)
        if value is None:
            yield from self._made_up(column)
            return
        if column.nullable:
            yield "NULL", None
        told = self._bytes(column, value)
        places = list(range(len(told)))
        if len(places) > 64 or not IS_FULL:
            places = chance.sample(places, min(len(places), 64 if IS_FULL else 2))
        for place in places:
            changed = bytearray(told)
            changed[place] ^= 1 << chance.randrange(8)
            yield self._sql(column, bytes(changed))

    def change(self, column: Column[Any], sql: str, value: Any) -> None:
        name = self.table.__tablename__
        statement = f"UPDATE {name} SET {column.name} = {sql} WHERE {self.where}"
        self.conn.execute(text(statement), {"place": self.place, "value": value})

    def delete(self) -> None:
        statement = f"DELETE FROM {self.table.__tablename__} WHERE {self.where}"
        self.conn.execute(text(statement), {"place": self.place})

    def _made_up(self, column: Column[Any]) -> Iterator[tuple[str, Any]]:
        if isinstance(column.type, columns.Json):
            yield self._sql(column, b"[[20000,1]]")
        elif isinstance(column.type, columns.Words):
            yield self._sql(column, b"k")
        else:
            yield self._sql(column, (10**15).to_bytes(8, "big"))

    def _bytes(self, column: Column[Any], value: Any) -> bytes:
        kind = column.type
        if isinstance(kind, columns.Json):
            return json.dumps(value).encode() if not isinstance(value, str) else value.encode()
        if isinstance(value, datetime):
            value = (value - PG_EPOCH) // timedelta(microseconds=1)
        if isinstance(value, int):
            return value.to_bytes(8, "big", signed=True)
        if isinstance(value, UUID):
            return value.bytes
        return value.encode() if isinstance(value, str) else bytes(value)

    def _sql(self, column: Column[Any], value: bytes) -> tuple[str, Any]:
        kind = column.type
        if isinstance(kind, columns.Words | columns.Json) and self.is_sqlite:
            return "CAST(:value AS TEXT)", value
        if isinstance(kind, columns.Words):
            return "convert_from(:value, 'UTF8')", value
        if isinstance(kind, columns.Json):
            return "CAST(convert_from(:value, 'UTF8') AS jsonb)", value
        if isinstance(kind, columns.Blob | columns.Id) and (
            self.is_sqlite or isinstance(kind, columns.Blob)
        ):
            return ":value", value
        if isinstance(kind, columns.Id):
            return "CAST(:value AS uuid)", str(UUID(bytes=value))
        number = int.from_bytes(value, "big", signed=True)
        if isinstance(kind, columns.Instant) and not self.is_sqlite:
            epoch = "timestamptz '2000-01-01 00:00:00+00'"
            return f"{epoch} + CAST(:value AS bigint) * interval '1 microsecond'", number
        return ":value", number


def raw_rows(conn: Connection, table: type[Any]) -> list[Raw]:
    place = "rowid" if conn.dialect.name == "sqlite" else "CAST(ctid AS text)"
    order = ", ".join(column.name for column in table.__table__.primary_key)
    statement = f"SELECT {place} AS place, * FROM {table.__tablename__} ORDER BY {order}"
    return [Raw(conn, table, row.place, row) for row in conn.execute(text(statement)).all()]


def faults(scene: Scene) -> list[Fault]:
    return scene.verify().faults


def test_log_that_was_not_touched_verifies(scene: Scene) -> None:
    report = scene.verify()
    assert report.faults == []
    assert (report.streams, report.records, report.removed) == (3, 120 + 3 + 3 + 5 + 8 + 1 - 20, 20)
    rows = scene.segments()
    assert {row.state for row in rows} == {STORED, "erased"}
    assert {row.signed_by for row in rows} == {None, "key-1"}
    assert any(row.records >= 80 for row in rows)
    assert any(row.days for row in rows)
    assert len({row.key_id for row in rows}) == 3


@pytest.mark.parametrize("table", TABLES)
def test_every_stored_bit_counts(scene: Scene, table: type[Any]) -> None:
    chance = random.Random(f"{table}")
    tried, refused = 0, 0
    for raw in raw_rows(scene.conn, table):
        for column in table.__table__.columns:
            for sql, value in raw.flips(column, chance):
                tried += 1
                with undone(scene.conn):
                    try:
                        raw.change(column, sql, value)
                    except DBAPIError:
                        refused += 1
                        continue
                    told = (raw.row.stream, getattr(raw.row, "first_seq", ""), column.name, value)
                    _assert_named(faults(scene), raw, told)
    assert faults(scene) == []
    assert tried > 2 * refused


def _assert_named(found: list[Fault], raw: Raw, told: tuple[Any, ...]) -> None:
    """The row's own stream is at fault, at the row; an entry of a removal is its tenure's."""
    if raw.table is Removal:
        assert {one.what for one in found} == {"removal"}, (told, found)
        return
    mine = [one for one in found if one.stream == raw.row.stream]
    assert mine, (told, found)
    if raw.table is StreamHead:
        assert mine[0].what == "head", (told, found)
    else:
        _, first_seq, column, value = told
        places = {first_seq, value} if column == "first_seq" else {first_seq}
        assert mine[0].seq in places, (told, found)
        assert mine[0].what in ("segment", "link", "head"), (told, found)


@pytest.mark.parametrize("table", TABLES)
def test_row_that_is_gone_is_missed(scene: Scene, table: type[Any]) -> None:
    for raw in raw_rows(scene.conn, table):
        with undone(scene.conn):
            raw.delete()
            (fault,) = faults(scene)
        if table is Removal:
            assert fault.what == "removal"
            continue
        assert fault.stream == raw.row.stream
        assert fault.what in ("link", "head")
        if table is Segment:
            assert fault.seq == raw.row.first_seq


def pairs(scene: Scene) -> Iterator[tuple[SegmentRow, SegmentRow]]:
    rows = [row for stream in ("wash", "wear") for row in scene.segments(stream)]
    yield from ((one, other) for place, one in enumerate(rows) for other in rows[place + 1 :])


def put(scene: Scene, row: SegmentRow, **changes: Any) -> None:
    """Change columns of a row, by its key."""
    scene.conn.execute(
        update(Segment)
        .where(
            Segment.object_id == row.object_id,
            Segment.tenure_id == row.tenure_id,
            Segment.stream == row.stream,
            Segment.first_seq == row.first_seq,
        )
        .values(**changes)
    )


def test_sealed_bytes_open_in_their_own_row_only(scene: Scene) -> None:
    for one, other in pairs(scene):
        with undone(scene.conn):
            put(scene, one, sealed=other.sealed)
            put(scene, other, sealed=one.sealed)
            found = {(fault.stream, fault.what, fault.seq) for fault in faults(scene)}
        assert (one.stream, "segment", one.first_seq) in found
        assert one.stream == other.stream or (other.stream, "segment", other.first_seq) in found


def test_rows_that_change_places_are_found(scene: Scene) -> None:
    for one, other in pairs(scene):
        if one.stream != other.stream:
            continue
        with undone(scene.conn):
            put(scene, one, first_seq=10**6)
            put(scene, other, first_seq=one.first_seq)
            put(scene, one._replace(first_seq=10**6), first_seq=other.first_seq)
            (fault,) = faults(scene)
        assert (fault.stream, fault.what, fault.seq) == (one.stream, "link", one.first_seq)


def test_row_that_changes_places_with_all_that_links_it_is_found(scene: Scene) -> None:
    """Number and heads fit there; the seal does not."""
    one, other = scene.segments("wear")
    linked = ("first_seq", "head_before", "head_after")
    with undone(scene.conn):
        put(scene, one, first_seq=10**6)
        put(scene, other, **{name: getattr(one, name) for name in linked})
        moved = one._replace(first_seq=10**6)
        put(scene, moved, **{name: getattr(other, name) for name in linked})
        (fault,) = faults(scene)
    assert (fault.stream, fault.what, fault.seq) == ("wear", "segment", 0)


def test_segment_that_is_moved_elsewhere_is_found(scene: Scene) -> None:
    """To another stream, another tenure of the object, another object: its old place misses it and
    its new one does not take it."""
    thing = make.make_thing(scene.conn, scene.clock, scene.org_id, scene.product_id, "S2")
    tenure_id = make.give_thing(scene.conn, scene.clock, thing)
    earlier = scene.conn.execute(select(Tenure.tenure_id).where(Tenure.ended_at.is_not(None)))
    moves: list[dict[str, Any]] = [
        {"stream": "other"},
        {"tenure_id": earlier.scalar_one()},
        {"object_id": thing, "tenure_id": tenure_id},
    ]
    for changes in moves:
        to = {"stream": "wash", "tenure_id": scene.tenure_id} | changes
        for row in scene.segments():
            with undone(scene.conn):
                put(scene, row, **changes)
                found = faults(scene) + verify_log(scene.conn, scene.keys, thing).faults
            assert (scene.tenure_id, "wash", row.first_seq) in [
                (one.tenure_id, one.stream, one.seq) for one in found
            ]
            assert (to["tenure_id"], to["stream"]) in [(one.tenure_id, one.stream) for one in found]


def test_copy_of_a_segment_is_found(scene: Scene) -> None:
    """Also one that is put where nobody would look."""
    row = scene.segments()[-1]
    places = (row.next_seq, row.first_seq + 1, -1, -(2**62) - 1, -(2**63), 2**63 - 1)
    for first_seq in places:
        with undone(scene.conn):
            scene.conn.execute(insert(Segment), [as_columns(row._replace(first_seq=first_seq))])
            assert [(f.stream, f.what) for f in faults(scene)] == [("wash", "link")], first_seq


def test_older_version_of_a_segment_is_found(database: Database, clock: FixedClock) -> None:
    """What stood in a place before packing or before a removal does not fit there any more."""
    with database.connection() as conn:
        scene = Scene.built(conn, clock)
        scene.clock.advance(10 * DAY)
        scene.send_run(70, scene.start)
        scene.send_run(90, scene.start + DAY)
        loose, head = scene.segments(), scene.head()
        scene.pack()
        (packed,) = scene.segments()
        scene.send_run(10, scene.start + 3 * DAY)
        scene.erase(scene.start + DAY, scene.start + DAY + 30 * MINUTE)
        assert [row.records for row in scene.segments()] == [70, 30, 60, 10]
        places = [(loose[1], "link", 100), (packed, "link", 70)]
        for row, what, seq in places:
            with undone(conn):
                put(scene, row, **as_columns(row))
                (fault,) = faults(scene)
            assert (fault.what, fault.seq) == (what, seq)
        scene.finish_removals()
        for row in (loose[0], packed):  # they do not even open any more
            with undone(conn):
                put(scene, row, **as_columns(row))
                (fault,) = faults(scene)
            assert (fault.what, fault.seq) == ("segment", 0)
        with undone(conn):
            conn.execute(update(StreamHead).values(**head._asdict()))
            (fault,) = faults(scene)
        assert (fault.what, fault.seq) == ("head", 170)


def test_correction_that_is_taken_out_is_found(scene: Scene) -> None:
    correction = next(entry for entry in scene.entries() if entry.corrects)
    with undone(scene.conn):
        scene.conn.execute(delete(Correction))
        (fault,) = faults(scene)
    assert (fault.stream, fault.what, fault.seq) == ("wash", "record", correction.seq)


def test_record_that_is_hidden_as_if_it_were_corrected_is_found(
    database: Database, clock: FixedClock
) -> None:
    with database.connection() as conn:
        scene = Scene.built(conn, clock)
        assert scene.send(scene.record(id="a")) == ["stored"]
        note_corrections(conn, clock.now(), [(*scene.tenure, "wash", "a")])
        assert scene.rows() == []
        (fault,) = faults(scene)
    assert (fault.stream, fault.what) == ("wash", "correction")


def test_key_holder_who_rewrites_history_is_found(scene: Scene) -> None:
    """Whoever has the keys can seal what they like, but not under the heads that are known."""
    row = next(row for row in scene.segments() if row.signed_by == "key-1")
    (entry,) = [e for e in scene.entries() if e.seq == row.first_seq]
    forged = entry._replace(body='{"n":9}')
    cipher = scene.keys.opening(row.tenure_id, row.key_id)
    nonce = bytes(12)
    sealed = nonce + cipher.encrypt(nonce, pack([forged], row.first_seq), aad_of(row))
    with undone(scene.conn):
        put(scene, row, sealed=sealed)
        (fault,) = faults(scene)
    assert (fault.what, fault.seq) == ("record", row.first_seq)


def as_columns(row: SegmentRow) -> dict[str, Any]:
    """A row's values for the table."""
    times = {name: from_micros(getattr(row, name)) for name in ("placed_from", "placed_to")}
    return row._asdict() | times


@pytest.mark.usefixtures("_fresh_logs")
def test_command_names_what_does_not_fit(
    settings: Settings, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in settings.model_fields_set:
        monkeypatch.setenv(f"INSEAM_{name.upper()}", str(getattr(settings, name)))
    with closing(open_log_keys(settings, clock)) as keys, database.connection() as conn:
        scene = Scene.built(conn, clock, keys=EagerKeys(keys))
        scene.clock.advance(DAY)
        scene.send_run(5, scene.start)
        scene.send_run(5, scene.start, "wear")
    words = ["log", "verify", "--object", str(scene.object_id)]
    whole = CliRunner().invoke(cli.app, words)
    assert whole.exit_code == 0, whole.output
    assert whole.stdout.splitlines() == [
        "2 streams, 2 segments, 10 records, 0 removed",
        "The log is whole.",
    ]
    with database.connection() as conn:
        conn.execute(update(Segment).where(Segment.stream == "wear").values(records=6))
    broken = CliRunner().invoke(cli.app, words)
    assert broken.exit_code == 1
    first, fault = broken.stdout.splitlines()
    assert first.endswith(" records, 0 removed")
    assert fault.startswith("segment wear 0: ")
    nobody = CliRunner().invoke(cli.app, [*words[:-1], str(scene.org_id)])
    assert nobody.exit_code == 0
    assert nobody.stdout.splitlines()[-1] == "There is no log."
