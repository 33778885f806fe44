"""Owners' own apps: what is taken, what is refused, and that no list of companies shows them."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.kit.ids import new_id
from app.objects.categories import VENDOR_SCOPES
from app.organizations import own_apps
from app.organizations.clients import check_secret, client_face, find_client
from app.organizations.errors import (
    ClientInvalid,
    OwnAppInvalid,
    OwnAppNotFound,
    UnknownOrganization,
)
from app.organizations.models import Client, Organization
from app.organizations.service import (
    any_organization,
    create_organization,
    find_organization,
)
from tests.factories.oauth import make_vendor


def make(
    db: Session, clock: FixedClock, owner_id: UUID, name: str = "Home", **changes: Any
) -> tuple[Client, str | None]:
    values: dict[str, Any] = {
        "redirect_uris": ["http://localhost:8123/callback"],
        "kind": "confidential",
        "scopes": ["usage:read", "care:read"],
        "known_scopes": list(VENDOR_SCOPES),
    }
    return own_apps.create(db, clock, owner_id, name, **(values | changes))


def test_app_is_a_client_for_its_owners_own_use(db: Session, clock: FixedClock) -> None:
    owner = new_id()
    app, secret = make(db, clock, owner)
    known = find_client(db, app.client_id)
    assert known is not None
    assert check_secret(known, secret or "")
    assert known.keeps_refresh
    assert {"authorization_code", "refresh_token"} <= set(known.grant_types)
    assert known.registered == {"door": "owner"}
    assert known.purposes == [
        {
            "purpose": "RequestedServiceProvision",
            "title": "Your own use",
            "legal_basis": "Consent",
            "scopes": {
                "usage:read": {"needed": False, "why": ""},
                "care:read": {"needed": False, "why": ""},
            },
        }
    ]
    face = client_face(db, app.client_id)
    assert (face.name, face.organization, face.is_own) == ("Yourself: Home", "Yourself", True)


def test_public_app_has_no_secret_and_its_refresh_token_turns(
    db: Session, clock: FixedClock
) -> None:
    owner = new_id()
    app, secret = make(db, clock, owner, kind="public")
    known = find_client(db, app.client_id)
    assert secret is None
    assert known is not None
    assert known.is_public
    assert not known.keeps_refresh
    with pytest.raises(ClientInvalid):
        own_apps.rotate_secret(db, owner, app.client_id)


def test_one_organization_for_each_owner(db: Session, clock: FixedClock) -> None:
    mine, other = new_id(), new_id()
    first, second = (make(db, clock, mine, name)[0] for name in ("Home", "Script"))
    foreign, _ = make(db, clock, other)
    assert first.org_id == second.org_id != foreign.org_id
    owners = db.scalars(select(Organization.owner_id).order_by(Organization.created_at))
    assert set(owners) == {mine, other}


def test_no_list_of_companies_shows_it(db: Session, clock: FixedClock) -> None:
    app, _ = make(db, clock, new_id())
    organization = db.get_one(Organization, app.org_id)
    assert not any_organization(db)
    for name in (organization.slug, organization.name, str(organization.org_id)):
        with pytest.raises(UnknownOrganization):
            find_organization(db, name)
    company = create_organization(db, clock, "Yourself", gs1_prefixes=["950600"])
    assert find_organization(db, "Yourself") is company


def test_a_company_cannot_call_itself_yourself(db: Session, clock: FixedClock) -> None:
    for name in ("Yourself: Home", "yourself", " YOURSELF: x"):
        with pytest.raises(ClientInvalid):
            make_vendor(db, clock, name)


def test_list_is_the_owners_own_and_newest_first(db: Session, clock: FixedClock) -> None:
    owner = new_id()
    first, _ = make(db, clock, owner, "One")
    clock.advance(1)
    second, _ = make(db, clock, owner, "Two")
    make(db, clock, new_id())
    assert list(own_apps.list_live(db, owner)) == [second, first]
    assert own_apps.list_live(db, new_id()) == []


def test_new_secret_stops_the_old_one(db: Session, clock: FixedClock) -> None:
    owner = new_id()
    app, old = make(db, clock, owner)
    fresh = own_apps.rotate_secret(db, owner, app.client_id)
    db.flush()
    known = find_client(db, app.client_id)
    assert check_secret(known, fresh)
    assert not check_secret(known, old or "")


def test_foreign_owner_finds_no_app(db: Session, clock: FixedClock) -> None:
    app, _ = make(db, clock, new_id())
    with pytest.raises(OwnAppNotFound):
        own_apps.get(db, new_id(), app.client_id)
    with pytest.raises(OwnAppNotFound):
        own_apps.rotate_secret(db, new_id(), app.client_id)
    with pytest.raises(OwnAppNotFound):
        own_apps.end(db, clock, new_id(), app.client_id)


def test_client_of_a_company_is_nobodys_own_app(db: Session, clock: FixedClock) -> None:
    owner = new_id()
    make(db, clock, owner)
    vendor, _ = make_vendor(db, clock)
    with pytest.raises(OwnAppNotFound):
        own_apps.end(db, clock, owner, vendor.client_id)


def test_ended_app_is_gone_for_good(db: Session, clock: FixedClock) -> None:
    owner = new_id()
    app, _ = make(db, clock, owner)
    own_apps.end(db, clock, owner, app.client_id)
    db.flush()
    assert find_client(db, app.client_id) is None
    assert own_apps.list_live(db, owner) == []
    with pytest.raises(OwnAppNotFound):
        own_apps.end(db, clock, owner, app.client_id)


def test_too_many_apps_are_refused_until_one_ends(db: Session, clock: FixedClock) -> None:
    owner = new_id()
    apps = [make(db, clock, owner, f"App {number}")[0] for number in range(own_apps.MAX_LIVE)]
    with pytest.raises(OwnAppInvalid, match="20 apps"):
        make(db, clock, owner)
    make(db, clock, new_id())
    own_apps.end(db, clock, owner, apps[0].client_id)
    db.flush()
    make(db, clock, owner)


@pytest.mark.parametrize(
    "uri",
    [
        "http://home.example/callback",
        "http://localhost/callback#part",
        "javascript:alert(1)",
        "https://user@home.example/",
        "https://*.home.example/",
        "home.example",
    ],
)
def test_bad_redirect_is_refused(db: Session, clock: FixedClock, uri: str) -> None:
    with pytest.raises(OwnAppInvalid) as refused:
        make(db, clock, new_id(), redirect_uris=["https://fine.example/", uri])
    assert refused.value.field == "redirects"


def test_each_redirect_counts_once_and_empty_lines_do_not(db: Session, clock: FixedClock) -> None:
    lines = ["", " https://home.example/cb ", "https://home.example/cb", "http://127.0.0.1/x"]
    app, _ = make(db, clock, new_id(), redirect_uris=lines)
    assert app.redirect_uris == ["https://home.example/cb", "http://127.0.0.1/x"]


MISTAKES: list[tuple[Any, ...]] = [
    ("name", {"name": "  "}),
    ("name", {"name": "x" * 61}),
    ("name", {"name": "a\u202eb"}),
    ("redirects", {"redirect_uris": []}),
    ("redirects", {"redirect_uris": [f"https://home.example/{n}" for n in range(11)]}),
    ("scopes", {"scopes": []}),
    ("scopes", {"scopes": ["log:write"]}),
    ("scopes", {"scopes": ["own:read"]}),
    ("kind", {"kind": "secret"}),
]


def test_mistake_names_its_field(db: Session, clock: FixedClock) -> None:
    for field, wrong in MISTAKES:
        with pytest.raises(OwnAppInvalid) as refused:
            make(db, clock, new_id(), **wrong)
        assert refused.value.field == field, field
        assert not db.scalars(select(Client)).all(), field
