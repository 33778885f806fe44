"""Who calls an endpoint of the authorization server, and with which key in hand."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from authlib.oauth2 import OAuth2Error
from sqlalchemy import Connection

from app.kit.errors import TooManyRequests
from app.kit.limits import Limit, spend_together
from app.oauth.authority import Authority
from app.oauth.clientauth import Caller, Credentials, authenticate
from app.oauth.dpop import BadProof, NonceWanted, Proof, check_proof
from app.oauth.errors import InvalidDpopProof, UseDpopNonce
from app.oauth.http import Ask
from app.oauth.jwks import KeysWanted
from app.organizations.clients import KnownClient, find_client

Admitted = Caller | TooManyRequests | KeysWanted


def admit(
    conn: Connection, authority: Authority, asked: Sequence[tuple[Ask, Credentials | OAuth2Error]]
) -> list[Admitted]:
    """The caller of each form, by what it shows, counted. What is wrong is told, not raised, so
    that the count stays, and so that assertion and proof stay used up."""

    @cache
    def find(client_id: str) -> KnownClient | None:
        return find_client(conn, client_id)

    def look(shown: Credentials | OAuth2Error) -> Caller | KeysWanted:
        try:
            return authenticate(conn, authority, shown, find)
        except KeysWanted as wanted:
            return wanted

    limit = Limit("token", authority.settings.rate_token_per_minute, 60)
    found = [look(shown) for _, shown in asked]
    subjects = [one.subject for one in found if isinstance(one, Caller)]
    over = iter(spend_together(conn, authority.clock, limit, subjects))
    return [
        (next(over) or _with_key(conn, authority, ask, caller))
        if isinstance(caller, Caller)
        else caller
        for (ask, _), caller in zip(asked, found, strict=True)
    ]


def _with_key(conn: Connection, authority: Authority, ask: Ask, caller: Caller) -> Caller:
    """The caller with the key that it proved to have, where it came with a proof."""
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
