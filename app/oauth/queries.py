"""Selects of codes, tokens and the grants behind them (hot path: Core, rows, no entities)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, insert, select
from sqlalchemy.orm import Session

from app.consent.models import Grant, GrantDetail
from app.kit.crypto import sha256
from app.kit.prepared import Prepared
from app.oauth.models import AuthorizationCode, PushedRequest, Token
from app.organizations.models import Client

AnyRow = Row[*tuple[Any, ...]]

_CODES = AuthorizationCode.__table__
_TOKENS = Token.__table__
_CLIENTS = Client.__table__
_GRANTS = Grant.__table__
_DETAILS = GrantDetail.__table__

# Built once: building a statement costs as much as running it.
ADD_PUSHED = insert(PushedRequest)
_TOKEN = Prepared(
    select(_TOKENS, _CLIENTS.c.org_id, _CLIENTS.c.name.label("client_name"), _CLIENTS.c.disabled_at)
    .outerjoin(_CLIENTS, _CLIENTS.c.client_id == _TOKENS.c.client_id)
    .where(_TOKENS.c.token_hash == bindparam("token_hash"))
)
_GRANT = Prepared(
    select(_GRANTS.c.status, _GRANTS.c.until, _GRANTS.c.version, _GRANTS.c.purpose).where(
        _GRANTS.c.owner_id == bindparam("owner_id"), _GRANTS.c.grant_id == bindparam("grant_id")
    )
)


def find_code(conn: Connection, code: str) -> AnyRow | None:
    query = select(_CODES).where(_CODES.c.code_hash == sha256(code))
    return conn.execute(query).one_or_none()


def find_token(conn: Connection, token: str) -> Any | None:
    """A token of any kind, dead or alive, with its client (a reference table: joined anywhere)."""
    return _TOKEN.one(conn, {"token_hash": sha256(token)})


def find_grant(conn: Connection, owner_id: UUID, grant_id: UUID) -> Any | None:
    """Status, end, version and purpose of a grant as they are now."""
    return _GRANT.one(conn, {"owner_id": owner_id, "grant_id": grant_id})


def details_of(
    conn: Connection | Session, owner_id: UUID, grant_id: UUID, version: int
) -> Sequence[AnyRow]:
    """The details of one version of a grant, by object."""
    columns = (
        _DETAILS.c.pseudonym,
        _DETAILS.c.category,
        _DETAILS.c.action,
        _DETAILS.c.precision_time,
        _DETAILS.c.precision_place,
        _DETAILS.c.window_from,
        _DETAILS.c.window_to,
        _DETAILS.c.until,
        _DETAILS.c.terms,
    )
    query = (
        select(*columns)
        .where(
            _DETAILS.c.owner_id == owner_id,
            _DETAILS.c.grant_id == grant_id,
            _DETAILS.c.version == version,
        )
        .order_by(_DETAILS.c.pseudonym, _DETAILS.c.category)
    )
    return conn.execute(query).all()


def personal_tokens_of(db: Session, owner_id: UUID) -> Sequence[Token]:
    """An owner's personal tokens, newest first."""
    query = select(Token).where(Token.owner_id == owner_id, Token.kind == "personal")
    return db.scalars(query.order_by(Token.created_at.desc(), Token.token_id)).all()
