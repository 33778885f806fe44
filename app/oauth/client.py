"""A registered client as Authlib asks about it."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin

from app.oauth.scopes import to_list
from app.organizations.clients import KnownClient, check_secret


class OAuthClient(ClientMixin):
    """Answers Authlib's questions from the registration."""

    def __init__(self, known: KnownClient) -> None:
        self.known = known
        self.client_id = known.client_id

    def __repr__(self) -> str:
        return f"<client {self.client_id}>"

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: a redirect URI is always named in the request."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scopes asked for, or all registered ones; None when one is not registered."""
        wanted = to_list(scope) or self.known.scopes
        return " ".join(wanted) if wanted and set(wanted) <= set(self.known.scopes) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Equal to a registered one; of a public client on this very machine the port may
        differ (RFC 8252 §7.3)."""
        registered = self.known.redirect_uris
        if redirect_uri in registered:
            return True
        return self.known.is_public and any(_differ_in_port(redirect_uri, r) for r in registered)

    def check_client_secret(self, client_secret: str) -> bool:
        return check_secret(self.known, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") == self.known.is_public

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and self.check_grant_type("authorization_code")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.known.grant_types


def _differ_in_port(wanted: str, registered: str) -> bool:
    """Whether both are the same loopback address but for the port."""
    try:
        ours, theirs = urlsplit(registered), urlsplit(wanted)
        is_local = ip_address(ours.hostname or "").is_loopback and theirs.port is not None
    except ValueError:
        return False
    if not is_local or ours.scheme != "http" or ours.hostname not in ("127.0.0.1", "::1"):
        return False
    host = f"[{ours.hostname}]" if ":" in ours.hostname else ours.hostname
    rest = registered[len(f"http://{ours.netloc}") :]
    return wanted == f"http://{host}:{theirs.port}{rest}"
