"""The log against a plain model of it: random batches, retries, disorder, corrections, pauses,
removals, packing and retention, on both databases. After each step the log reads as the model says,
in pages of any size, and verifies."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import Connection, update

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.objects.models import Tenure
from app.usage.entry import to_micros
from app.usage.ingest import Call, forget_names, ingest
from app.usage.items import read_items
from app.usage.pack import pack_stream
from app.usage.read import Log, count_records, page, summary
from app.usage.removals import unfinished_removals
from app.usage.remove import OWNER, Range, key_ids, note_final, remove, seal_anew
from app.usage.retention import expire_next, set_expiry
from app.usage.verify import verify_log
from tests.factories import usage as make
from tests.factories.keys import MemoryKeys
from tests.support.rounds import rounds

DAY, WEEK = timedelta(days=1), timedelta(days=7)
REGISTERED, CLAIMED = 100 * DAY, 40 * DAY  # before the clock's first time


@dataclass
class Record:
    """A record as the model has it."""

    seq: int
    placed: datetime
    value: int
    name: str | None
    corrects: str | None
    is_ahead: bool


@dataclass
class Model:
    """What should be stored, and what is known of what was."""

    claimed: datetime
    registered: datetime
    records: list[Record] = field(default_factory=list)
    names: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    numbers: dict[tuple[str, int], tuple[str, datetime, Record]] = field(default_factory=dict)
    corrected: set[str] = field(default_factory=set)
    pauses: list[list[Any]] = field(default_factory=list)
    sent: int = 0

    def take(self, now: datetime, sent: dict[str, Any]) -> set[str]:
        """What may become of one record."""
        found = self._take(now, sent)
        return found if isinstance(found, set) else {found}

    def _take(self, now: datetime, sent: dict[str, Any]) -> str | set[str]:
        at, value = datetime.fromisoformat(sent["at"]), sent["values"]["total"]
        content = json.dumps([sent["at"], value, sent.get("corrects")])
        name, number = sent.get("id"), None
        if "sequence" in sent:
            number = (sent.get("epoch", ""), sent["sequence"])
        known = set()
        if name in self.names:
            known.add(self.names[name][0])
        if number in self.numbers and self._remembers(now, *self.numbers[number][1:]):
            known.add(self.numbers[number][0])
        if known:
            return "duplicate" if known == {content} else "record-conflict"
        if number in self.numbers:
            return self._take_old(content, at, self.numbers[number])
        is_wrong = at < self.registered or at > now + timedelta(minutes=5)
        if not is_wrong and at < self.claimed:
            return "outside-tenure"
        placed = now if is_wrong else at
        if any(end is None or start <= placed < end for start, end in self.pauses):
            return "recording-paused"
        is_old = not is_wrong and max(at, self.claimed) < now - WEEK
        if name is not None and number is None and is_old:
            return "too-late-for-id"
        self.records.append(
            Record(self.sent, placed, value, name, sent.get("corrects"), at > placed)
        )
        self.sent += 1
        if name is not None:
            self.names[name] = (content, now)
        if number is not None:
            self.numbers[number] = (content, now, self.records[-1])
        if sent.get("corrects"):
            self.corrected.add(sent["corrects"])
        return "stored"

    def _remembers(self, now: datetime, received: datetime, record: Record) -> bool:
        return received >= now - WEEK or record.is_ahead

    def _take_old(
        self, content: str, at: datetime, before: tuple[str, datetime, Record]
    ) -> str | set[str]:
        """A device's number that was had long ago: the same where it can still be told."""
        stored, _, record = before
        if content == stored:
            return "duplicate"
        if record in self.records and record.placed == at:
            return "record-conflict"
        return {"duplicate", "record-conflict"}

    def shown(self, *, is_whole: bool) -> list[tuple[datetime, int, int]]:
        found = [r for r in self.records if is_whole or r.name not in self.corrected]
        return sorted((r.placed, r.seq, r.value) for r in found)

    def remove(self, low: datetime | None, high: datetime | None) -> int:
        def goes(record: Record) -> bool:
            return (low is None or low <= record.placed) and (high is None or record.placed < high)

        before = len(self.records)
        self.records = [record for record in self.records if not goes(record)]
        return before - len(self.records)


