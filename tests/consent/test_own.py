"""Permissions of owners' own apps: theirs alone to give, without an end, asked about, ended."""

from datetime import timedelta
from uuid import UUID

import pytest

from app.consent.decide import Allowed, decide
from app.consent.errors import (
    EndDateOutside,
    GrantNotFound,
    RequestExpired,
    RequestGone,
    RequestNotFound,
)
from app.consent.grant import Choice, Granted, allow
from app.consent.grants import find_grant, get_grant, keep
from app.consent.own import end_app, has_no_end, is_to_be_asked
from app.consent.request_views import answered, list_waiting, view_request
from app.consent.requests import count_waiting, refuse
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.objects.categories import VENDOR_SCOPES
from app.organizations import own_apps
from app.organizations.models import Client
from tests.factories.world import LONGEST, REDIRECT, World


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    return World(database, clock)


@pytest.fixture
def owner(world: World) -> UUID:
    return world.owner()


@pytest.fixture
def home(world: World, owner: UUID) -> Client:
    with world.database.session() as db:
        app, _ = own_apps.create(
            db,
            world.clock,
            owner,
            "Home",
            redirect_uris=[REDIRECT],
            kind="confidential",
            scopes=["usage:read", "care:read"],
            known_scopes=list(VENDOR_SCOPES),
        )
        return app


def ask(world: World, home: Client) -> str:
    return world.ask(client=home, purpose_name=own_apps.PURPOSE)


def give(world: World, owner: UUID, home: Client, ends: bool = False) -> Granted:
    """The owner allows it everything of a new thing, by default without an end."""
    until = world.clock.now() + timedelta(days=90) if ends else None
    jeans = world.owned(owner)
    choice = Choice(frozenset({jeans}), frozenset({(0, "usage"), (0, "care")}), until, None)
    with world.database.session() as db:
        return allow(db, world.clock, owner, ask(world, home), choice, LONGEST)


def is_asked(world: World, given: Granted) -> bool:
    with world.database.read() as db:
        view = get_grant(db, world.clock, given.grant.owner_id, given.grant.grant_id)
        return is_to_be_asked(view, world.clock.now())


def keep_it(world: World, owner: UUID, given: Granted) -> None:
    with world.database.session() as db:
        keep(db, world.clock, owner, given.grant.grant_id)


def test_foreign_owner_finds_no_request_and_leaves_it_to_its_owner(
    world: World, owner: UUID, home: Client
) -> None:
    ticket, stranger = ask(world, home), world.owner("A stranger")
    for act in (view_request, refuse):
        with pytest.raises(RequestNotFound), world.database.session() as db:
            act(db, world.clock, stranger, ticket)
    with world.database.session() as db:
        assert answered(db, world.clock, stranger, ticket) is None
        assert count_waiting(db, world.clock, stranger) == 0
        view = view_request(db, world.clock, owner, ticket)
    assert view.is_own
    assert view.client_name == "Yourself: Home"
    assert view.verified_domain is None


def test_foreign_owner_allows_nothing(world: World, home: Client) -> None:
    stranger = world.owner("A stranger")
    jeans = world.owned(stranger)
    choice = Choice(frozenset({jeans}), frozenset({(0, "usage")}), None, None)
    with pytest.raises(RequestNotFound), world.database.session() as db:
        allow(db, world.clock, stranger, ask(world, home), choice, LONGEST)


def test_permission_without_an_end_reads_on_for_years(
    world: World, owner: UUID, home: Client
) -> None:
    given = give(world, owner, home)
    assert has_no_end(given.grant)
    world.clock.advance(timedelta(days=3650))
    with world.database.read() as db:
        grant = find_grant(db.connection(), owner, given.grant.grant_id)
        assert grant is not None
        asked = decide(grant, grant.details[0].object_id, frozenset({"usage"}), world.clock.now())
    assert isinstance(asked, Allowed)


def test_company_gets_no_permission_without_an_end(world: World, owner: UUID) -> None:
    jeans = world.owned(owner)
    choice = Choice(frozenset({jeans}), frozenset({(0, "usage")}), None, None)
    with pytest.raises(EndDateOutside), world.database.session() as db:
        allow(db, world.clock, owner, world.ask(), choice, LONGEST)


def test_own_app_with_an_end_keeps_to_the_longest(world: World, owner: UUID, home: Client) -> None:
    given = give(world, owner, home, ends=True)
    assert not has_no_end(given.grant)
    jeans = world.owned(owner, "SL-2")
    late = world.clock.now() + LONGEST + timedelta(days=1)
    choice = Choice(frozenset({jeans}), frozenset({(0, "usage")}), late, None)
    with pytest.raises(EndDateOutside), world.database.session() as db:
        allow(db, world.clock, owner, ask(world, home), choice, LONGEST)


def test_asked_after_ninety_days_and_ninety_days_after_each_yes(
    world: World, owner: UUID, home: Client
) -> None:
    given = give(world, owner, home)
    quarter, instant = timedelta(days=90), timedelta(microseconds=1)
    for _ in range(2):
        world.clock.advance(quarter - instant)
        assert not is_asked(world, given)
        world.clock.advance(instant)
        assert is_asked(world, given)
        keep_it(world, owner, given)
        assert not is_asked(world, given)
    with world.database.read() as db:
        view = get_grant(db, world.clock, owner, given.grant.grant_id)
    assert [event.what for event in view.events] == ["given", "kept", "kept"]
    assert view.grant.version == 3
    assert len(view.details) == 2, "the version gives the same"


def test_nobody_is_asked_about_what_ends_or_has_ended(
    world: World, owner: UUID, home: Client
) -> None:
    given = give(world, owner, home)
    company = world.allow(
        owner, [world.owned(owner, "SL-2")], until=world.clock.now() + timedelta(days=300)
    )
    with world.database.session() as db:
        end_app(db, world.clock, owner, home.client_id)
    world.clock.advance(timedelta(days=100))
    assert not is_asked(world, given)
    assert not is_asked(world, company)


def test_only_its_owner_keeps_it_and_an_ended_one_stays_ended(
    world: World, owner: UUID, home: Client
) -> None:
    given = give(world, owner, home)
    with pytest.raises(GrantNotFound):
        keep_it(world, world.owner("A stranger"), given)
    with world.database.session() as db:
        end_app(db, world.clock, owner, home.client_id)
    keep_it(world, owner, given)
    with world.database.read() as db:
        view = get_grant(db, world.clock, owner, given.grant.grant_id)
    assert (view.status, view.events[-1].what) == ("revoked", "revoked")


def test_ended_app_takes_its_permissions_and_requests_along(
    world: World, owner: UUID, home: Client
) -> None:
    given, opened, unopened = give(world, owner, home), ask(world, home), ask(world, home)
    with world.database.session() as db:
        view_request(db, world.clock, owner, opened)
    with world.database.session() as db:
        end_app(db, world.clock, owner, home.client_id)
    with world.database.session() as db:
        assert get_grant(db, world.clock, owner, given.grant.grant_id).status == "revoked"
        assert list_waiting(db, world.clock, owner) == []
    for ticket, error in ((opened, RequestExpired), (unopened, RequestGone)):
        with pytest.raises(error), world.database.session() as db:
            view_request(db, world.clock, owner, ticket)
