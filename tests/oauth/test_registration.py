"""Clients that register themselves (RFC 7591) and look after themselves (RFC 7592)."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import func, select
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.kit.crypto import sha256
from app.kit.db import Database
from app.oauth.client_metadata import ClientMetadata, check_jwks
from app.oauth.models import RegistrationToken
from app.oauth.registration import forget_old, invite
from app.organizations.clients import disable_client, find_client
from app.organizations.models import Client, Organization
from app.organizations.service import create_organization, find_organization, verify_domain
from app.settings import Settings
from app.tables import metadata as tables
from tests.factories.oauth import REDIRECT, make_purpose, make_vendor
from tests.oauth.conftest import Vendor, is_page

KEY = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "one",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
EVERYTHING: dict[str, Any] = {
    "client_name": "Mend & Co",
    "redirect_uris": [REDIRECT, "http://127.0.0.1/back"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "private_key_jwt",
    "scope": "usage:read care:read",
    "jwks": {"keys": [KEY]},
    "require_pushed_authorization_requests": True,
    "dpop_bound_access_tokens": True,
    "authorization_details_types": ["urn:inseam:object-data"],
    "client_uri": "https://mend.example",
    "logo_uri": "https://mend.example/logo.svg",
    "tos_uri": "https://mend.example/terms",
    "policy_uri": "https://mend.example/privacy",
    "contacts": ["data@mend.example"],
    "software_id": "mend",
    "software_version": "1.2",
    "inseam_agreements": ["SD-BASE", "SD-BASE-DP"],
}
LOCKED = ("not-a-token", "inseam_ia_" + "A" * 43, "inseam_ra_" + "A" * 43, "\u00e9")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Anybody may register, as often as tests do."""
    return settings.model_copy(update={"registration": "open", "rate_register_per_hour": 100_000})


