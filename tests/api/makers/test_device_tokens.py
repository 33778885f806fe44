"""Objects that speak for themselves (RFC 7523 §2.1): a registered key, and their own log alone."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import func, select
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.kit.crypto import b64u
from app.kit.jsonio import dumps
from app.objects.links import did
from app.settings import Settings
from app.usage.models import Segment
from tests.api.makers.conftest import Caller, Makers
from tests.api.makers.test_events import _thing, wash
from tests.factories.device_keys import Device

ORIGIN = "https://testserver"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Talker:
    """A device at its address, with a key."""

    def __init__(
        self, http: TestClient, clock: FixedClock, object_id: UUID, device: Device
    ) -> None:
        self.http, self.clock, self.object_id, self.device = http, clock, object_id, device

    def assertion(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A JWT; a change to `...` leaves a claim out."""
        subject = did(ORIGIN, self.object_id)
        now = int(self.clock.now().timestamp())
        told = {"iss": subject, "sub": subject, "aud": ORIGIN, "exp": now + 60, "jti": uuid4().hex}
        claims = {name: one for name, one in (told | changes).items() if one is not ...}
        head = {"alg": self.device.alg, "kid": self.device.key.key_id} | (header or {})
        signed = ".".join(b64u(dumps(part)) for part in (head, claims))
        return f"{signed}.{b64u(self.device.raw_signature(signed.encode()))}"

    def ask(self, assertion: str | None = None, **more: Any) -> Response:
        form = {"grant_type": GRANT, "assertion": assertion or self.assertion()} | more
        return self.http.post("/oauth/token", data=form)

    def send(self, token: str, path: str, body: Any) -> Response:
        return self.http.post(path, json=body, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """So few calls a minute that a test can use them up."""
    return settings.model_copy(update={"rate_token_per_minute": 60})


@pytest.fixture
def sender(makers: Makers) -> Caller:
    return makers.add("Big Denim", "objects:write log:write")


@pytest.fixture
def things(app: FastAPI, sender: Caller, clock: FixedClock) -> list[UUID]:
    """Two objects of one maker, both claimed."""
    one = _thing(app, sender.org_id, clock, is_claimed=True)
    with app.state.db.connection() as conn:
        from tests.factories import usage as make

        product_id = make.make_product(conn, sender.org_id, clock.now())
        two = make.make_thing(conn, clock, sender.org_id, product_id, "S2")
        make.give_thing(conn, clock, two)
    return [one, two]


@pytest.fixture(params=["Ed25519", "ES256"])
def talker(
    client: TestClient,
    clock: FixedClock,
    sender: Caller,
    things: list[UUID],
    request: pytest.FixtureRequest,
) -> Talker:
    device = Device(request.param)
    told = sender.post(f"/v1/objects/{things[0]}/keys", device.spec(clock))
    assert told.status_code == 201, told.text
    return Talker(client, clock, things[0], device)


def stored(app: FastAPI) -> int:
    with app.state.db.read() as db:
        return int(db.scalar(select(func.sum(Segment.records))) or 0)


@pytest.mark.parametrize("by_did", [True, False])
def test_an_object_writes_its_own_log(talker: Talker, app: FastAPI, by_did: bool) -> None:
    name = did(ORIGIN, talker.object_id) if by_did else str(talker.object_id)
    answer = talker.ask(talker.assertion(iss=name, sub=name), scope="log:write")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["token_type"] == "Bearer"
    assert told["scope"] == "log:write"
    assert "refresh_token" not in told
    sent = talker.send(told["access_token"], f"/v1/objects/{talker.object_id}/events", wash())
    assert sent.json()["stored"] == 1
    sent = talker.send(told["access_token"], "/v1/events", wash(talker.object_id))
    assert sent.json()["stored"] == 1
    assert stored(app) == 2


def test_and_no_other_log(talker: Talker, app: FastAPI, things: list[UUID]) -> None:
    token = talker.ask().json()["access_token"]
    other = talker.send(token, f"/v1/objects/{things[1]}/events", wash())
    unknown = talker.send(token, f"/v1/objects/{uuid4()}/events", wash())
    assert (other.status_code, unknown.status_code) == (404, 404)
    assert other.json()["type"] == unknown.json()["type"]
    mixed = [wash(things[1]), wash(talker.object_id), wash(uuid4())]
    lines = talker.send(token, "/v1/events", mixed).json()["results"]
    assert [line["status"] for line in lines] == ["refused", "stored", "refused"]
    assert lines[0] == lines[2] | {"line": 1}
    senml = [{"bn": f"urn:dev:uuid:{things[1]}/", "n": "wash/temperature", "v": 30}]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/senml+json"}
    told = talker.http.post("/v1/events", content=dumps(senml), headers=headers)
    assert b'"stored":1' not in told.content
    assert stored(app) == 1


def test_it_can_do_nothing_else(talker: Talker) -> None:
    token = talker.ask().json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    for path in (
        f"/v1/objects/{talker.object_id}",
        f"/v1/objects/{talker.object_id}/gaps",
        "/v1/dead-letters",
        "/v1/products",
        "/v1/me/objects",
    ):
        assert talker.http.get(path, headers=headers).status_code in (403, 404, 405), path
    assert talker.ask(scope="objects:write").json()["error"] == "invalid_scope"


def refused(answer: Response) -> str:
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_grant"
    return str(answer.json()["error_description"])


BAD_CLAIMS: list[Any] = [
    {"aud": "https://other.example"},
    {"aud": [ORIGIN, "https://other.example"]},
    {"aud": ...},
    {"exp": ...},
    {"exp": 1},
    {"exp": 10**10},
    {"jti": ...},
    {"jti": ""},
    {"jti": 7},
    {"iss": "someone"},
    {"iss": ..., "sub": ...},
    {"iss": "did:web:other.example:o:x", "sub": "did:web:other.example:o:x"},
    {"nbf": 10**10},
]


def test_what_an_assertion_must_say(talker: Talker) -> None:
    for changes in BAD_CLAIMS:
        refused(talker.ask(talker.assertion(**changes)))


BAD_HEADERS: list[Any] = [{"alg": "none"}, {"alg": "HS256"}, {"kid": "x"}, {"crit": ["exp"]}]


def test_what_its_header_must_say(talker: Talker) -> None:
    for header in BAD_HEADERS:
        refused(talker.ask(talker.assertion(header)))


def test_it_counts_once(talker: Talker) -> None:
    assertion = talker.assertion()
    assert talker.ask(assertion).status_code == 200
    assert "before" in refused(talker.ask(assertion))


def test_other_keys_and_other_objects_count_for_nothing(
    talker: Talker, things: list[UUID], clock: FixedClock
) -> None:
    stranger = Talker(talker.http, clock, talker.object_id, Device(talker.device.alg))
    refused(stranger.ask())
    refused(Talker(talker.http, clock, things[1], talker.device).ask())
    refused(Talker(talker.http, clock, uuid4(), talker.device).ask())
    refused(talker.ask("no.jwt"))
    refused(talker.ask("x"))


def test_a_key_counts_in_its_time_and_a_revoked_one_ends_its_tokens(
    talker: Talker, sender: Caller, clock: FixedClock
) -> None:
    token = talker.ask().json()["access_token"]
    path = f"/v1/objects/{talker.object_id}/events"
    assert talker.send(token, path, wash()).status_code == 200
    gone = sender.call("DELETE", f"/v1/objects/{talker.object_id}/keys/{talker.device.key.key_id}")
    assert gone.status_code == 204
    ended = talker.send(token, path, wash())
    assert (ended.status_code, ended.json()["reason"]) == (401, "key-ended")
    assert "counts no more" in ended.json()["detail"]
    refused(talker.ask())


def test_a_client_takes_no_part(talker: Talker, makers: Makers) -> None:
    form = {"grant_type": GRANT, "assertion": talker.assertion(), "client_id": "nobody"}
    assert talker.http.post("/oauth/token", data=form).json()["error"] == "invalid_client"
    assert talker.http.post("/oauth/token", data={"grant_type": GRANT}).status_code == 401


def test_attempts_count_apart_from_the_objects_own(
    talker: Talker, app: FastAPI, clock: FixedClock
) -> None:
    """Whoever names an object without its key cannot use up its room."""
    limit = app.state.settings.rate_token_per_minute
    stranger = Talker(talker.http, clock, talker.object_id, Device(talker.device.alg))
    answers = [stranger.ask().status_code for _ in range(limit + 1)]
    assert answers[-1] == 429
    assert talker.ask().status_code == 200


ENDPOINTS: list[Any] = ["par", "revoke", "introspect", "device_authorization"]


def test_its_assertion_opens_no_other_endpoint(talker: Talker) -> None:
    for path in ENDPOINTS:
        form = {"grant_type": GRANT, "assertion": talker.assertion(), "token": "x"}
        answer = talker.http.post(f"/oauth/{path}", data=form)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), path
