"""Proof of possession (RFC 9449); numbers are those of the security checklist."""

import hmac
from collections.abc import Callable
from typing import Any

import pytest
from httpx2 import Response
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from app.kit import jsonio
from app.kit.clock import FixedClock
from app.kit.ids import new_id
from tests.conftest import ORIGIN
from tests.factories.oauth import REDIRECT, make_public_vendor
from tests.oauth.conftest import VERIFIER, Vendor
from tests.oauth.signing import TOKEN, b64, jkt, nonce_of, proof, seconds, send, sign, unsigned
from tests.oauth.test_code import is_refused
from tests.oauth.test_metadata import KEYS

GRANT = {"grant_type": "client_credentials", "scope": "grants:read"}
DATA = "/v1/data/grants"
WINDOW = 300  # seconds


@pytest.fixture
def vendor(make: Callable[..., Vendor]) -> Vendor:
    """It may have a token of its own that reads."""
    return make(scopes=["usage:read", "care:read", "location:read", "grants:read"])


def ask(vendor: Vendor, *proofs: str) -> Response:
    return send(vendor, "/oauth/token", GRANT, *proofs)


def is_invalid(answer: Response) -> bool:
    return is_refused(answer, "invalid_dpop_proof")


def bound_token(vendor: Vendor) -> str:
    answer = ask(vendor, proof(vendor))
    assert answer.json()["token_type"] == "DPoP", answer.text
    return str(answer.json()["access_token"])


def read(vendor: Vendor, token: str, *proofs: str, scheme: str = "DPoP", path: str = DATA) -> Any:
    headers = [("Authorization", f"{scheme} {token}"), *[("DPoP", one) for one in proofs]]
    return vendor.http.get(path, headers=headers)


def read_proof(vendor: Vendor, token: str, **changes: Any) -> str:
    told = {"method": "GET", "token": token} | changes
    return proof(vendor, told.pop("url", f"{ORIGIN}{DATA}"), **told)


def is_no_proof(answer: Response, error: str = "invalid_dpop_proof") -> bool:
    assert answer.status_code == 401, answer.text
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith("DPoP ")
    assert ' algs="PS256 ES256 Ed25519 EdDSA"' in challenge
    return f'error="{error}"' in challenge


def test_oauth_31_a_bound_client_shows_a_proof(make: Callable[..., Vendor]) -> None:
    """For a code, for a refresh token and for itself; what was refused was not used up."""
    client = make(registered={"dpop_bound_access_tokens": True})
    code = client.get_code()
    assert is_invalid(client.redeem(code))
    assert is_invalid(client.credentials(scope="usage:read"))
    form = {"grant_type": "authorization_code", "code": code}
    form |= {"redirect_uri": REDIRECT}
    form["code_verifier"] = VERIFIER
    tokens = send(client, "/oauth/token", form, proof(client)).json()
    assert tokens["token_type"] == "DPoP"
    assert is_invalid(client.refresh(tokens["refresh_token"]))
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert send(client, "/oauth/token", form, proof(client)).json()["token_type"] == "DPoP"


def test_oauth_31_one_header_holds_one_proof(vendor: Vendor) -> None:
    assert is_invalid(ask(vendor, proof(vendor), proof(vendor)))
    assert is_invalid(ask(vendor, f"{proof(vendor)}, {proof(vendor)}"))
    token = bound_token(vendor)
    both = read(vendor, token, read_proof(vendor, token), read_proof(vendor, token))
    assert is_no_proof(both)
    assert is_no_proof(read(vendor, token))


