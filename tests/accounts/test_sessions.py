"""Sessions: only a hash is stored, they run out twice over, and ending one is final."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import sessions, sweep
from app.accounts.models import Flash, SignInSession
from app.kit.clock import FixedClock
from app.kit.crypto import sha256
from app.kit.ids import new_id
from app.settings import Settings
from tests.factories.accounts import make_owner

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def test_token_is_stored_as_a_hash_only(db: Session, clock: FixedClock, settings: Settings) -> None:
    owner = make_owner(db, clock)
    token = sessions.start(db, clock, owner.owner_id, "passkey", FIREFOX)
    row = db.scalars(select(SignInSession)).one()
    assert row.session_hash == sha256(token)
    assert token not in str(vars(row))
    found = sessions.find(db, clock, settings, token)
    assert found is not None
    assert (found.owner_id, found.name) == (owner.owner_id, "Owner")


def test_session_ends_when_idle(db: Session, clock: FixedClock, settings: Settings) -> None:
    token = sessions.start(db, clock, make_owner(db, clock).owner_id, "email", "")
    clock.advance(timedelta(days=settings.session_idle_days, microseconds=-1))
    assert sessions.find(db, clock, settings, token)
    clock.advance(timedelta(microseconds=1))
    assert sessions.find(db, clock, settings, token) is None


def test_session_ends_however_busy(db: Session, clock: FixedClock, settings: Settings) -> None:
    token = sessions.start(db, clock, make_owner(db, clock).owner_id, "email", "")
    for _ in range(settings.session_max_days - 1):
        clock.advance(timedelta(days=1))
        sessions.touch(db.connection(), clock, sha256(token))
    assert sessions.find(db, clock, settings, token)
    clock.advance(timedelta(days=1))
    assert sessions.find(db, clock, settings, token) is None


def test_visit_is_noted_once_a_minute(db: Session, clock: FixedClock, settings: Settings) -> None:
    token = sessions.start(db, clock, make_owner(db, clock).owner_id, "email", "")
    begun = clock.now()
    clock.advance(59)
    sessions.touch(db.connection(), clock, sha256(token))
    found = sessions.find(db, clock, settings, token)
    assert found
    assert found.last_seen_at == begun
    assert not sessions.needs_touch(found, clock)
    clock.advance(1)
    assert sessions.needs_touch(found, clock)
    sessions.touch(db.connection(), clock, sha256(token))
    found = sessions.find(db, clock, settings, token)
    assert found
    assert found.last_seen_at == clock.now()


def test_sign_in_is_fresh_for_minutes(db: Session, clock: FixedClock, settings: Settings) -> None:
    token = sessions.start(db, clock, make_owner(db, clock).owner_id, "email", "")
    found = sessions.find(db, clock, settings, token)
    assert found
    assert sessions.is_fresh(found, clock, settings)
    clock.advance(timedelta(minutes=settings.step_up_minutes))
    assert not sessions.is_fresh(found, clock, settings)


def test_new_session_ends_the_one_before(
    db: Session, clock: FixedClock, settings: Settings
) -> None:
    owner = make_owner(db, clock)
    old = sessions.start(db, clock, owner.owner_id, "email", "")
    new = sessions.start(db, clock, owner.owner_id, "email", "", replacing=old)
    assert sessions.find(db, clock, settings, old) is None
    assert sessions.find(db, clock, settings, new)


def test_sign_out_everywhere_else(db: Session, clock: FixedClock, settings: Settings) -> None:
    owner, stranger = make_owner(db, clock), make_owner(db, clock)
    here, there = (sessions.start(db, clock, owner.owner_id, "email", "") for _ in range(2))
    foreign = sessions.start(db, clock, stranger.owner_id, "email", "")
    kept = sessions.find(db, clock, settings, here)
    assert kept
    assert sessions.end_all_others(db, clock, owner.owner_id, kept.session_id) == 1
    assert sessions.find(db, clock, settings, there) is None
    assert sessions.find(db, clock, settings, foreign)
    listed = sessions.list_sessions(db, clock, settings, owner.owner_id)
    assert [one.session_id for one in listed] == [kept.session_id]


def test_session_of_another_owner_cannot_be_ended(
    db: Session, clock: FixedClock, settings: Settings
) -> None:
    token = sessions.start(db, clock, make_owner(db, clock).owner_id, "email", "")
    live = sessions.find(db, clock, settings, token)
    assert live
    assert not sessions.end(db, clock, new_id(), live.session_id)
    assert sessions.find(db, clock, settings, token)


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("… (X11; Linux x86_64) … HeadlessChrome/156.0.0.0 Safari/537.36", "Chromium on Linux"),
        ("… (Windows NT 10.0) … Chrome/156 Safari/537.36 Edg/156", "Edge on Windows"),
        ("… (Linux; Android 16) … Chrome/156 Mobile Safari/537.36", "Chrome on Android"),
        ("… (iPhone; CPU iPhone OS 19_0 like Mac OS X) … Safari/604", "Safari on iPhone or iPad"),
        ("curl/8.0", "A browser"),
        ("", "A browser"),
    ],
)
def test_browser_is_told_in_two_words(agent: str, said: str) -> None:
    assert sessions.describe_browser(agent) == said


def test_newer_flash_outlives_the_shown_one(
    db: Session, clock: FixedClock, settings: Settings
) -> None:
    token = sessions.start(db, clock, make_owner(db, clock).owner_id, "email", "")
    sessions.leave_flash(db, sha256(token), "good", "first")
    sessions.leave_flash(db, sha256(token), "bad", "second " + "x" * 600)
    sessions.drop_flash(db.connection(), sha256(token), "first")
    found = sessions.find(db, clock, settings, token)
    assert found
    assert found.flash
    assert found.flash[0] == "bad"
    assert len(found.flash[1]) == 500


def test_sweep_forgets_dead_sessions_and_their_flash(db: Session, clock: FixedClock) -> None:
    owner = make_owner(db, clock)
    dead, live = (sessions.start(db, clock, owner.owner_id, "email", "") for _ in range(2))
    sessions.end_by_hash(db, clock, sha256(dead))
    sessions.leave_flash(db, sha256(dead), "good", "late")
    sessions.leave_flash(db, sha256(live), "good", "waits")
    clock.advance(timedelta(days=2))
    assert sweep.forget_old(db.connection(), clock, 90) == 2
    assert db.scalars(select(SignInSession.session_hash)).all() == [sha256(live)]
    assert db.scalars(select(Flash.session_hash)).all() == [sha256(live)]
