"""Public keys of clients: which are taken, what each may verify, when they are fetched."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from joserfc import jws
from joserfc.errors import BadSignatureError, SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from app.kit import jsonio
from app.kit.clock import FixedClock
from app.kit.crypto import b64u
from app.kit.fetch import Fetched, Fetcher, FetchRefused
from app.oauth.jwks import KeyCache, KeysWanted, read_jwks
from app.oauth.signatures import ALGORITHMS
from app.organizations.clients import KnownClient

URL = "https://vendor.example/keys"
RSA, EC, ED = RSAKey.generate_key(2048), ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")
OTHER_ED = OKPKey.generate_key("Ed25519")


def public(key: Key, **members: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False)} | members


RSA_JWK, EC_JWK, ED_JWK = public(RSA), public(EC), public(ED)
OTHER_JWK = public(OTHER_ED)
SIGNERS = {"PS256": RSA, "ES256": EC, "Ed25519": ED, "EdDSA": ED}


def rsa(bits: int, exponent: int = 65537) -> dict[str, Any]:
    """An RSA key of a size that it costs seconds to make in earnest."""
    numbers = RSAPublicNumbers(exponent, 2 ** (bits - 1) + 1)
    n, e = (number.to_bytes((number.bit_length() + 7) // 8) for number in (numbers.n, numbers.e))
    return {"kty": "RSA", "n": b64u(n), "e": b64u(e)}


def client(**registered: Any) -> KnownClient:
    registered = {"token_endpoint_auth_method": "private_key_jwt"} | registered
    return KnownClient("vendor", UUID(int=1), "Vendor", None, [], [], [], [], registered)


BY_URL = client(jwks_uri=URL)


@dataclass(frozen=True)
class Shelf(Fetcher):
    """Gives what lies on it, and remembers what was asked."""

    answers: list[Any] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def get(self, url: str, *, most: int = 0, accept: str = "") -> Fetched:
        assert "application/jwk-set+json" in accept
        self.asked.append(url)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer  # type: ignore[no-any-return]


def document(*keys: dict[str, Any], cache: str | None = None) -> Fetched:
    headers = {} if cache is None else {"cache-control": cache}
    return Fetched(jsonio.dumps({"keys": list(keys)}), headers)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def cache(clock: FixedClock, shelf: Shelf) -> KeyCache:
    return KeyCache(clock, shelf)


def fetched(cache: KeyCache, shelf: Shelf, *keys: dict[str, Any], said: str | None = None) -> None:
    shelf.answers[:] = [document(*keys, cache=said)]
    cache.fetch(URL)


def is_wanted(cache: KeyCache, kid: str | None = None, alg: str = "Ed25519") -> bool:
    try:
        cache.keys_for(BY_URL, kid, alg)
    except KeysWanted as wanted:
        return wanted.jwks_uri == URL
    return False


def prints(keys: list[Key]) -> list[str]:
    return [key.thumbprint() for key in keys]


# Which sets are taken


def test_a_set_keeps_what_verifies_and_says_with_what() -> None:
    more = {"kid": "a", "use": "sig", "key_ops": ["verify"], "x5c": ["..."], "iat": 1}
    taken = read_jwks({"keys": [RSA_JWK, EC_JWK | more, ED_JWK | {"alg": "EdDSA"}], "more": 1})
    assert taken == {
        "keys": [
            RSA_JWK | {"alg": "PS256"},
            EC_JWK | {"kid": "a", "alg": "ES256"},
            ED_JWK | {"alg": "Ed25519"},
        ]
    }
    assert read_jwks(taken) == taken


@pytest.mark.parametrize(
    "value",
    [None, [], "keys", {}, {"keys": None}, {"keys": {}}, {"keys": ["key"]}, {"keys": [ED_JWK, 1]}],
)
def test_what_is_no_set_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="object with the list `keys`"):
        read_jwks(value)


@pytest.mark.parametrize("count", [0, 21])
def test_a_set_of_no_or_too_many_keys_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 20 keys; this has {count}"):
        read_jwks({"keys": [ED_JWK] * count})
    assert len(read_jwks({"keys": [ED_JWK] * 20})["keys"]) == 20


@pytest.mark.parametrize(
    "private",
    [
        pytest.param(RSA.as_dict(private=True), id="RSA"),
        pytest.param(EC.as_dict(private=True), id="EC"),
        pytest.param(ED.as_dict(private=True), id="Ed25519"),
        pytest.param(OctKey.generate_key(256).as_dict(private=True), id="symmetric"),
        pytest.param({"kty": "oct"}, id="symmetric without its key"),
        pytest.param(RSA_JWK | {"oth": []}, id="other primes"),
        pytest.param({"kty": "AKP", "pub": "AA", "priv": "AA"}, id="of a kind not known here"),
    ],
)
def test_a_private_key_is_refused_also_beside_a_good_one(private: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="private or symmetric"):
        read_jwks({"keys": [ED_JWK, private]})


UNUSABLE = [
    pytest.param(rsa(2047), id="RSA too small"),
    pytest.param(rsa(8193), id="RSA too large"),
    pytest.param(rsa(100_000), id="RSA far too large"),
    pytest.param(rsa(2048, 1), id="RSA with the exponent 1"),
    pytest.param(rsa(2048, 65536), id="RSA with an even exponent"),
    pytest.param(rsa(2048, 2**32 + 1), id="RSA with an exponent that costs time"),
    pytest.param(RSA_JWK | {"n": 5}, id="RSA with a number for a text"),
    pytest.param(RSA_JWK | {"n": RSA_JWK["n"] + "="}, id="RSA with padding"),
    pytest.param({"kty": "RSA"}, id="RSA without members"),
    pytest.param(RSA_JWK | {"alg": "RS256"}, id="RSA for RS256"),
    pytest.param(RSA_JWK | {"alg": "ES256"}, id="RSA for an algorithm of other keys"),
    pytest.param(RSA_JWK | {"use": "enc"}, id="RSA for encryption"),
    pytest.param(RSA_JWK | {"key_ops": ["encrypt"]}, id="RSA for other operations"),
    pytest.param(RSA_JWK | {"key_ops": "verify"}, id="RSA with operations as text"),
    pytest.param(public(ECKey.generate_key("P-384")), id="P-384"),
    pytest.param(public(ECKey.generate_key("secp256k1")), id="secp256k1"),
    pytest.param(EC_JWK | {"y": EC_JWK["x"]}, id="point beside the curve"),
    pytest.param(EC_JWK | {"alg": "ES384"}, id="P-256 for another algorithm"),
    pytest.param(EC_JWK | {"use": "enc"}, id="P-256 for encryption"),
    pytest.param(public(OKPKey.generate_key("X25519")), id="X25519"),
    pytest.param(public(OKPKey.generate_key("Ed448")), id="Ed448"),
    pytest.param(ED_JWK | {"x": b64u(b"\1" + bytes(31))}, id="Ed25519 of small order"),
    pytest.param(ED_JWK | {"x": b64u(bytes(31))}, id="Ed25519 too short"),
    pytest.param(ED_JWK | {"key_ops": ["sign"]}, id="Ed25519 for other operations"),
    pytest.param(ED_JWK | {"alg": "HS256"}, id="Ed25519 for a symmetric algorithm"),
    pytest.param(ED_JWK | {"alg": "none"}, id="Ed25519 for none"),
    pytest.param(ED_JWK | {"kid": 7}, id="kid that is no text"),
    pytest.param(ED_JWK | {"kid": ""}, id="empty kid"),
    pytest.param(ED_JWK | {"kid": "k" * 201}, id="kid too long"),
    pytest.param({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}, id="of a kind not known here"),
    pytest.param({"kty": ["RSA"]}, id="kty that is no text"),
    pytest.param({}, id="empty"),
]


@pytest.mark.parametrize("key", UNUSABLE)
def test_a_key_that_cannot_be_used_is_left_out(key: dict[str, Any]) -> None:
    taken = read_jwks({"keys": [key, ED_JWK]})
    assert taken == {"keys": [ED_JWK | {"alg": "Ed25519"}]}


@pytest.mark.parametrize("key", UNUSABLE)
def test_a_set_without_a_usable_key_is_refused(key: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="No key in the set"):
        read_jwks({"keys": [key]})


@pytest.mark.parametrize("jwk", [rsa(2048), rsa(8192), rsa(2048, 3)])
def test_rsa_keys_at_the_limits_are_taken(jwk: dict[str, Any]) -> None:
    assert read_jwks({"keys": [jwk]}) == {"keys": [jwk | {"alg": "PS256"}]}


# Which key may verify what


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_the_keys_given_verify_what_their_client_signed(cache: KeyCache, alg: str) -> None:
    known = client(jwks={"keys": [RSA_JWK, EC_JWK, ED_JWK]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of the name EdDSA
        signed = jws.serialize_compact({"alg": alg}, b"me", SIGNERS[alg], algorithms=[alg])
        (key,) = cache.keys_for(known, None, alg)
        assert jws.deserialize_compact(signed, key, algorithms=[alg]).payload == b"me"
        with pytest.raises(BadSignatureError):
            jws.deserialize_compact(signed[:-8] + "AAAAAAAA", key, algorithms=[alg])


@pytest.mark.parametrize("own", ["Ed25519", "EdDSA"])
@pytest.mark.parametrize("alg", ["Ed25519", "EdDSA"])
def test_ed25519_is_known_by_both_of_its_names(cache: KeyCache, own: str, alg: str) -> None:
    known = client(jwks={"keys": [ED_JWK | {"alg": own}]})
    assert prints(cache.keys_for(known, None, alg)) == [ED.thumbprint()]


@pytest.mark.parametrize(
    "alg", ["none", "HS256", "RS256", "RS512", "PS384", "ES384", "ed25519", ""]
)
def test_no_key_is_given_for_another_algorithm(cache: KeyCache, alg: str) -> None:
    known = client(jwks={"keys": [RSA_JWK, EC_JWK, ED_JWK]})
    assert cache.keys_for(known, None, alg) == []


def test_a_kid_chooses_its_key(cache: KeyCache) -> None:
    keys = [ED_JWK | {"kid": "a"}, OTHER_JWK | {"kid": "b"}, EC_JWK | {"kid": "b"}]
    known = client(jwks={"keys": keys})
    assert prints(cache.keys_for(known, "b", "EdDSA")) == [OTHER_ED.thumbprint()]
    assert prints(cache.keys_for(known, "b", "ES256")) == [EC.thumbprint()]


def test_a_kid_of_another_kind_of_key_gives_none(cache: KeyCache) -> None:
    known = client(jwks={"keys": [ED_JWK | {"kid": "a"}, EC_JWK | {"kid": "b"}]})
    assert cache.keys_for(known, "a", "ES256") == []


def test_an_unknown_kid_gives_none_of_the_keys(cache: KeyCache) -> None:
    known = client(jwks={"keys": [ED_JWK | {"kid": "a"}, OTHER_JWK]})
    assert cache.keys_for(known, "c", "EdDSA") == []


def test_without_a_kid_each_key_of_the_kind_is_given(cache: KeyCache) -> None:
    known = client(jwks={"keys": [ED_JWK | {"kid": "a"}, EC_JWK, OTHER_JWK]})
    both = [ED.thumbprint(), OTHER_ED.thumbprint()]
    assert prints(cache.keys_for(known, None, "Ed25519")) == both


def test_a_client_without_keys_has_none(cache: KeyCache) -> None:
    assert cache.keys_for(client(), None, "ES256") == []


def test_a_registered_set_that_is_no_good_gives_none(cache: KeyCache) -> None:
    assert cache.keys_for(client(jwks={"keys": []}), None, "ES256") == []


def test_registered_keys_are_imported_once_and_anew_when_they_change(cache: KeyCache) -> None:
    first = cache.keys_for(client(jwks={"keys": [ED_JWK]}), None, "EdDSA")
    again = cache.keys_for(client(jwks={"keys": [dict(ED_JWK)]}), None, "EdDSA")
    other = cache.keys_for(client(jwks={"keys": [OTHER_JWK]}), None, "EdDSA")
    assert first[0] is again[0]
    assert prints(other) == [OTHER_ED.thumbprint()]


def test_registered_keys_go_before_a_url(cache: KeyCache, shelf: Shelf) -> None:
    assert cache.keys_for(client(jwks={"keys": [ED_JWK]}, jwks_uri=URL), "x", "EdDSA") == []
    assert shelf.asked == []


# When they are fetched


def test_keys_at_a_url_are_wanted_before_their_first_use(cache: KeyCache, shelf: Shelf) -> None:
    assert is_wanted(cache)
    assert shelf.asked == [], "asking for keys does not touch the network"
    fetched(cache, shelf, ED_JWK)
    assert prints(cache.keys_for(BY_URL, None, "EdDSA")) == [ED.thumbprint()]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, 600),
        ("public", 600),
        ("max-age=300", 300),
        ("max-age=1", 60),
        ("no-store", 60),
        ("max-age=86400", 86_400),
        ("max-age=99999999", 86_400),
    ],
)
def test_keys_are_wanted_again_when_they_are_too_old(
    cache: KeyCache, shelf: Shelf, clock: FixedClock, said: str | None, seconds: int
) -> None:
    fetched(cache, shelf, ED_JWK, said=said)
    clock.advance(seconds - 0.001)
    assert not is_wanted(cache)
    clock.advance(0.001)
    assert is_wanted(cache)


def test_a_key_taken_out_at_the_url_is_not_given_any_more(
    cache: KeyCache, shelf: Shelf, clock: FixedClock
) -> None:
    fetched(cache, shelf, ED_JWK, OTHER_JWK)
    clock.advance(600)
    fetched(cache, shelf, OTHER_JWK)
    assert prints(cache.keys_for(BY_URL, None, "EdDSA")) == [OTHER_ED.thumbprint()]


def test_an_unknown_kid_is_looked_for_once_a_minute(
    cache: KeyCache, shelf: Shelf, clock: FixedClock
) -> None:
    fetched(cache, shelf, ED_JWK | {"kid": "a"})
    assert cache.keys_for(BY_URL, "b", "EdDSA") == [], "it was fetched just now"
    clock.advance(60)
    assert is_wanted(cache, "b")
    cache.fetch(URL)
    assert cache.keys_for(BY_URL, "b", "EdDSA") == []
    assert cache.keys_for(BY_URL, "c", "EdDSA") == []
    clock.advance(60)
    assert is_wanted(cache, "c")


def test_a_new_key_is_found_by_its_kid(cache: KeyCache, shelf: Shelf, clock: FixedClock) -> None:
    fetched(cache, shelf, ED_JWK | {"kid": "a"})
    clock.advance(60)
    assert is_wanted(cache, "b")
    fetched(cache, shelf, ED_JWK | {"kid": "a"}, OTHER_JWK | {"kid": "b"})
    assert prints(cache.keys_for(BY_URL, "b", "EdDSA")) == [OTHER_ED.thumbprint()]


@pytest.mark.parametrize(
    ("kid", "alg"), [("a", "ES256"), (None, "ES256"), ("b", "RS256"), ("b", "none")]
)
def test_nothing_but_an_unknown_kid_asks_anew(
    cache: KeyCache, shelf: Shelf, clock: FixedClock, kid: str | None, alg: str
) -> None:
    fetched(cache, shelf, ED_JWK | {"kid": "a"})
    clock.advance(60)
    assert cache.keys_for(BY_URL, kid, alg) == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(FetchRefused("It was answered with status 404, not 200."), id="not there"),
        pytest.param(Fetched(b"<html>", {}), id="no JSON"),
        pytest.param(Fetched(b"\xff", {}), id="no text"),
        pytest.param(Fetched(b'{"keys": [], "keys": []}', {}), id="twice the same member"),
        pytest.param(Fetched(b"[" * 60_000, {}), id="deep"),
        pytest.param(Fetched(b"[]", {}), id="no set"),
        pytest.param(document(), id="empty set"),
        pytest.param(document(ED.as_dict(private=True)), id="private key"),
        pytest.param(document({"kty": "RSA"}), id="no usable key"),
    ],
)
def test_a_bad_document_is_no_keys_for_half_a_minute(
    cache: KeyCache, shelf: Shelf, clock: FixedClock, answer: Any
) -> None:
    shelf.answers[:] = [answer]
    cache.fetch(URL)
    clock.advance(29.999)
    assert cache.keys_for(BY_URL, None, "EdDSA") == []
    assert cache.keys_for(BY_URL, "a", "EdDSA") == []
    cache.fetch(URL)
    assert len(shelf.asked) == 1, "it is not asked more often"
    clock.advance(0.001)
    assert is_wanted(cache)
    fetched(cache, shelf, ED_JWK)
    assert prints(cache.keys_for(BY_URL, None, "EdDSA")) == [ED.thumbprint()]


def test_fresh_keys_outlive_a_failure_that_an_unknown_kid_brought_about(
    cache: KeyCache, shelf: Shelf, clock: FixedClock
) -> None:
    fetched(cache, shelf, ED_JWK | {"kid": "a"})
    clock.advance(60)
    assert is_wanted(cache, "b")
    shelf.answers[:] = [FetchRefused("Its host does not answer.")]
    cache.fetch(URL)
    assert cache.keys_for(BY_URL, "b", "EdDSA") == [], "nor is it asked again at once"
    assert prints(cache.keys_for(BY_URL, "a", "EdDSA")) == [ED.thumbprint()]


def test_old_keys_do_not_outlive_a_failure(
    cache: KeyCache, shelf: Shelf, clock: FixedClock
) -> None:
    fetched(cache, shelf, ED_JWK)
    clock.advance(600)
    shelf.answers[:] = [FetchRefused("Its host does not answer.")]
    cache.fetch(URL)
    assert cache.keys_for(BY_URL, None, "EdDSA") == []


def test_a_host_inside_is_not_asked_for_keys(clock: FixedClock) -> None:
    cache = KeyCache(clock, Fetcher())
    inside = "https://169.254.169.254/latest"
    cache.fetch(inside)
    assert cache.keys_for(client(jwks_uri=inside), None, "EdDSA") == []


def test_many_at_once_ask_the_url_once(cache: KeyCache, shelf: Shelf) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Fetched:
        begun.set()
        go_on.wait(10)
        return document(ED_JWK)

    def use() -> list[str]:
        cache.fetch(URL)
        return prints(cache.keys_for(BY_URL, None, "EdDSA"))

    shelf.answers[:] = [slow]
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(use)
        assert begun.wait(10)
        others = [pool.submit(use) for _ in range(3)]
        go_on.set()
        assert [one.result(10) for one in (first, *others)] == [[ED.thumbprint()]] * 4
    assert shelf.asked == [URL]


def test_a_fetch_that_breaks_does_not_block_the_next(cache: KeyCache, shelf: Shelf) -> None:
    shelf.answers[:] = [RuntimeError("a bug"), document(ED_JWK)]
    with pytest.raises(RuntimeError):
        cache.fetch(URL)
    cache.fetch(URL)
    assert not is_wanted(cache)


def test_the_cache_forgets_whom_nobody_asked_for_longest(clock: FixedClock, shelf: Shelf) -> None:
    cache = KeyCache(clock, shelf, most=2)
    shelf.answers[:] = [document(ED_JWK)]
    first, second, third = (client(jwks_uri=f"{URL}/{number}") for number in range(3))
    cache.fetch(f"{URL}/0")
    cache.fetch(f"{URL}/1")
    cache.keys_for(first, None, "EdDSA")
    cache.fetch(f"{URL}/2")
    assert cache.keys_for(first, None, "EdDSA")
    assert cache.keys_for(third, None, "EdDSA")
    with pytest.raises(KeysWanted):
        cache.keys_for(second, None, "EdDSA")
