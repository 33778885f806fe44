"""OAuth clients for Node that nobody here wrote: oauth4webapi and openid-client, each as five kinds
of client. What they find out is looked at here."""

from dataclasses import dataclass
from typing import Any

import pytest
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from app.organizations.client_rules import DEVICE_CODE
from tests.interop.house import KINDS, RECORDED, REDIRECT, SCOPES, House
from tests.interop.node import run_script
from tests.support.rounds import IS_FULL

TYPE = "urn:inseam:object-data"
DETAILS = [{"type": TYPE, "datatypes": ["usage", "care", "condition"], "retention": "P30D"}]
MAKE: dict[str, Any] = {
    "ES256": lambda: ECKey.generate_key("P-256"),
    "PS256": lambda: RSAKey.generate_key(2048),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
}


@dataclass(frozen=True)
class Kind:
    """A kind of client: `alg` is what it signs with where it has keys."""

    name: str
    alg: str | None = None
    is_public: bool = False
    is_bound: bool = False
    is_fapi: bool = False
    is_machine: bool = False


PUBLIC = Kind("public", is_public=True, is_bound=True)
SECRET = Kind("secret")
CASES = [
    ("oauth4webapi", PUBLIC),
    ("oauth4webapi", SECRET),
    ("oauth4webapi", Kind("key", "ES256")),
    ("oauth4webapi", Kind("fapi", "PS256", is_bound=True, is_fapi=True)),
    ("oauth4webapi", Kind("machine", "Ed25519", is_bound=True, is_machine=True)),
    ("openid-client", PUBLIC),
    ("openid-client", SECRET),
    ("openid-client", Kind("key", "PS256")),
    ("openid-client", Kind("fapi", "Ed25519", is_bound=True, is_fapi=True)),
    ("openid-client", Kind("machine", "ES256", is_machine=True)),
]

if IS_FULL:
    CASES += [
        (library, Kind(f"{name}-{alg}", alg, is_bound=is_fapi, is_fapi=is_fapi))
        for library in ("oauth4webapi", "openid-client")
        for name, is_fapi in (("key", False), ("fapi", True))
        for alg in MAKE
    ]


@pytest.mark.parametrize(("library", "kind"), CASES, ids=[f"{a}-{b.name}" for a, b in CASES])
def test_a_client_of_node_goes_the_whole_way(
    house: House, library: str, kind: Kind, engine_kind: str
) -> None:
    job = job_of(house, kind)
    # openid-client waits as long as the answer says, so one of its clients is enough for codes.
    waits = library == "openid-client" and not (kind is PUBLIC and engine_kind == "sqlite")
    job["has_device"] = not kind.is_machine and (IS_FULL or not waits)

    def answer(question: str, value: Any) -> Any:
        if question == "code":
            house.type_code(value["user_code"])
            if library == "oauth4webapi":
                house.clock.advance(value["interval"])
            return None
        return house.visit(value, is_fine=question == "visit")

    told = run_script([f"{library}.mjs"], job, answer)
    check_flow(house, kind, told)
    if library == "oauth4webapi":
        check_discovery(house, told["guarded"])
        same = {name: value for name, value in told["signed"].items() if name != "iat"}
        assert same.items() <= told["introspected"].items()
        assert told["nonces"] == (1 if kind.is_bound else 0)
    if job["has_device"]:
        check_device(house, kind, told["device"])
    if kind.is_machine:
        check_machine(kind, told["machine"])


def job_of(house: House, kind: Kind) -> dict[str, Any]:
    """A registered client, and what its script has to know."""
    key: Key | None = MAKE[kind.alg]() if kind.alg else None
    grants = ["authorization_code", "refresh_token", DEVICE_CODE]
    more: dict[str, Any] = {}
    if key is not None:
        own = {"kid": key.thumbprint(), "alg": kind.alg}
        more["registered"] = {
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [key.as_dict(private=False) | own]},
            "require_pushed_authorization_requests": kind.is_fapi,
            "dpop_bound_access_tokens": kind.is_fapi,
        }
    if kind.is_machine:
        grants.append("client_credentials")
        more["scopes"] = (*SCOPES, "grants:read")
    client_id, secret = house.client(is_public=kind.is_public, grant_types=grants, **more)
    return {
        "issuer": house.url,
        "resource": f"{house.url}/v1/data",
        "client_id": client_id,
        "secret": secret,
        "key": key and key.as_dict(private=True) | own,
        "redirect_uri": REDIRECT,
        "authorization_details": DETAILS,
        "is_bound": kind.is_bound,
        "is_machine": kind.is_machine,
    }


