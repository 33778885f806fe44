"""Revocation of tokens (RFC 7009). It ends the tokens of one authorization; the owner's grant
stays, because withdrawing it is the owner's act."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint

from app.oauth import queries
from app.oauth.client import OAuthClient
from app.oauth.clientauth import METHODS
from app.oauth.grants.refresh import StoredToken
from app.oauth.http import OAuthRequest
from app.oauth.tokens import end_family


class Revocation(RevocationEndpoint):
    """Answers 200 also for unknown and for other clients' tokens, so that it tells nothing."""

    CLIENT_AUTH_METHODS = METHODS

    def authenticate_token(self, request: OAuthRequest, client: OAuthClient) -> Any:
        """The client's own token; hints are not needed and so not looked at (§2.1)."""
        text = request.form.get("token")
        if text is None:
            raise InvalidRequestError("There is no token.")
        row = queries.find_token(self.server.conn, text)
        return StoredToken(row) if row is not None and row.client_id == client.client_id else None

    def revoke_token(self, token: StoredToken, request: OAuthRequest) -> None:
        end_family(self.server.conn, self.server.now, token.row.family_id, "token-revoked")
