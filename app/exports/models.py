"""The table of exports (owner family); progress stands in the job of the same id."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.kit.columns import Blob, Id, Instant, Whole, Words
from app.kit.db import Base, family


class Export(Base):
    """A copy that was asked for; `export_id` is also its job's id, `file` a name in the folder."""

    __tablename__ = "exports"
    __table_args__ = family("owner")

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    export_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    object_id: Mapped[UUID] = mapped_column(Id)
    tenure_id: Mapped[UUID] = mapped_column(Id)
    object_name: Mapped[str] = mapped_column(Words(200))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    file: Mapped[str | None] = mapped_column(Words(100))
    size: Mapped[int | None] = mapped_column(Whole)
    sha256: Mapped[bytes | None] = mapped_column(Blob(32))
