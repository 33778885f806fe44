"""What a client asks an owner for: read from wherever it stands, and checked as a whole.

A request comes in the address, as a request object (RFC 9101) or as one that was pushed before
(RFC 9126); it is checked by the same rules each time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.consent.grants import find_own_place
from app.consent.requests import open_request
from app.kit import jsonio
from app.oauth.authority import Authority
from app.oauth.details import BadDetails, Entry, read_details
from app.oauth.errors import (
    InvalidAuthorizationDetails,
    InvalidGrantId,
    InvalidRequestObject,
    InvalidTarget,
)
from app.oauth.http import Parameters
from app.oauth.jwt import BadJwt, check_lifetime, open_jwt
from app.oauth.scopes import to_list
from app.objects.categories import scope_of
from app.organizations.clients import KnownClient
from app.organizations.models import Client

ACTIONS = ["create", "merge", "replace"]

_LONGEST = timedelta(hours=1)  # that a request object may live
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_OBJECT_TYPES = {"oauth-authz-req+jwt", "jwt", None}


@dataclass(frozen=True)
class Asked:
    """What is asked for: the client's declared purpose, the scopes, and the entries of
    authorization_details, whose kinds the scopes include. `open_scopes` are those that were named
    by themselves. With `action`, what is to become of the grant `grant_id`."""

    purpose: dict[str, Any]
    scopes: list[str]
    open_scopes: list[str]
    entries: list[Entry]
    resources: list[str] | None
    action: str | None = None
    grant_id: UUID | None = None


def open_request_object(authority: Authority, client: KnownClient, text: str) -> Parameters:
    """The parameters in a request object that the client signed; nothing beside it counts (RFC 9101
    §6.3). InvalidRequestObject."""
    try:
        claims = open_jwt(authority, client, text)
        check_lifetime(claims, authority.clock.now(), _LONGEST, needs_start=client.is_fapi)
    except BadJwt as error:
        raise InvalidRequestObject(error.detail) from error
    audience = claims.get("aud")
    told = audience if isinstance(audience, list) else [audience]
    if authority.issuer not in told:
        raise InvalidRequestObject("The request object's aud is not this issuer.")
    if claims.get("iss") != client.client_id or claims.get("client_id") != client.client_id:
        raise InvalidRequestObject("iss and client_id of the request object are the client's.")
    if {"request", "request_uri", "sub"} & claims.keys():
        raise InvalidRequestObject("The request object holds what it must not.")
    return Parameters(_as_parameters(claims), frozenset())


def _as_parameters(claims: Mapping[str, Any]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in claims.items():
        if name in ("iss", "aud", "exp", "nbf", "iat", "jti"):
            continue
        if isinstance(value, str):
            text = value
        elif name == "resource" and isinstance(value, list):
            text = " ".join(map(str, value))
        else:
            text = jsonio.dumps(value).decode()
        if "\x00" in text:
            raise InvalidRequestObject("A parameter contains NUL.")
        if text:
            values[name] = text
    return values


def read_asked(
    conn: Connection,
    authority: Authority,
    client: KnownClient,
    values: Mapping[str, str],
    redirect_uri: str | None,
) -> Asked:
    """What the parameters ask for; an OAuth2Error that may be sent to `redirect_uri`."""
    entries = _entries(authority, values, redirect_uri)
    open_scopes = to_list(values.get("scope"))
    scopes = list(dict.fromkeys([*open_scopes, *_scopes_of(entries)]))
    purpose = _purpose(client, values, entries, scopes, redirect_uri)
    if not scopes:
        open_scopes = scopes = list(purpose["scopes"])
    action, grant_id = _grant(conn, client, values, redirect_uri)
    thumbprint = values.get("dpop_jkt")
    if thumbprint is not None and not _THUMBPRINT.fullmatch(thumbprint):
        raise InvalidRequestError("dpop_jkt is no thumbprint.", redirect_uri=redirect_uri)
    resources = read_resources(authority, values.get("resource"), redirect_uri)
    _check_ends(authority, entries, redirect_uri)
    return Asked(purpose, scopes, open_scopes, entries, resources, action, grant_id)


def keep_asked(db: Session, authority: Authority, client_id: str, asked: Asked, **more: Any) -> str:
    """Keep what is asked for until its owner answers; `more` is what `open_request` takes beside
    it. The secret of its page's address."""
    return open_request(
        db,
        authority.clock,
        client=db.get_one(Client, client_id),
        purpose=asked.purpose,
        scopes=asked.scopes,
        open_scopes=asked.open_scopes,
        entries=[entry.written() for entry in asked.entries],
        changes=(asked.action, asked.grant_id) if asked.grant_id is not None else None,
        **more,
    )


