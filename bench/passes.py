"""What a request shows that may be shown once: signed before the load, so that no time but the
server's is measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from time import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from app.kit.ids import new_id

_LIFE = 240  # seconds that an assertion lives; a round is over long before


@dataclass(frozen=True)
class Passes:
    """How to sign them: of a client, with its key, for a server at some port. All are of one
    length."""

    sign: Callable[[int, int], Sequence[str]]

    def make(self, port: int, count: int) -> Sequence[str]:
        """So many that differ."""
        made = self.sign(port, count)
        assert len({len(one) for one in made}) == 1, "a template tells one Content-Length for all"
        return made


def make_key() -> ECKey:
    """A key on P-256."""
    return ECKey.generate_key("P-256", private=True)


def assertions(client_id: str, key: ECKey) -> Passes:
    """What authenticates a client by its key (RFC 7523 §2.2)."""

    def sign(port: int, count: int) -> Sequence[str]:
        now = int(time())
        told: dict[str, Any] = {"iss": client_id, "sub": client_id, "aud": _origin(port)}
        told |= {"iat": now, "exp": now + _LIFE}
        return _each({"alg": "ES256"}, told, key, count)

    return Passes(sign)


def proofs(key: ECKey, authorization: str) -> Passes:
    """Proofs of possession for the token endpoint, with the nonce that the server wants now (RFC
    9449 §8); `authorization` is the client's, who alone is told it."""
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}

    def sign(port: int, count: int) -> Sequence[str]:
        url, now = f"{_origin(port)}/oauth/token", int(time())
        told: dict[str, Any] = {"htm": "POST", "htu": url, "iat": now}
        told["nonce"] = _nonce(port, authorization, _each(header, told, key, 1)[0])
        return _each(header, told, key, count)

    return Passes(sign)


def _each(header: dict[str, Any], told: dict[str, Any], key: ECKey, count: int) -> list[str]:
    return [jwt.encode(header, told | {"jti": str(new_id())}, key) for _ in range(count)]


def _nonce(port: int, authorization: str, proof: str) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    form = "grant_type=client_credentials"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "DPoP": proof}
    headers |= {"Host": f"localhost:{port}", "Authorization": authorization}
    connection.request("POST", "/oauth/token", form, headers)
    found = connection.getresponse().headers["DPoP-Nonce"]
    connection.close()
    assert found, "the server wants no nonce"
    return str(found)


def _origin(port: int) -> str:
    return f"http://localhost:{port}"
