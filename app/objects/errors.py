"""What can be wrong with products, objects and tickets."""

from app.kit.errors import DomainError, Kind


class UnknownProduct(DomainError):
    """There is no such product of yours."""

    kind, slug, title = Kind.not_found, "unknown-product", "There is no such product of yours."


class UnknownObject(DomainError):
    """There is no such object of yours."""

    kind, slug, title = Kind.not_found, "unknown-object", "There is no such object of yours."


class GtinInvalid(DomainError):
    """A GTIN has 8, 12, 13 or 14 digits, the last of which is a check digit."""

    kind, slug, title = Kind.invalid, "gtin-invalid", "This is not a GTIN."


class GtinOutsidePrefix(DomainError):
    """The GTIN does not begin with a GS1 company prefix that the operator has entered for your
    organization. Ask the operator to enter it or to allow others."""

    kind, slug, title = (
        Kind.forbidden,
        "gtin-outside-prefix",
        "This GTIN lies outside your organization's GS1 prefixes.",
    )


class ProductExists(DomainError):
    """A GTIN or article number names one product. This one is registered already."""

    kind, slug, title = Kind.conflict, "product-exists", "This product is registered already."


class SerialInvalid(DomainError):
    """With a GTIN a serial has 1 to 20 characters of GS1's character set 82 (AI 21); without one
    it has 1 to 100 printable characters."""

    kind, slug, title = Kind.invalid, "serial-invalid", "This cannot be a serial number."


class SerialTaken(DomainError):
    """An object with this serial was minted before. Its claim code is shown only once; ask for a
    new one while the object is unclaimed."""

    kind, slug, title = Kind.conflict, "serial-taken", "This serial was minted before."


class PublicUrlMissing(DomainError):
    """Labels and DIDs carry the service's address for good, so nothing is minted before the
    operator has set INSEAM_PUBLIC_URL."""

    kind, slug, title = (
        Kind.precondition,
        "public-url-missing",
        "The operator has not decided this service's address yet.",
    )


class ObjectClaimed(DomainError):
    """The object has an owner, so its maker can make no new claim code for it."""

    kind, slug, title = Kind.conflict, "object-claimed", "This object has an owner."


class UnknownJob(DomainError):
    """There is no such job of yours."""

    kind, slug, title = Kind.not_found, "unknown-job", "There is no such job of yours."


class JobUnfinished(DomainError):
    """The job still works. Wait until its state is done or failed."""

    kind, slug, title = Kind.conflict, "job-unfinished", "This job has not finished."


class ReportLocked(DomainError):
    """A report of a bulk minting holds claim codes; it opens only with the Idempotency-Key that
    the minting was asked with."""

    kind, slug, title = Kind.forbidden, "report-locked", "This key does not open the report."


class TicketInvalid(DomainError):
    """A claim ticket is a JWT signed with the key that the object's maker registered here: for
    this service, for one object, for at most seven days."""

    kind, slug, title = Kind.invalid, "ticket-invalid", "This claim ticket does not work."


class UnknownKey(DomainError):
    """The object has no key of this id. A key's id is its RFC 7638 thumbprint."""

    kind, slug, title = Kind.not_found, "unknown-key", "The object has no such key."


class DeviceKeyInvalid(DomainError):
    """A device's key is a JWK (RFC 7517) of type OKP with the curve Ed25519, or of type EC with
    the curve P-256, whose point lies on its curve and is none of the few of small order."""

    kind, slug, title = (
        Kind.invalid,
        "device-key-invalid",
        "This is no public key that a device can sign with.",
    )


class KeyPrivate(DomainError):
    """The JWK holds the private part of the key. Nothing of it was stored. A private key stays
    where it was made: register a new one, by its public members `kty`, `crv`, `x` and `y`."""

    kind, slug, title = (
        Kind.invalid,
        "key-private",
        "This is a private key: keep it, and send its public members only.",
    )


class KeyWindowInvalid(DomainError):
    """A key counts from `not_before` until just before `not_after`: at most five years, not over
    yet, and beginning at most five years from now."""

    kind, slug, title = Kind.invalid, "key-window-invalid", "A key cannot count at these times."


class KeyConflict(DomainError):
    """The object had this key before, with other dates, or it was revoked. A key's dates stay as
    they are, and a revoked key is dead for good: register a new one."""

    kind, slug, title = Kind.conflict, "key-conflict", "The object had this key before."


class TooManyKeys(DomainError):
    """An object has at most eight keys that count now or later. Revoke one that is not needed."""

    kind, slug, title = Kind.conflict, "too-many-keys", "The object has eight keys already."


class UnknownStreamName(DomainError):
    """The object's product has no stream of this name."""

    kind, slug, title = Kind.invalid, "no-such-stream", "The object has no such stream."


class KeepTooLong(DomainError):
    """The maker promised before the sale to keep these records for a shorter time. An owner may
    shorten that, not lengthen it; a copy of your own can be taken at any time."""

    kind, slug, title = Kind.invalid, "keep-too-long", "This cannot be kept that long."


class TooManyPauses(DomainError):
    """An object remembers 500 pauses of one owner's time, because what happened during a pause
    stays unwanted."""

    kind, slug, title = Kind.conflict, "too-many-pauses", "The recording was paused too often."
