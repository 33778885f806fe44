"""Keys of devices over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from app.api.makers.examples import KEY_EXAMPLE, KEY_ORDER_EXAMPLE
from app.kit.clock import FixedClock
from tests.api.makers.conftest import Caller, Makers
from tests.factories.device_keys import Device


@pytest.fixture
def object_id(maker: Caller) -> str:
    return str(maker.mint(maker.product(), "SL-1").json()["objects"][0]["object_id"])


@pytest.fixture
def keys(object_id: str) -> str:
    return f"/v1/objects/{object_id}/keys"


def slug(answer: Any) -> str:
    return str(answer.json()["type"].rpartition("/")[2])


def kids(client: TestClient, object_id: str) -> list[str]:
    """The keys in the object's DID document, as anyone sees it."""
    document = client.get(f"/o/{object_id}/did.json").json()
    methods = document["verificationMethod"]
    assert document["assertionMethod"] == [method["id"] for method in methods]
    return [method["publicKeyJwk"]["kid"] for method in methods]


@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_key_is_registered_listed_and_revoked(
    maker: Caller, keys: str, clock: FixedClock, alg: str
) -> None:
    device = Device(alg)
    answer = maker.post(keys, device.spec(clock))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made == {
        "key_id": device.key.key_id,
        "alg": alg,
        "jwk": device.jwk(),
        "not_before": "2026-11-02T09:00:00Z",
        "not_after": "2027-11-02T09:00:00Z",
        "registered_at": "2026-11-02T09:00:00Z",
        "revoked_at": None,
    }
    assert maker.get(keys).json() == {"keys": [made]}
    clock.advance(60)
    gone = maker.call("DELETE", f"{keys}/{device.key.key_id}")
    assert (gone.status_code, gone.content) == (204, b"")
    revoked = made | {"revoked_at": "2026-11-02T09:01:00Z"}
    assert maker.get(keys).json() == {"keys": [revoked]}
    clock.advance(60)
    assert maker.call("DELETE", f"{keys}/{device.key.key_id}").status_code == 204
    assert maker.get(keys).json() == {"keys": [revoked]}


def test_the_example_of_the_description_is_true(makers: Makers, clock: FixedClock) -> None:
    clock.advance(timedelta(days=23))
    maker = makers.add("Big Denim")
    made = maker.mint(maker.product(), "SL-1").json()["objects"][0]
    path = f"/v1/objects/{made['object_id']}/keys"
    assert maker.post(path, KEY_ORDER_EXAMPLE).json() == KEY_EXAMPLE


def test_same_key_again_is_the_same_or_a_conflict(
    maker: Caller, keys: str, clock: FixedClock
) -> None:
    device = Device()
    order = device.spec(clock)
    first = maker.post(keys, order)
    clock.advance(60)
    again = maker.post(keys, order)
    assert (again.status_code, again.json()) == (201, first.json())
    other = maker.post(keys, device.spec(clock))
    assert (other.status_code, slug(other)) == (409, "key-conflict")
    maker.call("DELETE", f"{keys}/{device.key.key_id}")
    dead = maker.post(keys, order)
    assert (dead.status_code, slug(dead)) == (409, "key-conflict")


def test_key_stands_in_the_did_document_while_it_counts(
    maker: Caller, object_id: str, keys: str, clock: FixedClock, client: TestClient
) -> None:
    device, later, dead = Device(), Device("ES256"), Device()
    assert kids(client, object_id) == []
    maker.post(keys, device.spec(clock, days=2))
    start = (clock.now() + timedelta(days=1)).isoformat()
    maker.post(keys, later.spec(clock, days=3, not_before=start))
    maker.post(keys, dead.spec(clock))
    maker.call("DELETE", f"{keys}/{dead.key.key_id}")
    ids = [device.key.key_id, later.key.key_id]
    assert kids(client, object_id) == ids[:1]
    clock.advance(timedelta(days=1))
    assert kids(client, object_id) == ids
    clock.advance(timedelta(days=1))
    assert kids(client, object_id) == ids[1:]


