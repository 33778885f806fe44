"""Removes what has had its day: challenges, links, used codes and ended sessions."""

from datetime import timedelta

from sqlalchemy import Connection, delete, or_, select

from app.accounts.models import Ceremony, Flash, SignInLink, SignInSession
from app.kit.clock import Clock

_KEPT = timedelta(days=1)


def forget_old(conn: Connection, clock: Clock, session_max_days: int) -> int:
    """Drop what can neither be used nor explain anything any more; how many rows."""
    now = clock.now()
    oldest = now - timedelta(days=session_max_days)
    is_over = or_(SignInSession.ended_at < now - _KEPT, SignInSession.created_at < oldest)
    statements = (
        delete(Ceremony).where(Ceremony.expires_at < now),
        delete(SignInLink).where(SignInLink.expires_at < now - _KEPT),
        delete(SignInSession).where(is_over),
        delete(Flash).where(Flash.session_hash.not_in(select(SignInSession.session_hash))),
    )
    return sum(conn.execute(statement).rowcount for statement in statements)
