"""Detached signatures: both forms, both algorithms, nothing that a header could talk us into."""

import hashlib
import hmac
import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from app.kit.clock import FixedClock
from app.kit.crypto import b64u, unb64u
from app.kit.errors import Kind
from app.objects.jwk import DeviceKey, read_jwk
from app.usage.errors import SignatureInvalid
from app.usage.signatures import verify_detached
from tests.factories.device_keys import Device
from tests.support.source import ROOT

BODY = b'[{"stream": "wash", "values": {"temperature": 30.5}}]'
UNENCODED: dict[str, Any] = {"b64": False, "crit": ["b64"]}
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
DEVICES = {alg: Device(alg) for alg in ("Ed25519", "ES256")}

both_algorithms = pytest.mark.parametrize("alg", list(DEVICES))
both_forms = pytest.mark.parametrize("form", [{}, UNENCODED], ids=["encoded", "unencoded"])


@pytest.fixture
def device() -> Device:
    return DEVICES["Ed25519"]


def refuses(signature: str, *devices: Device, body: bytes = BODY) -> str:
    with pytest.raises(SignatureInvalid) as refused:
        verify_detached(signature, body, [device.key for device in devices])
    return refused.value.detail


@both_algorithms
@both_forms
def test_batch_signed_by_the_device_is_known(alg: str, form: dict[str, Any]) -> None:
    device = DEVICES[alg]
    keys = [Device().key, device.key, Device("ES256").key]
    for body in (BODY, b"", b".", b"a..b", "schön".encode(), bytes(range(256)), b"x" * 1_000_000):
        assert verify_detached(device.sign(body, **form), body, keys) == device.key.key_id


@both_forms
def test_older_name_of_the_algorithm_is_taken(device: Device, form: dict[str, Any]) -> None:
    signature = device.sign(BODY, alg="EdDSA", **form)
    assert verify_detached(signature, BODY, [device.key]) == device.key.key_id


@both_algorithms
@both_forms
def test_what_joserfc_signs_is_known(alg: str, form: dict[str, Any]) -> None:
    """The words of another implementation, its payload cut out (RFC 7515, appendix F)."""
    key: Any = OKPKey.generate_key() if alg == "Ed25519" else ECKey.generate_key("P-256")
    known = read_jwk(key.as_dict(private=False))
    header = {"alg": alg, "kid": known.key_id} | form
    head, *_, signature = jws.serialize_compact(header, BODY, key, algorithms=[alg]).split(".")
    assert verify_detached(f"{head}..{signature}", BODY, [known]) == key.thumbprint()


