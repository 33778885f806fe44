"""Recovery codes: ten printed secrets, each opens the account once."""

import re
import secrets
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from app.accounts.errors import RecoveryCodeWrong
from app.accounts.models import RecoveryCode
from app.accounts.queries import codes_left
from app.accounts.security_log import note_event
from app.kit.clock import Clock
from app.kit.crypto import sha256

__all__ = ["COUNT", "codes_left", "make_codes", "use_code"]

COUNT = 10

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_LOOK_ALIKES = str.maketrans("ILO", "110")
_GROUPS, _GROUP = 5, 5  # 125 random bits, so a plain hash is enough


def make_codes(db: Session, clock: Clock, owner_id: UUID) -> list[str]:
    """New codes in place of all the owner had; only their hashes are kept."""
    db.execute(delete(RecoveryCode).where(RecoveryCode.owner_id == owner_id))
    codes = [_new_code() for _ in range(COUNT)]
    now = clock.now()
    for code in codes:
        db.add(RecoveryCode(code_hash=_hash(code), owner_id=owner_id, created_at=now))
    note_event(db, owner_id, now, "recovery-codes-made")
    return codes


def use_code(db: Session, clock: Clock, text: str) -> UUID:
    """Whose code this is, and never again; RecoveryCodeWrong otherwise."""
    used = (
        update(RecoveryCode)
        .where(RecoveryCode.code_hash == _hash(text), RecoveryCode.used_at.is_(None))
        .values(used_at=clock.now())
        .returning(RecoveryCode.owner_id)
        .execution_options(synchronize_session=False)
    )
    owner_id = db.execute(used).scalar_one_or_none()
    if owner_id is None:
        raise RecoveryCodeWrong(field="/recovery_code")
    note_event(db, owner_id, clock.now(), "recovery-code-used")
    return owner_id


def _new_code() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def _hash(text: str) -> bytes:
    """Case, spaces, dashes and look-alike letters make no difference."""
    letters = re.sub(r"[\s\-\u2010-\u2014]", "", text).upper().translate(_LOOK_ALIKES)
    return sha256(f"recovery\0{letters}")
