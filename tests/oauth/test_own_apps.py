"""Tokens of owners' own apps: a refresh token that stays, and the end of all with the app."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from app.consent.own import NO_END
from app.kit.clock import Clock, FixedClock
from app.kit.ids import new_id
from app.objects.categories import VENDOR_SCOPES
from app.organizations import own_apps
from app.organizations.models import Client
from tests.factories.oauth import REDIRECT
from tests.oauth.conftest import Vendor, is_page
from tests.oauth.test_code import is_refused

OWNER = new_id()


def make_own_app(
    db: Session, clock: Clock, kind: str = "confidential"
) -> tuple[Client, str | None]:
    scopes = ["usage:read", "care:read"]
    return own_apps.create(
        db,
        clock,
        OWNER,
        "Home",
        redirect_uris=[REDIRECT],
        kind=kind,
        scopes=scopes,
        known_scopes=list(VENDOR_SCOPES),
    )


@pytest.fixture
def own(make: Callable[..., Vendor]) -> Vendor:
    return make(make_own_app)


def tokens_of(own: Vendor, clock: FixedClock, **grant: Any) -> dict[str, Any]:
    """Of a permission without an end."""
    return own.get_tokens(owner_id=OWNER, **({"until": clock.now() + NO_END} | grant))


def end(own: Vendor) -> None:
    with own.database.session() as db:
        own_apps.end(db, own.clock, OWNER, own.client_id)


def test_refresh_token_stays_so_that_a_restored_backup_works(
    own: Vendor, clock: FixedClock
) -> None:
    first = tokens_of(own, clock)
    for _ in range(3):
        clock.advance(timedelta(days=1))
        again = own.refresh(first["refresh_token"]).json()
        assert again["refresh_token"] == first["refresh_token"]
        assert again["access_token"] != first["access_token"]
        assert own.is_live(again["access_token"])


def test_refresh_token_has_no_end_of_its_own(own: Vendor, clock: FixedClock) -> None:
    token = tokens_of(own, clock)["refresh_token"]
    clock.advance(timedelta(days=3650))
    assert own.refresh(token).status_code == 200


def test_refresh_token_ends_with_the_permission(own: Vendor, clock: FixedClock) -> None:
    until = clock.now() + timedelta(days=200)
    tokens = tokens_of(own, clock, until=until)
    clock.advance(timedelta(days=199))
    assert own.refresh(tokens["refresh_token"]).status_code == 200
    clock.advance(timedelta(days=1))
    assert is_refused(own.refresh(tokens["refresh_token"]), "invalid_grant")


def test_withdrawn_permission_ends_it(own: Vendor, clock: FixedClock) -> None:
    tokens = tokens_of(own, clock)
    own.set_grant(tokens["grant_id"], status="revoked")
    assert is_refused(own.refresh(tokens["refresh_token"]), "invalid_grant")


def test_revoked_token_ends_at_once(own: Vendor, clock: FixedClock) -> None:
    tokens = tokens_of(own, clock)
    assert own.revoke(tokens["refresh_token"]).status_code == 200
    assert is_refused(own.refresh(tokens["refresh_token"]), "invalid_grant")
    assert not own.is_live(tokens["access_token"])


def test_its_secret_is_still_asked_for(own: Vendor, clock: FixedClock) -> None:
    token = tokens_of(own, clock)["refresh_token"]
    own.secret = "inseam_cs_wrong"
    answer = own.refresh(token)
    assert answer.status_code == 401


def test_public_app_rotates_as_always(make: Callable[..., Vendor], clock: FixedClock) -> None:
    own = make(make_own_app, kind="public")
    first = tokens_of(own, clock)
    second = own.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert is_refused(own.refresh(first["refresh_token"]), "invalid_grant")
    assert not own.is_live(second["access_token"])


def test_ended_app_opens_nothing_from_then_on(own: Vendor, clock: FixedClock) -> None:
    tokens, code = tokens_of(own, clock), own.get_code(owner_id=OWNER)
    end(own)
    principal = own.principal(tokens["access_token"])
    assert principal is not None
    assert principal.dead_reason == "client-disabled"
    assert own.refresh(tokens["refresh_token"]).status_code == 401
    assert own.redeem(code).status_code == 401
    assert is_page(own.ask()), "and its owner is not asked any more"


def test_own_app_asks_for_what_was_chosen_only(own: Vendor) -> None:
    assert "error=invalid_scope" in own.ask(scope="body:read").headers["location"]


def test_history_names_it_as_the_owners_own(own: Vendor, clock: FixedClock) -> None:
    principal = own.principal(tokens_of(own, clock)["access_token"])
    assert principal is not None
    assert principal.shown_name == "Yourself: Home"
    assert isinstance(principal.grant_id, UUID)
