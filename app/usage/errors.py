"""Why a record of use was not taken. Most of these stand in the answer to one line of a call."""

from app.kit.errors import DomainError, Kind


class ObjectUnclaimed(DomainError):
    """The object has no owner, so nothing is stored: no owner, no log. `hold` says that a gateway
    may keep the record back and send it again once `recording` is yes."""

    kind, slug, title = Kind.conflict, "object-unclaimed", "Nobody owns this object yet."


class OutsideTenure(DomainError):
    """The record began before the present owner's time with the object, so it belongs to nobody
    who could hold it. It is not stored; sending it again changes nothing."""

    kind, slug, title = (
        Kind.conflict,
        "outside-tenure",
        "The record is older than the owner's time with the object.",
    )


class ClockUntrusted(DomainError):
    """The record's time cannot be right, and the object changed hands since the device was last
    heard: whose record it is cannot be told, so it is not stored."""

    kind, slug, title = (
        Kind.conflict,
        "clock-untrusted",
        "It cannot be told whose record this is: the device's clock is wrong.",
    )


class RecordConflict(DomainError):
    """The record's id came before with another content. The log only grows: a correction is a new
    record with an id of its own."""

    kind, slug, title = (
        Kind.conflict,
        "record-conflict",
        "This id belongs to a record with another content.",
    )


class UnknownStream(DomainError):
    """The product was registered without a stream of this name."""

    kind, slug, title = Kind.invalid, "unknown-stream", "The product has no such stream."


class InvalidValue(DomainError):
    """The values do not fit the fields that the product's stream was registered with: an unknown
    or missing field, another type, outside its bounds or not in its list."""

    kind, slug, title = Kind.invalid, "invalid-value", "A value does not fit the stream."


class ZoneMissing(DomainError):
    """A time without a zone could be any of two dozen instants. Write it with Z or an offset
    (RFC 3339 §5.6), such as 2026-11-02T08:10:00+01:00."""

    kind, slug, title = Kind.invalid, "zone-missing", "A time needs a zone."


class InvalidRecord(DomainError):
    """A record has the members stream, at, until (for intervals only), values, and if wanted an
    id of at most 100 characters; object too where the address does not name it."""

    kind, slug, title = Kind.invalid, "invalid-record", "The record cannot be read."


class TooManyRecords(DomainError):
    """A call takes at most 10,000 records. Nothing of this one was stored; split it."""

    kind, slug, title = Kind.too_large, "too-many-records", "Too many records in one call."