def check_discovery(house: House, guarded: dict[str, Any]) -> None:
    """The document about the resource stands where RFC 9728 §3.1 puts it."""
    assert guarded["resource"] == f"{house.url}/v1/data"
    assert guarded["authorization_servers"] == [house.url]
    assert guarded["authorization_details_types_supported"] == [TYPE]
    assert set(SCOPES) < set(guarded["scopes_supported"])


def check_flow(house: House, kind: Kind, told: dict[str, Any]) -> None:
    """From the code to the end of everything."""
    token, fresh, shown = told["token"], told["fresh"]["token"], told["introspected"]
    check_token(kind, token)
    check_reading(token, told["read"])
    assert token["iss"] == house.url
    assert (
        told["mixedUp"]["code"] == "OAUTH_INVALID_RESPONSE"
    )  # another server's name in the answer
    assert shown["active"] is True
    assert shown["iss"] == house.url
    assert shown["token_type"] == ("DPoP" if kind.is_bound else "Bearer")
    assert ("jkt" in shown.get("cnf", {})) == kind.is_bound
    assert shown["authorization_details"] == token["authorization_details"]
    assert shown["exp"] - shown["iat"] == 600

    check_token(kind, fresh)
    check_reading(fresh, told["fresh"]["read"])
    assert fresh["grant_id"] == token["grant_id"]
    assert fresh["refresh_token"] != token["refresh_token"]
    assert fresh["authorization_details"] == token["authorization_details"]

    after = told["after"]
    assert (after["read"]["status"], after["read"]["error"]) == (401, "invalid_token")
    assert (after["refresh"]["status"], after["refresh"]["error"]) == (400, "invalid_grant")
    assert after["introspected"] == {"active": False}
    assert told["no"]["error"] == "access_denied"


def check_device(house: House, kind: Kind, told: dict[str, Any]) -> None:
    """A code that was typed gives the same as a redirect."""
    assert (told["device"]["interval"], told["device"]["expires_in"]) == (5, 900)
    assert told["device"]["verification_uri"] == f"{house.url}/device"
    if "early" in told:
        assert told["early"]["error"] == "authorization_pending"
    check_token(kind, told["token"])
    check_reading(told["token"], told["read"])


def check_machine(kind: Kind, told: dict[str, Any]) -> None:
    """A token of the client's own reads under the permission that it names."""
    token = told["token"]
    assert token["token_type"] == ("dpop" if kind.is_bound else "bearer")
    assert (token["scope"], token["expires_in"]) == ("grants:read", 600)
    assert "refresh_token" not in token
    assert {record["stream"] for record in told["read"]["records"]} == {"wash", "wear"}
    assert (told["introspected"]["active"], told["introspected"]["scope"]) == (True, "grants:read")
    assert (told["after"]["status"], told["after"]["error"]) == (401, "invalid_token")


def check_token(kind: Kind, token: dict[str, Any]) -> None:
    """It says what was allowed: two of three kinds, of one of two things, named by its id."""
    assert token["token_type"] == (
        "dpop" if kind.is_bound else "bearer"
    )  # as the libraries tell it
    assert token["expires_in"] == 600
    assert set(token["scope"].split()) == {f"{name}:read" for name in KINDS}
    (detail,) = token["authorization_details"]
    assert detail["type"] == TYPE
    assert set(detail["datatypes"]) == set(KINDS)
    assert detail["actions"] == ["read"]
    assert detail["retention"] == "P30D"
    assert detail["purpose"] == "RepairImpairments"
    assert "identifier" not in DETAILS[0]
    assert detail["identifier"]


def check_reading(token: dict[str, Any], read: dict[str, Any]) -> None:
    """What the token answer names is what is there, and the records are those that were sent."""
    (thing,) = read["objects"]
    assert [thing["id"]] == [entry["identifier"] for entry in token["authorization_details"]]
    found = {record["stream"]: record["values"] for record in read["records"]}
    assert found == {name: RECORDED[name] for name in ("wash", "wear")}
