"""Passkeys against a device in software that also lies."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from app.accounts import passkeys
from app.accounts.errors import LastWayIn, PasskeyKnown, PasskeyRefused, PasskeyTryEnded
from app.accounts.passkeys import ADD, SIGN_IN, Challenge
from app.kit.clock import FixedClock
from app.kit.errors import NotFound
from app.settings import Settings
from tests.factories.accounts import make_owner
from tests.support.authenticator import Authenticator

HOST = "testserver"


@pytest.fixture
def device(settings: Settings) -> Authenticator:
    return Authenticator(settings.origin, HOST)


@pytest.fixture
def add(db: Session, clock: FixedClock, settings: Settings) -> Callable[..., Any]:
    """Adds a device's passkey to an owner."""

    def add_to(owner_id: UUID, device: Authenticator) -> Any:
        question = passkeys.ask_new(db, clock, settings, ADD, owner_id, "Owner", {})
        challenge = take(db, clock, question, ADD)
        answer = device.create(question.options)
        return passkeys.add_passkey(db, clock, settings, challenge, answer, "Phone")

    return add_to


def take(db: Session, clock: FixedClock, question: Any, kind: str) -> Challenge | None:
    db.flush()
    return passkeys.take_challenge(db.connection(), clock, question.ceremony, kind)


def sign_in(
    db: Session, clock: FixedClock, settings: Settings, device: Authenticator, **lies: Any
) -> UUID:
    question = passkeys.ask_known(db, clock, settings, SIGN_IN)
    challenge = take(db, clock, question, SIGN_IN)
    answer = device.get(question.options) | lies
    return passkeys.check_passkey(db, clock, settings, challenge, answer)


def test_questions_ask_for_a_resident_key_and_a_verified_person(
    db: Session, clock: FixedClock, settings: Settings
) -> None:
    owner = make_owner(db, clock)
    new = passkeys.ask_new(db, clock, settings, ADD, owner.owner_id, "Owner", {}).options
    assert new["rp"]["id"] == HOST
    assert new["authenticatorSelection"]["residentKey"] == "required"
    assert new["authenticatorSelection"]["userVerification"] == "required"
    known = passkeys.ask_known(db, clock, settings, SIGN_IN).options
    assert known["userVerification"] == "required"
    assert known["allowCredentials"] == []


def test_passkey_signs_its_owner_in(
    db: Session, clock: FixedClock, settings: Settings, device: Authenticator, add: Any
) -> None:
    owner = make_owner(db, clock)
    passkey = add(owner.owner_id, device)
    clock.advance(60)
    assert sign_in(db, clock, settings, device) == owner.owner_id
    assert passkey.sign_count == 1
    assert passkey.last_used_at == clock.now()


def test_known_passkey_is_excluded_and_refused(
    db: Session, clock: FixedClock, settings: Settings, device: Authenticator, add: Any
) -> None:
    owner, other = make_owner(db, clock), make_owner(db, clock)
    add(owner.owner_id, device)
    question = passkeys.ask_new(db, clock, settings, ADD, owner.owner_id, "Owner", {})
    assert len(question.options["excludeCredentials"]) == 1
    with pytest.raises(PasskeyKnown):
        add(other.owner_id, device)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("origin", "https://evil.example"),
        ("origin", "http://testserver"),
        ("rp_id", "evil.example"),
        ("is_verified", False),
    ],
)
def test_device_that_lies_is_refused(
    db: Session,
    clock: FixedClock,
    settings: Settings,
    device: Authenticator,
    add: Any,
    field: str,
    value: Any,
) -> None:
    owner = make_owner(db, clock)
    add(owner.owner_id, device)
    setattr(device, field, value)
    with pytest.raises(PasskeyRefused):
        sign_in(db, clock, settings, device)
    liar = Authenticator(settings.origin, HOST)
    setattr(liar, field, value)
    with pytest.raises(PasskeyRefused):
        add(owner.owner_id, liar)


def test_copied_key_is_noticed_by_its_count(
    db: Session, clock: FixedClock, settings: Settings, device: Authenticator, add: Any
) -> None:
    add(make_owner(db, clock).owner_id, device)
    sign_in(db, clock, settings, device)
    device.sign_count = 0
    with pytest.raises(PasskeyRefused):
        sign_in(db, clock, settings, device)


