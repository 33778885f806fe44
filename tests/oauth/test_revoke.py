"""Revocation of tokens (RFC 7009); numbers are those of the security checklist."""

from collections.abc import Callable
from uuid import UUID

import pytest

from app.consent.models import Grant
from tests.factories.oauth import make_public_vendor
from tests.oauth.conftest import Vendor
from tests.oauth.test_code import is_refused


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "no_such_hint"])
def test_oauth_37_ends_the_family_but_never_the_permission(
    vendor: Vendor, which: str, hint: str | None
) -> None:
    tokens, other = vendor.get_tokens(), vendor.get_tokens()
    more = {"token_type_hint": hint} if hint else {}
    answer = vendor.revoke(tokens[which], **more)
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["cache-control"] == "no-store"
    principal = vendor.principal(tokens["access_token"])
    assert principal is not None
    assert principal.dead_reason == "token-revoked"
    assert is_refused(vendor.refresh(tokens["refresh_token"]), "invalid_grant")
    assert vendor.is_live(other["access_token"])
    with vendor.database.read() as db:
        grant = db.query(Grant).filter_by(grant_id=UUID(tokens["grant_id"])).one()
        assert grant.status == "active"


def test_oauth_37_unknown_and_foreign_tokens_tell_nothing(
    vendor: Vendor, make: Callable[..., Vendor]
) -> None:
    tokens, other = vendor.get_tokens(), make()
    for token in ("x", "é" * 100, tokens["access_token"], tokens["refresh_token"]):
        answer = other.revoke(token)
        assert (answer.status_code, answer.json()) == (200, {})
    assert vendor.is_live(tokens["access_token"])
    assert vendor.refresh(tokens["refresh_token"]).status_code == 200


def test_oauth_37_client_must_authenticate(vendor: Vendor) -> None:
    tokens = vendor.get_tokens()
    form = {"token": tokens["access_token"]}
    answer = vendor.post("/oauth/revoke", form, auth=(vendor.client_id, "wrong"))
    assert is_refused(answer, "invalid_client", 401)
    assert vendor.is_live(tokens["access_token"])
    assert is_refused(vendor.post("/oauth/revoke", {}), "invalid_request")


def test_public_client_revokes_its_own(make: Callable[..., Vendor]) -> None:
    app = make(make_public_vendor)
    tokens = app.get_tokens()
    assert app.revoke(tokens["refresh_token"]).status_code == 200
    assert not app.is_live(tokens["access_token"])
