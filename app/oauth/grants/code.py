"""The authorization code grant (RFC 6749 §4.1): checked at both ends, claimed before it issues."""

from typing import Any

from authlib.oauth2.rfc6749 import (
    AuthorizationCodeMixin,
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    UnsupportedResponseTypeError,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant

from app.oauth import queries
from app.oauth.client import OAuthClient
from app.oauth.errors import InteractionRequired
from app.oauth.http import OAuthRequest
from app.oauth.issue import read_wish
from app.oauth.replayed import end_replayed
from app.oauth.tokens import use_code


class Code(AuthorizationCodeMixin):
    """A stored code, as Authlib asks about it."""

    def __init__(self, row: Any) -> None:
        self.row = row

    def get_redirect_uri(self) -> str:
        return str(self.row.redirect_uri)

    def get_scope(self) -> str:
        return " ".join(self.row.scopes)


class CodeGrant(AuthorizationCodeGrant):
    """Differs from stock where RFC 9700 asks for more."""

    @staticmethod
    def validate_authorization_redirect_uri(request: OAuthRequest, client: OAuthClient) -> str:
        """Named in the request, and equal to a registered one (RFC 9700 §2.1)."""
        redirect_uri = request.payload.redirect_uri
        if not redirect_uri or not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError("The redirect_uri is not registered for this client.")
        return str(redirect_uri)

    @staticmethod
    def validate_no_multiple_request_parameter(request: OAuthRequest) -> None:
        """Without a client and an address that are certain there is nowhere to send an error."""
        if request.repeated & {"client_id", "redirect_uri"}:
            raise InvalidRequestError("A parameter stands twice in the address.")

    def validate_authorization_request(self) -> str:
        """The stock checks, then ours; their errors go back to the client."""
        if not self.request.payload.client_id:
            raise InvalidClientError("There is no client_id.")
        redirect_uri = str(super().validate_authorization_request())
        if self.request.repeated:
            raise InvalidRequestError(
                "A parameter stands twice in the address.", redirect_uri=redirect_uri
            )
        values = self.request.payload.data
        if self.request.client.known.requires_par and not self.request.is_pushed:
            raise InvalidRequestError(
                "This client pushes its requests (RFC 9126).", redirect_uri=redirect_uri
            )
        if values.get("response_mode", "query") != "query":
            raise InvalidRequestError(
                "Only response_mode=query is taken.", redirect_uri=redirect_uri
            )
        if "none" in values.get("prompt", "").split():
            raise InteractionRequired(redirect_uri=redirect_uri)
        return redirect_uri

    def query_authorization_code(self, code: str, client: OAuthClient) -> Code | None:
        """The client's own, live code. Its second use ends what came of the first (RFC 6749
        §4.1.2); another client's attempt changes nothing."""
        row = queries.find_code(self.server.conn, code)
        if row is None or row.client_id != client.client_id:
            return None
        if row.used_at is not None:
            end_replayed(self.server, client, row)
        return Code(row) if row.expires_at > self.server.now else None

    def authenticate_user(self, authorization_code: Code) -> Any:
        """The grant, which is why there is a code; it may have ended since."""
        row = authorization_code.row
        granted = self.server.load_granted(row.owner_id, row.grant_id)
        if granted is None or not granted.is_issuing:
            raise InvalidGrantError("The permission has ended.")
        return granted

    def create_token_response(self) -> Any:
        """Refuse first, then claim, then issue: of many redemptions one gets tokens."""
        code = self.request.authorization_code
        granted = self.request.user = self.authenticate_user(code)
        scopes = granted.scopes(code.row.scopes)
        self.request.wish = read_wish(self.server.authority, self.request, granted)
        if not scopes:
            raise InvalidGrantError("The permission has nothing of this any more.")
        if not use_code(self.server.conn, self.server.now, code.row.code_hash):
            end_replayed(self.server, self.client, code.row)
        with_refresh = self.client.check_grant_type("refresh_token")
        token = self.generate_token(scope=" ".join(scopes), include_refresh_token=with_refresh)
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


def refuse_response_type(client: OAuthClient | None, request: OAuthRequest) -> Exception:
    """Back to the client only where both it and the address are known (RFC 6749 §4.1.2.1)."""
    redirect_uri = request.payload.redirect_uri
    is_trusted = (
        client is not None
        and redirect_uri
        and not request.repeated & {"client_id", "redirect_uri"}
        and client.check_redirect_uri(redirect_uri)
    )
    error: Exception = UnsupportedResponseTypeError(
        None, "The response_type must be code.", redirect_uri=redirect_uri if is_trusted else None
    )
    return error
