"""What docs/vendors.md shows of libraries is run as it stands there."""

import re
from contextlib import closing
from typing import Any

import pytest
from authlib.integrations.base_client import OAuthError
from joserfc.jwk import ECKey

from tests.interop.house import KINDS, REDIRECT, House
from tests.interop.node import run_script
from tests.support.source import ROOT

PAGE = (ROOT / "docs" / "vendors.md").read_text()
SCOPE = {f"{kind}:read" for kind in KINDS}
BEFORE = """
import { ask, job, tell } from "./talk.mjs";
const { issuer, clientId, clientSecret, redirectUri } = job;
const sendOwner = async (address) => new URL(await ask("visit", address));
"""
AFTER = """
tell("done", { token, objects });
"""


def shown(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)
    return str(block)


def test_the_lines_for_node_work(house: House) -> None:
    client_id, secret = house.client()
    job = {"issuer": house.url, "clientId": client_id, "clientSecret": secret}
    options = '{ algorithm: "oauth2" }'
    local = '{ algorithm: "oauth2", execute: [client.allowInsecureRequests] }'
    assert options in shown("js")
    script = BEFORE + shown("js").replace(options, local) + AFTER
    given = run_script(
        ["--input-type=module", "--eval", script],
        job | {"redirectUri": REDIRECT},
        lambda _, address: house.visit(address),
    )
    token = given["token"]
    assert (token["token_type"], set(token["scope"].split())) == ("dpop", SCOPE)
    check(given["objects"], token)


def test_the_lines_for_python_work(house: House) -> None:
    key = ECKey.generate_key("P-256", {"kid": "mine"})
    jwks = {"keys": [key.as_dict(private=False)]}
    registered = {"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks}
    client_id, _ = house.client(registered=registered)
    names: dict[str, Any] = {
        "issuer": house.url,
        "client_id": client_id,
        "key": key,
        "redirect_uri": REDIRECT,
        "verifier": "a-verifier-that-is-long-enough-to-be-one-1234",
        "send_owner": house.visit,
    }
    exec(compile(shown("python"), "docs/vendors.md", "exec"), names)
    client, token = names["client"], names["token"]
    with closing(client):
        assert set(token["scope"].split()) == SCOPE
        check(names["objects"], token)
        client.revoke_token(f"{house.url}/oauth/revoke").raise_for_status()
        with pytest.raises(OAuthError, match="invalid_grant"):
            client.refresh_token(f"{house.url}/oauth/token")


def check(objects: list[dict[str, Any]], token: dict[str, Any]) -> None:
    """The one thing that was allowed."""
    (thing,) = objects
    (detail,) = token["authorization_details"]
    assert thing["id"] == detail["identifier"]
    assert set(detail["datatypes"]) == set(KINDS)


def test_the_page_names_the_versions_that_are_tested() -> None:
    locks = [ROOT / "tests" / "requirements.lock", ROOT / "tests" / "interop" / "package.json"]
    pinned = "".join(lock.read_text() for lock in locks)
    told = re.findall(r"(openid-client|oauth4webapi|Authlib|requests-oauthlib) (\d+\.\d+)", PAGE)
    assert len(told) == 4
    for name, version in told:
        assert re.search(rf'^\W*{name}"?(==|: "){version}\.', pinned, re.M | re.I), name
