"""Signed tokens that clients send: opened with the sender's keys, and with nothing else."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from app.kit import jsonio
from app.kit.errors import InvalidJson
from app.oauth.authority import Authority
from app.oauth.signatures import ALGORITHMS, is_signed_by, read_signed
from app.organizations.clients import KnownClient

SKEW = timedelta(seconds=30)  # how far another's clock may be ahead
_LONGEST = 16 * 1024


class BadJwt(Exception):
    """It does not count; `detail` says why, in fixed words."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def peek(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a compact JWS, not verified: to know whose keys to ask for. BadJwt."""
    found, claims = read_jwt(text)
    return dict(found.headers()), claims


def read_jwt(text: str) -> tuple[jws.CompactSignature, dict[str, Any]]:
    """A compact JWS and its claims, not verified. BadJwt."""
    if len(text) > _LONGEST:
        raise BadJwt("The JWT is very long.")
    try:
        found = read_signed(text)
        claims = jsonio.loads(found.payload)
    except (JoseError, InvalidJson, ValueError, TypeError) as error:
        raise BadJwt("The JWT cannot be read.") from error
    if not isinstance(claims, dict):
        raise BadJwt("The JWT cannot be read.")
    return found, claims


def open_jwt(authority: Authority, client: KnownClient, text: str) -> dict[str, Any]:
    """The claims of a JWT that the client signed (RFC 7515 §5.2), by an algorithm that is taken
    here. BadJwt, KeysWanted."""
    found, claims = read_jwt(text)
    header = found.headers()
    alg, kid = header.get("alg"), header.get("kid")
    if alg not in ALGORITHMS or "crit" in header:
        raise BadJwt("The JWT's alg is none that is taken here.")
    if kid is not None and not isinstance(kid, str):
        raise BadJwt("The JWT's kid is no text.")
    for key in authority.client_keys.keys_for(client, kid, alg):
        with suppress(JoseError, ValueError):
            if is_signed_by(found, key):
                return claims
    raise BadJwt("The JWT is not signed by a key of the client.")


def is_for_us(claims: Mapping[str, Any], authority: Authority) -> bool:
    """Whether it is for this issuer and nobody else: `aud` is that, or the token endpoint, which
    many libraries name, or a list of one of them."""
    audience = claims.get("aud")
    told = audience[0] if isinstance(audience, list) and len(audience) == 1 else audience
    return told in (authority.issuer, authority.token_endpoint)


def check_lifetime(
    claims: Mapping[str, Any], now: datetime, longest: timedelta, *, needs_start: bool = False
) -> datetime:
    """When it ends: it must, within `longest`, and it has begun (RFC 7519 §4.1.4 to §4.1.6).
    With `needs_start`, `nbf` must be there, and no further back than `longest`. BadJwt."""
    ends = _time(claims, "exp")
    if ends is None or ends <= now:
        raise BadJwt("The JWT has run out, or has no exp.")
    if ends > now + longest + SKEW:
        raise BadJwt("The JWT's exp is too far away.")
    starts = _time(claims, "nbf")
    if needs_start and (starts is None or starts < now - longest - SKEW):
        raise BadJwt("The JWT has no nbf, or one that is long ago.")
    for begins in (starts, _time(claims, "iat")):
        if begins is not None and begins > now + SKEW:
            raise BadJwt("The JWT does not count yet.")
    return ends


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    told = claims.get(name)
    if told is None:
        return None
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told < 2**37:
        raise BadJwt(f"The JWT's {name} is no time.")
    return datetime.fromtimestamp(told, UTC)
