"""The refresh grant (RFC 6749 §6): each token works once, the next one comes with the answer. That
of an owner's own app that keeps a secret stays, so that a restored backup of the app works.

A client that proves itself may lose an answer, or ask from two processes at once: for a moment the
same token gives the same next one again. A client without a secret has no such moment, for a thief
would have it too.
"""

from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError, TokenMixin
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant

from app.oauth import queries
from app.oauth.client import OAuthClient
from app.oauth.issue import read_wish
from app.oauth.replayed import end_replayed
from app.oauth.scopes import to_list
from app.oauth.tokens import note_refresh, successors, use_refresh

_GRACE = timedelta(seconds=10)


class StoredToken(TokenMixin):
    """A stored token, as Authlib asks about it; of a refresh token that was sent, its text, and the
    one that was `given` for it a moment ago."""

    def __init__(self, row: Any, text: str = "", given: str | None = None) -> None:
        self.row = row
        self.text = text
        self.given = given

    def check_client(self, client: OAuthClient) -> bool:
        return bool(self.row.client_id == client.client_id)

    def get_scope(self) -> str:
        return " ".join(self.row.scopes)


class RefreshGrant(RefreshTokenGrant):
    """Rotates, and takes a second use for a theft (RFC 9700 §4.14.2)."""

    def authenticate_refresh_token(self, refresh_token: str) -> StoredToken | None:
        """The client's own live token; its second use ends the family."""
        row = queries.find_token(self.server.conn, refresh_token)
        if row is None or row.kind != "refresh" or row.client_id != self.client.client_id:
            return None
        given = self._given(row, refresh_token)
        if row.used_at is not None and given is None:
            end_replayed(self.server, self.client, row)
        if row.dead_at is not None or row.expires_at <= self.server.now:
            return None
        return StoredToken(row, refresh_token, given)

    def authenticate_user(self, refresh_token: StoredToken) -> Any:
        """The grant behind it, while it lives."""
        row = refresh_token.row
        granted = self.server.load_granted(row.owner_id, row.grant_id)
        if granted is None or not granted.is_issuing:
            raise InvalidGrantError("The permission has ended.")
        return granted

    def create_token_response(self) -> Any:
        """Refuse first, then claim, then issue. A narrower scope is for the access token alone,
        and no token gets more than the grant has now."""
        old = self.request.refresh_token
        granted = self.request.user = self.authenticate_user(old)
        scopes = granted.scopes(to_list(self.request.payload.scope) or old.row.scopes)
        if not scopes:
            raise InvalidScopeError("The permission has nothing of this any more.")
        self.request.wish = read_wish(self.server.authority, self.request, granted)
        if old.given is None:
            self._claim(old)
        token = self.generate_token(scope=" ".join(scopes))
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER

    def _given(self, row: Any, text: str) -> str | None:
        """What a client that proves itself was given for it a moment ago, and has not used."""
        now = self.server.now
        if self.client.known.is_public or row.used_at is None or now - row.used_at > _GRACE:
            return None
        for one in successors(self.server.authority.keyring.cursor_keys(), text):
            found = queries.find_token(self.server.conn, one)
            if found is not None and found.used_at is None and found.dead_at is None:
                return one
        return None

    def _claim(self, old: StoredToken) -> None:
        """Use it up; one that stays is noted, and its reuse is no sign of theft."""
        conn, now, row = self.server.conn, self.server.now, old.row
        if self.client.known.keeps_refresh:
            if not note_refresh(conn, now, row.token_hash):
                raise InvalidGrantError("The token has ended.")
        elif not use_refresh(conn, now, row.token_hash):
            used = queries.find_token(conn, old.text)
            old.given = self._given(used, old.text) if used is not None else None
            if old.given is None:
                end_replayed(self.server, self.client, row)
