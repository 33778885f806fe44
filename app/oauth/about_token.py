"""What revocation (RFC 7009) and introspection (RFC 7662) share: a form about one token."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError

from app.oauth import queries
from app.oauth.client import OAuthClient
from app.oauth.clientauth import METHODS
from app.oauth.grants.refresh import StoredToken
from app.oauth.http import OAuthRequest


class AboutToken:
    """Stands in front of Authlib's endpoint."""

    CLIENT_AUTH_METHODS = METHODS
    server: Any

    def authenticate_token(self, request: OAuthRequest, client: OAuthClient) -> StoredToken | None:
        """The token, where this client may know of it. Hints are not needed and so not looked at
        (RFC 7009 §2.1, RFC 7662 §2.1)."""
        text = request.form.get("token")
        if text is None:
            raise InvalidRequestError("There is no token.")
        row = queries.find_token(self.server.conn, text)
        return StoredToken(row) if row is not None and self.may_know(client, row) else None

    def may_know(self, client: OAuthClient, row: Any) -> bool:
        """Whether the token is the client's own."""
        return bool(row.client_id == client.client_id)
