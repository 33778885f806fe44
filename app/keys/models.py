"""Tables of the key store, which is a database of its own: no table here refers to the data."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.kit.columns import Blob, Id, Instant, Whole, Words
from app.kit.db import Base, family


class KeyBase(DeclarativeBase):
    """Declares a table of the key store."""

    metadata = MetaData(naming_convention=Base.metadata.naming_convention)


class KeyCheck(KeyBase):
    """A known value wrapped by the key provider: a wrong key-encryption key is found out here."""

    __tablename__ = "key_checks"
    __table_args__ = family("local")

    name: Mapped[str] = mapped_column(Words(20), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(Blob(2048))


class OwnerKey(KeyBase):
    """An owner's key, wrapped by the key provider."""

    __tablename__ = "owner_keys"
    __table_args__ = family("local")

    owner_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(Blob(2048))


class TenureKey(KeyBase):
    """A tenure's key, wrapped under its owner's."""

    __tablename__ = "tenure_keys"
    __table_args__ = family("local", Index("ix_tenure_keys_owner_id", "owner_id"))

    tenure_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(Id)
    wrapped: Mapped[bytes] = mapped_column(Blob(200))


class LogKey(KeyBase):
    """A key that seals segments, wrapped under its tenure's.

    One of a stream and month. `turn` counts how often the data was rewritten under a new one,
    `part` how often a key of the turn was used up. `used` is how many nonces were given out.
    """

    __tablename__ = "log_keys"
    __table_args__ = family(
        "local", UniqueConstraint("tenure_id", "stream", "month", "turn", "part")
    )

    key_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    tenure_id: Mapped[UUID] = mapped_column(Id)
    stream: Mapped[str] = mapped_column(Words(100))
    month: Mapped[int] = mapped_column(Whole)
    turn: Mapped[int] = mapped_column(Whole)
    part: Mapped[int] = mapped_column(Whole)
    wrapped: Mapped[bytes] = mapped_column(Blob(200))
    used: Mapped[int] = mapped_column(Whole)
    made_at: Mapped[datetime] = mapped_column(Instant)
