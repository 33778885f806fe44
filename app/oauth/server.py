"""Authlib's authorization server for one transaction: built in the work that uses it."""

from typing import Any
from uuid import UUID

from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import InvalidRequestError, UnsupportedGrantTypeError
from sqlalchemy import Connection

from app.oauth import granted
from app.oauth.authority import Authority
from app.oauth.client import OAuthClient
from app.oauth.clientauth import Caller
from app.oauth.errors import AuthorizationPending, CodeBurnt, ReplayFound, SlowDown, Undone
from app.oauth.grants.client_credentials import CredentialsGrant
from app.oauth.grants.code import CodeGrant, refuse_response_type
from app.oauth.grants.device import DeviceGrant
from app.oauth.grants.device_assertion import DeviceAssertionGrant
from app.oauth.grants.refresh import RefreshGrant
from app.oauth.http import Answer, Ask, OAuthRequest, refusal
from app.oauth.introspect import Introspection, as_jwt
from app.oauth.issue import Issue
from app.oauth.pkce import S256Only
from app.oauth.revoke import Revocation
from app.oauth.tokens import store
from app.organizations.clients import find_client

GRANTS: tuple[tuple[Any, tuple[Any, ...]], ...] = (  # the most frequent first
    (CredentialsGrant, ()),
    (RefreshGrant, ()),
    (CodeGrant, (S256Only(),)),
    (DeviceGrant, ()),
    (DeviceAssertionGrant, ()),
)
ENDPOINTS = (Revocation, Introspection)


class Server(AuthorizationServer):
    """Holds the connection and the time, so that Authlib's callbacks need nothing else."""

    def __init__(self, conn: Connection, authority: Authority) -> None:
        super().__init__()
        self.conn = conn
        self.authority = authority
        self.now = authority.clock.now()
        self._made: list[dict[str, Any]] = []
        for grant, extensions in GRANTS:
            self.register_grant(grant, extensions)
        for endpoint in ENDPOINTS:
            self.register_endpoint(endpoint)
        self.register_token_generator("default", _announce)

    def query_client(self, client_id: str) -> OAuthClient | None:
        known = find_client(self.conn, client_id)
        return OAuthClient(known) if known is not None else None

    def load_granted(self, owner_id: UUID, grant_id: UUID) -> granted.Granted | None:
        return granted.load_granted(self.conn, self.now, owner_id, grant_id)

    def authenticate_client(
        self, request: OAuthRequest, methods: Any, endpoint: str = "token"
    ) -> OAuthClient:
        """Who was let in (`admit`), before anything else of this transaction."""
        caller: Caller | None = request.caller
        assert caller is not None  # this endpoint admits callers first
        if caller.client is None:
            raise caller.error or InvalidRequestError()
        return caller.client

    def get_authorization_grant(self, request: OAuthRequest) -> Any:
        """Stock would put the raw response_type into the error, and break on a quote in it."""
        if not any(g.check_authorization_endpoint(request) for g, _ in self._authorization_grants):
            client = self.query_client(request.payload.client_id or "")
            raise refuse_response_type(client, request)
        return super().get_authorization_grant(request)

    def create_token_response(self, request: OAuthRequest) -> Answer:
        """RFC 6749 §5. What stock calls an unknown grant type may be a missing one."""
        if request.payload.grant_type is None:
            error = InvalidRequestError("There is no grant_type.")
            return self.handle_error_response(request, error)
        answer: Answer = super().create_token_response(request)
        return answer

    def save_token(self, token: dict[str, Any], request: OAuthRequest) -> None:
        """Make the tokens and complete the answer in place: it is the one that is sent."""
        self._made += Issue(self.now, self.authority, request).complete(token)

    def answer_token(self, ask: Ask, caller: Caller) -> Answer:
        """RFC 6749 §3.2. What it stores, `flush` does. Undone carries a refusal out of it."""
        return self.create_token_response(_request(self.authority, ask, caller))

    def flush(self) -> None:
        """Store all tokens that were made."""
        store(self.conn, self._made)
        self._made = []

    def create_oauth2_request(self, request: OAuthRequest) -> OAuthRequest:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        return Answer(status, body)

    def handle_error_response(self, request: OAuthRequest, error: Any) -> Answer:
        """A refusal that leaves a trace is an answer, so it is committed; any other is undone."""
        if isinstance(error, ReplayFound | CodeBurnt | AuthorizationPending | SlowDown):
            return refusal(error)
        if isinstance(error, UnsupportedGrantTypeError):
            error.description = "The grant_type is none that is taken here."
        raise Undone(refusal(error))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


def answer_token(conn: Connection, authority: Authority, ask: Ask, caller: Caller) -> Answer:
    """The token endpoint for one form. Undone carries a refusal out of it."""
    server = Server(conn, authority)
    answer = server.answer_token(ask, caller)
    server.flush()
    return answer


def answer_revocation(conn: Connection, authority: Authority, ask: Ask, caller: Caller) -> Answer:
    """The revocation endpoint, likewise."""
    server = Server(conn, authority)
    request = _request(authority, ask, caller)
    answer: Answer = server.create_endpoint_response(Revocation.ENDPOINT_NAME, request)
    return answer


def answer_introspection(
    conn: Connection, authority: Authority, ask: Ask, caller: Caller
) -> Answer:
    """The introspection endpoint: JSON, or signed where that is asked (RFC 9701 §4)."""
    server = Server(conn, authority)
    request = _request(authority, ask, caller)
    answer: Answer = server.create_endpoint_response(Introspection.ENDPOINT_NAME, request)
    return as_jwt(authority, request, answer)


def _request(authority: Authority, ask: Ask, caller: Caller) -> OAuthRequest:
    uri = authority.issuer + ask.path
    return OAuthRequest("POST", uri, ask.form, caller=caller, accept=ask.accept)


def _announce(
    *, scope: str | None = None, include_refresh_token: bool = True, **_: Any
) -> dict[str, Any]:
    """The answer without its secrets: Authlib writes it to its debug log before saving it."""
    return {"token_type": "Bearer", "scope": scope, "with_refresh": include_refresh_token}
