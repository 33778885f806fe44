"""Revocation of tokens (RFC 7009). It ends the tokens of one authorization; the owner's grant
stays, because withdrawing it is the owner's act."""

from authlib.oauth2.rfc7009 import RevocationEndpoint

from app.oauth.about_token import AboutToken
from app.oauth.grants.refresh import StoredToken
from app.oauth.http import OAuthRequest
from app.oauth.tokens import end_family


class Revocation(AboutToken, RevocationEndpoint):
    """Answers 200 also for unknown and for other clients' tokens, so that it tells nothing."""

    def revoke_token(self, token: StoredToken, request: OAuthRequest) -> None:
        end_family(self.server.conn, self.server.now, token.row.family_id, "token-revoked")