def test_signature_of_rfc_8037_is_known() -> None:
    """Appendix A.4; its header names no kid, so ours does and only the key is the same."""
    x, d = (
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    )
    known = read_jwk({"kty": "OKP", "crv": "Ed25519", "x": x})
    private = Ed25519PrivateKey.from_private_bytes(unb64u(d))
    rfc = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    expected = (
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    assert b64u(private.sign(rfc.encode())) == expected
    head = b64u(json.dumps({"alg": "EdDSA", "kid": known.key_id}).encode())
    payload = rfc.partition(".")[2]
    signature = f"{head}..{b64u(private.sign(f'{head}.{payload}'.encode()))}"
    assert verify_detached(signature, b"Example of Ed25519 signing", [known]) == known.key_id


@both_algorithms
@both_forms
def test_other_body_is_refused(alg: str, form: dict[str, Any]) -> None:
    device = DEVICES[alg]
    signature = device.sign(BODY, **form)
    for body in (BODY + b" ", BODY[:-1], b"", BODY.replace(b"30", b"31"), b64u(BODY).encode()):
        assert "this body" in refuses(signature, device, body=body)


def test_the_two_forms_are_not_mistaken_for_each_other(device: Device) -> None:
    """What was signed as bytes that look like base64url is no signature of what they encode."""
    encoded = b64u(BODY).encode()
    refuses(device.sign(encoded, **UNENCODED), device)
    refuses(device.sign(BODY), device, body=encoded)


@both_algorithms
def test_changed_header_or_signature_is_refused(alg: str) -> None:
    device = DEVICES[alg]
    head, _, signature = device.sign(BODY).split(".")
    *_, foreign = device.sign(b"other").split(".")
    header = json.loads(unb64u(head))
    for other in (header | {"iat": 1}, dict(reversed(header.items()))):
        refuses(f"{b64u(json.dumps(other).encode())}..{signature}", device)
    flipped = bytearray(unb64u(signature))
    flipped[5] ^= 1
    for wrong in (foreign, b64u(bytes(flipped)), b64u(bytes(64)), b64u(b"\xff" * 64)):
        refuses(f"{head}..{wrong}", device)


@pytest.mark.parametrize("name", [..., None, "none", "None", "", "HS256", "RS256", "ES384", 7, []])
@both_algorithms
def test_algorithm_is_the_keys_own(alg: str, name: Any) -> None:
    refuses(DEVICES[alg].sign(BODY, alg=name), DEVICES[alg])


def test_algorithm_of_the_other_kind_of_key_is_refused() -> None:
    refuses(DEVICES["Ed25519"].sign(BODY, alg="ES256"), DEVICES["Ed25519"])
    refuses(DEVICES["ES256"].sign(BODY, alg="Ed25519"), DEVICES["ES256"])
    refuses(DEVICES["ES256"].sign(BODY, alg="EdDSA"), DEVICES["ES256"])


@both_algorithms
def test_public_key_is_no_shared_secret(alg: str) -> None:
    device = DEVICES[alg]
    header = {"alg": "HS256", "kid": device.key.key_id}
    head = b64u(json.dumps(header).encode())
    signed = f"{head}.{b64u(BODY)}".encode()
    for secret in (unb64u(device.key.jwk["x"]), json.dumps(device.key.jwk).encode()):
        mac = hmac.digest(secret, signed, hashlib.sha256)
        for tag in (mac, mac + mac):
            refuses(f"{head}..{b64u(tag)}", device)


def test_unsigned_is_refused(device: Device) -> None:
    head = b64u(json.dumps({"alg": "none", "kid": device.key.key_id}).encode())
    refuses(f"{head}..", device)
    refuses(f"{head}..{b64u(bytes(64))}", device)


def test_key_is_one_of_the_objects(device: Device) -> None:
    stranger = Device()
    assert "kid" in refuses(stranger.sign(BODY), device)
    assert "kid" in refuses(device.sign(BODY))
    refuses(stranger.sign(BODY, kid=device.key.key_id), device)
    for kid in (..., None, "", 7, [device.key.key_id], device.key.key_id[:-1], "device-1"):
        assert "kid" in refuses(device.sign(BODY, kid=kid), device)


def test_header_brings_no_key_along(device: Device) -> None:
    thief = Device()
    for more in (
        {"jwk": thief.jwk()},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"x5c": ["MIIB"]},
    ):
        refuses(thief.sign(BODY, **more), device)
        refuses(thief.sign(BODY, kid=device.key.key_id, **more), device)
        assert verify_detached(device.sign(BODY, **more), BODY, [device.key])


@pytest.mark.parametrize(
    "changes",
    [
        {"crit": []},
        {"crit": None},
        {"crit": "b64"},
        {"crit": ["b64"]},
        {"crit": ["exp"], "exp": 1},
        {"crit": ["alg"]},
        {"crit": {"b64": 1}},
        {"b64": False},
        {"b64": True},
        {"b64": None},
        {"b64": None, "crit": ["b64"]},
        {"b64": 0, "crit": ["b64"]},
        {"b64": "false", "crit": ["b64"]},
        {"b64": False, "crit": []},
        {"b64": False, "crit": ["b64", "b64"]},
        {"b64": False, "crit": ["b64", "exp"], "exp": 1},
        {"b64": False, "crit": ["exp"], "exp": 1},
    ],
)
def test_crit_lists_b64_or_is_absent(device: Device, changes: dict[str, Any]) -> None:
    assert "crit" in refuses(device.sign(BODY, **changes), device)


def test_b64_may_say_what_is_so_anyway(device: Device) -> None:
    signature = device.sign(BODY, b64=True, crit=["b64"])
    assert verify_detached(signature, BODY, [device.key]) == device.key.key_id


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff",
        b'{"alg":"none","alg":"Ed25519","kid":"KID"}',
        b'{"kid":"other","alg":"Ed25519","kid":"KID"}',
        b'{"alg":"Ed25519","kid":"KID","n":NaN}',
        b'{"alg":"Ed25519","kid":"KID","deep":' + b"[" * 40 + b"]" * 40 + b"}",
    ],
)
def test_header_is_strict_json(device: Device, header: bytes) -> None:
    header = header.replace(b"KID", device.key.key_id.encode())
    refuses(device.sign_as(header, b64u(BODY).encode()), device)


def test_text_of_another_form_is_refused(device: Device) -> None:
    good = device.sign(BODY)
    head, _, signature = good.split(".")
    attached = f"{head}.{b64u(BODY)}.{signature}"
    for text in (
        "",
        ".",
        "..",
        "...",
        "a..b",
        head,
        signature,
        f"{head}.{signature}",
        f"{head}..{signature}.",
        f"..{signature}",
        f".{head}.{signature}",
        attached,
        good + "=",
        good + "==",
        " " + good,
        good + "\n",
        f"{head}==..{signature}",
        f"{head}..{signature[:40]}\n{signature[40:]}",
        f"{head}..{signature[:-1]}",
        f"{head}..{signature}AA",
        f"{head}..",
        good.replace(".", "。"),
        f"{head}..{'ü' * 86}",
        f'{{"payload":"","protected":"{head}","signature":"{signature}"}}',
        "\udcff..\udcff",
    ):
        refuses(text, device)


