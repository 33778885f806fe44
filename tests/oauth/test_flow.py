"""A client nobody here wrote: Authlib's own, through the whole flow."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from fastapi import FastAPI

from tests.factories.oauth import REDIRECT, make_public_vendor
from tests.oauth.conftest import VERIFIER, Vendor


def make_client(app: FastAPI, vendor: Vendor, **more: Any) -> AsyncOAuth2Client:
    return AsyncOAuth2Client(
        vendor.client_id,
        vendor.secret,
        scope="usage:read care:read",
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
        transport=httpx2.ASGITransport(app),
        base_url="https://testserver",
        **more,
    )


async def run_flow(app: FastAPI, vendor: Vendor) -> None:
    metadata = vendor.http.get("/.well-known/oauth-authorization-server").json()
    method = "client_secret_basic" if vendor.secret else "none"
    async with make_client(app, vendor, token_endpoint_auth_method=method) as client:
        address, state = client.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=VERIFIER
        )
        asked = await asyncio.to_thread(vendor.http.get, address)
        back = await asyncio.to_thread(vendor.allow, asked)
        place = metadata["token_endpoint"]
        token = await client.fetch_token(
            place, authorization_response=back, state=state, code_verifier=VERIFIER
        )
        assert token["scope"] == "usage:read care:read"
        again = await client.refresh_token(place, refresh_token=token["refresh_token"])
        assert again["grant_id"] == token["grant_id"]
        answer = await client.revoke_token(
            metadata["revocation_endpoint"], again["refresh_token"], "refresh_token"
        )
        assert answer.status_code == 200
        with pytest.raises(OAuthError, match="invalid_grant"):
            await client.refresh_token(place, refresh_token=again["refresh_token"])


def test_authlib_client_goes_the_whole_way(app: FastAPI, vendor: Vendor) -> None:
    asyncio.run(run_flow(app, vendor))


def test_authlib_public_client_goes_the_whole_way(
    app: FastAPI, make: Callable[..., Vendor]
) -> None:
    asyncio.run(run_flow(app, make(make_public_vendor)))


def test_authlib_client_gets_a_token_for_itself(app: FastAPI, vendor: Vendor) -> None:
    async def fetch() -> dict[str, Any]:
        async with make_client(app, vendor) as client:
            return dict(await client.fetch_token("/oauth/token", grant_type="client_credentials"))

    assert asyncio.run(fetch())["token_type"] == "Bearer"
