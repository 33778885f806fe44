"""Tables of the usage log (object family)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.columns import Blob, Id, Instant, Json, Whole, Words
from app.kit.db import Base, family

MOST_BYTES = 20 * 1024 * 1024  # of one segment: 1000 records of the longest kind, uncompressed


class Segment(Base):
    """A run of one stream's records, sealed as one; or what is left of a run that was removed.

    `state` is `stored`, `expired` (its time to be kept is over) or `erased` (by its owner). A
    removed run keeps its place in the sequence and in the chain of heads; its `sealed` then holds
    nothing but the proof that these columns were not changed. `days` is [[day since 1970, records]]
    where the run touches more than one day of UTC. Every column is bound by the seal.
    """

    __tablename__ = "usage_segments"
    __table_args__ = family(
        "object",
        ForeignKeyConstraint(
            ["object_id", "tenure_id"], ["tenures.object_id", "tenures.tenure_id"]
        ),
        CheckConstraint("state IN ('stored','expired','erased')", "state"),
        Index(  # with the number, so that it gives the order of a page whole
            "ix_usage_segments_time",
            "object_id",
            "tenure_id",
            "stream",
            "placed_from",
            "first_seq",
        ),
    )

    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    tenure_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    stream: Mapped[str] = mapped_column(Words(40), primary_key=True)
    first_seq: Mapped[int] = mapped_column(Whole, primary_key=True)
    records: Mapped[int] = mapped_column(Whole)
    placed_from: Mapped[datetime] = mapped_column(Instant)
    placed_to: Mapped[datetime] = mapped_column(Instant)
    days: Mapped[Any] = mapped_column(Json, nullable=True)
    state: Mapped[str] = mapped_column(Words(10))
    signed_by: Mapped[str | None] = mapped_column(Words(64))
    key_id: Mapped[UUID] = mapped_column(Id)
    key_turn: Mapped[int] = mapped_column(Whole)
    head_before: Mapped[bytes] = mapped_column(Blob(32))
    head_after: Mapped[bytes] = mapped_column(Blob(32))
    sealed: Mapped[bytes] = mapped_column(Blob(MOST_BYTES))


class StreamHead(Base):
    """Where a tenure's stream stands: the next number, the head of its chain, what it holds.

    `gone` of its records were removed. `reach` is the longest time, in microseconds, that one of
    its segments spans. Segments before `packed_to` are packed for good, `loose` is how many came
    since. `key_turn` counts how often its keys were changed to make a removal final. `expires_at`
    is when the time of its oldest record to be kept is over, None where it is kept. `seal` binds
    every other column.
    """

    __tablename__ = "usage_heads"
    __table_args__ = family(
        "object",
        Index("ix_usage_heads_loose", "loose", "object_id"),
        Index("ix_usage_heads_expires", "expires_at", "object_id"),
    )

    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    tenure_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    stream: Mapped[str] = mapped_column(Words(40), primary_key=True)
    next_seq: Mapped[int] = mapped_column(Whole)
    head: Mapped[bytes] = mapped_column(Blob(32))
    gone: Mapped[int] = mapped_column(Whole)
    reach: Mapped[int] = mapped_column(Whole)
    loose: Mapped[int] = mapped_column(Whole)
    packed_to: Mapped[int] = mapped_column(Whole)
    key_turn: Mapped[int] = mapped_column(Whole)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    last_placed_at: Mapped[datetime] = mapped_column(Instant)
    last_received_at: Mapped[datetime] = mapped_column(Instant)
    key_id: Mapped[UUID] = mapped_column(Id)
    seal: Mapped[bytes] = mapped_column(Blob(28))


class RecentName(Base):
    """A name that a record came under in the last days, with the hash of its content, so that the
    same record is stored once: its own id, or its device's sequence number.

    It is forgotten at `forget_at`. The number of a record whose device was ahead of time never is:
    nothing else would tell it again once its time has come."""

    __tablename__ = "usage_recent_names"
    __table_args__ = family("object")

    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    name_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    content_hash: Mapped[bytes] = mapped_column(Blob(32))
    forget_at: Mapped[datetime] = mapped_column(Instant, index=True)


class SequenceRun(Base):
    """Device sequence numbers without a hole, `first` to `last`, that a tenure's stream has had
    from one `epoch` of the device's counter. Kept for ever."""

    __tablename__ = "usage_sequence_runs"
    __table_args__ = family("object")

    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    tenure_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    stream: Mapped[str] = mapped_column(Words(40), primary_key=True)
    epoch: Mapped[str] = mapped_column(Words(64), primary_key=True)
    first: Mapped[int] = mapped_column(Whole, primary_key=True)
    last: Mapped[int] = mapped_column(Whole)


class Correction(Base):
    """A record that another one corrects, by the hash of the name it came under."""

    __tablename__ = "usage_corrections"
    __table_args__ = family("object")

    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    tenure_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    stream: Mapped[str] = mapped_column(Words(40), primary_key=True)
    name_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(Instant)


class Removal(Base):
    """An entry in the log: which range of a tenure's records was removed, by whom, when.

    `reason` is `owner` or `retention`. `stream` is empty where the range is of every stream.
    `keys` are those that sealed what was removed and are to be destroyed; `final_at` is when they
    were. `seal` binds every other column.
    """

    __tablename__ = "usage_removals"
    __table_args__ = family(
        "object",
        CheckConstraint("reason IN ('owner','retention')", "reason"),
        Index("ix_usage_removals_final", "final_at", "object_id"),
    )

    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    tenure_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    removal_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    stream: Mapped[str] = mapped_column(Words(40))
    placed_from: Mapped[datetime | None] = mapped_column(Instant)
    placed_to: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str] = mapped_column(Words(10))
    count: Mapped[int] = mapped_column(Whole)
    keys: Mapped[list[str]] = mapped_column(Json)
    removed_at: Mapped[datetime] = mapped_column(Instant)
    final_at: Mapped[datetime | None] = mapped_column(Instant)
    key_id: Mapped[UUID] = mapped_column(Id)
    seal: Mapped[bytes] = mapped_column(Blob(28))