# One wrong thing in each header of a proof.
HEADERS: list[dict[str, Any]] = [
    {"typ": None},
    {"typ": "jwt"},
    {"typ": "dpop"},
    {"typ": "DPOP+JWT"},
    {"typ": "application/dpop+jwt"},
    {"crit": ["kid"], "kid": "x"},
    {"jwk": None},
    {"jwk": "x"},
    {"jwk": {}},
    {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
    {"jwk": KEYS["ES256"].as_dict(private=True)},
    {"jwk": KEYS["PS256"].as_dict(private=True)},
    {"jwk": KEYS["Ed25519"].as_dict(private=True)},
    {"jwk": KEYS["ES256"].as_dict(private=False) | {"k": "c2VjcmV0"}},
    {"jwk": ECKey.generate_key("P-256").as_dict(private=False)},
    {"jwk": ECKey.generate_key("P-384").as_dict(private=False)},
    {"jwk": KEYS["PS256"].as_dict(private=False)},
    {"jwk": KEYS["Ed25519"].as_dict(private=False)},
    {"jwk": KEYS["ES256"].as_dict(private=False) | {"x": "AA"}},
    {"jwk": KEYS["ES256"].as_dict(private=False) | {"x": 1}},
]


def test_oauth_31_the_header_of_a_proof(vendor: Vendor) -> None:
    for header in HEADERS:
        assert is_invalid(ask(vendor, proof(vendor, header=header))), header
    assert ask(vendor, proof(vendor, header={"typ": "dpop+jwt"})).is_success


def test_oauth_31_a_proof_has_an_algorithm_that_is_taken(vendor: Vendor) -> None:
    good = proof(vendor)
    for alg in ("none", "None", "", "HS256", "RS256", "ES384", "PS384", "é"):
        for signature in (b"", b"x" * 64):
            assert is_invalid(ask(vendor, unsigned(good, alg, signature))), alg


def test_oauth_31_a_proof_is_really_signed(vendor: Vendor) -> None:
    """By HS256 with the public key as the secret, by RS256, and with a changed payload, it is
    not."""
    claims = {"jti": str(new_id()), "htm": "POST", "htu": TOKEN, "iat": seconds(vendor)}
    claims["nonce"] = nonce_of(vendor)
    rsa = RSAKey.generate_key(2048)
    public = rsa.as_dict(private=False)
    head = {"typ": "dpop+jwt", "jwk": public}
    payload = jsonio.dumps(claims)
    by_rs = jws.serialize_compact(head | {"alg": "RS256"}, payload, rsa, algorithms=["RS256"])
    text = f"{b64(jsonio.dumps(head | {'alg': 'HS256'}))}.{b64(payload)}"
    by_hs = f"{text}.{b64(hmac.digest(rsa.as_pem(private=False), text.encode(), 'sha256'))}"
    with pytest.warns(SecurityWarning):
        small = RSAKey.generate_key(1024, auto_kid=False)
    by_small = sign("PS256", head | {"jwk": small.as_dict(private=False)}, claims, small)
    long = {"kty": "RSA", "n": public["n"], "e": b64(b"\x7f" * 200)}
    by_long = sign("PS256", head | {"jwk": long}, claims, rsa)
    good = proof(vendor)
    first, _, last = good.split(".")
    bent = f"{first}.{b64(payload)}.{last}"
    for text in (
        by_rs,
        by_hs,
        by_small,
        by_long,
        bent,
        good[:-4],
        "x",
        "a.b",
        "a.b.c.d",
        "é.é.é",
        "x" * 9000,
    ):
        assert is_invalid(ask(vendor, text))
    assert "cannot be read" in ask(vendor, by_long).text, "nothing was reckoned with it"
    assert ask(vendor, good).is_success, "what was refused used nothing up"


def test_oauth_31_a_proof_is_for_one_method(vendor: Vendor) -> None:
    for htm in (None, "GET", "post", "POST ", "", 1, ["POST"]):
        assert is_invalid(ask(vendor, proof(vendor, htm=htm))), htm


OTHER_ADDRESSES: list[Any] = [
    None,
    1,
    "",
    "https://",
    "https://testserver/oauth/par",
    "https://testserver/oauth/token/",
    "https://testserver/OAUTH/token",
    "https://testserver/oauth/../oauth/token",
    "http://testserver/oauth/token",
    "https://testserver:444/oauth/token",
    "https://evil.example/oauth/token",
    "https://testserver.evil.example/oauth/token",
    "https://[/oauth/token",
    "https://testserver:x/oauth/token",
    "/oauth/token",
]
SAME_ADDRESS = [
    "https://testserver/oauth/token?x=1",
    "https://testserver/oauth/token#x",
    "https://testserver:443/oauth/token",
    "HTTPS://TESTSERVER/oauth/token",
]


def test_oauth_31_a_proof_is_for_one_address(vendor: Vendor) -> None:
    """As RFC 3986 normalises it, and whatever its query."""
    for htu in OTHER_ADDRESSES:
        assert is_invalid(ask(vendor, proof(vendor, htu=htu))), htu
    for htu in SAME_ADDRESS:
        assert ask(vendor, proof(vendor, htu=htu)).is_success, htu


def test_oauth_31_the_address_is_the_configured_one(vendor: Vendor) -> None:
    """Whatever name the caller has for the service: headers say nothing."""
    names = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    names["Forwarded"] = "host=evil.example;proto=http"
    auth = (vendor.client_id, vendor.secret or "")
    theirs = "https://evil.example/oauth/token"
    for htu, is_good in ((theirs, False), (TOKEN, True)):
        headers = names | {"DPoP": proof(vendor, htu=htu)}
        answer = vendor.http.post("/oauth/token", data=GRANT, headers=headers, auth=auth)
        assert answer.is_success == is_good, answer.text
        assert is_good or is_invalid(answer)
    token = bound_token(vendor)
    for htu, is_good in ((f"https://evil.example{DATA}", False), (f"{ORIGIN}{DATA}", True)):
        shown = read_proof(vendor, token, htu=htu)
        headers = names | {"Authorization": f"DPoP {token}", "DPoP": shown}
        answer = vendor.http.get(DATA, headers=headers)
        assert answer.is_success == is_good, answer.text
    query = read(vendor, token, read_proof(vendor, token), path=f"{DATA}?limit=5")
    assert query.status_code == 200, "the query is no part of it"


def test_oauth_31_a_proof_was_made_just_now(vendor: Vendor) -> None:
    for off, is_good in ((-301, 0), (-300, 1), (-10, 1), (0, 1), (10, 1), (11, 0), (400, 0)):
        answer = ask(vendor, proof(vendor, iat=seconds(vendor) + off))
        assert answer.is_success if is_good else is_invalid(answer), off
    for iat in (None, "1", True, -1, 0, 2**60, 1e300, [], {}):
        assert is_invalid(ask(vendor, proof(vendor, iat=iat))), iat


def test_oauth_31_a_proof_counts_once(vendor: Vendor, twins: list[Vendor]) -> None:
    """On whichever worker, also as long after as it may live; another key's is another proof."""
    shown = proof(vendor, jti="the same", iat=seconds(vendor) + 10)
    assert ask(vendor, shown).is_success
    for _ in range(2):
        assert is_invalid(ask(vendor, shown))
        assert is_invalid(send(twins[1], "/oauth/token", GRANT, shown))
        vendor.clock.advance(150)
    assert is_invalid(ask(vendor, shown))
    assert ask(vendor, proof(vendor, jti="the same", alg="Ed25519")).is_success
    assert ask(vendor, proof(vendor, jti="another")).is_success
    for jti in (None, "", 1, "x" * 201, ["a"]):
        assert is_invalid(ask(vendor, proof(vendor, jti=jti)))


def test_oauth_31_what_was_refused_for_another_cause_used_the_proof_up(vendor: Vendor) -> None:
    shown = proof(vendor)
    wrong = send(vendor, "/oauth/token", GRANT | {"scope": "no:such"}, shown)
    assert is_refused(wrong, "invalid_scope")
    assert is_invalid(ask(vendor, shown))


def test_oauth_31_a_reading_is_proven_for_its_token(vendor: Vendor) -> None:
    token, other = bound_token(vendor), bound_token(vendor)
    assert is_no_proof(read(vendor, token, read_proof(vendor, token, ath=None)))
    assert is_no_proof(read(vendor, token, read_proof(vendor, other)))
    for ath in ("x", 1, b64(token.encode())):
        assert is_no_proof(read(vendor, token, read_proof(vendor, token, ath=ath)))
    assert is_no_proof(read(vendor, token, read_proof(vendor, token, alg="Ed25519")))
    for change in ({"method": "POST"}, {"url": TOKEN}, {"jti": None}, {"iat": 5}):
        assert is_no_proof(read(vendor, token, read_proof(vendor, token, **change)))
    shown = read_proof(vendor, token)
    assert read(vendor, token, shown).status_code == 200
    assert is_no_proof(read(vendor, token, shown)), "once"


def test_oauth_31_the_nonce_is_told_and_wanted(vendor: Vendor) -> None:
    token, told = bound_token(vendor), ""
    for nonce in (None, "", "x", 1, "é", ["a"]):
        refused = ask(vendor, proof(vendor, nonce=nonce))
        assert is_refused(refused, "use_dpop_nonce"), nonce
        told = refused.headers["dpop-nonce"]
        answer = read(vendor, token, read_proof(vendor, token, nonce=nonce))
        assert is_no_proof(answer, "use_dpop_nonce")
        assert answer.headers["dpop-nonce"] == told
    assert ask(vendor, proof(vendor, nonce=told)).is_success
    assert read(vendor, token, read_proof(vendor, token, nonce=told)).status_code == 200


def test_oauth_31_a_nonce_is_taken_for_one_window_more(vendor: Vendor, clock: FixedClock) -> None:
    clock.advance(WINDOW - seconds(vendor) % WINDOW)  # to the beginning of one
    old = nonce_of(vendor)
    clock.advance(2 * WINDOW - 1)
    assert nonce_of(vendor) != old
    assert ask(vendor, proof(vendor, nonce=old)).is_success
    clock.advance(1)
    refused = ask(vendor, proof(vendor, nonce=old))
    assert is_refused(refused, "use_dpop_nonce")
    assert refused.headers["dpop-nonce"] == nonce_of(vendor)


def test_oauth_31_a_bad_proof_is_told_no_nonce(vendor: Vendor) -> None:
    assert "dpop-nonce" not in ask(vendor, proof(vendor, htm="GET", nonce=None)).headers


def test_oauth_31_other_times_in_a_proof_say_nothing(vendor: Vendor) -> None:
    told: list[dict[str, Any]] = [{"nbf": 2**33}, {"exp": 1}, {"nbf": "x", "exp": []}]
    assert all(ask(vendor, proof(vendor, **claim)).is_success for claim in told)


def test_oauth_32_a_token_is_shown_as_what_it_is(vendor: Vendor) -> None:
    bound, plain = bound_token(vendor), str(ask(vendor).json()["access_token"])
    for answer, scheme in (
        (read(vendor, bound, scheme="Bearer"), "DPoP"),
        (read(vendor, bound, read_proof(vendor, bound), scheme="Bearer"), "DPoP"),
        (read(vendor, plain, read_proof(vendor, plain)), "Bearer"),
    ):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith(f'{scheme} error="invalid_token"')
        assert answer.json()["reason"] == "other-scheme"
    assert read(vendor, plain, scheme="Bearer").status_code == 200


def test_oauth_32_the_scheme_of_a_bound_token_has_any_case(vendor: Vendor) -> None:
    token = bound_token(vendor)
    for scheme in ("DPoP", "dpop", "DPOP"):
        answer = read(vendor, token, read_proof(vendor, token), scheme=scheme)
        assert answer.status_code == 200, scheme


def test_oauth_32_the_refresh_token_of_a_public_client_is_bound(
    vendor: Vendor, make: Callable[..., Vendor]
) -> None:
    """That of a client that authenticates is not: any key will do, or none."""
    app = make(make_public_vendor)
    for client, is_bound in ((app, True), (vendor, False)):
        form = {"grant_type": "authorization_code", "code": client.get_code()}
        form |= {"redirect_uri": REDIRECT}
        form["code_verifier"] = VERIFIER
        tokens = send(client, "/oauth/token", form, proof(client)).json()
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        if is_bound:
            assert is_refused(send(client, "/oauth/token", form), "invalid_grant")
            other = send(client, "/oauth/token", form, proof(client, alg="Ed25519"))
            assert is_refused(other, "invalid_grant")
            again = send(client, "/oauth/token", form, proof(client)).json()
        else:
            again = send(client, "/oauth/token", form, proof(client, alg="Ed25519")).json()
        assert again["token_type"] == "DPoP"
        next_one = form | {"refresh_token": again["refresh_token"]}
        if not is_bound:
            assert send(client, "/oauth/token", next_one).json()["token_type"] == "Bearer"


def test_oauth_32_a_token_says_which_key_it_is_bound_to(vendor: Vendor) -> None:
    told = vendor.post("/oauth/introspect", {"token": bound_token(vendor)}).json()
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": jkt()})
