"""Owners: making one, their name, e-mail address and time zone."""

import re
import unicodedata
from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy.orm import Session

from app.accounts import queries
from app.accounts.errors import (
    EmailNotValid,
    EmailTaken,
    NameNotValid,
    OwnerUnknown,
    TimeZoneUnknown,
)
from app.accounts.models import EmailLookup, Owner
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.ids import new_id, parse_id

UTC_ZONE = "UTC"
NAME_LIMIT = 100

_EMAIL_LIMIT = 254
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})*")


def create_owner(
    db: Session,
    clock: Clock,
    name: str,
    *,
    email: str | None = None,
    time_zone: str = UTC_ZONE,
    kind: str = "person",
    owner_id: UUID | None = None,
) -> Owner:
    """A new owner. An e-mail address must have been proven by a link before."""
    owner = Owner(
        owner_id=owner_id or new_id(),
        kind=kind,
        name=check_name(name),
        email=None,
        time_zone=check_time_zone(time_zone),
        created_at=clock.now(),
    )
    db.add(owner)
    db.flush()
    if email is not None:
        _give_email(db, owner, check_email(email))
    return owner


def get_owner(db: Session, owner_id: UUID) -> Owner:
    """The owner, or OwnerUnknown."""
    owner = db.get(Owner, owner_id)
    if owner is None:
        raise OwnerUnknown
    return owner


def find_owner(db: Session, text: str) -> Owner:
    """The owner whose id or e-mail address this is, or OwnerUnknown."""
    owner_id = parse_id(text) or find_by_email(db, text)
    if owner_id is None:
        raise OwnerUnknown(f"There is no owner {text!r}.")
    return get_owner(db, owner_id)


def find_by_email(db: Session, email: str) -> UUID | None:
    """The owner who proved this address; upper and lower case make no difference."""
    return queries.owner_of_email(db, email_hash(email))


def rename(db: Session, owner_id: UUID, name: str) -> None:
    get_owner(db, owner_id).name = check_name(name)


def set_time_zone(db: Session, owner_id: UUID, time_zone: str) -> None:
    get_owner(db, owner_id).time_zone = check_time_zone(time_zone)


def set_email(db: Session, owner_id: UUID, email: str) -> None:
    """Give the owner a proven address in place of the one before; EmailTaken by another owner."""
    owner, email = get_owner(db, owner_id), check_email(email)
    holder = find_by_email(db, email)
    if holder not in (None, owner_id):
        raise EmailTaken
    if owner.email is not None:
        old = db.get_one(EmailLookup, email_hash(owner.email))
        db.delete(old)
        db.flush()
    _give_email(db, owner, email)


def email_hash(email: str) -> bytes:
    """What an address is found by: spelled in lower case, without surrounding space."""
    return sha256(f"email\0{email.strip().casefold()}")


def check_email(text: str) -> str:
    """The address as typed, or EmailNotValid."""
    email = text.strip()
    local = email.partition("@")[0]
    if len(email) > _EMAIL_LIMIT or len(local) > 64 or not _EMAIL.fullmatch(email):
        raise EmailNotValid(field="/email")
    return email


def check_name(text: str) -> str:
    """The name in one line of NFC, or NameNotValid; an owner may go without."""
    name = unicodedata.normalize("NFC", text.strip())
    is_plain = all(unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in name)
    if len(name) > NAME_LIMIT or not is_plain:
        raise NameNotValid(field="/name")
    return name


def check_time_zone(name: str) -> str:
    """The name of a zone in the IANA database, or TimeZoneUnknown."""
    if name not in time_zones():
        raise TimeZoneUnknown(field="/time_zone")
    return name


def guess_time_zone(name: str) -> str:
    """What a browser said of its zone, where it says one; UTC otherwise."""
    return name if name in time_zones() else UTC_ZONE


@cache
def time_zones() -> tuple[str, ...]:
    """Names people choose from: areas and cities, and UTC."""
    areas = {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia"}
    areas |= {"Europe", "Indian", "Pacific"}
    known = (zone for zone in available_timezones() if zone.partition("/")[0] in areas)
    return (UTC_ZONE, *sorted(known))


def _give_email(db: Session, owner: Owner, email: str) -> None:
    owner.email = email
    db.add(EmailLookup(email_hash=email_hash(email), owner_id=owner.owner_id))
    db.flush()
