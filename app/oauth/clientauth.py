"""Client authentication (RFC 6749 §2.3): exactly one method, and failures that tell nothing."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidGrantError, InvalidRequestError
from sqlalchemy import Connection

from app.oauth.authority import TOKEN_PATH, Authority
from app.oauth.client import OAuthClient
from app.oauth.device_assertion import JWT_BEARER, Device, object_of, open_assertion
from app.oauth.http import Ask, form_decoded
from app.oauth.jwt import BadJwt, check_lifetime, is_for_us, open_jwt, peek, read_jwt
from app.oauth.replay import burn, jti_of
from app.organizations.clients import KnownClient, check_secret

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")

_FAILED = "Client authentication failed."
_TWO = "Authenticate the client in one way, not in two."
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CLIENTS = {"client_id", "client_secret", "client_assertion", "client_assertion_type"}
_LONGEST = timedelta(hours=1)  # that an assertion may live


class Credentials(NamedTuple):
    """Who a caller says to be, and what it shows: a secret, an assertion, or neither; or, as no
    client, the assertion that is a grant itself (RFC 7523 §2.1)."""

    client_id: str
    secret: str | None = None
    assertion: str | None = None
    grant: str | None = None


@dataclass(frozen=True)
class Caller:
    """A client that proved itself, or the error that says that it did not; `subject` is what a
    rate limit counts: a client, apart from those who only use its name. `jkt` is the thumbprint of
    the key whose proof of possession came along (RFC 9449). A `device` is no client."""

    subject: str
    client: OAuthClient | None = None
    jkt: str | None = None
    error: OAuth2Error | None = None
    device: Device | None = None


def authenticate(
    conn: Connection,
    authority: Authority,
    told: "Credentials | OAuth2Error",
    find: Callable[[str], KnownClient | None],
) -> Caller:
    """Who calls: one and the same error for an unknown client, a disabled one and a wrong secret.
    `find` gives the client of an id.

    An assertion is used up in this transaction. KeysWanted goes through.
    """
    if isinstance(told, OAuth2Error):
        return Caller("nobody", error=told)
    if told.grant is not None:
        return _device(conn, authority, told.grant)
    known = find(told.client_id)
    is_right = check_secret(known, told.secret or "")  # also for nobody, so that it takes as long
    if known is None:
        return Caller("unknown", error=_failed())
    if told.assertion is not None:
        is_right = _check_assertion(conn, authority, known, told.assertion)
    elif told.secret is None:
        is_right = known.is_public
    elif known.auth_method == "private_key_jwt":
        is_right = False
    if not is_right:
        return Caller(f"{known.client_id}\0unproven", error=_failed())
    return Caller(known.client_id, OAuthClient(known))


def _device(conn: Connection, authority: Authority, text: str) -> Caller:
    """The object that an assertion is of; what failed counts apart, so that nobody uses up its
    room by its name."""
    object_id = None
    try:
        signed, claims = read_jwt(text)
        object_id = object_of(authority, claims)
        device = open_assertion(conn, authority, object_id, signed, claims)
    except BadJwt as error:
        return Caller(f"object\0{object_id}\0unproven", error=InvalidGrantError(error.detail))
    return Caller(f"object\0{object_id}", device=device)


def credentials_of(ask: Ask) -> Credentials | OAuth2Error:
    """What the request shows of its client, or what is wrong with that. In place of a client, an
    object's assertion counts where tokens are asked for, and nowhere else."""
    form, shown = ask.form, ask.authorization
    is_grant = ask.path == TOKEN_PATH and form.get("grant_type") == JWT_BEARER
    try:
        if is_grant and shown is None and "assertion" in form and not _CLIENTS & form.keys():
            return Credentials("", grant=form["assertion"])
        return read_credentials(form, shown)
    except (InvalidClientError, InvalidRequestError) as error:
        return error


def read_credentials(form: Mapping[str, str], authorization: str | None) -> Credentials:
    """What the request shows of its client; errors where it is nothing, or more than one thing."""
    posted_id, posted_secret = form.get("client_id"), form.get("client_secret")
    has_assertion = "client_assertion" in form or "client_assertion_type" in form
    shown = [authorization is not None, posted_secret is not None, has_assertion]
    if sum(shown) > 1:
        raise InvalidRequestError(_TWO)
    if has_assertion:
        return _read_assertion(form)
    if authorization is None:
        if posted_id is None:
            raise _failed()
        return Credentials(posted_id, posted_secret)
    client_id, secret = _read_basic(authorization)
    if posted_id not in (None, client_id):
        raise InvalidRequestError("The client_id in the form is not the one that authenticates.")
    return Credentials(client_id, secret)


def _failed() -> InvalidClientError:
    return InvalidClientError(_FAILED, status_code=401)


def _read_assertion(form: Mapping[str, str]) -> Credentials:
    """The assertion (RFC 7523 §2.2) and whom it names."""
    text = form.get("client_assertion")
    if text is None or form.get("client_assertion_type") != _ASSERTION:
        raise _failed()
    try:
        _, claims = peek(text)
    except BadJwt as error:
        raise _failed() from error
    client_id = claims.get("sub")
    if not isinstance(client_id, str):
        raise _failed()
    if form.get("client_id") not in (None, client_id):
        raise InvalidRequestError("The client_id in the form is not the one that authenticates.")
    return Credentials(client_id, assertion=text)


def _check_assertion(
    conn: Connection, authority: Authority, client: KnownClient, text: str
) -> bool:
    """Whether the client signed it, for us, now, and for the first time (RFC 7523 §3)."""
    if client.auth_method != "private_key_jwt":
        return False
    try:
        claims = open_jwt(authority, client, text)
        ends = check_lifetime(claims, authority.clock.now(), _LONGEST)
    except BadJwt:
        return False
    jti = jti_of(claims)
    return (
        claims.get("iss") == claims.get("sub") == client.client_id
        and is_for_us(claims, authority)
        and (claims["aud"] == authority.issuer or not client.is_fapi)  # FAPI: that plain text alone
        and jti is not None
        and burn(conn, "assertion", f"{client.client_id}\0{jti}", ends)
    )


def _read_basic(authorization: str) -> tuple[str, str]:
    """Id and secret, each form-encoded inside of Basic (RFC 6749 §2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise _failed()
    try:
        plain = b64decode(encoded.strip(), validate=True).decode()
        client_id, colon, secret = plain.partition(":")
        client_id, secret = form_decoded(client_id), form_decoded(secret)
    except ValueError as error:
        raise InvalidRequestError("The header Authorization is not valid Basic.") from error
    if not colon or not client_id:
        raise InvalidRequestError("The header Authorization is not valid Basic.")
    return client_id, secret
