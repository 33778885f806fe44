"""Clients that authenticate by a key (RFC 7523); numbers are those of the security checklist."""

import hmac
from collections.abc import Callable
from typing import Any

import pytest
from httpx2 import Response
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from app.kit import jsonio
from app.kit.clock import FixedClock
from tests.conftest import ORIGIN
from tests.factories.oauth import make_vendor
from tests.oauth.conftest import Vendor
from tests.oauth.signing import TOKEN, assertion, b64, proof, seconds, send, unsigned
from tests.oauth.test_code import is_refused
from tests.oauth.test_metadata import KEYS, keys_of
from tests.oauth.test_par import PUSHED

GRANT = {"grant_type": "client_credentials", "scope": "usage:read"}
PAR = f"{ORIGIN}/oauth/par"
FAPI = {"require_pushed_authorization_requests": True, "dpop_bound_access_tokens": True}
ANOTHER = ECKey.generate_key("P-256")


@pytest.fixture
def vendor(make: Callable[..., Vendor]) -> Vendor:
    return make(keys_of("ES256"))


@pytest.fixture
def fapi(make: Callable[..., Vendor]) -> Vendor:
    """One that keeps to the FAPI 2.0 Security Profile."""
    keys = {"keys": [KEYS["ES256"].as_dict(private=False)]}
    told = {"token_endpoint_auth_method": "private_key_jwt", "jwks": keys}
    return make(make_vendor, registered=FAPI | told)


def ask(vendor: Vendor, shown: dict[str, str], *proofs: str) -> Response:
    return send(vendor, "/oauth/token", GRANT | shown, *proofs, auth=None)


def push(vendor: Vendor, shown: dict[str, str]) -> Response:
    return send(vendor, "/oauth/par", PUSHED | shown, auth=None)


def is_unproven(answer: Response) -> bool:
    return is_refused(answer, "invalid_client", 401)


AUDIENCES: list[Any] = [
    None,
    "",
    1,
    {},
    [],
    PAR,
    f"{ORIGIN}/",
    ORIGIN.upper(),
    "https://evil.example",
    "testserver",
    [PAR],
    [ORIGIN, TOKEN],
    [ORIGIN, "https://evil.example"],
    [[ORIGIN]],
]


def test_oauth_26_the_audience_is_this_issuer(vendor: Vendor, fapi: Vendor) -> None:
    """Under the FAPI profile its identifier as a text and nothing else; others may name the token
    endpoint, as many libraries do."""
    for aud in AUDIENCES:
        assert is_unproven(ask(vendor, assertion(vendor, aud=aud))), aud
        assert is_unproven(push(fapi, assertion(fapi, aud=aud))), aud
    for aud in (TOKEN, [ORIGIN], [TOKEN]):
        assert ask(vendor, assertion(vendor, aud=aud)).is_success, aud
        assert is_unproven(push(fapi, assertion(fapi, aud=aud))), aud
        assert is_unproven(ask(fapi, assertion(fapi, aud=aud), proof(fapi))), aud
    assert push(fapi, assertion(fapi)).status_code == 201
    assert ask(fapi, assertion(fapi), proof(fapi)).is_success


def test_oauth_26_an_assertion_has_an_algorithm_that_is_taken(vendor: Vendor) -> None:
    """Not none, no secret key, no RS256, not that of another key."""
    good = assertion(vendor)
    for alg in ("none", "None", "", "HS256", "RS256", "ES384", "PS256", "Ed25519", "é"):
        for signature in (b"", b"x" * 64):
            text = unsigned(good["client_assertion"], alg, signature)
            assert is_unproven(ask(vendor, good | {"client_assertion": text})), alg
    assert ask(vendor, good).is_success, "a refused one used nothing up"


def test_oauth_26_neither_rs256_nor_the_public_key_as_a_secret(
    make: Callable[..., Vendor],
) -> None:
    vendor = make(keys_of("PS256"))
    rsa = KEYS["PS256"]
    assert isinstance(rsa, RSAKey)
    shown = assertion(vendor, "PS256")
    payload = shown["client_assertion"].split(".")[1]
    claims = jws.extract_compact(shown["client_assertion"].encode()).payload
    by_rs = jws.serialize_compact({"alg": "RS256"}, claims, rsa, algorithms=["RS256"])
    head = f"{b64(jsonio.dumps({'alg': 'HS256'}))}.{payload}"
    by_hs = f"{head}.{b64(hmac.digest(rsa.as_pem(private=False), head.encode(), 'sha256'))}"
    for text in (by_rs, by_hs):
        assert is_unproven(ask(vendor, shown | {"client_assertion": text}))
    assert ask(vendor, shown).is_success


