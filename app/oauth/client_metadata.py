"""What a client tells of itself (RFC 7591 §2), read and checked in one way, whether it registers
or has a metadata document."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc7591 import (
    InvalidClientMetadataError,
    InvalidRedirectURIError,
    InvalidSoftwareStatementError,
)
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from app.kit import jsonio
from app.kit.errors import DomainError, WrongMember, fault_text
from app.oauth.jwks import read_jwks
from app.oauth.scopes import GRANT_SCOPES, VENDOR_SCOPES, to_list
from app.organizations.client_rules import check_redirect_uri
from app.organizations.errors import RedirectInvalid
from app.settings import LOCAL_HOSTS
from app.terms.roster import known_ids

_MOST_KEYS = 10
_LARGEST_KEYS = 16 * 1024  # bytes; they are read with each request of the client
_NOT_SAID = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")  # RFC 6749 §5.2
_KEPT = {
    "token_endpoint_auth_method",
    "jwks",
    "jwks_uri",
    "require_pushed_authorization_requests",
    "dpop_bound_access_tokens",
    "authorization_details_types",
    "client_uri",
    "logo_uri",
    "tos_uri",
    "policy_uri",
    "contacts",
    "software_id",
    "software_version",
    "inseam_agreements",
}


def is_address(uri: str, *, schemes: tuple[str, ...] = ("https", "http")) -> bool:
    """Whether it is an address on the web that every parser reads alike."""
    if not re.fullmatch(r"[!-~]+", uri) or any(sign in uri for sign in '\\"<>^`{|}'):
        return False
    try:
        parts = urlsplit(uri)
        is_port_fine = parts.port != 0
    except ValueError:
        return False
    return bool(
        parts.scheme in schemes and parts.hostname and "@" not in parts.netloc and is_port_fine
    )


def check_jwks(value: dict[str, Any]) -> dict[str, Any]:
    """A set of public keys that `jwks.read_jwks` takes, and that is small enough to be registered,
    since it is read with each request of the client. ValueError."""
    if len(jsonio.dumps(value)) > _LARGEST_KEYS:
        raise ValueError(f"a key set that is registered has at most {_LARGEST_KEYS} bytes")
    read_jwks(value)
    if len(value["keys"]) > _MOST_KEYS:
        raise ValueError(f"a key set that is registered has at most {_MOST_KEYS} keys")
    return dict(value)


def _check_page(uri: str) -> str:
    if not is_address(uri):
        raise ValueError("this is no https address")
    return uri


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Page = Annotated[str, StringConstraints(max_length=500), AfterValidator(_check_page)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=320)]
Agreement = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")]

_SCOPES = VENDOR_SCOPES | GRANT_SCOPES  # what a vendor may have


class ClientMetadata(BaseModel):
    """The members that are taken. Others are left out, as RFC 7591 §2 says; of the wrong type,
    none is."""

    model_config = ConfigDict(extra="ignore", strict=True)

    client_name: Name | None = None
    redirect_uris: list[str] = Field([], max_length=20)
    grant_types: list[str] = Field(["authorization_code"], min_length=1, max_length=10)
    response_types: list[Literal["code"]] | None = Field(None, max_length=1)
    token_endpoint_auth_method: Literal["client_secret_basic", "private_key_jwt", "none"] = Field(
        "client_secret_basic"
    )
    scope: str | None = Field(None, max_length=1000)
    jwks: dict[str, Any] | None = None
    jwks_uri: Annotated[str, StringConstraints(max_length=500)] | None = None
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False
    authorization_details_types: list[Literal["urn:inseam:object-data"]] = Field([], max_length=1)
    client_uri: Page | None = None
    logo_uri: Page | None = None
    tos_uri: Page | None = None
    policy_uri: Page | None = None
    contacts: list[Line] = Field([], max_length=10)
    software_id: Line | None = None
    software_version: Line | None = None
    purposes: list[dict[str, Any]] = Field([], max_length=20)
    inseam_agreements: list[Agreement] = Field([], max_length=20)

    @model_validator(mode="after")
    def check_members(self) -> "ClientMetadata":
        self._check_redirects()
        self._check_keys()
        foreign = [scope for scope in self.scopes if scope not in _SCOPES]
        if foreign:
            raise WrongMember("scope", f"a vendor cannot have {foreign[0][:60]!r}")
        strange = [one for one in self.inseam_agreements if one not in known_ids()]
        if strange:
            raise WrongMember("inseam_agreements", f"the roster has no {strange[0]!r}")
        self.inseam_agreements = list(dict.fromkeys(self.inseam_agreements))
        return self

    @property
    def scopes(self) -> list[str]:
        """The scopes asked for, or, where none are named, those of all purposes."""
        told = [purpose.get("scopes") for purpose in self.purposes]
        ours = [scope for scopes in told if isinstance(scopes, dict) for scope in scopes]
        return to_list(self.scope) or list(dict.fromkeys(ours))

    @property
    def name(self) -> str:
        """How owners will know the client: by its name, or by where it lives."""
        where = self.client_uri or next(iter(self.redirect_uris), "")
        return self.client_name or urlsplit(where).hostname or ""

    @property
    def auth_method(self) -> str:
        return self.token_endpoint_auth_method

    @property
    def is_public(self) -> bool:
        return self.auth_method == "none"

    def values(self) -> dict[str, Any]:
        """What `organizations.clients` takes of it."""
        return {
            "name": self.name,
            "redirect_uris": self.redirect_uris,
            "grant_types": list(dict.fromkeys(self.grant_types)),
            "scopes": self.scopes,
            "purposes": self.purposes,
            "known_scopes": list(_SCOPES),
        }

    def registered(self, door: str, **more: Any) -> dict[str, Any]:
        """The rest of it, by the names of RFC 7591, and the door that it came by."""
        kept = {name: value for name, value in self.model_dump(include=_KEPT).items() if value}
        return kept | {"door": door} | more

    def _check_redirects(self) -> None:
        for place, uri in enumerate(self.redirect_uris):
            try:
                check_redirect_uri(uri)
            except RedirectInvalid as error:
                words = "is no https address, nor one on this very machine, or has a part too many"
                raise WrongMember("redirect_uris", f"number {place + 1} {words}") from error
        asks = "authorization_code" in self.grant_types
        if asks and not self.redirect_uris:
            raise WrongMember("redirect_uris", "a client that asks owners has at least one")
        if self.response_types is not None and bool(self.response_types) != asks:
            raise WrongMember("response_types", "code belongs to the grant authorization_code")

    def _check_keys(self) -> None:
        if self.jwks is not None and self.jwks_uri is not None:
            raise WrongMember("jwks", "keys are given by value or by address, not both")
        if self.jwks is not None:
            try:
                self.jwks = check_jwks(self.jwks)
            except ValueError as error:
                raise WrongMember("jwks", str(error)) from error
        has_keys = self.jwks is not None or self.jwks_uri is not None
        if self.auth_method == "private_key_jwt" and not has_keys:
            raise WrongMember("jwks", "a client that authenticates by its keys has some")


def read_metadata(told: Any, *, allow_local: bool = False) -> ClientMetadata:
    """The metadata in a JSON value. `allow_local`: keys may be on this very machine.

    InvalidRedirectURIError, InvalidClientMetadataError, InvalidSoftwareStatementError.
    """
    if not isinstance(told, dict):
        raise InvalidClientMetadataError("The metadata is no JSON object.")
    told = {name: value for name, value in told.items() if value is not None}
    if "software_statement" in told:
        raise InvalidSoftwareStatementError("Software statements are not taken here.")
    try:
        metadata = ClientMetadata.model_validate(told)
    except ValidationError as error:
        raise _first_fault(error) from error
    if metadata.jwks_uri is not None and not _is_key_address(metadata.jwks_uri, allow_local):
        raise InvalidClientMetadataError("jwks_uri: this is no https address without a fragment.")
    return metadata


def in_protocol(error: DomainError) -> OAuth2Error:
    """What is wrong with a client, in the words of RFC 7591 §3.2.2."""
    if isinstance(error, RedirectInvalid):
        return InvalidRedirectURIError(error.title)
    return InvalidClientMetadataError(say(error.detail))


def say(text: str) -> str:
    """The text in the few signs that an error_description may have."""
    return _NOT_SAID.sub("?", text)[:300]


def _first_fault(error: ValidationError) -> OAuth2Error:
    fault = error.errors()[0]
    path, cause = list(fault["loc"]), fault.get("ctx", {}).get("error")
    if isinstance(cause, WrongMember):
        path = [cause.member]
    where = ".".join(str(step) for step in path)
    is_redirect = path[:1] == ["redirect_uris"]
    kind = InvalidRedirectURIError if is_redirect else InvalidClientMetadataError
    found: OAuth2Error = kind(say(f"{where}: {fault_text(fault)}."))
    return found


def _is_key_address(uri: str, allow_local: bool) -> bool:
    if not is_address(uri) or "#" in uri:
        return False
    parts = urlsplit(uri)
    return parts.scheme == "https" or (allow_local and parts.hostname in LOCAL_HOSTS)