@pytest.mark.parametrize(
    "lie",
    [
        {"id": "unknown"},
        {"id": None},
        {"id": "€"},
        {"rawId": "AAAA"},
        {"type": "password"},
        {"response": {}},
        {"response": None},
        {"response": {"clientDataJSON": "e30", "authenticatorData": "", "signature": ""}},
    ],
)
def test_malformed_answer_is_refused(
    db: Session,
    clock: FixedClock,
    settings: Settings,
    device: Authenticator,
    add: Any,
    lie: dict[str, Any],
) -> None:
    add(make_owner(db, clock).owner_id, device)
    with pytest.raises(PasskeyRefused):
        sign_in(db, clock, settings, device, **lie)


def test_challenge_is_taken_once_by_its_kind_and_in_time(
    db: Session, clock: FixedClock, settings: Settings
) -> None:
    question = passkeys.ask_known(db, clock, settings, SIGN_IN)
    assert take(db, clock, question, ADD) is None
    assert take(db, clock, question, SIGN_IN)
    assert take(db, clock, question, SIGN_IN) is None
    late = passkeys.ask_known(db, clock, settings, SIGN_IN)
    clock.advance(timedelta(minutes=5))
    assert take(db, clock, late, SIGN_IN) is None


def test_answer_without_a_challenge_is_refused(
    db: Session, clock: FixedClock, settings: Settings, device: Authenticator
) -> None:
    with pytest.raises(PasskeyTryEnded):
        passkeys.check_passkey(db, clock, settings, None, {})
    with pytest.raises(PasskeyTryEnded):
        passkeys.add_passkey(db, clock, settings, None, {}, "Phone")


def test_answer_to_another_challenge_is_refused(
    db: Session, clock: FixedClock, settings: Settings, device: Authenticator, add: Any
) -> None:
    add(make_owner(db, clock).owner_id, device)
    first = passkeys.ask_known(db, clock, settings, SIGN_IN)
    second = passkeys.ask_known(db, clock, settings, SIGN_IN)
    challenge = take(db, clock, second, SIGN_IN)
    with pytest.raises(PasskeyRefused):
        passkeys.check_passkey(db, clock, settings, challenge, device.get(first.options))


def test_passkey_of_another_owner_confirms_nothing(
    db: Session, clock: FixedClock, settings: Settings, device: Authenticator, add: Any
) -> None:
    owner, other = make_owner(db, clock), make_owner(db, clock)
    add(other.owner_id, device)
    question = passkeys.ask_known(db, clock, settings, passkeys.CONFIRM, owner.owner_id)
    challenge = take(db, clock, question, passkeys.CONFIRM)
    with pytest.raises(PasskeyRefused):
        passkeys.check_passkey(db, clock, settings, challenge, device.get(question.options))


def test_last_way_in_stays(
    db: Session, clock: FixedClock, settings: Settings, device: Authenticator, add: Any
) -> None:
    owner = make_owner(db, clock)
    first = add(owner.owner_id, device)
    with pytest.raises(LastWayIn):
        passkeys.remove_passkey(db, clock, owner.owner_id, first.passkey_id)
    add(owner.owner_id, Authenticator(settings.origin, HOST))
    assert passkeys.count_ways_in(db, owner.owner_id) == 2
    passkeys.remove_passkey(db, clock, owner.owner_id, first.passkey_id)
    db.flush()
    with pytest.raises(PasskeyRefused):
        sign_in(db, clock, settings, device)


def test_only_passkey_may_go_where_an_address_is_left(
    db: Session, clock: FixedClock, device: Authenticator, add: Any
) -> None:
    owner = make_owner(db, clock, email="owner@mail.example")
    passkey = add(owner.owner_id, device)
    passkeys.remove_passkey(db, clock, owner.owner_id, passkey.passkey_id)
    db.flush()
    assert passkeys.count_ways_in(db, owner.owner_id) == 1


def test_passkey_of_another_owner_is_not_there(
    db: Session, clock: FixedClock, device: Authenticator, add: Any
) -> None:
    owner, other = make_owner(db, clock), make_owner(db, clock)
    passkey = add(owner.owner_id, device)
    with pytest.raises(NotFound):
        passkeys.rename_passkey(db, other.owner_id, passkey.passkey_id, "Mine")
    with pytest.raises(NotFound):
        passkeys.remove_passkey(db, clock, other.owner_id, passkey.passkey_id)
