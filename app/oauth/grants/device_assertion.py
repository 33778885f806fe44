"""The JWT bearer grant (RFC 7523 §2.1) for objects: a registered key, and `log:write` for that
object alone. No client takes part."""

from typing import Any

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidScopeError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)

from app.oauth.device_assertion import JWT_BEARER
from app.oauth.issue import read_wish
from app.oauth.scopes import to_list

_SCOPE = "log:write"


class DeviceAssertionGrant(BaseGrant, TokenEndpointMixin):
    """The assertion itself was judged when the caller was let in (`clientauth`)."""

    GRANT_TYPE = JWT_BEARER

    def validate_token_request(self) -> None:
        if self.request.caller.device is None:
            raise UnauthorizedClientError("An object sends its assertion by itself, as no client.")
        if set(to_list(self.request.payload.scope)) - {_SCOPE}:
            raise InvalidScopeError("An object has the scope log:write, for itself.")
        self.request.wish = read_wish(self.server.authority, self.request, None)

    def create_token_response(self) -> Any:
        token = self.generate_token(scope=_SCOPE, include_refresh_token=False)
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER
