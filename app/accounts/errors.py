"""Errors of signing in and of keeping an account."""

from app.kit.errors import DomainError, Kind


class SignInNeeded(DomainError):
    """This belongs to an owner, and nobody is signed in here. Sign in and try again."""

    kind, slug, title = Kind.unauthenticated, "sign-in-needed", "Please sign in first."


class FreshSignInNeeded(DomainError):
    """This cannot be undone or opens the account, so it needs a sign-in of a few minutes ago.
    Confirm that it is you and try again."""

    kind, slug, title = Kind.forbidden, "fresh-sign-in-needed", "Please confirm that it is you."


class SignInLinkDead(DomainError):
    """A sign-in link works once and for fifteen minutes. Ask for a new one."""

    kind, slug, title = Kind.gone, "sign-in-link-dead", "This sign-in link no longer works."


class SignInLinkElsewhere(DomainError):
    """A sign-in link opens where it was asked for, so that nobody can sign you in to an account
    that is not yours. Open it in that browser, or ask for a new one here."""

    kind, slug, title = (
        Kind.forbidden,
        "sign-in-link-elsewhere",
        "This link was asked for in another browser.",
    )


class EmailTaken(DomainError):
    """The e-mail address signs in to another account."""

    kind, slug, title = Kind.conflict, "email-taken", "This address belongs to another account."


class RecoveryCodeWrong(DomainError):
    """The recovery code is not known, was used already, or was replaced by newer ones."""

    kind, slug, title = Kind.forbidden, "recovery-code-wrong", "This recovery code does not work."


class PasskeyTryEnded(DomainError):
    """A passkey must answer within five minutes, in the browser that asked, and once."""

    kind, slug, title = Kind.gone, "passkey-try-ended", "This took too long. Please try again."


class PasskeyRefused(DomainError):
    """The passkey is not known here, or its answer does not fit the question."""

    kind, slug, title = Kind.forbidden, "passkey-refused", "This passkey was not accepted."


class PasskeyKnown(DomainError):
    """The passkey opens an account already."""

    kind, slug, title = Kind.conflict, "passkey-known", "This passkey is in use already."


class LastWayIn(DomainError):
    """An account keeps at least one passkey or e-mail address, or nobody could open it again.
    Add another one first."""

    kind, slug, title = Kind.conflict, "last-way-in", "This is the last way into your account."


class OwnerUnknown(DomainError):
    """There is no owner with this id or e-mail address."""

    kind, slug, title = Kind.not_found, "owner-unknown", "There is no such owner."


class NameNotValid(DomainError):
    """A name is a line of at most 100 characters."""

    kind, slug, title = Kind.invalid, "name-not-valid", "Give a name of at most 100 characters."


class EmailNotValid(DomainError):
    """An e-mail address looks like somebody@somewhere.example, written in ASCII."""

    kind, slug, title = Kind.invalid, "email-not-valid", "This is not an e-mail address."


class TimeZoneUnknown(DomainError):
    """A time zone is a name of the IANA database, such as Europe/Berlin."""

    kind, slug, title = Kind.invalid, "time-zone-unknown", "There is no such time zone."


class LastAdmin(DomainError):
    """An organization keeps at least one member who may admit others."""

    kind, slug, title = Kind.conflict, "last-admin", "This is the last administrator."


class RoleUnknown(DomainError):
    """A member acts as admin, grant, view or export."""

    kind, slug, title = Kind.invalid, "role-unknown", "There is no such role."
