"""Devices that sign: a private key, its JWK, and detached JWS written by hand."""

from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from app.kit.clock import Clock
from app.kit.crypto import b64u
from app.kit.jsonio import dumps
from app.objects.jwk import DeviceKey, read_jwk


class Device:
    """A key pair of either kind."""

    def __init__(self, alg: str = "Ed25519") -> None:
        self.alg = alg
        is_ed25519 = alg == "Ed25519"
        self.private: Any = (
            Ed25519PrivateKey.generate() if is_ed25519 else ec.generate_private_key(ec.SECP256R1())
        )
        self.key: DeviceKey = read_jwk(self.jwk())

    def jwk(self) -> dict[str, Any]:
        public = self.private.public_key()
        if self.alg == "Ed25519":
            return {"kty": "OKP", "crv": "Ed25519", "x": b64u(public.public_bytes_raw())}
        numbers = public.public_numbers()
        x, y = (b64u(value.to_bytes(32)) for value in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    def spec(self, clock: Clock, days: float = 365, **changes: Any) -> dict[str, Any]:
        """A registration from now on."""
        now = clock.now()
        times = {"not_before": now, "not_after": now + timedelta(days=days)}
        body = {"jwk": self.jwk()} | {name: at.isoformat() for name, at in times.items()}
        return body | changes

    def raw_signature(self, signed: bytes) -> bytes:
        if self.alg == "Ed25519":
            return bytes(self.private.sign(signed))
        r, s = decode_dss_signature(self.private.sign(signed, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    def sign(self, body: bytes, **changes: Any) -> str:
        """A detached JWS; a change to `...` leaves the member of the header out."""
        members = {"alg": self.alg, "kid": self.key.key_id} | changes
        header = {name: value for name, value in members.items() if value is not ...}
        payload = body if header.get("b64") is False else b64u(body).encode()
        return self.sign_as(dumps(header), payload)

    def sign_as(self, header: bytes, payload: bytes) -> str:
        """The same with any bytes as header, over the payload as it is."""
        head = b64u(header)
        return f"{head}..{b64u(self.raw_signature(head.encode() + b'.' + payload))}"
