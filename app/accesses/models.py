"""The table of access records (owner family)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.columns import Id, Instant, Json, Whole, Words
from app.kit.db import Base, family


class Access(Base):
    """One object touched by one attempt to read.

    `rule` names why it was refused; `send_by` until when a reading may leave; `times` counts
    equal refusals within a minute; `reader` is the client's name at the time.
    """

    __tablename__ = "accesses"
    __table_args__ = family(
        "owner",
        CheckConstraint("result IN ('given','refused')", "result"),
        Index("ix_accesses_at", "owner_id", "at"),
        Index("ix_accesses_grant", "owner_id", "grant_id", "send_by"),
    )

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    access_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    place: Mapped[int] = mapped_column(Whole, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    object_id: Mapped[UUID | None] = mapped_column(Id)
    tenure_id: Mapped[UUID | None] = mapped_column(Id)
    client_id: Mapped[str | None] = mapped_column(Words(100))
    reader: Mapped[str] = mapped_column(Words(200))
    grant_id: Mapped[UUID | None] = mapped_column(Id)
    grant_version: Mapped[int | None] = mapped_column(Whole)
    action: Mapped[str] = mapped_column(Words(20))
    asked: Mapped[dict[str, Any]] = mapped_column(Json)
    streams: Mapped[list[str]] = mapped_column(Json)
    window_from: Mapped[datetime | None] = mapped_column(Instant)
    window_to: Mapped[datetime | None] = mapped_column(Instant)
    precision: Mapped[str | None] = mapped_column(Words(40))
    count: Mapped[int] = mapped_column(Whole)
    result: Mapped[str] = mapped_column(Words(20))
    rule: Mapped[str | None] = mapped_column(Words(60))
    times: Mapped[int] = mapped_column(Whole)
    send_by: Mapped[datetime | None] = mapped_column(Instant)