def test_private_key_is_refused_and_not_repeated(
    maker: Caller, object_id: str, keys: str, clock: FixedClock, client: TestClient
) -> None:
    device = Device()
    secret = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
    answer = maker.post(keys, device.spec(clock, jwk=device.jwk() | {"d": secret}))
    assert (answer.status_code, slug(answer)) == (422, "key-private")
    assert "keep it" in answer.json()["detail"]
    assert answer.json()["errors"][0]["pointer"] == "/jwk"
    assert secret not in answer.text
    assert maker.get(keys).json() == {"keys": []}
    assert kids(client, object_id) == []


WRONG_KEYS: list[tuple[Any, ...]] = [
    ({"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}, "device-key-invalid"),
    ({"jwk": KEY_ORDER_EXAMPLE["jwk"] | {"x": "A" * 43}}, "device-key-invalid"),
    ({"jwk": {}}, "device-key-invalid"),
    ({"jwk": {"kty": 1, "crv": [], "x": {}}}, "device-key-invalid"),
    ({"jwk": []}, "invalid-request"),
    ({"jwk": None}, "invalid-request"),
    ({"not_after": "2026-11-02T09:00:00Z"}, "key-window-invalid"),
    ({"not_after": "2031-11-04T09:00:00Z"}, "key-window-invalid"),
    ({"not_before": "0001-01-01T00:00:00+14:00"}, "key-window-invalid"),
    ({"not_after": "9999-12-31T23:59:59-14:00"}, "key-window-invalid"),
    ({"not_after": "2027-11-02T09:00:00"}, "invalid-request"),
    ({"not_after": 1_800_000_000}, "invalid-request"),
    ({"not_after": None}, "invalid-request"),
    ({"object_id": str(uuid4())}, "invalid-request"),
]


def test_wrong_registration_is_refused_with_a_reason(
    maker: Caller, keys: str, clock: FixedClock
) -> None:
    for changes, expected in WRONG_KEYS:
        answer = maker.post(keys, Device().spec(clock, **changes))
        assert (answer.status_code, slug(answer)) == (422, expected), answer.text
        assert answer.json()["errors"][0]["pointer"].startswith(f"/{next(iter(changes))}"[:4]), (
            changes
        )
        assert maker.get(keys).json() == {"keys": []}, changes


def test_ninth_key_is_refused(maker: Caller, keys: str, clock: FixedClock) -> None:
    made = [maker.post(keys, Device().spec(clock)) for _ in range(9)]
    assert [answer.status_code for answer in made] == [201] * 8 + [409]
    assert slug(made[-1]) == "too-many-keys"


def test_another_makers_object_is_as_unknown(
    maker: Caller, other: Caller, keys: str, clock: FixedClock
) -> None:
    device = Device()
    maker.post(keys, device.spec(clock))
    unknown = f"/v1/objects/{uuid4()}/keys"
    told = set()
    for caller, path in ((other, keys), (other, unknown), (maker, unknown)):
        for answer in (
            caller.post(path, Device().spec(clock)),
            caller.get(path),
            caller.call("DELETE", f"{path}/{device.key.key_id}"),
        ):
            told.add((answer.status_code, slug(answer), answer.json()["detail"]))
    assert told == {(404, "unknown-object", "There is no such object of yours.")}
    (key,) = maker.get(keys).json()["keys"]
    assert key["revoked_at"] is None


def test_unknown_key_is_404_and_a_strange_one_422(maker: Caller, keys: str) -> None:
    answer = maker.call("DELETE", f"{keys}/{KEY_EXAMPLE['key_id']}")
    assert (answer.status_code, slug(answer)) == (404, "unknown-key")
    for strange in ("x", "x" * 44, "%00" * 43, "ü" * 43, "x" * 42 + "="):
        assert maker.call("DELETE", f"{keys}/{strange}").status_code == 422, strange


def test_keys_are_for_those_who_may_write_objects(
    makers: Makers, keys: str, client: TestClient, clock: FixedClock
) -> None:
    weak = makers.add("Weak", scopes="products:write", any_gtin=True)
    path = f"{keys}/{KEY_EXAMPLE['key_id']}"
    for method, where in (("POST", keys), ("GET", keys), ("DELETE", path)):
        body = {"json": Device().spec(clock)} if method == "POST" else {}
        assert weak.call(method, where, **body).status_code == 403
        assert client.request(method, where, **body).status_code == 401
