"""Recovery codes: printed, hashed, once."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import recovery
from app.accounts.errors import RecoveryCodeWrong
from app.accounts.models import RecoveryCode
from app.kit.clock import FixedClock
from tests.factories.accounts import make_owner


def test_code_works_once_however_it_is_typed(db: Session, clock: FixedClock) -> None:
    owner = make_owner(db, clock)
    codes = recovery.make_codes(db, clock, owner.owner_id)
    assert len(set(codes)) == 10
    typed = f" {codes[3].lower().replace('-', ' ').replace('1', 'l').replace('0', 'o')} "
    assert recovery.use_code(db, clock, typed) == owner.owner_id
    assert recovery.codes_left(db, owner.owner_id)[0] == 9
    with pytest.raises(RecoveryCodeWrong):
        recovery.use_code(db, clock, codes[3])


def test_new_codes_replace_the_old_ones(db: Session, clock: FixedClock) -> None:
    owner = make_owner(db, clock)
    old = recovery.make_codes(db, clock, owner.owner_id)
    new = recovery.make_codes(db, clock, owner.owner_id)
    with pytest.raises(RecoveryCodeWrong):
        recovery.use_code(db, clock, old[0])
    assert recovery.use_code(db, clock, new[0]) == owner.owner_id


def test_only_hashes_are_stored(db: Session, clock: FixedClock) -> None:
    codes = recovery.make_codes(db, clock, make_owner(db, clock).owner_id)
    db.flush()
    stored = b"".join(db.scalars(select(RecoveryCode.code_hash)))
    assert not any(code.replace("-", "").encode() in stored for code in codes)


@pytest.mark.parametrize("text", ["", "-", "ABCDE", "\0", "x" * 1000, "' OR 1=1 --"])
def test_anything_else_is_wrong(db: Session, clock: FixedClock, text: str) -> None:
    recovery.make_codes(db, clock, make_owner(db, clock).owner_id)
    with pytest.raises(RecoveryCodeWrong):
        recovery.use_code(db, clock, text)
