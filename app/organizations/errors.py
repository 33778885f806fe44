"""What can be wrong with organizations and clients."""

from app.kit.errors import DomainError, Kind


class OrganizationExists(DomainError):
    """An organization with this name is registered already."""

    kind, slug, title = Kind.conflict, "organization-exists", "This organization is registered."


class OrganizationInvalid(DomainError):
    """A name has 1 to 200 characters, a country two capital letters (ISO 3166-1), a website an
    https address of at most 500 characters, a contact at most 320, a domain at most 253."""

    kind, slug, title = (
        Kind.invalid,
        "organization-invalid",
        "A part of this organization is not valid.",
    )


class UnknownOrganization(DomainError):
    """There is no organization with this name or id."""

    kind, slug, title = Kind.not_found, "unknown-organization", "There is no such organization."


class PrefixInvalid(DomainError):
    """A GS1 company prefix has 4 to 12 digits."""

    kind, slug, title = Kind.invalid, "prefix-invalid", "This is not a GS1 company prefix."


class PrefixTaken(DomainError):
    """A GS1 company prefix belongs to one company, and so does every longer one that begins with
    it. The operator can take it from the other organization with `inseam org prefixes`."""

    kind, slug, title = Kind.conflict, "prefix-taken", "This GS1 prefix is another organization's."


class ClientInvalid(DomainError):
    """A client has a name and a scope; a client that asks owners has redirect URIs and purposes; a
    public client has no secret and so never acts for itself."""

    kind, slug, title = Kind.invalid, "client-invalid", "This client cannot be registered."


class UnknownClient(DomainError):
    """There is no client with this id."""

    kind, slug, title = Kind.not_found, "unknown-client", "There is no such client."


class RedirectInvalid(DomainError):
    """A redirect URI is an https address, or http on this very machine; it has no fragment, no
    user and no wildcard (RFC 9700 §4.1)."""

    kind, slug, title = Kind.invalid, "redirect-invalid", "This redirect URI cannot be registered."


class ScopeUnknown(DomainError):
    """The scope is none that this service has."""

    kind, slug, title = Kind.invalid, "scope-unknown", "There is no such scope."


class PurposeInvalid(DomainError):
    """A purpose names one of the listed DPV purposes, one of the listed legal bases, and for each
    of its scopes whether it is needed and, if so, why."""

    kind, slug, title = Kind.invalid, "purpose-invalid", "This purpose cannot be registered."


class KeyInvalid(DomainError):
    """The key for claim tickets is a public JWK: P-256, Ed25519 or RSA."""

    kind, slug, title = Kind.invalid, "key-invalid", "This is not a usable public key."


class OwnAppInvalid(DomainError):
    """An app of your own has a name of 1 to 60 characters, one to ten redirect addresses (https,
    or http on the same machine), at least one kind of data, and is one of at most 20."""

    kind, slug, title = Kind.invalid, "own-app-invalid", "This app cannot be registered."


class OwnAppNotFound(DomainError):
    """There is no such app of yours. It may have been ended, which is for good."""

    kind, slug, title = Kind.not_found, "own-app-not-found", "There is no such app of yours."