_HOURS = st.integers(-60 * 24, 8)
_RECORDS = st.fixed_dictionaries(
    {"hours": _HOURS, "value": st.integers(0, 3)},
    optional={
        "id": st.integers(0, 30),
        "sequence": st.integers(0, 30),
        "epoch": st.sampled_from(["a", "b"]),
        "corrects": st.integers(0, 30),
    },
)


class LogMachine(RuleBasedStateMachine):
    """One stream of one object; `database` is set by the test."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.clock = FixedClock()
        self.opened = self.database.connection()
        self.conn: Connection = self.opened.__enter__()
        self.keys = MemoryKeys()
        self.taker = make.make_taker(self.keys)
        now = self.clock.now()
        self.model = Model(now - CLAIMED, now - REGISTERED)
        self.org_id = make.make_maker(self.conn, self.clock)
        fields = [{"name": "total", "type": "integer", "unit": "count"}]
        streams = [{"name": "cycles", "category": "usage", "kind": "instant", "fields": fields}]
        product = make.make_product(self.conn, self.org_id, self.model.registered, streams)
        self.object_id = make.make_thing(self.conn, self.clock, self.org_id, product, "S1")
        claimed = FixedClock(self.model.claimed)
        self.tenure_id: UUID = make.give_thing(self.conn, claimed, self.object_id)
        self.sent: list[list[dict[str, Any]]] = []

    def teardown(self) -> None:
        self.conn.rollback()
        self.opened.__exit__(None, None, None)

    @property
    def tenure(self) -> tuple[UUID, UUID]:
        return self.object_id, self.tenure_id

    @property
    def log(self) -> Log:
        return Log(self.conn, self.keys, *self.tenure)

    def _send(self, records: list[dict[str, Any]]) -> None:
        now = self.clock.now()
        expected = [self.model.take(now, record) for record in records]
        call = Call(self.org_id, read_items(records, self.object_id))
        results = ingest(self.conn, self.clock, self.taker, call)
        told = [r.error.slug if r.error else r.status for r in results]
        assert all(one in allowed for one, allowed in zip(told, expected, strict=True)), told

    @rule(drawn=st.lists(_RECORDS, min_size=1, max_size=12))
    def send(self, drawn: list[dict[str, Any]]) -> None:
        records = [_record(self.clock.now(), one) for one in drawn]
        self._send(records)
        self.sent.append(records)

    @rule(count=st.integers(20, 300), minutes=st.integers(1, 600), back=st.integers(0, 30))
    def send_a_run(self, count: int, minutes: int, back: int) -> None:
        start = self.clock.now() - back * DAY
        self._send(
            [
                {
                    "stream": "cycles",
                    "at": (start - n * timedelta(minutes=minutes)).isoformat(),
                    "values": {"total": n},
                }
                for n in reversed(range(count))
            ]
        )

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        """A retry that bears no names stores twice, as is said; only those with names are sent."""
        records = data.draw(st.sampled_from(self.sent))
        self._send([one for one in records if "id" in one or "sequence" in one])

    @rule(hours=st.integers(1, 24 * 20))
    def wait(self, hours: int) -> None:
        self.clock.advance(timedelta(hours=hours))
        forget_names(self.conn, self.clock)
        old = self.clock.now() - WEEK
        self.model.names = {n: one for n, one in self.model.names.items() if one[1] >= old}

    @rule()
    def pack(self) -> None:
        pack_stream(self.conn, self.keys, *self.tenure, "cycles")

    @rule(span=st.tuples(_HOURS, _HOURS), is_open=st.booleans())
    def erase(self, span: tuple[int, int], is_open: bool) -> None:
        low, high = (self.clock.now() + timedelta(hours=h) for h in sorted(span))
        wanted = Range("cycles", None if is_open else low, high)
        taken = remove(self.conn, self.clock, self.keys, self.tenure, wanted, OWNER)
        assert taken == self.model.remove(wanted.from_, wanted.to)

    @rule()
    def finish_removals(self) -> None:
        while found := unfinished_removals(self.conn, 1):
            while not seal_anew(self.conn, self.keys, found[0]):
                pass
            self.keys.destroy(found[0].tenure_id, key_ids(found[0]))
            note_final(self.conn, self.clock, self.keys, found[0])

    @rule(days=st.integers(1, 60))
    def keep_for(self, days: int) -> None:
        tenure = update(Tenure).where(Tenure.tenure_id == self.tenure_id)
        self.conn.execute(tenure.values(keep_days={"cycles": days}))
        set_expiry(self.conn, self.keys, self.tenure, "cycles", days)
        for _ in range(3):
            expire_next(self.conn, self.clock, self.keys)
        today = self.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        self.model.remove(None, today - days * DAY)
        self.conn.execute(tenure.values(keep_days=None))
        set_expiry(self.conn, self.keys, self.tenure, "cycles", None)

    @rule(is_paused=st.booleans())
    def pause_or_resume(self, is_paused: bool) -> None:
        now = self.clock.now()
        self.model.pauses = [[start, end or now] for start, end in self.model.pauses]
        if is_paused:
            self.model.pauses.append([now, None])
        pauses = [
            ["*", to_micros(start), end and to_micros(end)] for start, end in self.model.pauses
        ]
        tenure = update(Tenure).where(Tenure.tenure_id == self.tenure_id)
        self.conn.execute(tenure.values(pauses=pauses))

    @invariant()
    def reads_as_the_model(self) -> None:
        for is_whole in (False, True):
            wanted = self.model.shown(is_whole=is_whole)
            rows = page(self.log, ["cycles"], None, None, None, 10_000, is_whole=is_whole)
            assert [(r.placed_at, r.seq, json.loads(r.body)["total"]) for r in rows] == wanted
        assert count_records(self.conn, *self.tenure) == len(self.model.records)
        told = summary(self.conn, *self.tenure).get("cycles")
        assert (told.count if told else 0) == len(self.model.records)
        assert sum(told.days.values() if told else []) == len(self.model.records)

    @rule(limit=st.integers(1, 120), hours=_HOURS)
    def pages_join(self, limit: int, hours: int) -> None:
        from_ = self.clock.now() + timedelta(hours=hours)
        whole = page(self.log, ["cycles"], from_, None, None, 10_000)
        joined: list[Any] = []
        after = None
        while rows := page(self.log, ["cycles"], from_, None, after, limit):
            joined += rows
            after = (rows[-1].placed_at, rows[-1].stream, rows[-1].seq)
        assert joined == whole
        assert [
            r for r in page(self.log, ["cycles"], None, None, None, 10_000) if r in whole
        ] == whole

    @invariant()
    def verifies(self) -> None:
        report = verify_log(self.conn, self.keys, self.object_id)
        assert report.faults == []
        assert report.records == len(self.model.records)
        assert report.records + report.removed == self.model.sent


def _record(now: datetime, drawn: dict[str, Any]) -> dict[str, Any]:
    at = now + timedelta(hours=drawn["hours"])
    record = {"stream": "cycles", "at": at.isoformat(), "values": {"total": drawn["value"]}}
    for name in ("id", "corrects"):
        if name in drawn:
            record[name] = f"n{drawn[name]}"
    if "sequence" in drawn:
        record["sequence"] = drawn["sequence"]
        if "epoch" in drawn:
            record["epoch"] = drawn["epoch"]
    return record


def test_the_log_is_what_the_model_says(database: Database) -> None:
    class Machine(LogMachine):
        pass

    Machine.database = database
    steps = settings(max_examples=rounds(15, 200), stateful_step_count=rounds(15, 40))
    run_machine(Machine, settings=steps)
