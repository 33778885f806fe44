"""What an error of the database's driver means."""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.kit.errors import DomainError, OutOfSpace, Unavailable

_RETRIED = {"40001", "40P01"}


def translate(error: DBAPIError | PoolTimeout) -> DomainError:
    """The domain error behind a driver's: out of space, or try again."""
    text = str(getattr(error, "orig", error)).lower()
    if "disk is full" in text or "no space left" in text:
        return OutOfSpace()
    return Unavailable()


def is_retried(error: DBAPIError) -> bool:
    """Whether the transaction lost a deadlock or a serialization race and may run again."""
    return getattr(error.orig, "sqlstate", None) in _RETRIED


def ends_transaction(error: DBAPIError) -> bool:
    """SQLite rolls the whole transaction back when the disk is full or an I/O error strikes."""
    text = str(error.orig).lower()
    return "disk is full" in text or "disk i/o error" in text or "cannot rollback" in text