def test_oauth_26_an_assertion_is_signed_by_the_clients_own_key(
    vendor: Vendor, make: Callable[..., Vendor]
) -> None:
    other, secret = make(keys_of("Ed25519")), make()
    assert is_unproven(ask(vendor, assertion(vendor, "Ed25519")))
    claims = jws.extract_compact(assertion(vendor)["client_assertion"].encode()).payload
    for key, header in (
        (ANOTHER, {}),
        (ANOTHER, {"jwk": ANOTHER.as_dict(private=False)}),
        (ANOTHER, {"jku": "https://evil.example/keys", "kid": "x"}),
    ):
        text = jws.serialize_compact({"alg": "ES256"} | header, claims, key)
        shown = assertion(vendor) | {"client_assertion": text}
        assert is_unproven(ask(vendor, shown)), header
    good = assertion(vendor)
    first, _, last = good["client_assertion"].split(".")
    bent = f"{first}.{b64(claims)}.{last}"
    assert is_unproven(ask(vendor, good | {"client_assertion": bent}))
    for one in (other, secret):
        assert is_unproven(ask(vendor, assertion(vendor, iss=one.client_id, sub=one.client_id)))


def test_oauth_26_issuer_and_subject_are_the_client(vendor: Vendor) -> None:
    for change in (
        {"iss": "another"},
        {"iss": None},
        {"iss": ORIGIN},
        {"sub": None},
        {"sub": "another"},
        {"sub": 1},
        {"sub": [vendor.client_id]},
        {"iss": None, "sub": None},
    ):
        assert is_unproven(ask(vendor, assertion(vendor, **change))), change
    named = assertion(vendor) | {"client_id": "another"}
    assert is_refused(ask(vendor, named), "invalid_request")
    assert ask(vendor, assertion(vendor) | {"client_id": vendor.client_id}).is_success


def test_oauth_26_an_assertion_has_its_time(vendor: Vendor) -> None:
    """It ends, within an hour; another's clock may be ten seconds ahead, and no minute."""
    now = seconds(vendor)
    for change in (
        {"exp": None},
        {"exp": now},
        {"exp": now - 1},
        {"exp": 0},
        {"exp": str(now + 60)},
        {"exp": True},
        {"exp": 2**60},
        {"exp": now + 3600 + 31},
        {"nbf": now + 61},
        {"iat": now + 61},
        {"nbf": "x"},
        {"iat": []},
    ):
        assert is_unproven(ask(vendor, assertion(vendor, **change))), change
    for good in (
        {"exp": now + 1},
        {"exp": now + 3600},
        {"exp": now + 60.5},
        {"nbf": now + 10},
        {"iat": now + 10},
        {"nbf": now, "iat": now},
    ):
        assert ask(vendor, assertion(vendor, **good)).is_success, good


def test_oauth_26_an_assertion_counts_once(
    vendor: Vendor, twins: list[Vendor], make: Callable[..., Vendor], clock: FixedClock
) -> None:
    """On whichever worker and at whichever endpoint; another client may have the same jti."""
    shown = assertion(vendor, jti="the same", exp=seconds(vendor) + 600)
    assert ask(vendor, shown).is_success
    for where in (vendor, twins[1]):
        assert is_unproven(ask(where, shown))
        assert is_unproven(push(where, shown))
    clock.advance(599)
    assert is_unproven(ask(vendor, shown))
    other = make(keys_of("ES256"))
    assert ask(other, assertion(other, jti="the same")).is_success
    wrong = assertion(vendor)
    assert is_refused(ask(vendor, wrong | {"scope": "no:such"}), "invalid_scope")
    assert is_unproven(ask(vendor, wrong)), "what it was used for may have failed"
    for jti in (None, "", 1, "x" * 201, ["a"]):
        assert is_unproven(ask(vendor, assertion(vendor, jti=jti))), jti


def test_oauth_26_what_is_no_assertion_authenticates_nobody(vendor: Vendor) -> None:
    good = assertion(vendor)
    for text in ("", "x", "a.b", "a.b.c", "e30.e30.", "é.é.é", "x" * 17_000, f"{'.' * 30}"):
        assert is_unproven(ask(vendor, good | {"client_assertion": text})), text
    for kind in ("", "x", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"):
        assert is_unproven(ask(vendor, good | {"client_assertion_type": kind})), kind
    alone = {"client_assertion": good["client_assertion"]}
    assert is_unproven(ask(vendor, alone))
    assert is_unproven(ask(vendor, {"client_id": vendor.client_id})), "no proof at all"
    assert is_unproven(send(vendor, "/oauth/token", GRANT, auth=(vendor.client_id, "x")))
    for header in ({"crit": ["kid"], "kid": "x"}, {"kid": 1}):
        assert is_unproven(ask(vendor, assertion(vendor, header=header))), header
