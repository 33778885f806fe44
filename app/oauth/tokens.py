"""Opaque tokens and codes: 256 random bits, shown once, stored as hashes, tied in families.

Everything that came of one authorization shares a `family_id`, so that it can end together.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.crypto import b64u, sha256
from app.kit.ids import new_id, new_secret
from app.kit.prepared import Prepared, run_together
from app.oauth.models import AuthorizationCode, Token

PREFIXES = {
    "access": "inseam_at_",
    "refresh": "inseam_rt_",
    "personal": "inseam_pat_",
    "code": "inseam_ac_",
}

_ADD = Prepared(insert(Token))
_DEAD_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Family:
    """What the tokens of one authorization share; `generation` counts the refreshes."""

    family_id: UUID
    client_id: str | None
    owner_id: UUID | None
    grant_id: UUID | None
    generation: int = 0


def mint(
    conn: Connection,
    now: datetime,
    kind: str,
    family: Family,
    scopes: Sequence[str],
    expires_at: datetime,
    **more: Any,
) -> str:
    """Store a token; the only clear copy of it."""
    token, row = make_token(now, kind, family, scopes, expires_at, **more)
    store(conn, [row])
    return token


def store(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store tokens that were made."""
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        alike.setdefault(tuple(row), []).append(row)
    if alike:
        run_together(conn, [(_ADD, some) for some in alike.values()])


def successors(keys: Mapping[str, bytes], token: str) -> list[str]:
    """The refresh tokens that may follow this one, that of the key in use first: a keyed hash, so
    that who sends the old one twice in a row is given the same again, and nobody else makes it."""
    told = b"the refresh token after\0" + token.encode()
    made = [hmac.digest(key, told, "sha256") for key in keys.values()]
    return [PREFIXES["refresh"] + b64u(one) for one in made]


def make_token(
    now: datetime,
    kind: str,
    family: Family,
    scopes: Sequence[str],
    expires_at: datetime,
    *,
    name: str | None = None,
    objects: Sequence[str] | None = None,
    binding: Mapping[str, Any] | None = None,
    token: str | None = None,
) -> tuple[str, dict[str, Any]]:
    """A token, the only clear copy of it, and its row, without the columns that are empty: a third
    of what it costs to store one is to make its values ready."""
    token = token or new_secret(PREFIXES[kind])
    row = {
        "token_hash": sha256(token),
        "token_id": new_id(),
        "kind": kind,
        "family_id": family.family_id,
        "generation": family.generation,
        "client_id": family.client_id,
        "owner_id": family.owner_id,
        "grant_id": family.grant_id,
        "name": name,
        "scopes": list(scopes),
        "objects": objects,
        "binding": binding,
        "created_at": now,
        "expires_at": expires_at,
    }
    return token, {column: value for column, value in row.items() if value is not None}


def mint_code(conn: Connection | Session, row: dict[str, Any]) -> str:
    """Store an authorization code; the only clear copy of it."""
    code = new_secret(PREFIXES["code"])
    conn.execute(insert(AuthorizationCode), [row | {"code_hash": sha256(code)}])
    return code


def use_code(conn: Connection, now: datetime, code_hash: bytes) -> bool:
    """Claim a code; False when somebody was faster."""
    claimed = (
        update(AuthorizationCode)
        .where(AuthorizationCode.code_hash == code_hash, AuthorizationCode.used_at.is_(None))
        .values(used_at=now)
    )
    return conn.execute(claimed).rowcount == 1


def use_refresh(conn: Connection, now: datetime, token_hash: bytes) -> bool:
    """Claim a refresh token; False when somebody was faster."""
    claimed = (
        update(Token)
        .where(Token.token_hash == token_hash, Token.used_at.is_(None), Token.dead_at.is_(None))
        .values(used_at=now)
    )
    return conn.execute(claimed).rowcount == 1


def note_refresh(conn: Connection, now: datetime, token_hash: bytes) -> bool:
    """Note a use of a refresh token that stays; False when somebody has ended it meanwhile."""
    noted = (
        update(Token)
        .where(Token.token_hash == token_hash, Token.dead_at.is_(None))
        .values(last_used_at=now)
    )
    return conn.execute(noted).rowcount == 1


def end_family(conn: Connection | Session, now: datetime, family_id: UUID, reason: str) -> bool:
    """Kill every token of a family; the first reason stays. Whether any was alive."""
    ended = (
        update(Token)
        .where(Token.family_id == family_id, Token.dead_at.is_(None))
        .values(dead_at=now, dead_reason=reason)
        .returning(Token.token_id)
    )
    return bool(conn.execute(ended).all())


def forget_old(conn: Connection, clock: Clock) -> int:
    """Drop what expired a month ago: until then a dead token can say why. The number dropped."""
    old = clock.now() - _DEAD_KEPT
    conn.execute(delete(AuthorizationCode).where(AuthorizationCode.expires_at <= old))
    return conn.execute(delete(Token).where(Token.expires_at <= old)).rowcount
