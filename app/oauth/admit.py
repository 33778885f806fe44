"""Who calls an endpoint of the authorization server, and with which key in hand."""

from dataclasses import replace

from authlib.oauth2 import OAuth2Error
from sqlalchemy import Connection

from app.kit.limits import Limit, spend
from app.oauth.authority import Authority
from app.oauth.clientauth import Caller, authenticate
from app.oauth.dpop import BadProof, NonceWanted, Proof, check_proof
from app.oauth.errors import InvalidDpopProof, UseDpopNonce
from app.oauth.http import Ask


def admit(conn: Connection, authority: Authority, ask: Ask) -> Caller:
    """The caller of a form's endpoint, counted. What is wrong is told, not raised, so that the
    count stays, and so that assertion and proof stay used up. TooManyRequests, KeysWanted."""
    caller = authenticate(conn, authority, ask)
    limit = Limit("token", authority.settings.rate_token_per_minute, 60)
    spend(conn, authority.clock, limit, caller.subject)
    if caller.error is not None or ask.proof is None:
        return caller
    proof = Proof(ask.proof, "POST", authority.issuer + ask.path, authority.nonces)
    try:
        return replace(caller, jkt=check_proof(conn, proof))
    except BadProof as error:
        return replace(caller, error=_oauth_error(error, authority))


def _oauth_error(error: BadProof, authority: Authority) -> OAuth2Error:
    if isinstance(error, NonceWanted):
        return UseDpopNonce(error.detail, authority.nonces.current())
    return InvalidDpopProof(error.detail)
