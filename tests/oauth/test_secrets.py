"""No secret in the database, and none in the logs at any level."""

import logging
from collections.abc import Callable

import pytest
from sqlalchemy import select

from app.kit.crypto import sha256
from app.oauth.models import Token
from app.organizations.models import Client
from app.tables import metadata
from tests.factories.oauth import make_maker_client
from tests.oauth.conftest import VERIFIER, Vendor, answer_of


def test_oauth_39_debug_logs_hold_no_token(
    vendor: Vendor, make: Callable[..., Vendor], caplog: pytest.LogCaptureFixture
) -> None:
    """Also when somebody turns Authlib's own log on."""
    for name in ("", "authlib", "sqlalchemy.engine", "sqlalchemy.pool"):
        caplog.set_level(logging.DEBUG, logger=name)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)  # statements carry hashes
    code = vendor.get_code()
    first = vendor.redeem(code).json()
    second = vendor.refresh(first["refresh_token"]).json()
    alone = make(make_maker_client).credentials().json()
    vendor.refresh(first["refresh_token"])
    assert "Validate token request" in caplog.text, "Authlib spoke"
    said = [code, VERIFIER, vendor.secret or ""]
    for tokens in (first, second, alone):
        said += [tokens["access_token"], tokens.get("refresh_token", code)]
    assert [secret for secret in said if secret in caplog.text] == []


def test_oauth_39_database_holds_no_usable_secret(vendor: Vendor) -> None:
    asked = vendor.ask()
    ticket = asked.headers["location"].rpartition("/")[2]
    code = answer_of(vendor.allow(asked))["code"]
    tokens = vendor.redeem(code).json()
    secrets = [ticket, code, tokens["access_token"], tokens["refresh_token"], vendor.secret]
    with vendor.database.read() as db:
        dump = "".join(
            repr(row) for table in metadata.sorted_tables for row in db.execute(select(table))
        )
    assert "mend.example" in dump
    assert [one for one in secrets if str(one) in dump] == []


def test_oauth_40_secrets_have_256_random_bits(vendor: Vendor) -> None:
    """And are kept as one SHA-256 of their whole text; there are no passwords."""
    tokens, other = vendor.get_tokens(), vendor.get_tokens()
    secrets = [vendor.secret or "", tokens["access_token"], tokens["refresh_token"]]
    for secret in secrets:
        assert len(secret.split("_", 2)[2]) == 43
    assert not set(secrets) & {other["access_token"], other["refresh_token"]}
    with vendor.database.read() as db:
        assert db.get_one(Client, vendor.client_id).secret_hash == sha256(secrets[0])
        hashes = set(db.scalars(select(Token.token_hash)))
    assert {sha256(secret) for secret in secrets[1:]} <= hashes
    names = {column.name for table in metadata.sorted_tables for column in table.columns}
    assert [name for name in names if "password" in name] == []
