"""What can be wrong with an access request or a grant."""

from app.kit.errors import DomainError, Kind


class RequestNotFound(DomainError):
    """There is no such request for you to answer. It may belong to somebody else's sign-in."""

    kind, slug, title = Kind.not_found, "request-not-found", "There is no such request for you."


class RequestExpired(DomainError):
    """The request waited too long and closed by itself. The vendor can ask again."""

    kind, slug, title = Kind.gone, "request-expired", "This request has closed by itself."


class RequestGone(DomainError):
    """Who asked is no longer registered here, or what it wanted to change has ended."""

    kind, slug, title = Kind.gone, "request-gone", "This request is about something that is gone."


class RequestAnswered(DomainError):
    """The request was answered already, and an answer is given once. To change what you allowed,
    open the permission."""

    kind, slug, title = Kind.conflict, "request-answered", "You have answered this request already."


class NothingChosen(DomainError):
    """A permission needs at least one object and one kind of data. To give nothing, choose
    "Don't allow"."""

    kind, slug, title = Kind.invalid, "nothing-chosen", "Choose at least one thing and one kind."


class ChoiceTooWide(DomainError):
    """The answer names an object or a kind of data that was not asked for or is not yours."""

    kind, slug, title = Kind.invalid, "choice-too-wide", "That was not part of the request."


class EndDateOutside(DomainError):
    """A permission ends after now and within the longest time that is allowed."""

    kind, slug, title = Kind.invalid, "end-date-outside", "Choose a nearer end date, after today."


class GrantNotFound(DomainError):
    """There is no such permission of yours."""

    kind, slug, title = Kind.not_found, "grant-not-found", "There is no such permission of yours."


class PermissionOver(DomainError):
    """The permission has ended. What ended stays so; a vendor can ask anew."""

    kind, slug, title = Kind.conflict, "permission-over", "This permission has ended."


class GrantPaused(DomainError):
    """The owner has paused this permission; nothing can be read until it is resumed."""

    kind, slug, title = Kind.forbidden, "grant-paused", "The owner has paused this permission."


class OverCount(DomainError):
    """The owner allowed a number of readings, and they are used up. An answer with records counts
    as one reading, together with the pages that `next` leads to. Ask the owner for another
    permission if you still need the data."""

    kind, slug, title = Kind.forbidden, "over-count", "All readings that were allowed are used up."


class TooFrequent(DomainError):
    """The owner allowed so many readings within any hour, day, week or month, and this would be one
    more. `Retry-After` says in how many seconds it would not."""

    kind, slug, title = Kind.too_many, "too-frequent", "This is more often than the owner allows."


class AbovePrecision(DomainError):
    """The owner lets this be told over longer stretches of time, or as a summary, and not so
    exactly as you ask. `precision` has what may be asked, kind by kind: ask
    `/v1/data/objects/{id}/buckets` in stretches of that size or of longer ones that they make, or
    `/v1/data/objects/{id}/summary`."""

    kind, slug = Kind.forbidden, "above-precision"
    title = "This is more exact than the owner allows."


class DutyNotFound(DomainError):
    """Nothing is owed: the permission is not yours, has not ended, or nothing was read."""

    kind, slug, title = Kind.not_found, "duty-not-found", "Nothing is owed under this permission."


class DutyAnswered(DomainError):
    """This was answered already. What was kept may be erased later, and then said so."""

    kind, slug, title = Kind.conflict, "duty-answered", "This was answered already."


class StatementMissing(DomainError):
    """Whoever keeps something says in `statement` what it is and which law asks for it."""

    kind, slug, title = Kind.invalid, "statement-missing", "Say what you keep, and by which law."


class AboveLimits(DomainError):
    """The owner's terms refuse this without asking the owner, or the law does. The member `limits`
    names each attribute, what was asked and what is allowed: ask for less, publish the agreement
    that the owner proffers, or ask the owner to lift the limit for you."""

    kind, slug, title = Kind.precondition, "above-limits", "This is above what the owner allows."


class AgreementNotHeld(DomainError):
    """The permission was given without an agreement, as the vendor accepts none of the owner's."""

    kind, slug, title = Kind.not_found, "agreement-not-held", "No agreement holds here."


class AgreementSigned(DomainError):
    """The vendor has signed this already, by another signature. What was signed stays."""

    kind, slug, title = Kind.conflict, "agreement-signed", "This was signed already."


class SignatureDoesNotMatch(DomainError):
    """A signature is a compact JWS over the very bytes of the document, by a key that the client
    has registered."""

    kind, slug, title = (
        Kind.invalid,
        "signature-does-not-match",
        "The signature is not over this document by a key of yours.",
    )


class ReceiptNotFound(DomainError):
    """There is no such receipt of yours; they are numbered from 1 on, permission by permission."""

    kind, slug, title = Kind.not_found, "receipt-not-found", "There is no such receipt."
