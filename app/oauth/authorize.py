"""The authorization endpoint (RFC 6749 §4.1.1) and the one that requests are pushed to (RFC 9126):
a checked request is kept on the server, and the owner's browser goes on with its ticket alone."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.consent.errors import AboveLimits
from app.consent.grants import find_place
from app.consent.requests import is_waiting
from app.consent.unasked import Unasked, refuse_early
from app.kit import problems
from app.kit.crypto import b64u, sha256
from app.kit.ids import new_secret
from app.oauth import queries
from app.oauth.answer import refused_members
from app.oauth.asking import Asked, keep_asked, open_request_object, read_asked
from app.oauth.authority import Authority
from app.oauth.clientauth import Caller
from app.oauth.errors import InvalidRequestObject, InvalidRequestUri, Undone
from app.oauth.http import (
    NOT_ASKED,
    Answer,
    Ask,
    OAuthRequest,
    Parameters,
    error_members,
    read_parameters,
    refusal,
    with_parameters,
)
from app.oauth.models import PushedRequest
from app.oauth.server import Server
from app.objects.categories import category_of
from app.organizations.clients import KnownClient, find_client

URI = "urn:ietf:params:oauth:request_uri:"


class NotTrusted(Exception):
    """The request names no client, or no address of it, that an answer could be sent to."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def asking_client(query: str) -> str:
    """The client that a request in the address says it is of; nothing where it cannot be read."""
    try:
        return read_parameters(query).values.get("client_id", "")
    except OAuth2Error:
        return ""


def authorize(db: Session, authority: Authority, query: str) -> str:
    """Where the browser goes: to the consent page, or back to the client with an error.

    NotTrusted when it may go nowhere; KeysWanted.
    """
    state: str | None = None
    try:
        parameters = read_parameters(query)
        secret = _pushed_secret(parameters)
        if secret is not None:
            request = _pushed(db, authority, parameters, secret)
        else:
            request = _direct(db.connection(), authority, parameters)
        state = request.payload.state
        ticket = _ticket_of(secret) if secret is not None else new_secret()
        if secret is None or not is_waiting(db, authority.clock, ticket):
            _open(db, authority, request, ticket)
    except OAuth2Error as error:
        if not error.redirect_uri:
            raise NotTrusted(error.description or "The request cannot be read.") from error
        return _back(authority, error, state or parameters.values.get("state"))
    return f"{authority.issuer}/consent/{ticket}"


def push(conn: Connection, authority: Authority, ask: Ask, caller: Caller) -> Answer:
    """Keep a request for later (RFC 9126 §2): checked now, as it would be in the address."""
    assert caller.client is not None  # admitted
    client = caller.client.known
    values = {name: value for name, value in ask.form.items() if name not in NOT_ASKED}
    try:
        if "request_uri" in values:
            raise InvalidRequestError("A pushed request has no request_uri.")
        if "request" in values:
            values = dict(open_request_object(authority, client, values["request"]).values)
        if values.setdefault("client_id", client.client_id) != client.client_id:
            raise InvalidRequestError("The request is another client's.")
        if caller.jkt is not None and values.setdefault("dpop_jkt", caller.jkt) != caller.jkt:
            raise InvalidRequestError("dpop_jkt is not the key of the proof.")
        request = _request(authority, Parameters(values, frozenset()), is_pushed=True)
        _, asked = _check(conn, authority, request)
    except OAuth2Error as error:
        raise Undone(refusal(error)) from error
    why = _refused_early(conn, authority, client, asked)
    if why is not None:
        limits = {"limits": why.written()}
        return Answer(
            problems.STATUS[AboveLimits.kind], refused_members(authority.issuer, why) | limits
        )
    return _keep(conn, authority, values)


def _refused_early(
    conn: Connection, authority: Authority, client: KnownClient, asked: Asked
) -> Unasked | None:
    """Why the owner of the grant that a request is to change is not to be asked."""
    place = None if asked.grant_id is None else find_place(conn, asked.grant_id)
    if place is None:
        return None
    told = {
        "purpose": asked.purpose["purpose"],
        "entries": [entry.written() for entry in asked.entries],
        "open": [category_of(scope) for scope in asked.open_scopes],
        "details": [],
    }
    longest = timedelta(days=authority.settings.grant_max_days)
    return refuse_early(conn, authority.clock, place.owner_id, client, told, longest)


