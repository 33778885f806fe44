"""The client credentials grant (RFC 6749 §4.4): a client for itself, so without any grant."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from app.oauth.issue import read_wish


class CredentialsGrant(ClientCredentialsGrant):
    """For confidential clients; a scope that is not registered refuses the request."""

    def validate_token_request(self) -> Any:
        client = self.authenticate_token_endpoint_client()
        if client.known.is_public or not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client may not use client_credentials.")
        self.request.client = client
        scope = client.get_allowed_scope(self.request.payload.scope)
        if scope is None:
            raise InvalidScopeError("The client does not have a scope that it asks for.")
        self.request.scope = scope
        self.request.wish = read_wish(self.server.authority, self.request, None)

    def create_token_response(self) -> Any:
        token = self.generate_token(scope=self.request.scope, include_refresh_token=False)
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER
