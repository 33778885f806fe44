"""What a token is worth (RFC 7662): told to the client it was given to, and to the gateways of a
maker about tokens of that maker's own clients and objects.

Of vendors' tokens a maker learns nothing: what owners allowed is read here and nowhere else, so no
gateway needs to judge such a token.
"""

from typing import Any

from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from app.kit import jsonio
from app.oauth.about_token import AboutToken
from app.oauth.authority import Authority
from app.oauth.client import OAuthClient
from app.oauth.granted import load_granted
from app.oauth.grants.refresh import StoredToken
from app.oauth.http import Answer, OAuthRequest
from app.oauth.protect import dead_reason
from app.objects.links import did

SCOPE = "tokens:introspect"
JWT = "application/token-introspection+jwt"
ALGORITHMS = ["Ed25519"]

_INACTIVE = {"active": False}


class Introspection(AboutToken, IntrospectionEndpoint):
    """Says of everything else that it is not active, so that it tells nothing."""

    def may_know(self, client: OAuthClient, row: Any) -> bool:
        if super().may_know(client, row):
            return True
        if SCOPE not in client.known.scopes or row.kind != "access" or row.grant_id is not None:
            return False
        maker = (row.binding or {}).get("maker") or (row.org_id and str(row.org_id))
        return bool(maker == str(client.known.org_id))

    def create_introspection_payload(self, token: StoredToken | None) -> dict[str, Any]:
        if token is None:
            return dict(_INACTIVE)
        server, row = self.server, token.row
        if dead_reason(server.conn, server.now, row) is not None or row.used_at is not None:
            return dict(_INACTIVE)
        return _payload(server, row)


def as_jwt(authority: Authority, request: OAuthRequest, answer: Answer) -> Answer:
    """The answer, signed for this client where it accepts that (RFC 9701 §5)."""
    accepted = {one.partition(";")[0].strip().lower() for one in request.accept.split(",")}
    if JWT not in accepted or answer.status != 200:
        return answer
    claims = {
        "iss": authority.issuer,
        "aud": request.caller.client.client_id,
        "iat": int(authority.clock.now().timestamp()),
        "token_introspection": answer.body,
    }
    signed = authority.keyring.sign(jsonio.dumps(claims), "token-introspection+jwt")
    return Answer(200, signed, media_type=JWT)


def _payload(server: Any, row: Any) -> dict[str, Any]:
    binding, authority = row.binding or {}, server.authority
    told: dict[str, Any] = {
        "active": True,
        "scope": " ".join(row.scopes),
        "client_id": row.client_id,
        "token_type": ("DPoP" if "jkt" in binding else "Bearer") if row.kind == "access" else None,
        "exp": int(row.expires_at.timestamp()),
        "iat": int(row.created_at.timestamp()),
        "iss": authority.issuer,
        "aud": binding.get("resources") or [authority.issuer],
        "cnf": {"jkt": binding["jkt"]} if "jkt" in binding else None,
    }
    if row.objects is not None:
        told["sub"] = did(authority.issuer, row.objects[0])
    if row.grant_id is not None:
        granted = load_granted(server.conn, server.now, row.owner_id, row.grant_id)
        assert granted is not None  # it lives, or the token would not
        scopes = granted.scopes(row.scopes)
        told["scope"] = " ".join(scopes)
        told["grant_id"] = str(row.grant_id)
        told["authorization_details"] = binding.get("details") or [
            entry.written() for entry in granted.entries(scopes)
        ]
    return {name: value for name, value in told.items() if value is not None}
