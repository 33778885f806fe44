"""PKCE (RFC 7636): S256, of every client, at both endpoints."""

import re
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge

from app.oauth.errors import CodeBurnt
from app.oauth.tokens import use_code

METHODS = ["S256"]

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


class S256Only(CodeChallenge):
    """Stock Authlib takes requests without a challenge, and `plain` where no method is named."""

    SUPPORTED_CODE_CHALLENGE_METHOD = METHODS

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """The challenge must be there, by S256 (RFC 9700 §2.1.1)."""
        values = grant.request.payload.data
        if values.get("code_challenge_method") not in METHODS:
            raise InvalidRequestError("Send code_challenge_method=S256.")
        if not _CHALLENGE.fullmatch(values.get("code_challenge", "")):
            raise InvalidRequestError("Send a code_challenge of 43 base64url characters.")

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        """The verifier must fit; a code that came without it is used up and revokes nothing."""
        request = grant.request
        code = request.authorization_code.row
        verifier = request.form.get("code_verifier", "")
        fits = _VERIFIER.fullmatch(verifier) is not None
        if not fits or create_s256_code_challenge(verifier) != code.challenge:
            use_code(grant.server.conn, grant.server.now, code.code_hash)
            raise CodeBurnt
