"""Personal access tokens: an owner's own key for a script, chosen narrow and shown once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, update
from sqlalchemy.orm import Session

from app.accounts.security_log import note_event
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.ids import new_id
from app.oauth import queries
from app.oauth.errors import PersonalTokenInvalid, PersonalTokenNotFound
from app.oauth.models import Token
from app.oauth.scopes import OWNER_SCOPES
from app.oauth.tokens import Family, mint
from app.objects.tenures import held_objects

MAX_DAYS = 366
MAX_LIVE = 50

_TOUCH_EVERY = timedelta(minutes=1)


def create_token(
    db: Session,
    clock: Clock,
    owner_id: UUID,
    name: str,
    *,
    scopes: Sequence[str],
    objects: Sequence[UUID] | None,
    until: datetime,
) -> tuple[Token, str]:
    """Make a token for some of the owner's objects, or for all (None); its only clear copy.

    PersonalTokenInvalid names the field that is wrong.
    """
    now, name = clock.now(), name.strip()
    _check(db, owner_id, name, scopes, objects)
    if not now < until <= now + timedelta(days=MAX_DAYS):
        raise PersonalTokenInvalid(f"It ends within {MAX_DAYS} days from now.", field="until")
    if len(_live(db, owner_id, now)) >= MAX_LIVE:
        raise PersonalTokenInvalid(f"You have {MAX_LIVE} tokens; end one of them first.")
    token = mint(
        db.connection(),
        now,
        "personal",
        Family(new_id(), None, owner_id, None),
        list(dict.fromkeys(scopes)),
        until,
        name=name,
        objects=None if objects is None else sorted({str(one) for one in objects}),
    )
    note_event(db, owner_id, now, "key-made", name)
    return db.get_one(Token, sha256(token)), token


def list_tokens(db: Session, owner_id: UUID) -> Sequence[Token]:
    """The owner's tokens, newest first, ended ones too."""
    return queries.personal_tokens_of(db, owner_id)


def is_live(token: Token, now: datetime) -> bool:
    """Whether a token works."""
    return token.dead_at is None and token.expires_at > now


def revoke_token(db: Session, clock: Clock, owner_id: UUID, token_id: UUID) -> None:
    """End a token at once; ending it twice changes nothing. PersonalTokenNotFound."""
    for token in queries.personal_tokens_of(db, owner_id):
        if token.token_id == token_id:
            if token.dead_at is None:
                token.dead_at, token.dead_reason = clock.now(), "token-revoked"
                note_event(db, owner_id, token.dead_at, "key-ended", token.name or "")
            return
    raise PersonalTokenNotFound


def note_use(conn: Connection, clock: Clock, token_id: UUID, owner_id: UUID) -> None:
    """Remember that a token was used, at most once a minute."""
    now = clock.now()
    table = Token.__table__
    noted = (
        update(Token)
        .where(table.c.owner_id == owner_id, table.c.token_id == token_id)
        .where(table.c.last_used_at.is_(None) | (table.c.last_used_at <= now - _TOUCH_EVERY))
        .values(last_used_at=now)
    )
    conn.execute(noted)


def is_use_due(last_used_at: datetime | None, now: datetime) -> bool:
    """Whether `note_use` would write."""
    return last_used_at is None or last_used_at <= now - _TOUCH_EVERY


def _check(
    db: Session,
    owner_id: UUID,
    name: str,
    scopes: Sequence[str],
    objects: Sequence[UUID] | None,
) -> None:
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise PersonalTokenInvalid("Give it a name of 1 to 100 characters.", field="name")
    if not scopes or not set(scopes) <= OWNER_SCOPES.keys():
        raise PersonalTokenInvalid("Choose at least one thing it may do.", field="scopes")
    held = {one.object_id for one in held_objects(db, owner_id)} if objects is not None else set()
    if objects is not None and (not objects or not set(objects) <= held):
        raise PersonalTokenInvalid("Choose objects that are yours, or all.", field="objects")


def _live(db: Session, owner_id: UUID, now: datetime) -> list[Token]:
    return [t for t in queries.personal_tokens_of(db, owner_id) if is_live(t, now)]
