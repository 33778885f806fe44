"""Proof of possession (RFC 9449): a token that is bound to a key works with that key alone.

A proof is for one request, counts once, and carries a nonce of ours (§8), so that none can be made
in advance. The nonce is a keyed hash of the present window of time: nothing of it is stored.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from sqlalchemy import Connection

from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.crypto import b64u
from app.kit.errors import InvalidJson
from app.oauth.jwks import read_rsa
from app.oauth.replay import burn, jti_of
from app.oauth.signatures import ALGORITHMS, is_signed_by, read_signed

_TYPE = "dpop+jwt"
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}
_KEYS: dict[str, Any] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
_CURVES = {"ES256": "P-256", "Ed25519": "Ed25519", "EdDSA": "Ed25519"}
_LONGEST = 8 * 1024
_WINDOW = 300  # seconds that a nonce is the present one; it is taken for as long again
_BEHIND, _AHEAD = timedelta(seconds=300), timedelta(seconds=10)


class BadProof(Exception):
    """The proof does not count; `detail` says why, in fixed words."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NonceWanted(BadProof):
    """The proof is good but for its nonce: the caller sends another one with the present one."""


@dataclass(frozen=True)
class Nonces:
    """What the service wants to see in a proof, the same on all workers of a machine."""

    keys: Callable[[], Mapping[str, bytes]]
    clock: Clock

    def current(self) -> str:
        """The nonce to send with the next proof."""
        return _nonce(next(iter(self.keys().values())), self._window())

    def is_good(self, nonce: str) -> bool:
        """Whether it is the present one or the one before."""
        now = self._window()
        told = nonce.encode()
        return any(
            hmac.compare_digest(_nonce(key, window).encode(), told)
            for key in self.keys().values()
            for window in (now, now - 1)
        )

    def _window(self) -> int:
        return int(self.clock.now().timestamp()) // _WINDOW


@dataclass(frozen=True)
class Proof:
    """A proof as it came, and the request that it came with."""

    text: str
    method: str
    url: str
    nonces: Nonces = field(compare=False, repr=False)


def check_proof(conn: Connection, proof: Proof, *, token: str | None = None) -> str:
    """The thumbprint of the key that made the proof (RFC 7638); BadProof, NonceWanted.

    With `token`, the proof must be for it (`ath`). The proof is used up in this transaction.
    """
    key, claims = _open(proof.text)
    now = proof.nonces.clock.now()
    _check_request(proof, claims)
    issued = _check_time(claims, now)
    if token is not None and claims.get("ath") != b64u(sha256(token.encode()).digest()):
        raise BadProof("ath is not the hash of the access token.")
    jti = jti_of(claims)
    if jti is None:
        raise BadProof("There is no jti, or a very long one.")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not proof.nonces.is_good(nonce):
        raise NonceWanted("Send the proof with the nonce of the header DPoP-Nonce.")
    thumbprint = str(key.thumbprint())
    if not burn(conn, "dpop", f"{thumbprint}\0{jti}", issued + _BEHIND + _AHEAD):
        raise BadProof("A proof with this jti came before.")
    return thumbprint


def _open(text: str) -> tuple[Key, dict[str, Any]]:
    """The key that a proof carries and that signed it, and its claims (§4.3)."""
    if len(text) > _LONGEST:
        raise BadProof("The proof is very long.")
    try:
        found = read_signed(text)
        header: dict[str, Any] = dict(found.headers())
        if header.get("typ") != _TYPE:
            raise BadProof(f"The proof's typ is not {_TYPE}.")
        if header.get("alg") not in ALGORITHMS or "crit" in header:
            raise BadProof("The proof's alg is none that is taken here.")
        key = _key(header)
        if not is_signed_by(found, key):
            raise BadProof("The proof is not signed by its key.")
        claims = jsonio.loads(found.payload)
    except (JoseError, InvalidJson, ValueError, TypeError, KeyError) as error:
        raise BadProof("The proof cannot be read.") from error
    if not isinstance(claims, dict):
        raise BadProof("The proof cannot be read.")
    return key, claims


def _key(header: Mapping[str, Any]) -> Key:
    """The public key in a proof's header, fit for its algorithm."""
    jwk, alg = header.get("jwk"), header["alg"]
    if not isinstance(jwk, dict) or _PRIVATE & jwk.keys() or jwk.get("kty") not in _KEYS:
        raise BadProof("The proof's jwk is no public key.")
    if alg in _CURVES and jwk.get("crv") != _CURVES[alg]:
        raise BadProof("The proof's jwk is not for its alg.")
    needed = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    if (jwk["kty"] == "RSA") != (alg == "PS256"):
        raise BadProof("The proof's jwk is not for its alg.")
    if jwk["kty"] == "RSA":
        read_rsa(jwk)  # before anything is reckoned with it
    key: Key = _KEYS[jwk["kty"]].import_key(needed)
    return key


def _check_request(proof: Proof, claims: Mapping[str, Any]) -> None:
    """Method and address are those of the request, whatever its query (§4.3)."""
    if claims.get("htm") != proof.method:
        raise BadProof("htm is not the method of this request.")
    told = claims.get("htu")
    if not isinstance(told, str) or _plain(told) != _plain(proof.url):
        raise BadProof("htu is not the address of this request.")


def _check_time(claims: Mapping[str, Any], now: datetime) -> datetime:
    told = claims.get("iat")
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 < told < 2**40:
        raise BadProof("iat is no time.")
    issued = datetime.fromtimestamp(told, UTC)
    if not now - _BEHIND <= issued <= now + _AHEAD:
        raise BadProof("The proof was made too long ago, or in the future.")
    return issued


def _plain(url: str) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and path, normalised (RFC 3986 §6.2.2, §6.2.3)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", "", None, ""
    standard = {"https": 443, "http": 80}.get(parts.scheme.lower())
    return parts.scheme.lower(), parts.hostname or "", port or standard, parts.path or "/"


def _nonce(key: bytes, window: int) -> str:
    return b64u(hmac.digest(key, b"dpop nonce\0%d" % window, "sha256"))
