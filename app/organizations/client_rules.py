"""What a client must say of itself to be registered, whatever door it comes by. Pure."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from app.kit.errors import fault_text
from app.organizations.errors import ClientInvalid, PurposeInvalid, RedirectInvalid, ScopeUnknown
from app.organizations.purposes import PurposeSpec

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"  # RFC 8628 §3.4
GRANT_TYPES = {"authorization_code", "refresh_token", "client_credentials", DEVICE_CODE}

_YOURSELF = "Yourself: "  # how the name of an owner's own app begins, and nobody else's
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_READS = ":read"
_FOR_ITSELF = {"grants:read"}  # no kind of data


def check_redirect_uri(uri: str) -> str:
    """The URI itself where it can be registered, or RedirectInvalid."""
    if not _is_redirect(uri):
        raise RedirectInvalid(f"{uri[:200]!r} cannot be registered as a redirect URI.")
    return uri


def _is_redirect(uri: str) -> bool:
    """https, or http on this machine; nothing in it that two parsers might read differently."""
    try:
        parts = urlsplit(uri)
        is_port_fine = parts.port != 0
    except ValueError:
        return False
    is_plain_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    has_user = "@" in parts.netloc
    has_dots = any(step in (".", "..") for step in parts.path.split("/"))
    return bool(
        parts.hostname
        and (parts.scheme == "https" or is_plain_local)
        and is_port_fine
        and not (has_user or has_dots)
        and not any(sign in uri for sign in "#*\\ ")
        and uri.isascii()
        and uri.isprintable()
        and len(uri) <= 2000
    )


def own_name(name: str) -> str:
    """The name of an owner's own app, as it is kept and shown wherever a reader is named."""
    return _YOURSELF + name


def plain_name(name: str) -> str:
    """What the owner called an app of their own."""
    return name.removeprefix(_YOURSELF)


def check_name(name: str, is_own: bool) -> None:
    """ClientInvalid for a name that owners cannot read, or that says “yourself” of another."""
    if not 1 <= len(name) <= 200 or not name.isprintable():
        raise ClientInvalid("A client has a name of 1 to 200 characters.")
    if name.casefold().startswith(_YOURSELF.strip(" :").casefold()) and not is_own:
        raise ClientInvalid("“Yourself” stands for what owners run themselves.")


def check_members(
    is_public: bool,
    redirect_uris: Sequence[str],
    grant_types: Sequence[str],
    scopes: Sequence[str],
    purposes: Sequence[dict[str, Any]],
    known_scopes: Sequence[str],
) -> dict[str, Any]:
    """The columns that say what a client may ask, and where it is answered."""
    _check_shape(is_public, redirect_uris, grant_types, purposes)
    _check_use(scopes, grant_types)
    for scope in scopes:
        if scope not in known_scopes:
            raise ScopeUnknown(f"There is no scope {scope[:100]!r}.")
    return {
        "redirect_uris": [check_redirect_uri(uri) for uri in redirect_uris],
        "grant_types": list(grant_types),
        "scopes": list(dict.fromkeys(scopes)),
        "purposes": [_check_purpose(purpose, scopes) for purpose in purposes],
    }


def _check_shape(
    is_public: bool,
    redirect_uris: Sequence[str],
    grant_types: Sequence[str],
    purposes: Sequence[dict[str, Any]],
) -> None:
    unknown = set(grant_types) - GRANT_TYPES
    if unknown:
        raise ClientInvalid(f"There is no grant type {min(unknown)!r}.")
    if is_public and "client_credentials" in grant_types:
        raise ClientInvalid("A public client keeps no secret, so it cannot act for itself.")
    by_browser = "authorization_code" in grant_types
    asks = by_browser or DEVICE_CODE in grant_types
    if (by_browser and not redirect_uris) or (asks and not purposes):
        raise ClientInvalid("A client that asks owners has a redirect URI and a purpose.")
    if (redirect_uris and not by_browser) or (
        not asks and (purposes or "refresh_token" in grant_types)
    ):
        raise ClientInvalid("Only a client that asks owners has redirect URIs and purposes.")


def _check_use(scopes: Sequence[str], grant_types: Sequence[str]) -> None:
    """Each scope needs the way in which it is had, or the client could never work."""
    asks = bool({"authorization_code", DEVICE_CODE} & set(grant_types))
    if not scopes:
        raise ClientInvalid("A client has at least one scope.")
    for scope in scopes:
        if _is_asked(scope) and not asks:
            raise ClientInvalid(
                f"Owners are asked for {scope!r}, so the client needs a redirect URI and a purpose."
            )
        if not _is_asked(scope) and "client_credentials" not in grant_types:
            raise ClientInvalid(
                f"A client has {scope!r} for itself, so it needs a secret and cannot be public."
            )


def _is_asked(scope: str) -> bool:
    """Whether owners are asked for it, as it opens a kind of data of theirs."""
    return scope.endswith(_READS) and scope not in _FOR_ITSELF


def _check_purpose(purpose: dict[str, Any], scopes: Sequence[str]) -> dict[str, Any]:
    try:
        spec = PurposeSpec.model_validate(purpose)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(p) for p in fault["loc"])
        raise PurposeInvalid(f"{where or 'a purpose'}: {fault_text(fault)}.") from error
    foreign = set(spec.scopes) - set(scopes)
    if foreign:
        raise PurposeInvalid(f"The client does not have the scope {min(foreign)!r}.")
    strange = [scope for scope in spec.scopes if not _is_asked(scope)]
    if strange:
        raise PurposeInvalid(f"Owners are not asked for the scope {strange[0]!r}.")
    return spec.model_dump()
