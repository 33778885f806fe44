"""What came twice is a sign of theft: its whole family ends, and its owner is told so."""

from typing import Any, NoReturn

from app.accounts.security_log import note_event
from app.oauth.client import OAuthClient
from app.oauth.errors import ReplayFound
from app.oauth.tokens import end_family


def end_replayed(server: Any, client: OAuthClient, row: Any) -> NoReturn:
    """End the family of a code or refresh token that came again (RFC 6749 §4.1.2, RFC 9700
    §4.14.2); always raises ReplayFound. Its owner is told once, when there was something to end."""
    had_any = end_family(server.conn, server.now, row.family_id, "replayed")
    if had_any and row.owner_id is not None:
        note_event(
            server.conn,
            row.owner_id,
            server.now,
            "token-reused",
            client.known.name,
            client_id=client.client_id,
            grant_id=row.grant_id,
        )
    raise ReplayFound