def test_signature_has_one_spelling(device: Device) -> None:
    """The last character of 64 bytes in base64url holds four bits that say nothing."""
    good = device.sign(BODY)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place = alphabet.index(good[-1])
    for other in alphabet[place + 1 : place + 16]:
        refuses(good[:-1] + other, device)


def test_es256_signature_is_two_numbers_side_by_side() -> None:
    """Not DER (RFC 7518 §3.4), and neither number is nothing or beyond the order."""
    device = DEVICES["ES256"]
    head, _, signature = device.sign(BODY).split(".")
    signed = f"{head}.{b64u(BODY)}".encode()
    der = device.private.sign(signed, ec.ECDSA(SHA256()))
    refuses(f"{head}..{b64u(der)}", device)
    raw = unb64u(signature)
    s = int.from_bytes(raw[32:])
    for bad in (
        bytes(32) + raw[32:],
        raw[:32] + bytes(32),
        raw[:32] + P256_ORDER.to_bytes(32),
        raw[32:] + raw[:32],
    ):
        refuses(f"{head}..{b64u(bad)}", device)
    if s + P256_ORDER < 2**256:
        refuses(f"{head}..{b64u(raw[:32] + (s + P256_ORDER).to_bytes(32))}", device)


def test_ed25519_signature_is_not_malleable(device: Device) -> None:
    """RFC 8032 §5.1.7: the second half lies below the group's order."""
    order = 2**252 + 27742317777372353535851937790883648493
    head, _, signature = device.sign(BODY).split(".")
    raw = unb64u(signature)
    s = int.from_bytes(raw[32:], "little") + order
    refuses(f"{head}..{b64u(raw[:32] + s.to_bytes(32, 'little'))}", device)


def test_signature_is_at_most_4096_characters(device: Device) -> None:
    def of_length(length: int) -> str:
        pad = 0
        while len(text := device.sign(BODY, pad="x" * pad)) < length:
            pad += max((length - len(text)) * 3 // 4, 1)
        return text

    longest = of_length(4090)
    assert len(longest) <= 4096
    assert verify_detached(longest, BODY, [device.key])
    assert "4096" in refuses(of_length(4097), device)
    refuses("." * 10_000_000, device)


def test_key_is_read_as_stored(device: Device) -> None:
    """A key that was damaged in the store verifies nothing and breaks nothing."""
    signature = device.sign(BODY)
    broken = DeviceKey(device.key.key_id, "Ed25519", device.key.jwk | {"x": "AA"})
    with pytest.raises(SignatureInvalid):
        verify_detached(signature, BODY, [broken])


def test_refusal_is_unauthenticated() -> None:
    assert (SignatureInvalid.kind, SignatureInvalid.slug) == (
        Kind.unauthenticated,
        "signature-invalid",
    )


@given(
    st.text(max_size=200) | st.binary(max_size=150).map(lambda head: f"{b64u(head)}..{'A' * 86}")
)
def test_any_text_is_refused_and_never_breaks(text: str) -> None:
    refuses(text, *DEVICES.values())


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "jwk"]), st.none() | st.text())
)
def test_any_header_without_our_key_is_refused(header: dict[str, Any]) -> None:
    device = DEVICES["Ed25519"]
    refuses(device.sign_as(json.dumps(header).encode(), b64u(BODY).encode()), device)


def test_example_of_the_docs_signs_a_batch() -> None:
    page = (ROOT / "docs" / "makers.md").read_text()
    section = page.partition("## Devices with keys of their own")[2]
    code = re.search(r"```python\n(.*?)```", section, re.S)
    assert code
    told: dict[str, Any] = {}
    exec(code.group(1), told)
    known = read_jwk(told["public_jwk"](told["key"]))
    assert told["key_id"](known.jwk) == known.key_id
    assert verify_detached(told["headers"]["Detached-JWS"], told["body"], [known]) == known.key_id
    refuses(told["headers"]["Detached-JWS"], Device(), body=told["body"])
    registration = json.loads(re.search(r"```json\n(.*?)```", section, re.S).group(1))  # type: ignore[union-attr]
    assert read_jwk(registration["jwk"]).alg == "Ed25519"
    assert set(registration) == set(Device().spec(FixedClock()))
