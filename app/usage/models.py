"""Tables of the usage log (object family)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.columns import Blob, Id, Instant, Whole, Words
from app.kit.db import Base, family


class Record(Base):
    """One record of use.

    `at` and `until` are what the device said; `placed_at` is where the record stands in time:
    `at`, or the receive time where the device's clock cannot be trusted (`flags` then has
    `clock`). `body` is the values as canonical JSON text, so that both databases give the same.
    """

    __tablename__ = "usage_records"
    __table_args__ = family(
        "object",
        ForeignKeyConstraint(
            ["object_id", "tenure_id"], ["tenures.object_id", "tenures.tenure_id"]
        ),
        Index("ix_usage_records_time", "object_id", "tenure_id", "stream", "placed_at", "seq"),
    )

    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    tenure_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    stream: Mapped[str] = mapped_column(Words(40), primary_key=True)
    seq: Mapped[int] = mapped_column(Whole, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime | None] = mapped_column(Instant)
    placed_at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime] = mapped_column(Instant)
    flags: Mapped[str] = mapped_column(Words(100))
    record_id: Mapped[str | None] = mapped_column(Words(100))
    body: Mapped[str] = mapped_column(Words(16000))


class RecordId(Base):
    """A record's own id with the hash of its content, so that the same one is stored once."""

    __tablename__ = "usage_record_ids"
    __table_args__ = family("object")

    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    id_hash: Mapped[bytes] = mapped_column(Blob(32), primary_key=True)
    content_hash: Mapped[bytes] = mapped_column(Blob(32))
    received_at: Mapped[datetime] = mapped_column(Instant)


class StreamHead(Base):
    """The next sequence number of a tenure's stream, how much it holds, when it was last heard."""

    __tablename__ = "usage_heads"
    __table_args__ = family("object")

    object_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    tenure_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    stream: Mapped[str] = mapped_column(Words(40), primary_key=True)
    next_seq: Mapped[int] = mapped_column(Whole)
    last_placed_at: Mapped[datetime] = mapped_column(Instant)
    last_received_at: Mapped[datetime] = mapped_column(Instant)
