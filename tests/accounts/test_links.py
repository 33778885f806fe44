"""Sign-in links: once, for fifteen minutes, in the browser that asked."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import links, sweep
from app.accounts.errors import EmailTaken, SignInLinkDead, SignInLinkElsewhere
from app.accounts.models import Owner, SignInLink
from app.accounts.owners import find_by_email, get_owner
from app.kit.clock import FixedClock
from app.kit.crypto import sha256
from tests.factories.accounts import make_owner

EMAIL = "Owner@Mail.example"


def ask(db: Session, clock: FixedClock, email: str = EMAIL, **more: object) -> str:
    return links.ask_link(db, clock, email, "/home", **more)  # type: ignore[arg-type]


def test_link_is_stored_as_a_hash_of_128_random_bits(db: Session, clock: FixedClock) -> None:
    token = ask(db, clock)
    assert len(token) == 22
    assert db.scalars(select(SignInLink.link_hash)).all() == [sha256(token)]


def test_first_use_makes_the_account(db: Session, clock: FixedClock) -> None:
    token = ask(db, clock, name="Ana", time_zone="Europe/Paris")
    assert links.view_link(db, clock, token) == links.LinkView("ready", is_new=True)
    used = links.use_link(db, clock, token, [])
    owner = get_owner(db, used.owner_id)
    assert used.is_new
    assert (owner.name, owner.email, owner.time_zone) == ("Ana", EMAIL, "Europe/Paris")


def test_later_link_opens_the_same_account(db: Session, clock: FixedClock) -> None:
    first = links.use_link(db, clock, ask(db, clock), [])
    token = ask(db, clock, EMAIL.upper(), name="Mallory")
    assert not links.view_link(db, clock, token).is_new
    again = links.use_link(db, clock, token, [])
    assert (again.owner_id, again.is_new) == (first.owner_id, False)
    assert get_owner(db, first.owner_id).name == ""


def test_looking_consumes_nothing_and_using_does(db: Session, clock: FixedClock) -> None:
    token = ask(db, clock)
    for _ in range(3):
        assert links.view_link(db, clock, token).state == "ready"
    links.use_link(db, clock, token, [])
    assert links.view_link(db, clock, token).state == "used"
    with pytest.raises(SignInLinkDead):
        links.use_link(db, clock, token, [])


def test_link_runs_out(db: Session, clock: FixedClock) -> None:
    token = ask(db, clock)
    clock.advance(timedelta(minutes=15))
    assert links.view_link(db, clock, token).state == "expired"
    with pytest.raises(SignInLinkDead):
        links.use_link(db, clock, token, [])


def test_unknown_link_reads_as_expired(db: Session, clock: FixedClock) -> None:
    assert links.view_link(db, clock, "nonsense").state == "expired"
    with pytest.raises(SignInLinkDead):
        links.use_link(db, clock, "nonsense", [])


def test_browser_that_asked_for_another_link_is_refused(db: Session, clock: FixedClock) -> None:
    mine, planted = ask(db, clock), ask(db, clock, "attacker@mail.example")
    marks = [links.browser_mark(mine)]
    with pytest.raises(SignInLinkElsewhere):
        links.use_link(db, clock, planted, marks)
    assert links.use_link(db, clock, mine, marks)


def test_proving_an_address_needs_the_browser_that_asked(db: Session, clock: FixedClock) -> None:
    owner = make_owner(db, clock)
    token = ask(db, clock, owner_id=owner.owner_id)
    with db.begin_nested() as savepoint:
        with pytest.raises(SignInLinkElsewhere):
            links.use_link(db, clock, token, [])
        savepoint.rollback()
    links.use_link(db, clock, token, [links.browser_mark(token)])
    assert find_by_email(db, EMAIL) == owner.owner_id


def test_address_proven_elsewhere_in_between_is_refused(db: Session, clock: FixedClock) -> None:
    owner = make_owner(db, clock)
    token = ask(db, clock, owner_id=owner.owner_id)
    make_owner(db, clock, email=EMAIL)
    with pytest.raises(EmailTaken):
        links.use_link(db, clock, token, [links.browser_mark(token)])


def test_nothing_is_made_by_asking(db: Session, clock: FixedClock) -> None:
    ask(db, clock)
    assert db.scalars(select(Owner)).all() == []


def test_sweep_forgets_old_links(db: Session, clock: FixedClock) -> None:
    ask(db, clock)
    db.flush()
    clock.advance(timedelta(days=2))
    assert sweep.forget_old(db.connection(), clock, 90) == 1
