"""What counts once: identifiers of assertions and proofs, kept until they are too old anyway."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete
from sqlalchemy.dialects import postgresql, sqlite

from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.prepared import Prepared
from app.oauth.models import DeviceCode, PushedRequest, SeenOnce

_KEPT = timedelta(days=1)
_ADD = Prepared(
    sqlite=sqlite.insert(SeenOnce).on_conflict_do_nothing().returning(SeenOnce.seen_hash),
    postgresql=postgresql.insert(SeenOnce).on_conflict_do_nothing().returning(SeenOnce.seen_hash),
)


def jti_of(claims: Mapping[str, Any]) -> str | None:
    """What names a token for once (RFC 7519 §4.1.7); None where nothing of use does."""
    jti = claims.get("jti")
    return jti if isinstance(jti, str) and 1 <= len(jti) <= 200 else None


def burn(conn: Connection, namespace: str, text: str, expires_at: datetime) -> bool:
    """Use up `text`, which nobody takes after `expires_at` in any case; False where it was used
    before. The caller's transaction must be committed for it to count."""
    row = {"seen_hash": sha256(f"{namespace}\0{text}"), "expires_at": expires_at}
    return _ADD.one(conn, row) is not None


def forget_old(conn: Connection, clock: Clock) -> int:
    """Drop what is too old to come again, and, a day later, requests that were pushed and codes of
    devices: until then a late caller is told that they ran out. The number dropped."""
    now = clock.now()
    count = conn.execute(delete(SeenOnce).where(SeenOnce.expires_at <= now)).rowcount
    for table in (PushedRequest, DeviceCode):
        count += conn.execute(delete(table).where(table.expires_at <= now - _KEPT)).rowcount
    return count
