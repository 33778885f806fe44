"""The algorithms by which clients sign, wherever they do (RFC 7518, RFC 8037, RFC 9864)."""

from typing import Any

from joserfc import jws
from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

# Ed25519 by the name of its own (RFC 9864 §2.2) and by the older one (RFC 8037 §3.1).
ALGORITHMS = ["PS256", "ES256", "Ed25519", "EdDSA"]


class _Taken(JWSRegistry):
    """Those algorithms and no other. Which of its two names a client has for Ed25519 is its
    choice, so the older one is no cause for a warning in our log. The header of a proof holds a
    whole key."""

    max_header_length = 8 * 1024
    max_payload_length = 16 * 1024
    max_signature_length = 2048

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(f"Algorithm of {name!r} is not taken")
        return self.algorithms[name]


REGISTRY = _Taken()


def read_signed(text: str) -> jws.CompactSignature:
    """A compact JWS (RFC 7515 §7.1), not verified; JoseError, ValueError."""
    return jws.extract_compact(text.encode(), registry=REGISTRY)


def is_signed_by(signed: jws.CompactSignature, key: Key) -> bool:
    """Whether the key made the signature; JoseError, ValueError for a key of another kind."""
    return jws.validate_compact(signed, key, registry=REGISTRY)
