"""The table of owners' terms (owner family)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.kit.columns import Blob, Flag, Id, Instant, Json, Whole, Words
from app.kit.db import Base, family


class TermsVersion(Base):
    """One version of an owner's terms; it is never changed. `agreement_hash` says which version of
    the agreement, to the letter. `ceilings` are `ceilings.Ceilings`."""

    __tablename__ = "terms"
    __table_args__ = family("owner")

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    version: Mapped[int] = mapped_column(Whole, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    agreement: Mapped[str] = mapped_column(Words(40))
    agreement_hash: Mapped[bytes] = mapped_column(Blob(32))
    ceilings: Mapped[dict[str, Any]] = mapped_column(Json)
    refuses_unasked: Mapped[bool] = mapped_column(Flag)