def _keep(conn: Connection, authority: Authority, values: Mapping[str, str]) -> Answer:
    secret, now = new_secret(), authority.clock.now()
    life = authority.settings.pushed_seconds
    row = {
        "uri_hash": sha256(secret),
        "client_id": values["client_id"],
        "parameters": dict(values),
        "created_at": now,
        "expires_at": now + timedelta(seconds=life),
    }
    conn.execute(queries.ADD_PUSHED, [row])
    return Answer(201, {"request_uri": URI + secret, "expires_in": life})


def _pushed_secret(parameters: Parameters) -> str | None:
    """The secret of the request that was pushed; what else stands in the address does not count."""
    uri = parameters.values.get("request_uri")
    if uri is None:
        return None
    if {"request_uri", "client_id"} & parameters.repeated or "request" in parameters.values:
        raise InvalidRequestError("Send client_id and request_uri once, and no request.")
    if not uri.startswith(URI):
        raise InvalidRequestUri
    return uri.removeprefix(URI)


def _ticket_of(secret: str) -> str:
    """The secret of the page's address: the same each time the browser comes, until the request is
    answered."""
    return b64u(sha256(f"the page of a pushed request\0{secret}"))


def _pushed(db: Session, authority: Authority, parameters: Parameters, secret: str) -> OAuthRequest:
    """The pushed request as it was checked. A reload finds it again; once its owner has answered,
    it is used (RFC 9126 §4). Its row is locked, so that of two visits at once one opens the page
    and the other finds it."""
    row = db.get(PushedRequest, sha256(secret), with_for_update=True)
    now = authority.clock.now()
    if row is None or row.client_id != parameters.values.get("client_id") or row.expires_at <= now:
        raise InvalidRequestUri
    if is_waiting(db, authority.clock, _ticket_of(secret)) is False:
        raise InvalidRequestUri
    return _request(authority, Parameters(row.parameters, frozenset()), is_pushed=True)


def _direct(conn: Connection, authority: Authority, parameters: Parameters) -> OAuthRequest:
    """The request in the address, or in the request object that stands there (RFC 9101 §5)."""
    text = parameters.values.get("request")
    if text is None:
        return _request(authority, parameters)
    if {"request", "client_id"} & parameters.repeated:
        raise InvalidRequestError("Send client_id and request once.")
    client = find_client(conn, parameters.values.get("client_id", ""))
    if client is None:
        raise InvalidRequestObject("There is no such client.")
    return _request(authority, open_request_object(authority, client, text))


def _request(
    authority: Authority, parameters: Parameters, *, is_pushed: bool = False
) -> OAuthRequest:
    return OAuthRequest(
        "GET",
        f"{authority.issuer}/oauth/authorize",
        parameters.values,
        repeated=parameters.repeated,
        is_pushed=is_pushed,
    )


def _check(conn: Connection, authority: Authority, request: OAuthRequest) -> tuple[Any, Asked]:
    grant = Server(conn, authority).get_consent_grant(request)
    known = grant.client.known
    return grant, read_asked(conn, authority, known, request.payload.data, grant.redirect_uri)


def _open(db: Session, authority: Authority, request: OAuthRequest, ticket: str) -> None:
    grant, asked = _check(db.connection(), authority, request)
    keep_asked(
        db,
        authority,
        request.client.client_id,
        asked,
        ticket=ticket,
        protocol=_protocol(request, asked),
        redirect_host=urlsplit(grant.redirect_uri).netloc,
        life=timedelta(minutes=authority.settings.request_minutes),
    )


def _protocol(request: OAuthRequest, asked: Asked) -> dict[str, Any]:
    """What answering needs, kept here so that it never comes back from the browser."""
    payload = request.payload
    return {
        "redirect_uri": payload.redirect_uri,
        "state": payload.state,
        "code_challenge": payload.data["code_challenge"],
        "scopes": asked.scopes,
        "jkt": payload.data.get("dpop_jkt"),
        "resources": asked.resources,
    }


def _back(authority: Authority, error: OAuth2Error, state: str | None) -> str:
    """An error answer with the state as it came and the issuer (RFC 9207)."""
    said = error_members(error)
    said += [("state", state)] if state else []
    return with_parameters(error.redirect_uri, [*said, ("iss", authority.issuer)])
