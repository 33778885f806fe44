"""A device's own signature over a batch: a detached JWS (RFC 7515, appendix F). Pure.

joserfc knows the detached form too, but where b64 is false it stops at 128,000 bytes of payload,
and it takes a header that holds a member twice. So the signing input is put together here, and
`cryptography` judges the signature.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from app.kit import jsonio
from app.kit.crypto import b64u
from app.kit.errors import InvalidJson
from app.objects.device_keys import DeviceKey
from app.objects.jwk import load_ed25519, load_p256, read_exactly
from app.usage.errors import SignatureInvalid

_MAX_LENGTH = 4096
_SIGNATURE_BYTES = 64


@dataclass(frozen=True)
class _Jws:
    """The parts of a signature: `head` as it was sent, since those characters are signed."""

    head: str
    header: dict[str, Any]
    signature: bytes


def verify_detached(signature: str, body: bytes, keys: Sequence[DeviceKey]) -> str:
    """The id of the one of `keys`, those of one object that count now, that signed `body`.

    SignatureInvalid otherwise. The key is found by `kid` alone, so nothing in the header (`jwk`,
    `jku`, `x5c`, `x5u`; RFC 7515 §4.1) can bring one along, and `alg` has to be the key's own.
    """
    jws = _read(signature)
    key = _find_key(jws.header, keys)
    signed = body if _is_unencoded(jws.header) else b64u(body).encode()
    try:
        _verify(key, jws.signature, jws.head.encode() + b"." + signed)
    except (InvalidSignature, ValueError) as error:
        raise SignatureInvalid("The signature is not of this body, or not by this key.") from error
    return key.key_id


def _read(text: str) -> _Jws:
    """The parts of `header..signature` (RFC 7515 §3.1, §7.1), each in its one spelling."""
    if len(text) > _MAX_LENGTH:
        raise SignatureInvalid(f"A signature has at most {_MAX_LENGTH} characters.")
    head, *rest = text.split(".")
    if len(rest) != 2 or rest[0]:
        raise SignatureInvalid("A detached JWS is written header..signature.")
    try:
        header = jsonio.loads(read_exactly(head))
        signature = read_exactly(rest[1], _SIGNATURE_BYTES)
    except (ValueError, InvalidJson) as error:
        raise SignatureInvalid("The header or the signature cannot be read.") from error
    if not isinstance(header, dict):
        raise SignatureInvalid("The header is no JSON object.")
    return _Jws(head, header, signature)


def _find_key(header: dict[str, Any], keys: Sequence[DeviceKey]) -> DeviceKey:
    """The key that `kid` names (RFC 7515 §4.1.4), if `alg` is its algorithm (§4.1.1)."""
    found = [key for key in keys if key.key_id == header.get("kid")]
    if not found:
        raise SignatureInvalid("kid names no key that the object has now.")
    if not found[0].allows(header.get("alg")):
        raise SignatureInvalid(f"alg is not that of the key, {found[0].alg}.")
    return found[0]


def _is_unencoded(header: dict[str, Any]) -> bool:
    """Whether the body was signed as it is (RFC 7797 §3) and not as base64url.

    `b64` counts only where `crit` lists it (§6), and `crit` lists nothing else, since nothing else
    is understood here (RFC 7515 §4.1.11).
    """
    if "crit" not in header and "b64" not in header:
        return False
    if header.get("crit") != ["b64"] or not isinstance(header.get("b64"), bool):
        raise SignatureInvalid("crit and b64 come together: crit lists b64 and nothing else.")
    return not header["b64"]


def _verify(key: DeviceKey, signature: bytes, signed: bytes) -> None:
    """InvalidSignature where `key` did not sign (RFC 8037 §3.1, RFC 7518 §3.4)."""
    if key.alg == "Ed25519":
        load_ed25519(key.jwk).verify(signature, signed)
        return
    r, s = (int.from_bytes(half) for half in (signature[:32], signature[32:]))
    load_p256(key.jwk).verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
