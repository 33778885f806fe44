"""What clients sign, with any part of it bent: proofs of possession and assertions."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

from httpx2 import Response

from app.kit import jsonio
from app.kit.ids import new_id
from app.oauth.signatures import REGISTRY
from tests.conftest import ORIGIN
from tests.oauth.conftest import Vendor
from tests.oauth.test_metadata import KEYS

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN = f"{ORIGIN}/oauth/token"


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(alg: str, header: dict[str, Any], claims: dict[str, Any], key: Any = None) -> str:
    """A compact JWS, whatever stands in its header."""
    text = f"{b64(jsonio.dumps({'alg': alg} | header))}.{b64(jsonio.dumps(claims))}"
    return f"{text}.{b64(REGISTRY.get_alg(alg).sign(text.encode(), key or KEYS[alg]))}"


def changed(given: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """With changes; None leaves a member out."""
    return {name: one for name, one in (given | changes).items() if one is not None}


def jkt(alg: str = "ES256") -> str:
    """The thumbprint of the key of a test (RFC 7638)."""
    return str(KEYS[alg].thumbprint())


def nonce_of(vendor: Vendor) -> str:
    """The nonce that the service wants to see now."""
    return str(vendor.app.state.authority.nonces.current())


def seconds(vendor: Vendor) -> int:
    return int(vendor.clock.now().timestamp())


def proof(
    vendor: Vendor,
    url: str = TOKEN,
    *,
    method: str = "POST",
    alg: str = "ES256",
    token: str | None = None,
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A proof that counts, but for what is changed in it."""
    told = {
        "jti": str(new_id()),
        "htm": method,
        "htu": url,
        "iat": seconds(vendor),
        "nonce": nonce_of(vendor),
        "ath": None if token is None else b64(sha256(token.encode()).digest()),
    }
    head = {"typ": "dpop+jwt", "jwk": KEYS[alg].as_dict(private=False)}
    return sign(alg, changed(head, header or {}), changed(told, claims))


def assertion(
    vendor: Vendor, alg: str = "ES256", header: dict[str, Any] | None = None, **claims: Any
) -> dict[str, str]:
    """The fields of a client that authenticates by its key, but for what is changed in them."""
    told = {
        "iss": vendor.client_id,
        "sub": vendor.client_id,
        "aud": ORIGIN,
        "exp": seconds(vendor) + 60,
        "jti": str(new_id()),
    }
    text = sign(alg, header or {}, changed(told, claims))
    return {"client_assertion_type": ASSERTION, "client_assertion": text}


def unsigned(text: str, alg: str, signature: bytes = b"") -> str:
    """The same with another alg in its header, and another signature."""
    head, payload, _ = text.split(".")
    header = jsonio.loads(urldecode(head)) | {"alg": alg}
    return f"{b64(jsonio.dumps(header))}.{payload}.{b64(signature)}"


def urldecode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def send(
    vendor: Vendor, path: str, form: dict[str, Any], *proofs: str, auth: Any = ...
) -> Response:
    """A form with proofs, as the client authenticates."""
    if auth is ...:
        auth = (vendor.client_id, vendor.secret) if vendor.secret else None
        form = form if vendor.secret else {"client_id": vendor.client_id} | form
    headers = [("DPoP", one.encode("latin-1")) for one in proofs]
    return vendor.http.post(path, data=form, headers=headers, auth=auth)