def read_resources(
    authority: Authority, text: str | None, redirect_uri: str | None = None
) -> list[str] | None:
    """The resources that a parameter names (RFC 8707 §2), None for none. InvalidTarget."""
    if text is None:
        return None
    told = [one.rstrip("/") for one in to_list(text)]
    if not told or not set(told) <= set(authority.resources):
        raise InvalidTarget(redirect_uri=redirect_uri)
    return told


def _entries(
    authority: Authority, values: Mapping[str, str], redirect_uri: str | None
) -> list[Entry]:
    text = values.get("authorization_details")
    if text is None:
        return []
    try:
        return read_details(text, authority.resources)
    except BadDetails as error:
        raise InvalidAuthorizationDetails(str(error), redirect_uri=redirect_uri) from error


def _scopes_of(entries: list[Entry]) -> list[str]:
    return [scope_of(category) for entry in entries for category in entry.datatypes]


def _purpose(
    client: KnownClient,
    values: Mapping[str, str],
    entries: list[Entry],
    scopes: list[str],
    redirect_uri: str | None,
) -> dict[str, Any]:
    """The registered purpose that the request is for: the one it names, or the first that covers
    what it asks. All entries are for one."""
    named = {entry.purpose for entry in entries if entry.purpose is not None}
    named |= {values["purpose"]} if "purpose" in values else set()
    if len(named) > 1:
        raise InvalidRequestError("One request is for one purpose.", redirect_uri=redirect_uri)
    known = [p for p in client.purposes if not named or p["purpose"] in named]
    if named and not known:
        raise InvalidRequestError(
            "The purpose is none that this client has declared.", redirect_uri=redirect_uri
        )
    for purpose in known:
        if set(scopes) <= set(purpose["scopes"]):
            return purpose
    raise InvalidScopeError(
        "No declared purpose of this client covers these scopes.", redirect_uri=redirect_uri
    )


def _grant(
    conn: Connection, client: KnownClient, values: Mapping[str, str], redirect_uri: str | None
) -> tuple[str | None, UUID | None]:
    """What becomes of which grant (OpenID Grant Management, draft 03, §5.1)."""
    action, text = values.get("grant_management_action"), values.get("grant_id")
    if action is None and text is None:
        return None, None
    if action not in ACTIONS or (action == "create") != (text is None):
        raise InvalidRequestError(
            "grant_management_action is create, or merge or replace with a grant_id.",
            redirect_uri=redirect_uri,
        )
    if text is None:
        return action, None
    place = find_own_place(conn, client.client_id, text)
    if place is None:
        raise InvalidGrantId(redirect_uri=redirect_uri)
    return action, place.grant_id


def _check_ends(authority: Authority, entries: list[Entry], redirect_uri: str | None) -> None:
    now: datetime = authority.clock.now()
    longest = timedelta(days=authority.settings.grant_max_days)
    for entry in entries:
        if entry.until is not None and not now < entry.until <= now + longest:
            raise InvalidAuthorizationDetails(
                "An entry ends in the past, or later than any permission here.",
                redirect_uri=redirect_uri,
            )
