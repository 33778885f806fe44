"""No secret in the database, and none in the logs at any level."""

import logging
from collections.abc import Callable

import pytest
from sqlalchemy import select

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
    tokens = vendor.get_tokens()
    for token in (tokens["access_token"], tokens["refresh_token"], vendor.secret or ""):
        assert len(token.rpartition("_")[2]) >= 40 or token.count("_") > 2
        assert len(token.split("_", 2)[2]) == 43
