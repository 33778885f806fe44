"""An object of a maker's with a log, in one transaction: what tests of the log are built on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection

from app.keys.log_keys import KeyDestroyed
from app.kit.clock import FixedClock
from app.kit.ids import new_id
from app.usage import queries
from app.usage.entry import Entry
from app.usage.ingest import Call, Taker, ingest
from app.usage.items import read_items
from app.usage.pack import pack_stream
from app.usage.queries import HeadRow
from app.usage.read import Log, page
from app.usage.removals import unfinished_removals
from app.usage.remove import OWNER, Range, key_ids, note_final, remove, seal_anew
from app.usage.rows import Row
from app.usage.segments import SegmentRow, open_segment
from app.usage.verify import Report, verify_log
from tests.factories import usage as make
from tests.factories.keys import MemoryKeys

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FIELDS = [{"name": "n", "type": "integer"}]
STREAMS = [
    {"name": name, "category": "care", "kind": "instant", "fields": FIELDS}
    for name in ("wash", "wear")
]


class CountingKeys(MemoryKeys):
    """Keys in memory that tell how often a segment was opened, and which key is no more."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = 0

    def opening(self, tenure_id: UUID, key_id: UUID) -> AESGCM:
        self.opened += 1
        if (tenure_id, key_id) not in self.by_id:
            raise KeyDestroyed
        return super().opening(tenure_id, key_id)


@dataclass
class Scene:
    """`start` is the time of the claim; the maker's product is older."""

    conn: Connection
    clock: FixedClock
    keys: Any = field(default_factory=CountingKeys)
    org_id: UUID = field(default_factory=new_id)
    product_id: UUID = field(default_factory=new_id)
    object_id: UUID = field(default_factory=new_id)
    tenure_id: UUID = field(default_factory=new_id)
    start: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.clock.now()

    @classmethod
    def built(cls, conn: Connection, clock: FixedClock, **more: Any) -> "Scene":
        made = cls(conn, clock, **more)
        made.org_id = make.make_maker(conn, clock)
        made.product_id = make.make_product(conn, made.org_id, made.start - 100 * DAY, STREAMS)
        made.object_id = make.make_thing(conn, clock, made.org_id, made.product_id, "S1")
        made.tenure_id = make.give_thing(conn, clock, made.object_id)
        return made

    @property
    def taker(self) -> Taker:
        return make.make_taker(self.keys)

    @property
    def tenure(self) -> tuple[UUID, UUID]:
        return self.object_id, self.tenure_id

    @property
    def log(self) -> Log:
        return Log(self.conn, self.keys, *self.tenure)

    def record(self, at: datetime | None = None, n: int = 0, **changes: Any) -> dict[str, Any]:
        when = (at or self.clock.now()).isoformat()
        return {"stream": "wash", "at": when, "values": {"n": n}} | changes

    def send(self, *records: dict[str, Any], signed_by: str | None = None) -> list[str]:
        """`stored`, `duplicate`, or the slug of the refusal, by line."""
        items = read_items(list(records), self.object_id)
        call = Call(self.org_id, items, signed_by=signed_by)
        results = ingest(self.conn, self.clock, self.taker, call)
        return [one.error.slug if one.error else one.status for one in results]

    def send_run(
        self, count: int, start: datetime, stream: str = "wash", step: timedelta = MINUTE
    ) -> None:
        """So many records in one call, in order of time."""
        records = [self.record(start + n * step, n, stream=stream) for n in range(count)]
        assert set(self.send(*records)) == {"stored"}

    def send_singly(
        self, times: Sequence[datetime], stream: str = "wash", signed_by: str | None = None
    ) -> None:
        """A call for each record."""
        for n, at in enumerate(times):
            assert self.send(self.record(at, n, stream=stream), signed_by=signed_by) == ["stored"]

    def pack(self, stream: str = "wash") -> int:
        return pack_stream(self.conn, self.keys, *self.tenure, stream)

    def erase(self, from_: datetime | None, to: datetime | None, stream: str = "wash") -> int:
        wanted = Range(stream, from_, to)
        return remove(self.conn, self.clock, self.keys, self.tenure, wanted, OWNER)

    def finish_removals(self) -> None:
        while found := unfinished_removals(self.conn, 1):
            while not seal_anew(self.conn, self.keys, found[0]):
                pass
            self.keys.destroy(found[0].tenure_id, key_ids(found[0]))
            note_final(self.conn, self.clock, self.keys, found[0])

    def segments(self, stream: str = "wash") -> list[SegmentRow]:
        return queries.run_of_segments(self.conn, *self.tenure, stream, 0, 10_000)

    def entries(self, stream: str = "wash") -> list[Entry]:
        """What is stored, in order of the sequence."""
        every = [e for row in self.segments(stream) for e in open_segment(self.keys, row)]
        return sorted(every, key=lambda entry: entry.seq)

    def head(self, stream: str = "wash") -> HeadRow:
        return queries.heads(self.conn, [self.object_id])[(*self.tenure, stream)]

    def rows(self, stream: str = "wash", *, is_whole: bool = False) -> list[Row]:
        return page(self.log, [stream], None, None, None, 100_000, is_whole=is_whole)

    def pages(self, size: int, stream: str = "wash", *, is_whole: bool = False) -> list[Row]:
        """The whole, read in pages of this size."""
        joined: list[Row] = []
        after = None
        while rows := page(self.log, [stream], None, None, after, size, is_whole=is_whole):
            joined += rows
            after = (rows[-1].placed_at, rows[-1].stream, rows[-1].seq)
        return joined

    def verify(self) -> Report:
        return verify_log(self.conn, self.keys, self.object_id)
