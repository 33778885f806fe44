"""Public keys of devices as JWKs (RFC 7517): Ed25519 (RFC 8037) and P-256 (RFC 7518). Pure."""

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.kit import jsonio
from app.kit.crypto import b64u, sha256, unb64u
from app.objects.errors import DeviceKeyInvalid, KeyPrivate

_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}
_ALGORITHMS = {("OKP", "Ed25519"): "Ed25519", ("EC", "P-256"): "ES256"}
_NAMES = {"Ed25519": {"Ed25519", "EdDSA"}, "ES256": {"ES256"}}
_BYTES = 32

# RFC 8032 §5.1: the field's prime, and the curve -x² + y² = 1 + dx²y².
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P


@dataclass(frozen=True)
class DeviceKey:
    """A public key: its thumbprint (RFC 7638), its algorithm, and the members that make it up."""

    key_id: str
    alg: str
    jwk: dict[str, str]

    def allows(self, name: object) -> bool:
        """Whether a JWS may call the algorithm so: by its own name (RFC 9864 §2.2), or for
        Ed25519 by the older one of RFC 8037 §3.1."""
        return isinstance(name, str) and name in _NAMES[self.alg]


def read_jwk(jwk: dict[str, Any]) -> DeviceKey:
    """The key that `jwk` describes, without members that it does not need.

    KeyPrivate, DeviceKeyInvalid.
    """
    if _PRIVATE & jwk.keys():
        raise KeyPrivate(field="/jwk")
    alg = _ALGORITHMS.get((str(jwk.get("kty")), str(jwk.get("crv"))))
    if alg is None:
        known = "A device's key is of kty OKP with crv Ed25519, or of kty EC with crv P-256."
        raise DeviceKeyInvalid(known, field="/jwk")
    names = ("crv", "kty", "x") if alg == "Ed25519" else ("crv", "kty", "x", "y")
    public = {name: str(jwk.get(name)) for name in names}
    _check_point(public)
    key = DeviceKey(thumbprint(public), alg, public)
    _check_use(key, jwk)
    return key


def thumbprint(public: dict[str, str]) -> str:
    """The hash of a key's required members in their one spelling (RFC 7638 §3, SHA-256)."""
    return b64u(sha256(jsonio.canonical(public)))


def load_ed25519(jwk: dict[str, str]) -> Ed25519PublicKey:
    """The key in x (RFC 8037 §2); ValueError where it cannot be one."""
    return Ed25519PublicKey.from_public_bytes(read_exactly(jwk["x"], _BYTES))


def load_p256(jwk: dict[str, str]) -> ec.EllipticCurvePublicKey:
    """The point (x, y) (RFC 7518 §6.2.1); ValueError where it lies beside the curve."""
    x, y = (int.from_bytes(read_exactly(jwk[name], _BYTES)) for name in "xy")
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def read_exactly(text: str, size: int | None = None) -> bytes:
    """The bytes of `text`, which has to be their one spelling in base64url (RFC 7515 §2) and,
    where a size is given, of that many; ValueError otherwise."""
    value = unb64u(text)
    if b64u(value) != text or len(value) != (size or len(value)):
        raise ValueError("not this many bytes in base64url")
    return value


def _check_use(key: DeviceKey, jwk: dict[str, Any]) -> None:
    """What a key says of itself (RFC 7517 §4.2 to §4.4) must not forbid what it is here for."""
    operations = jwk.get("key_ops", ["verify"])
    fits = (
        jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and key.allows(jwk.get("alg", key.alg))
    )
    if not fits:
        other = "The key says by use, key_ops or alg that it is for something else."
        raise DeviceKeyInvalid(other, field="/jwk")


def _check_point(public: dict[str, str]) -> None:
    try:
        if public["kty"] == "EC":
            load_p256(public)
        else:
            load_ed25519(public)
            _check_ed25519(int.from_bytes(read_exactly(public["x"]), "little"))
    except ValueError as error:
        raise DeviceKeyInvalid("The key's point is not one of its curve.", field="/jwk") from error


def _check_ed25519(encoded: int) -> None:
    """ValueError for what is no point (RFC 8032 §5.1.3) or one of small order, with which a
    signature of anything can be made by anybody. `cryptography` takes any 32 bytes, so this is
    asked here: x² = (y² - 1) / (dy² + 1) has a root, and eight times the point is not nothing.

    The orders 1 and 2 have y² = 1, order 4 has y = 0, and doubling one of order 8 gives y = 0,
    which is where dy⁴ + 2y² = 1.
    """
    y = encoded & (2**255 - 1)
    square = y * y % _P
    small = y * (square - 1) * (_D * square * square + 2 * square - 1) % _P == 0
    has_root = pow((square - 1) * (_D * square + 1), (_P - 1) // 2, _P) == 1
    if y >= _P or small or not has_root:
        raise ValueError("no point of a large order")
