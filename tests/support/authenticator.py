"""A passkey device in software (WebAuthn §6): as obedient as a test wants it to be."""

import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import bytes_to_base64url, encode_cbor

_PRESENT, _VERIFIED, _HAS_KEY = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One credential for one site. Change a field to make it lie."""

    origin: str
    rp_id: str
    sign_count: int = 0
    is_verified: bool = True
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create(options)` gives, as `toJSON` writes it."""
        client_data = self._client_data("webauthn.create", options["challenge"])
        numbers = self.key.public_key().public_numbers()
        cose = encode_cbor(
            {
                1: 2,
                3: -7,
                -1: 1,
                -2: numbers.x.to_bytes(32, "big"),
                -3: numbers.y.to_bytes(32, "big"),
            }
        )
        size = struct.pack(">H", len(self.credential_id))
        attested = bytes(16) + size + self.credential_id + cose
        data = self._data(_HAS_KEY) + attested
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            clientDataJSON=client_data, attestationObject=attestation, transports=["internal"]
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.get(options)` gives; the signature counts on."""
        self.sign_count += 1
        client_data = self._client_data("webauthn.get", options["challenge"])
        data = self._data(0)
        signed = data + hashlib.sha256(client_data).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._answer(clientDataJSON=client_data, authenticatorData=data, signature=signature)

    def _data(self, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.is_verified else 0)
        digest = hashlib.sha256(self.rp_id.encode()).digest()
        return digest + bytes([flags]) + struct.pack(">I", self.sign_count)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin}
        return json.dumps(told | {"crossOrigin": False}).encode()

    def _answer(self, **response: Any) -> dict[str, Any]:
        name = bytes_to_base64url(self.credential_id)
        told = {
            key: bytes_to_base64url(value) if isinstance(value, bytes) else value
            for key, value in response.items()
        }
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": told,
            "clientExtensionResults": {},
        }
