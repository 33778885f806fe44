"""Names, e-mail addresses and time zones of owners."""

import pytest
from sqlalchemy.orm import Session

from app.accounts import owners
from app.accounts.errors import (
    EmailNotValid,
    EmailTaken,
    NameNotValid,
    OwnerUnknown,
    TimeZoneUnknown,
)
from app.kit.clock import FixedClock
from app.kit.ids import new_id
from tests.factories.accounts import make_owner


def test_email_is_compared_without_case_and_shown_as_typed(db: Session, clock: FixedClock) -> None:
    owner = make_owner(db, clock, email="Some.Body@Mail.Example")
    assert owners.find_by_email(db, " some.body@mail.EXAMPLE ") == owner.owner_id
    assert owners.find_owner(db, "SOME.BODY@mail.example").email == "Some.Body@Mail.Example"


def test_owner_is_found_by_id(db: Session, clock: FixedClock) -> None:
    owner = make_owner(db, clock)
    assert owners.find_owner(db, str(owner.owner_id)) is owner
    with pytest.raises(OwnerUnknown):
        owners.find_owner(db, str(new_id()))


def test_new_address_replaces_the_old_one(db: Session, clock: FixedClock) -> None:
    owner = make_owner(db, clock, email="old@mail.example")
    owners.set_email(db, owner.owner_id, "new@mail.example")
    assert owners.find_by_email(db, "old@mail.example") is None
    assert owners.find_by_email(db, "new@mail.example") == owner.owner_id


def test_address_of_another_owner_is_refused(db: Session, clock: FixedClock) -> None:
    make_owner(db, clock, email="taken@mail.example")
    other = make_owner(db, clock)
    with pytest.raises(EmailTaken):
        owners.set_email(db, other.owner_id, "TAKEN@mail.example")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nobody",
        "a@",
        "@b.example",
        "a b@c.example",
        "a@b..example",
        "a@-b.example",
        "a@b.example\nBcc: c@d.example",
        '"a"@b.example',
        "a@b.example,c@d.example",
        "ä@b.example",
        f"{'a' * 65}@b.example",
        f"a@{'b' * 250}.example",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(EmailNotValid):
        owners.check_email(text)


@pytest.mark.parametrize("name", ["x" * 101, "a\nb", "a\0b", "a\u2028b"])
def test_name_is_one_short_line(name: str) -> None:
    with pytest.raises(NameNotValid):
        owners.check_name(name)


def test_name_may_be_anything_else() -> None:
    assert owners.check_name("  <b>Ana</b> '; DROP TABLE owners --  ").startswith("<b>Ana")


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../etc/passwd", "localtime", "EUROPE/BERLIN"])
def test_unknown_time_zone_is_refused_and_never_guessed(zone: str) -> None:
    assert owners.guess_time_zone(zone) == "UTC"
    with pytest.raises(TimeZoneUnknown):
        owners.check_time_zone(zone)


def test_time_zone_is_kept(db: Session, clock: FixedClock) -> None:
    owner = make_owner(db, clock)
    owners.set_time_zone(db, owner.owner_id, "America/New_York")
    assert owners.get_owner(db, owner.owner_id).time_zone == "America/New_York"
