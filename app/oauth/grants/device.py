"""The device code grant (RFC 8628 §3.4): asked again and again until the owner has answered."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidGrantError,
    InvalidRequestError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)

from app.kit.ids import new_id
from app.oauth.clientauth import METHODS
from app.oauth.device import find_device, note_poll, use_device
from app.oauth.errors import (
    AccessRefused,
    AuthorizationPending,
    ExpiredToken,
    SlowDown,
)
from app.oauth.issue import read_wish
from app.organizations.client_rules import DEVICE_CODE


@dataclass(frozen=True)
class _Row:
    """What issuing looks at, as in a code's row."""

    family_id: UUID
    owner_id: UUID
    grant_id: UUID
    scopes: list[str]
    binding: dict[str, Any]


@dataclass(frozen=True)
class _Source:
    row: _Row


class DeviceGrant(BaseGrant, TokenEndpointMixin):
    """Each code works once, for the client that got it and, where one was shown, with its key."""

    GRANT_TYPE = DEVICE_CODE
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def validate_token_request(self) -> None:
        client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client may not use the device flow.")
        self.request.client = client
        text = self.request.payload.data.get("device_code")
        if text is None:
            raise InvalidRequestError("There is no device_code.")
        row = find_device(self.server.conn, text)
        if row is None or row.client_id != client.client_id or row.status == "used":
            raise InvalidGrantError("The device_code is unknown, or was used.")
        jkt = row.parameters["jkt"]
        if jkt is not None and jkt != self.request.jkt:
            raise InvalidGrantError("This is bound to another key.")
        if row.status == "refused":
            raise AccessRefused
        if row.expires_at <= self.server.now:
            raise ExpiredToken
        if row.status == "waiting":
            early = note_poll(self.server.conn, self.server.authority.clock, row.device_hash)
            raise SlowDown if early else AuthorizationPending
        self.row = row

    def create_token_response(self) -> Any:
        """Refuse first, then claim, then issue."""
        row, server = self.row, self.server
        granted = self.request.user = server.load_granted(row.owner_id, row.grant_id)
        if granted is None or not granted.is_issuing:
            raise InvalidGrantError("The permission has ended.")
        scopes = granted.scopes(row.parameters["scopes"])
        if not scopes:
            raise InvalidGrantError("The permission has nothing of this any more.")
        binding = {"jkt": row.parameters["jkt"], "resources": row.parameters["resources"]}
        found = _Row(new_id(), row.owner_id, row.grant_id, scopes, binding)
        self.request.authorization_code = _Source(found)
        self.request.wish = read_wish(server.authority, self.request, granted)
        if not use_device(server.conn, row.device_hash):
            raise InvalidGrantError("The device_code is unknown, or was used.")
        with_refresh = self.client.check_grant_type("refresh_token")
        token = self.generate_token(scope=" ".join(scopes), include_refresh_token=with_refresh)
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER
