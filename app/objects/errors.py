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
