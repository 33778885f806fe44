"""Client authentication (RFC 6749 §2.3): exactly one method, and failures that tell nothing."""

from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from sqlalchemy import Connection

from app.oauth.client import OAuthClient
from app.oauth.http import Ask, OAuthRequest
from app.organizations.clients import check_secret, find_client

METHODS = ("client_secret_basic", "client_secret_post", "none")

_FAILED = "Client authentication failed."
_TWO = "Authenticate the client in one way, not in two."


def authenticate(conn: Connection, request: OAuthRequest) -> OAuthClient:
    """The client that proved itself, or InvalidClientError with one and the same answer for an
    unknown client, a disabled one and a wrong secret; InvalidRequestError for two methods."""
    client_id, secret, method = read_credentials(request.form, request.headers.get("Authorization"))
    known = find_client(conn, client_id)
    is_right = check_secret(known, secret or "")
    if known is None or known.is_public != (secret is None):
        raise InvalidClientError(_FAILED, status_code=401)
    if secret is not None and not is_right:
        raise InvalidClientError(_FAILED, status_code=401)
    request.auth_method = method
    return OAuthClient(known)


def rate_subject(conn: Connection, ask: Ask) -> str:
    """What a rate limit counts: the client, apart from those who only use its name."""
    try:
        client_id, secret, _ = read_credentials(ask.form, ask.authorization)
    except (InvalidClientError, InvalidRequestError):
        return "nobody"
    known = find_client(conn, client_id)
    is_proven = check_secret(known, secret or "")
    if known is None:
        return "unknown"
    return client_id if is_proven or known.is_public else f"{client_id}\0unproven"


def read_credentials(
    form: Mapping[str, str], authorization: str | None
) -> tuple[str, str | None, str]:
    """Client id, secret (None for a public client) and the method that carried them."""
    posted_id, posted_secret = form.get("client_id"), form.get("client_secret")
    if "client_assertion" in form or "client_assertion_type" in form:
        if authorization is not None or posted_secret is not None:
            raise InvalidRequestError(_TWO)
        raise InvalidClientError(_FAILED, status_code=401)
    if authorization is None:
        if posted_id is None:
            raise InvalidClientError(_FAILED, status_code=401)
        return posted_id, posted_secret, "client_secret_post" if posted_secret else "none"
    if posted_secret is not None:
        raise InvalidRequestError(_TWO)
    client_id, secret = _read_basic(authorization)
    if posted_id not in (None, client_id):
        raise InvalidRequestError("The client_id in the form is not the one that authenticates.")
    return client_id, secret, "client_secret_basic"


def _read_basic(authorization: str) -> tuple[str, str]:
    """Id and secret, each form-encoded inside of Basic (RFC 6749 §2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClientError(_FAILED, status_code=401)
    try:
        plain = b64decode(encoded.strip(), validate=True).decode()
        client_id, colon, secret = plain.partition(":")
        client_id = unquote_plus(client_id, errors="strict")
        secret = unquote_plus(secret, errors="strict")
    except ValueError as error:
        raise InvalidRequestError("The header Authorization is not valid Basic.") from error
    if not colon or not client_id:
        raise InvalidRequestError("The header Authorization is not valid Basic.")
    return client_id, secret
