"""A vendor's own signature over an agreement that it holds (RFC 7515)."""

import hmac

from joserfc.errors import JoseError

from app.consent.errors import SignatureDoesNotMatch
from app.oauth.authority import Authority
from app.oauth.jwt import BadJwt, open_jwt
from app.oauth.signatures import read_signed
from app.organizations.clients import KnownClient


def check_signature(
    authority: Authority, client: KnownClient, text: str, document: bytes
) -> tuple[str, str]:
    """Header and signature of a compact JWS that the client made over these very bytes, in
    base64url. SignatureDoesNotMatch, KeysWanted."""
    try:
        open_jwt(authority, client, text)
        payload = read_signed(text).payload
    except (BadJwt, JoseError, ValueError) as error:
        raise SignatureDoesNotMatch(getattr(error, "detail", "")) from error
    if not hmac.compare_digest(payload, document):
        raise SignatureDoesNotMatch("It is over other bytes than the document.")
    protected, _, signature = text.split(".")
    return protected, signature
