"""Public keys of clients: sets that are registered or fetched (RFC 7517), and what they verify."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.errors import DomainError
from app.kit.fetch import Fetcher, FetchRefused
from app.kit.logs import logger
from app.oauth.signatures import ALGORITHMS
from app.objects.jwk import read_exactly, read_jwk
from app.organizations.clients import KnownClient

_KINDS = {name: "Ed25519" if name == "EdDSA" else name for name in ALGORITHMS}
_CLASSES: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    "PS256": RSAKey,
    "ES256": ECKey,
    "Ed25519": OKPKey,
}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_MOST_KEYS = 20
_LONGEST_KID = 200
_RSA_BITS = range(2048, 8192 + 1)
# An exponent of thousands of bits would make each verification cost a thousandfold.
_RSA_EXPONENTS = range(3, 2**32)
_RSA_LETTERS = 1400  # of 8192 bits in base64url: 1366

_ACCEPT = "application/jwk-set+json, application/json"
_MOST_CLIENTS = 1000
_NEVER = datetime.min.replace(tzinfo=UTC)
_FRESH, _FRESH_LEAST, _FRESH_MOST = 600, 60, 86_400
_UNKNOWN_KID = timedelta(seconds=60)
_FAILED = timedelta(seconds=30)
_PATIENCE_SECONDS = 10.0

V = TypeVar("V")


class KeysWanted(Exception):
    """The keys at `jwks_uri` have to be fetched first, outside of any transaction."""

    def __init__(self, jwks_uri: str) -> None:
        super().__init__(jwks_uri)
        self.jwks_uri = jwks_uri


@dataclass(frozen=True)
class _PublicKey:
    kid: str | None
    kind: str
    key: Key


@dataclass(frozen=True)
class _Fetched:
    """What a URL gave, until when it may be used, and when it was asked last."""

    keys: tuple[_PublicKey, ...] = ()
    fresh_until: datetime = _NEVER
    asked_at: datetime = _NEVER


class KeyCache:
    """The keys of the clients of late; one for a process, and for all of its threads."""

    def __init__(self, clock: Clock, fetcher: Fetcher, *, most: int = _MOST_CLIENTS) -> None:
        self._clock = clock
        self._fetcher = fetcher
        self._lock = threading.Lock()
        self._registered: _Recent[tuple[_PublicKey, ...]] = _Recent(most)
        self._fetched: _Recent[_Fetched] = _Recent(most)
        self._running: dict[str, threading.Event] = {}

    def keys_for(self, client: KnownClient, kid: str | None, alg: str) -> list[Key]:
        """The client's keys that may have made a signature with this `kid` and `alg` in its
        header (RFC 7515 §4.1.4): without a kid, each of the right kind. Never touches the network.

        KeysWanted where `fetch` has to run before, which it allows once in a while: for keys that
        were never fetched or are too old, and once a minute for a kid that is not among them.
        """
        if client.jwks is not None:
            return _pick(self._read_registered(client.jwks), kid, alg)
        if client.jwks_uri is None:
            return []
        with self._lock:
            known = self._fetched.get(client.jwks_uri) or _Fetched()
        now = self._clock.now()
        if now >= known.fresh_until:
            if now < known.asked_at + _FAILED:
                return []
            raise KeysWanted(client.jwks_uri)
        is_strange = kid is not None and kid not in {key.kid for key in known.keys}
        if is_strange and alg in _KINDS and now >= known.asked_at + _UNKNOWN_KID:
            raise KeysWanted(client.jwks_uri)
        return _pick(known.keys, kid, alg)

    def fetch(self, jwks_uri: str) -> None:
        """Fetch the keys, or wait for whoever does it already. Takes seconds: run it in a thread,
        never inside of a transaction. A document that is not to be had or is no set of keys is
        remembered as that for half a minute; no URL is asked more often. Never raises for it.
        """
        with self._lock:
            running = self._running.get(jwks_uri)
            if running is None:
                known = self._fetched.get(jwks_uri) or _Fetched()
                if self._clock.now() < known.asked_at + _FAILED:
                    return
                done = self._running[jwks_uri] = threading.Event()
        if running is not None:
            running.wait(_PATIENCE_SECONDS)
            return
        try:
            got = self._ask(jwks_uri, known)
            with self._lock:
                self._fetched.put(jwks_uri, got)
        finally:
            with self._lock:
                del self._running[jwks_uri]
            done.set()

    def _ask(self, jwks_uri: str, known: _Fetched) -> _Fetched:
        """What is known from now on. Keys that are still fresh outlive a failure, or whoever sends
        an unknown kid in the right moment would shut the client out."""
        asked_at = self._clock.now()
        try:
            fetched = self._fetcher.get(jwks_uri, accept=_ACCEPT)
            keys = _import(read_jwks(jsonio.loads(fetched.body)))
        except (FetchRefused, DomainError, ValueError) as error:
            reason = str(error)[:200]
            logger.warning("keys of a client not fetched", url=jwks_uri[:200], reason=reason)
            return replace(known, asked_at=asked_at)
        age = _FRESH if fetched.max_age is None else fetched.max_age
        fresh = timedelta(seconds=min(max(age, _FRESH_LEAST), _FRESH_MOST))
        return _Fetched(keys, asked_at + fresh, asked_at)

    def _read_registered(self, jwks: dict[str, Any]) -> tuple[_PublicKey, ...]:
        """Keys registered by value, imported once for each content: importing costs more than
        verifying."""
        digest = sha256(jsonio.canonical(jwks)).hex()
        with self._lock:
            keys = self._registered.get(digest)
        if keys is None:
            try:
                keys = _import(read_jwks(jwks))
            except ValueError:
                keys = ()
            with self._lock:
                self._registered.put(digest, keys)
        return keys


def read_jwks(value: Any) -> dict[str, Any]:
    """A client's set of public keys (RFC 7517 §5), with the keys of it that can verify an
    assertion and the members of them that this takes; each says its `alg`.

    ValueError, in plain words: for what is no set, for a private key in it, and where no key can
    be used: RSA of 2048 to 8192 bits (PS256), P-256 (ES256) and Ed25519 can, unless they say by
    use, key_ops or alg that they are for something else.
    """
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError("A set of keys is an object with the list `keys`, of objects.")
    if not 1 <= len(keys) <= _MOST_KEYS:
        raise ValueError(f"A set of keys has 1 to {_MOST_KEYS} keys; this has {len(keys)}.")
    if any(_PRIVATE & key.keys() or key.get("kty") == "oct" for key in keys):
        raise ValueError("A private or symmetric key is in the set. It is not secret any more.")
    usable = [known for key in keys if (known := _read_key(key)) is not None]
    if not usable:
        raise ValueError(
            "No key in the set can verify signatures with PS256 (RSA of 2048 to 8192 bits), "
            "ES256 (P-256) or Ed25519."
        )
    return {"keys": usable}


def _read_key(jwk: dict[str, Any]) -> dict[str, Any] | None:
    """The members that matter of a key that can be used; None for any other, which a client may
    have in its set for others (RFC 7517 §5)."""
    kid = jwk.get("kid")
    if kid is not None and not (isinstance(kid, str) and 1 <= len(kid) <= _LONGEST_KID):
        return None
    try:
        public = read_rsa(jwk) if jwk.get("kty") == "RSA" else _read_curve(jwk)
        _CLASSES[public["alg"]].import_key({**public})
    except (DomainError, JoseError, ValueError):
        return None
    return public if kid is None else public | {"kid": kid}


def _read_curve(jwk: dict[str, Any]) -> dict[str, Any]:
    key = read_jwk(jwk)
    return {**key.jwk, "alg": key.alg}


def read_rsa(jwk: dict[str, Any]) -> dict[str, Any]:
    """The members that matter of a key for PS256 (RFC 7518 §3.5, §6.3.1), which is of a size that
    verifies quickly. ValueError for any other."""
    n, e, operations = jwk.get("n"), jwk.get("e"), jwk.get("key_ops", ["verify"])
    if not isinstance(n, str) or not isinstance(e, str) or len(n) > _RSA_LETTERS or len(e) > 8:
        raise ValueError("no modulus and exponent of a size in use")
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", "PS256") != "PS256":
        raise ValueError("for something else")
    if not isinstance(operations, list) or "verify" not in operations:
        raise ValueError("for something else")
    modulus, exponent = int.from_bytes(read_exactly(n)), int.from_bytes(read_exactly(e))
    if modulus.bit_length() not in _RSA_BITS or exponent not in _RSA_EXPONENTS:
        raise ValueError("too small or too large")
    return {"kty": "RSA", "n": n, "e": e, "alg": "PS256"}


def _import(jwks: dict[str, Any]) -> tuple[_PublicKey, ...]:
    """The keys of a set that `read_jwks` gave. They are imported without their alg, which would
    forbid one of the two names of Ed25519; what they may verify is decided here."""
    return tuple(_import_key(dict(jwk)) for jwk in jwks["keys"])


def _import_key(jwk: dict[str, Any]) -> _PublicKey:
    kind = jwk.pop("alg")
    return _PublicKey(jwk.get("kid"), kind, _CLASSES[kind].import_key(jwk))


def _pick(keys: Sequence[_PublicKey], kid: str | None, alg: str) -> list[Key]:
    kind = _KINDS.get(alg)
    return [one.key for one in keys if one.kind == kind and kid in (None, one.kid)]


class _Recent(Generic[V]):
    """A bounded dictionary that forgets what nobody asked for longest. Not safe for threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, V] = OrderedDict()

    def get(self, name: str) -> V | None:
        if name in self._values:
            self._values.move_to_end(name)
        return self._values.get(name)

    def put(self, name: str, value: V) -> None:
        self._values[name] = value
        self._values.move_to_end(name)
        while len(self._values) > self._most:
            self._values.popitem(last=False)
