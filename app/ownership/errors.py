"""Why an object could not be claimed."""

from app.kit.errors import DomainError, Kind


class ClaimCodeUnknown(DomainError):
    """No object has this code. Check it against the label: letters I, L and O do not occur."""

    kind, slug, title = Kind.not_found, "claim-code-unknown", "This code opens nothing."


class ClaimCodeUsed(DomainError):
    """The code has been used. If the object changed hands, its owner can hand it over to you."""

    kind, slug, title = Kind.conflict, "claim-code-used", "This code has been used."


class ClaimCodeExpired(DomainError):
    """The code has expired. Its maker can give you a new one."""

    kind, slug, title = Kind.gone, "claim-code-expired", "This code has expired."


class AlreadyOwned(DomainError):
    """The object has an owner. Ask them to hand it over."""

    kind, slug, title = Kind.conflict, "already-owned", "This object has an owner already."


class StartOutside(DomainError):
    """Your time with an object can start today or up to the days shown before, and never before
    an earlier owner's time ended."""

    kind, slug, title = Kind.invalid, "start-outside", "Choose a start within the days shown."
