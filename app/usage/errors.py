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
    """The record's id, or its device sequence, came before with another content. The log only
    grows: a correction is a new record with an id of its own."""

    kind, slug, title = (
        Kind.conflict,
        "record-conflict",
        "This name belongs to a record with another content.",
    )


class UnknownStream(DomainError):
    """The product was registered without a stream of this name."""

    kind, slug, title = Kind.invalid, "unknown-stream", "The product has no such stream."


class LogDamaged(DomainError):
    """What the service keeps of this log was changed behind its back, so nothing is added to it and
    nothing removed from it before its operator has looked: `inseam log verify` says where."""

    kind, slug, title = Kind.unavailable, "log-damaged", "This log is damaged and rests."


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


class UnknownField(DomainError):
    """A SenML name that the object's streams do not have, or that several of them have: then the
    stream stands in front, as in wear/steps."""

    kind, slug, title = Kind.invalid, "unknown-field", "The product has no field of this name."


class UnitMismatch(DomainError):
    """A SenML unit is neither the field's own nor one that RFC 8798 converts into it. Leave the
    unit away to mean the field's own."""

    kind, slug, title = Kind.invalid, "unit-mismatch", "The unit is not the field's."


class InvalidCbor(DomainError):
    """The body is no SenML in CBOR that this service takes: one array of maps, without tags but for
    decimal fractions, duplicate labels, NaN or infinities, NUL, broken UTF-8, integers beyond
    2^53-1 or more than 32 levels, and with nothing after it."""

    kind, slug, title = Kind.invalid, "invalid-cbor", "The body is not CBOR that can be stored."


class TooManyRecords(DomainError):
    """A call takes at most 10,000 records. Nothing of this one was stored; split it."""

    kind, slug, title = Kind.too_large, "too-many-records", "Too many records in one call."


class SignatureInvalid(DomainError):
    """The header Detached-JWS holds a signature that is none of a key which the object has now, or
    is not of this body. Nothing was stored; without the header the records count as unsigned."""

    kind, slug, title = (
        Kind.unauthenticated,
        "signature-invalid",
        "The signature is not the object's, or not of this body.",
    )


class RecordingPaused(DomainError):
    """The owner paused the recording of this object or stream, or had paused it at the time of the
    record, so nothing is stored. Sending it again later changes nothing: what happened during a
    pause is not wanted."""

    kind, slug, title = Kind.conflict, "recording-paused", "The owner paused the recording."


class TooLateForId(DomainError):
    """A record's own id is remembered for seven days. This one may be older than that and bears
    no device sequence, so it cannot be told whether it was stored before. Send it with a
    `sequence`, or without an `id` if you know that it never arrived."""

    kind, slug, title = Kind.conflict, "too-late-for-id", "The record is too old for its id."


class BatchRefused(DomainError):
    """The call asked for all or nothing (Prefer: handling=strict) and a line cannot be stored, so
    nothing was. `results` has every line that is at fault."""

    kind, slug, title = Kind.invalid, "batch-refused", "A line was refused, so nothing was stored."
