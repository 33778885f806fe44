"""What can be wrong with terms and agreements."""

from app.kit.errors import DomainError, Kind


class AgreementUnknown(DomainError):
    """The roster has no agreement of this name and version. `GET /v1/agreements` lists them."""

    kind, slug, title = Kind.not_found, "agreement-unknown", "There is no such agreement."


class AgreementNotOffered(DomainError):
    """Terms name an agreement of the roster about a service. A contribution, which somebody makes
    once and of their own accord, cannot be the answer to everybody who asks."""

    kind, slug, title = (
        Kind.invalid,
        "agreement-not-offered",
        "This agreement cannot stand in your terms.",
    )


class TermsInvalid(DomainError):
    """Terms have one limit for each kind of data, and exceptions for groups of purposes, each with
    all its parts. The member `errors` names what is wrong."""

    kind, slug, title = Kind.invalid, "terms-invalid", "These terms cannot be kept."


class TermsChanged(DomainError):
    """The terms have changed since they were read. Nothing of this change was kept: read them
    again, and change the present version."""

    kind, slug, title = Kind.conflict, "terms-changed", "The terms have changed meanwhile."