def told(**changes: Any) -> dict[str, Any]:
    """What a vendor says of itself; None leaves a member out."""
    values: dict[str, Any] = {
        "client_name": "Mend & Co",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "purposes": [make_purpose()],
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Door:
    """The registration endpoint, as a vendor calls it."""

    def __init__(self, app: FastAPI, http: TestClient, clock: FixedClock) -> None:
        self.app = app
        self.http = http
        self.clock = clock
        self.database: Database = app.state.db

    def register(self, token: str | None = None, **changes: Any) -> Response:
        headers = bearer(token) if token else {}
        return self.http.post("/oauth/register", json=told(**changes), headers=headers)

    def registered(self, **changes: Any) -> dict[str, Any]:
        answer = self.register(**changes)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def send(self, body: bytes, kind: str = "application/json") -> Response:
        return self.http.post("/oauth/register", content=body, headers={"Content-Type": kind})

    def manage(self, method: str, made: dict[str, Any], **more: Any) -> Response:
        path = made["registration_client_uri"].removeprefix("https://testserver")
        headers = bearer(made["registration_access_token"])
        return self.http.request(method, path, headers=headers, **more)

    def replace(self, made: dict[str, Any], **changes: Any) -> Response:
        return self.manage("PUT", made, json={"client_id": made["client_id"]} | told(**changes))

    def vendor(self, made: dict[str, Any]) -> Vendor:
        secret = made.get("client_secret")
        return Vendor(self.app, self.http, self.clock, made["client_id"], secret)

    def invited(self, days: int = 7) -> str:
        with self.database.session() as db:
            return invite(db, self.clock, timedelta(days=days))[0]

    def row(self, made: dict[str, Any]) -> Client:
        with self.database.read() as db:
            return db.get_one(Client, made["client_id"])

    def organization(self, made: dict[str, Any]) -> Organization:
        with self.database.read() as db:
            return db.get_one(Organization, self.row(made).org_id)

    def count(self) -> int:
        with self.database.read() as db:
            return db.scalar(select(func.count()).select_from(Client)) or 0


@pytest.fixture
def door(app: FastAPI, client: TestClient, clock: FixedClock) -> Door:
    return Door(app, client, clock)


def is_refused(answer: Response, error: str, status: int = 400) -> bool:
    """An error of RFC 7591 §3.2.2, in the signs that it may have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    assert said.keys() == {"error", "error_description"}
    text = said["error_description"]
    assert text
    assert all(" " <= sign <= "~" and sign not in '"\\' for sign in text), text
    return bool(said["error"] == error)


# What is registered


def test_a_vendor_registers_and_asks_an_owner(door: Door) -> None:
    answer = door.register()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made["client_id"].startswith("mend-co-")
    assert made["client_id_issued_at"] == int(door.clock.now().timestamp())
    assert made["client_secret_expires_at"] == 0
    assert made["registration_client_uri"].endswith(f"/oauth/register/{made['client_id']}")
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["scope"] == "usage:read care:read", "those of its purposes"
    assert made["response_types"] == ["code"]
    assert made["purposes"][0]["scopes"]["care:read"] == {"needed": False, "why": ""}
    vendor = door.vendor(made)
    tokens = vendor.get_tokens()
    assert vendor.is_live(tokens["access_token"])
    assert vendor.refresh(tokens["refresh_token"]).status_code == 200


def test_a_public_client_has_no_secret(door: Door) -> None:
    made = door.registered(token_endpoint_auth_method="none")
    assert not any("secret" in name for name in made)
    assert door.vendor(made).get_tokens()["access_token"]


def test_everything_that_is_registered_is_told(door: Door) -> None:
    made = door.registered(**EVERYTHING)
    assert {name: made[name] for name in EVERYTHING} == EVERYTHING
    assert not any("secret" in name for name in made), "its keys are what it has"
    with door.database.read() as db:
        known = find_client(db, made["client_id"])
    assert known is not None
    assert known.auth_method == "private_key_jwt"
    assert known.jwks == EVERYTHING["jwks"]
    assert known.is_fapi
    assert door.row(made).registered == {
        "door": "registration",
        **{
            name: value
            for name, value in EVERYTHING.items()
            if name
            not in ("client_name", "redirect_uris", "grant_types", "response_types", "scope")
        },
    }


def test_members_that_nobody_knows_are_left_out(door: Door) -> None:
    made = door.registered(**{"application_type": "web", "client_name#fr": "Répare", "x": [1]})
    assert not {"application_type", "client_name#fr", "x"} & made.keys()


def test_what_only_the_server_says_is_not_taken_from_the_client(door: Door) -> None:
    wanted = {"client_id": "big-denim", "client_secret": "mine", "door": "operator"}
    made = door.registered(**wanted, registration_access_token="mine", lapsed=True)
    assert made["client_id"] != "big-denim"
    assert made["client_secret"] != "mine"
    assert made["registration_access_token"] != "mine"
    assert (door.row(made).registered or {})["door"] == "registration"
    assert "lapsed" not in (door.row(made).registered or {})


def test_a_null_is_as_if_it_were_not_there(door: Door) -> None:
    body = told() | {"scope": None, "jwks": None, "software_statement": None}
    assert door.http.post("/oauth/register", json=body).status_code == 201


def test_without_a_name_owners_see_where_it_lives(door: Door) -> None:
    assert door.registered(client_name=None)["client_name"] == "mend.example"


def test_the_organization_is_its_own_and_unverified(door: Door) -> None:
    with door.database.session() as db:
        ours = create_organization(db, door.clock, "Mend & Co", verified_domain="mend.example")
    first, second = door.registered(), door.registered()
    made = [door.organization(one) for one in (first, second)]
    assert len({ours.org_id, *(one.org_id for one in made)}) == 3
    assert [one.verified_domain for one in made] == [None, None]
    assert [one.name for one in made] == ["Mend & Co"] * 2
    with door.database.read() as db:
        assert find_organization(db, "Mend & Co").org_id == ours.org_id


def test_who_registers_first_takes_no_name_from_the_operator(door: Door) -> None:
    door.registered(client_name="Big Denim")
    with door.database.session() as db:
        made = create_organization(db, door.clock, "Big Denim")
        assert made.slug == "big-denim"
        assert find_organization(db, "big-denim").org_id == made.org_id


def test_every_example_registers(door: Door) -> None:
    paths = door.app.openapi()["paths"]
    shown = paths["/oauth/register"]["post"]
    body = shown["requestBody"]["content"]["application/json"]["example"]
    made = door.http.post("/oauth/register", json=body).json()
    example = shown["responses"]["201"]["content"]["application/json"]["example"]
    assert made.keys() == example.keys()
    one = paths["/oauth/register/{client_id}"]
    seen = door.manage("GET", made).json()
    assert (
        seen.keys()
        == one["get"]["responses"]["200"]["content"]["application/json"]["example"].keys()
    )
    for operation in (shown, one["get"], one["put"], one["delete"]):
        assert operation["summary"]
        assert len(operation["description"]) > 20


# What is refused


BAD_REDIRECTS: list[Any] = [
    "http://mend.example/back",
    "https://mend.example/back#part",
    "https://*.mend.example/back",
    "https://mend.example/*",
    "https://user@mend.example/back",
    "https://user:secret@mend.example/",
    "https://mend.example/../back",
    "javascript:alert(1)",
    "data:text/html,x",
    "mend.app:/back",
    "//mend.example/back",
    "https:///back",
    "https://mend.example:0/",
    "https://mend.example/ back",
    "https://mend.example\\@evil.example/",
    "https://mendé.example/",
    "https://[::1/",
    "http://127.0.0.2/",
    "http://localhost.evil.example/",
    "https://mend.example/" + "a" * 2000,
    "",
]


def test_oauth_42_redirect_uri_is_refused(door: Door) -> None:
    for uri in BAD_REDIRECTS:
        assert is_refused(door.register(redirect_uris=[REDIRECT, uri]), "invalid_redirect_uri"), uri
        assert door.count() == 0, uri


NO_REDIRECTS: list[Any] = [[], "https://mend.example", {}, 1, [1], [None], [[]], [REDIRECT] * 21]


def test_redirect_uris_are_a_list_of_addresses(door: Door) -> None:
    for uris in NO_REDIRECTS:
        assert is_refused(door.register(redirect_uris=uris), "invalid_redirect_uri"), uris


def test_a_client_that_asks_owners_has_a_redirect_uri(door: Door) -> None:
    assert is_refused(door.register(redirect_uris=None), "invalid_redirect_uri")


EC = {"kty": "EC", "crv": "P-256", "x": "A", "y": "B"}
PURPOSE = make_purpose()


BAD_METADATA: list[Any] = [
    {"client_name": ""},
    {"client_name": "   "},
    {"client_name": "a" * 201},
    {"client_name": 1},
    {"client_name": "Mend\u202eoC"},
    {"client_name": "a\nb"},
    {"grant_types": []},
    {"grant_types": ["password"]},
    {"grant_types": ["implicit", "authorization_code"]},
    {"grant_types": "authorization_code"},
    {"grant_types": [1]},
    {"grant_types": ["client_credentials"]},
    {"grant_types": ["refresh_token"], "redirect_uris": []},
    {"token_endpoint_auth_method": "client_secret_post"},
    {"token_endpoint_auth_method": "tls_client_auth"},
    {"token_endpoint_auth_method": ["none"]},
    {
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "client_credentials"],
    },
    {"response_types": ["token"]},
    {"response_types": ["code", "code"]},
    {"response_types": []},
    {"response_types": "code"},
    {"scope": "usage:read log:write"},
    {"scope": "usage:read own:read"},
    {"scope": "products:write"},
    {"scope": "everything"},
    {"scope": ["usage:read"]},
    {"scope": "care:read"},
    {"scope": "a" * 1001},
    {"token_endpoint_auth_method": "private_key_jwt"},
    {"jwks": {"keys": [KEY]}, "jwks_uri": "https://mend.example/jwks"},
    {"jwks": {"keys": []}},
    {"jwks": {"keys": [KEY] * 11}},
    {"jwks": {"keys": [KEY | {"n": "a" * 20_000}]}},
    {"jwks": {"keys": {}}},
    {"jwks": {"keys": [1]}},
    {"jwks": {}},
    {"jwks": [KEY]},
    {"jwks": "x"},
    {"jwks": {"keys": [{"x": "y"}]}},
    {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}},
    {"jwks": {"keys": [{"kty": "oct"}]}},
    {"jwks_uri": "http://mend.example/jwks"},
    {"jwks_uri": "http://localhost/jwks"},
    {"jwks_uri": "https://mend.example/jwks#x"},
    {"jwks_uri": "https://me@mend.example/jwks"},
    {"jwks_uri": "file:///etc/passwd"},
    {"jwks_uri": "https:///x"},
    {"jwks_uri": 1},
    {"jwks_uri": "https://mend.example/" + "a" * 500},
    {"require_pushed_authorization_requests": "true"},
    {"require_pushed_authorization_requests": 1},
    {"dpop_bound_access_tokens": "yes"},
    {"authorization_details_types": ["payment_initiation"]},
    {"authorization_details_types": "urn:inseam:object-data"},
    {"client_uri": "javascript:alert(1)"},
    {"logo_uri": "data:image/png;base64,AA"},
    {"tos_uri": 'https://mend.example/"><script>'},
    {"policy_uri": "mend.example"},
    {"policy_uri": "https://mend.example:99999/"},
    {"contacts": "data@mend.example"},
    {"contacts": ["a"] * 11},
    {"contacts": [{}]},
    {"software_id": ""},
    {"software_version": 1.5},
    {"inseam_agreements": ["SD BASE"]},
    {"inseam_agreements": ["a" * 41]},
    {"inseam_agreements": ["SD-BASE\n"]},
    {"inseam_agreements": {}},
    {"purposes": []},
    {"purposes": {}},
    {"purposes": ["RepairImpairments"]},
    {"purposes": [{}]},
    {"purposes": [PURPOSE] * 21},
    {"purposes": [PURPOSE | {"purpose": "Everything"}]},
    {"purposes": [PURPOSE | {"legal_basis": "Because"}]},
    {"purposes": [{n: v for n, v in PURPOSE.items() if n != "legal_basis"}]},
    {"purposes": [PURPOSE | {"title": ""}]},
    {"purposes": [PURPOSE | {"scopes": {}}]},
    {"purposes": [PURPOSE | {"scopes": []}]},
    {"purposes": [PURPOSE | {"scopes": "usage:read"}]},
    {"purposes": [PURPOSE | {"scopes": {'"\\é': {}}}]},
    {"purposes": [PURPOSE | {"scopes": {"usage:read": {"needed": True}}}]},
    {"purposes": [PURPOSE | {"scopes": {"usage:read": {"needed": "maybe"}}}]},
    {"purposes": [PURPOSE | {"scopes": {"log:write": {}}}]},
    {"purposes": [PURPOSE | {"more": 1}]},
]


def test_metadata_is_refused(door: Door) -> None:
    for changes in BAD_METADATA:
        assert is_refused(door.register(**changes), "invalid_client_metadata"), changes
        assert door.count() == 0, changes


PRIVATE_PARTS: list[Any] = ["d", "p", "q", "dp", "dq", "qi", "k", "oth"]


def test_oauth_42_no_private_key_is_registered(door: Door) -> None:
    for part in PRIVATE_PARTS:
        for key in (KEY, EC, {"kty": "RSA", "n": "A", "e": "AQAB"}):
            answer = door.register(jwks={"keys": [KEY, key | {part: "c2VjcmV0"}]})
            assert is_refused(answer, "invalid_client_metadata")
            assert "c2VjcmV0" not in answer.text
        with pytest.raises(ValueError, match="private"):
            check_jwks({"keys": [EC | {part: ""}]})


@pytest.mark.parametrize("statement", ["eyJhbGciOiJub25lIn0.e30.", "", {}, 1])
def test_oauth_42_a_software_statement_is_refused(door: Door, statement: Any) -> None:
    answer = door.register(software_statement=statement)
    assert is_refused(answer, "invalid_software_statement")


NO_METADATA: list[Any] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"1",
    b"\xff\xfe",
    b'{"client_name": "a", "client_name": "b"}',
    b'{"client_name": "a\\u0000b"}',
    b'{"client_name": "\\ud800"}',
    b'{"x": NaN}',
    b'{"x": 1e999}',
    b'{"x": 9007199254740993}',
    b'{"x": ' + b"[" * 33 + b"]" * 33 + b"}",
    b"[" * 60_000,
    b'{"x": "' + b"a" * 65_536 + b'"}',
    json.dumps(told()).encode() + b" " * 65_536,
]


def test_a_body_that_is_no_metadata_is_refused(door: Door) -> None:
    for body in NO_METADATA:
        assert is_refused(door.send(body), "invalid_client_metadata"), body


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_metadata_comes_as_json(door: Door, kind: str) -> None:
    answer = door.send(json.dumps(told()).encode(), kind)
    assert is_refused(answer, "invalid_client_metadata")


def test_the_type_of_the_body_may_have_a_charset(door: Door) -> None:
    body = json.dumps(told()).encode()
    assert door.send(body, "Application/JSON; charset=utf-8").status_code == 201


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["\x00", "\ud800", "a" * 3000, REDIRECT, "usage:read", '"\\'])
    | st.sampled_from([{"keys": [KEY]}, PURPOSE, [PURPOSE], "code", "none"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    changes=st.dictionaries(
        st.sampled_from([*ClientMetadata.model_fields, "client_id", "software_statement"]),
        JUNK,
        min_size=1,
        max_size=4,
    )
)
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_member_whatever_it_holds_is_a_fault_of_ours(
    door: Door, changes: dict[str, Any]
) -> None:
    answer = door.send(json.dumps(told() | changes).encode())
    assert answer.status_code in (201, 400), answer.text
    if answer.status_code == 400:
        assert answer.json()["error"].startswith("invalid_")
        is_refused(answer, "")
    else:
        made = answer.json()
        again = door.manage("PUT", made, json=made | changes)
        assert again.status_code in (200, 400), again.text
        assert door.manage("GET", made).status_code == 200


# Who may


@pytest.fixture
def by_token(door: Door) -> Door:
    door.app.state.settings = door.app.state.settings.model_copy(update={"registration": "token"})
    return door


def test_an_initial_token_registers_one_client(by_token: Door) -> None:
    token = by_token.invited()
    assert by_token.register(token).status_code == 201
    assert is_refused(by_token.register(token), "invalid_token", 401)
    assert by_token.count() == 1


def test_without_an_initial_token_nobody_registers(by_token: Door) -> None:
    answer = by_token.register()
    assert is_refused(answer, "invalid_token", 401)
    assert answer.headers["www-authenticate"] == "Bearer"
    made = by_token.http.post("/oauth/register", json=told(), auth=("a", "b"))
    assert is_refused(made, "invalid_token", 401)


@pytest.mark.parametrize("token", LOCKED[:3])
def test_a_wrong_initial_token_is_refused(by_token: Door, token: str) -> None:
    answer = by_token.register(token)
    assert is_refused(answer, "invalid_token", 401)
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_an_initial_token_ends(by_token: Door) -> None:
    token = by_token.invited(days=1)
    by_token.clock.advance(timedelta(days=1))
    assert is_refused(by_token.register(token), "invalid_token", 401)


def test_a_refused_registration_does_not_use_the_token_up(by_token: Door) -> None:
    token = by_token.invited()
    assert is_refused(by_token.register(token, purposes=[]), "invalid_client_metadata")
    assert by_token.register(token).status_code == 201


def test_a_registration_token_is_no_initial_token(by_token: Door) -> None:
    made = by_token.register(by_token.invited()).json()
    token = made["registration_access_token"]
    assert is_refused(by_token.register(token), "invalid_token", 401)


def test_of_many_at_once_one_uses_the_token(by_token: Door) -> None:
    token = by_token.invited()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: by_token.register(token).status_code, range(8)))
    assert sorted(answers) == [201, *[401] * 7]
    assert by_token.count() == 1


def test_where_the_operator_registers_nobody_else_does(door: Door) -> None:
    made = door.registered()
    settings = door.app.state.settings
    door.app.state.settings = settings.model_copy(update={"registration": "closed"})
    assert is_refused(door.register(), "access_denied", 403)
    assert is_refused(door.register(door.invited()), "access_denied", 403)
    assert door.manage("GET", made).status_code == 200, "who is there looks after itself"


def test_oauth_42_one_address_registers_so_often(door: Door) -> None:
    settings = door.app.state.settings
    door.app.state.settings = settings.model_copy(update={"rate_register_per_hour": 2})
    assert is_refused(door.register(purposes=[]), "invalid_client_metadata")
    made = door.registered()
    answer = door.register()
    assert is_refused(answer, "temporarily_unavailable", 429)
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    assert [door.replace(made).status_code for _ in range(3)] == [200, 200, 429]
    door.clock.advance(timedelta(hours=1))
    assert door.register().status_code == 201


# Looking after a registration


def test_a_client_sees_its_registration(door: Door) -> None:
    made = door.registered(**EVERYTHING)
    answer = door.manage("GET", made)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == made


def test_a_secret_is_told_once(door: Door) -> None:
    made = door.registered()
    seen = door.manage("GET", made).json()
    assert seen == {name: value for name, value in made.items() if "secret" not in name}


def test_what_is_replaced_is_replaced_whole(door: Door) -> None:
    made = door.registered(contacts=["data@mend.example"], scope="usage:read care:read body:read")
    purpose = make_purpose(title="Mend", scopes={"care:read": {}})
    new = "https://other.example/back"
    answer = door.replace(
        made,
        client_name="Mend",
        redirect_uris=[new],
        purposes=[purpose],
        tos_uri="https://m.example",
    )
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert seen["scope"] == "care:read"
    assert seen["redirect_uris"] == [new]
    assert seen["tos_uri"] == "https://m.example"
    assert "contacts" not in seen
    assert "client_secret" not in seen, "the one it has stays"
    assert seen["registration_access_token"] == made["registration_access_token"]
    assert door.manage("GET", made).json() == seen
    assert door.organization(made).name == "Mend"
    vendor = door.vendor(made)
    assert is_page(vendor.ask()), "the old address is nobody's"
    assert vendor.ask(redirect_uri=new, scope="care:read").status_code == 303


def test_a_verified_organization_keeps_its_name(door: Door) -> None:
    made = door.registered()
    with door.database.session() as db:
        verify_domain(db.get_one(Organization, door.row(made).org_id), "mend.example")
    assert door.replace(made, client_name="Big Denim").status_code == 200
    assert door.organization(made).name == "Mend & Co"


def test_a_confidential_client_changes_between_secret_and_keys(door: Door) -> None:
    made = door.registered()
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY]}}
    assert "client_secret" not in door.replace(made, **keys).json()
    assert door.vendor(made).credentials().status_code == 401, "the secret is gone"
    seen = door.replace(made).json()
    assert seen["client_secret"] != made["client_secret"]
    assert seen["client_secret_expires_at"] == 0
    assert door.vendor(seen).get_tokens()


def test_what_a_client_was_told_it_may_send_back(door: Door) -> None:
    made = door.registered(contacts=["data@mend.example"])
    answer = door.manage("PUT", made, json=made)
    assert answer.status_code == 200, answer.text
    assert answer.json() == door.manage("GET", made).json()


BAD_REPLACEMENTS: list[Any] = [
    {"client_id": "another"},
    {"client_id": {}},
    {"client_secret": "mine"},
    {"client_secret": ["x"]},
    {"token_endpoint_auth_method": "none"},
    {"purposes": []},
    {"scope": "log:write"},
    {"software_version": {}},
]


def test_a_replacement_is_refused(door: Door) -> None:
    for changes in BAD_REPLACEMENTS:
        made = door.registered()
        assert is_refused(door.replace(made, **changes), "invalid_client_metadata"), changes
        assert door.manage("GET", made).json() == {
            name: value for name, value in made.items() if "secret" not in name
        }
        assert door.vendor(made).get_tokens(), "nothing was changed"


def test_a_public_client_does_not_become_confidential(door: Door) -> None:
    made = door.registered(token_endpoint_auth_method="none")
    assert is_refused(door.replace(made), "invalid_client_metadata")


def test_a_public_client_has_no_secret_to_send(door: Door) -> None:
    made = door.registered(token_endpoint_auth_method="none")
    answer = door.replace(made, token_endpoint_auth_method="none", client_secret="")
    assert is_refused(answer, "invalid_client_metadata")


def test_a_bad_redirect_uri_is_refused_in_a_replacement(door: Door) -> None:
    made = door.registered()
    answer = door.replace(made, redirect_uris=["http://mend.example/"])
    assert is_refused(answer, "invalid_redirect_uri")


def test_a_software_statement_is_refused_in_a_replacement(door: Door) -> None:
    made = door.registered()
    assert is_refused(door.replace(made, software_statement="x"), "invalid_software_statement")


def test_a_wider_registration_widens_no_permission(door: Door) -> None:
    made = door.registered()
    vendor = door.vendor(made)
    tokens = vendor.get_tokens(categories=["usage"])
    scopes = {"usage:read": {}, "location:read": {}}
    purpose = make_purpose(scopes=scopes, legal_basis="LegitimateInterest")
    assert door.replace(made, purposes=[purpose]).status_code == 200
    again = vendor.refresh(tokens["refresh_token"]).json()
    assert again["scope"] == "usage:read"
    assert again["authorization_details"] == tokens["authorization_details"]


def test_a_client_ends_itself(door: Door) -> None:
    made = door.registered()
    vendor = door.vendor(made)
    tokens = vendor.get_tokens()
    answer = door.manage("DELETE", made)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert not vendor.is_live(tokens["access_token"])
    assert vendor.refresh(tokens["refresh_token"]).status_code == 401
    assert is_page(vendor.ask())
    for method in ("GET", "DELETE"):
        assert is_refused(door.manage(method, made), "invalid_token", 401)
    assert is_refused(door.replace(made), "invalid_token", 401)
    assert door.row(made).disabled_at is not None


def test_whom_the_operator_shuts_out_stays_out(door: Door) -> None:
    made = door.registered()
    with door.database.session() as db:
        disable_client(db, door.clock, made["client_id"])
    assert is_refused(door.manage("GET", made), "invalid_token", 401)
    assert is_refused(door.replace(made), "invalid_token", 401)
    assert door.row(made).disabled_at is not None


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_wrong_token_is_answered_as_an_unknown_client(
    door: Door, make: Callable[..., Vendor], method: str
) -> None:
    made, other = door.registered(), door.registered()
    operators, unknown = make(make_vendor).client_id, "mend-co-000000000000"
    answers = []
    for client_id in (made["client_id"], operators, unknown, "a\x00b", "é" * 200):
        for token in (*LOCKED[:3], other["registration_access_token"], door.invited()):
            uri = {"registration_client_uri": f"/oauth/register/{client_id}".replace("\x00", "%00")}
            attempt = uri | {"registration_access_token": token}
            answer = door.manage(method, attempt, json=told() if method == "PUT" else None)
            assert is_refused(answer, "invalid_token", 401)
            answers.append((answer.content, answer.headers["www-authenticate"]))
    assert len(set(answers)) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_without_a_token_nothing_is_shown(door: Door, method: str) -> None:
    path = f"/oauth/register/{door.registered()['client_id']}"
    body = {"json": told()} if method == "PUT" else {}
    answer = door.http.request(method, path, **body)
    assert is_refused(answer, "invalid_token", 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_two_tokens_are_none(door: Door) -> None:
    made = door.registered()
    token = made["registration_access_token"]
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    answer = door.http.get(f"/oauth/register/{made['client_id']}", headers=headers)
    assert is_refused(answer, "invalid_token", 401)
    empty = door.http.get("/oauth/register/x", headers={"Authorization": "Bearer "})
    assert is_refused(empty, "invalid_token", 401)


def test_oauth_42_tokens_and_secrets_are_kept_as_hashes(door: Door) -> None:
    initial = door.invited()
    made = door.registered()
    with door.database.read() as db:
        dump = "".join(
            repr(row) for table in tables.sorted_tables for row in db.execute(select(table))
        )
        assert db.get(RegistrationToken, sha256(made["registration_access_token"])) is not None
    for secret in (initial, made["registration_access_token"], made["client_secret"]):
        assert len(secret.split("_", 2)[2]) == 43
        assert secret not in dump


def test_tokens_that_ended_are_dropped(door: Door) -> None:
    made, gone = door.registered(), door.registered()
    door.invited(days=1)
    kept = door.invited(days=3)
    assert door.manage("DELETE", gone).status_code == 204
    door.clock.advance(timedelta(days=2))
    with door.database.connection() as conn:
        assert forget_old(conn, door.clock) == 2
    with door.database.read() as db:
        left = set(db.scalars(select(RegistrationToken.token_hash)))
    assert left == {sha256(made["registration_access_token"]), sha256(kept)}


# Metadata of the server


@pytest.mark.parametrize(
    ("registration", "documents"), [("open", True), ("token", False), ("closed", True)]
)
def test_oauth_41_ways_in_are_advertised_where_they_are(
    door: Door, registration: str, documents: bool
) -> None:
    changes = {"registration": registration, "client_documents": documents}
    door.app.state.settings = door.app.state.settings.model_copy(update=changes)
    said = door.http.get("/.well-known/oauth-authorization-server").json()
    assert ("registration_endpoint" in said) == (registration != "closed")
    assert said.get("client_id_metadata_document_supported", False) == documents
    if registration != "closed":
        assert said["registration_endpoint"] == "https://testserver/oauth/register"
        answer = door.register(door.invited())
        assert answer.status_code == 201
