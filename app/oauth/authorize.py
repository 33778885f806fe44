"""The authorization endpoint (RFC 6749 §4.1.1): a checked request is kept on the server, and the
owner's browser goes on with its ticket alone."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError
from sqlalchemy.orm import Session

from app.consent.requests import open_request
from app.kit.clock import Clock
from app.oauth.http import OAuthRequest, error_members, read_parameters, with_parameters
from app.oauth.scopes import to_list
from app.oauth.server import Server
from app.organizations.models import Client
from app.settings import Settings


class NotTrusted(Exception):
    """The request names no client, or no address of it, that an answer could be sent to."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def authorize(db: Session, clock: Clock, settings: Settings, query: str) -> str:
    """Where the browser goes: to the consent page, or back to the client with an error.

    NotTrusted when it may go nowhere.
    """
    try:
        parameters = read_parameters(query)
        uri = f"{settings.origin}/oauth/authorize"
        request = OAuthRequest("GET", uri, parameters.values, repeated=parameters.repeated)
        grant = Server(db.connection(), clock, settings).get_consent_grant(request)
        purpose, scopes = _choose(grant)
    except OAuth2Error as error:
        if not error.redirect_uri:
            raise NotTrusted(error.description) from error
        return _back(settings, error, request.payload.state)
    ticket = open_request(
        db,
        clock,
        client=db.get_one(Client, request.client.client_id),
        purpose=purpose,
        scopes=scopes,
        protocol=_protocol(request, scopes),
        redirect_host=urlsplit(grant.redirect_uri).netloc,
        life=timedelta(minutes=settings.request_minutes),
    )
    return f"{settings.origin}/consent/{ticket}"


def _choose(grant: Any) -> tuple[dict[str, Any], list[str]]:
    """The registered purpose that the request is for, and the scopes it asks for: all of the
    purpose's where it names none."""
    values = grant.request.payload.data
    purposes, named = grant.client.known.purposes, values.get("purpose")
    known = [p for p in purposes if named in (None, p["purpose"])]
    if named is not None and not known:
        raise InvalidRequestError(
            "The purpose is none that this client has declared.", redirect_uri=grant.redirect_uri
        )
    wanted = to_list(values.get("scope"))
    for purpose in known:
        if set(wanted) <= set(purpose["scopes"]):
            return purpose, wanted or list(purpose["scopes"])
    raise InvalidScopeError(
        "No declared purpose of this client covers these scopes.", redirect_uri=grant.redirect_uri
    )


def _protocol(request: OAuthRequest, scopes: list[str]) -> dict[str, Any]:
    """What answering needs, kept here so that it never comes back from the browser."""
    payload = request.payload
    return {
        "redirect_uri": payload.redirect_uri,
        "state": payload.state,
        "code_challenge": payload.data["code_challenge"],
        "scopes": scopes,
    }


def _back(settings: Settings, error: OAuth2Error, state: str | None) -> str:
    """An error answer with the state as it came and the issuer (RFC 9207)."""
    said = error_members(error)
    said += [("state", state)] if state else []
    return with_parameters(error.redirect_uri, [*said, ("iss", settings.origin)])
