"""What can be wrong with a token, as problems; and the OAuth errors that Authlib lacks."""

from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError

from app.kit.errors import DomainError, Kind
from app.oauth.signatures import ALGORITHMS

RESOURCE_METADATA = "/.well-known/oauth-protected-resource"

_ALGS = " ".join(ALGORITHMS)
_WHY = {
    "revoked": "The owner has ended this permission.",
    "ended": "You have ended this permission.",
    "expired": "This permission has run out; ask the owner again.",
    "superseded": "A newer permission took the place of this one; use its tokens.",
    "token-expired": "The access token has run out; get a new one with the refresh token.",
    "token-revoked": "The token was revoked.",
    "replayed": "A code or refresh token of this authorization was used twice, so all of its"
    " tokens were ended.",
    "client-disabled": "The client is not registered any more.",
    "key-ended": "The key that this object got the token with counts no more.",
    "other-scheme": "The token is bound to a key, and comes with the scheme DPoP and a proof; or it"
    " is not, and comes with the scheme Bearer.",
    "other-resource": "The token is for another part of this service.",
    "unknown": "There is no such access token.",
}


class TokenMissing(DomainError):
    """Send an access token in the header Authorization, as `Bearer` and the token, once, and
    never in the address: addresses are kept in logs and histories."""

    kind, slug, title = Kind.unauthenticated, "token-missing", "An access token is needed."

    def __init__(self, detail: str = "", path: str = "") -> None:
        challenge = f'Bearer resource_metadata="{{origin}}{RESOURCE_METADATA}{path}"'
        super().__init__(detail, challenge=challenge)


class InvalidToken(DomainError):
    """The access token does not work, or works no longer. The member `reason` says why: the
    permission was revoked, ended by the vendor, expired or superseded; or the token itself ran
    out (token-expired), was revoked or used twice."""

    kind, slug, title = Kind.unauthenticated, "invalid-token", "The access token does not work."

    def __init__(self, reason: str = "unknown", scheme: str = "Bearer") -> None:
        why = _WHY.get(reason, self.title)
        challenge = f'{scheme} error="invalid_token", error_description="{why}"'
        challenge += f', algs="{_ALGS}"' if scheme == "DPoP" else ""
        super().__init__(why, reason=reason, challenge=challenge)


class ProofInvalid(DomainError):
    """The access token is bound to a key, so each call carries a proof of that key in the header
    DPoP (RFC 9449 §7): made for this call and this token, not long ago, used once, and with the
    nonce of the header DPoP-Nonce."""

    kind, slug, title = (
        Kind.unauthenticated,
        "dpop-proof-invalid",
        "The proof of the token's key does not count.",
    )

    def __init__(self, detail: str, nonce: str | None = None) -> None:
        error = "use_dpop_nonce" if nonce else "invalid_dpop_proof"
        challenge = f'DPoP error="{error}", error_description="{detail}", algs="{_ALGS}"'
        more = {"dpop_nonce": nonce} if nonce else {}
        super().__init__(detail, challenge=challenge, **more)


class InsufficientScope(DomainError):
    """The access token works, but does not carry the scope that this call needs."""

    kind, slug, title = (
        Kind.forbidden,
        "insufficient-scope",
        "The access token does not have the scope that this needs.",
    )

    def __init__(self, scope: str) -> None:
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        super().__init__(f"This needs the scope {scope}.", scope=scope, challenge=challenge)


class GrantOver(DomainError):
    """The permission that Inseam-Grant names gives nothing any more: its owner took it back, or it
    ran out, was given back, or another took its place. Stop, and erase your copies."""

    kind, slug, title = Kind.forbidden, "grant-over", "The permission has ended."

    def __init__(self, reason: str) -> None:
        super().__init__(f"The permission is {reason}.", reason=reason)


class PersonalTokenInvalid(DomainError):
    """A personal access token has a name, at least one scope, objects that are yours, and ends
    within 366 days."""

    kind, slug, title = (
        Kind.invalid,
        "personal-token-invalid",
        "This personal access token cannot be made.",
    )


class PersonalTokenNotFound(DomainError):
    """There is no such personal access token of yours."""

    kind, slug, title = (
        Kind.not_found,
        "personal-token-not-found",
        "There is no such access token of yours.",
    )


class InteractionRequired(OAuth2Error):
    """The owner has to be asked, and the client said not to (prompt=none)."""

    error = "interaction_required"
    description = "The owner must be asked."


class InvalidAuthorizationDetails(OAuth2Error):
    """They cannot be granted as they stand (RFC 9396 §5)."""

    error = "invalid_authorization_details"


class InvalidTarget(OAuth2Error):
    """The resource is none that tokens of this service are good for (RFC 8707 §2)."""

    error = "invalid_target"
    description = "The resource is not one of this service."


class InvalidGrantId(OAuth2Error):
    """The grant_id is not of a grant of this client (Grant Management §6.2)."""

    error = "invalid_grant_id"
    description = "The grant_id is not of a grant of this client that can be changed."


class InvalidRequestObject(OAuth2Error):
    """The request object does not count (RFC 9101 §7)."""

    error = "invalid_request_object"


class InvalidRequestUri(OAuth2Error):
    """The request_uri is not, or no longer, of a request of this client (RFC 9126 §4)."""

    error = "invalid_request_uri"
    description = "The request_uri is unknown, has run out, or was answered."


class InvalidDpopProof(OAuth2Error):
    """The proof does not count, or there is none where one is needed (RFC 9449 §5)."""

    error = "invalid_dpop_proof"


class UseDpopNonce(OAuth2Error):
    """The proof lacks the present nonce, which comes with the answer (RFC 9449 §8)."""

    error = "use_dpop_nonce"

    def __init__(self, description: str, nonce: str) -> None:
        super().__init__(description)
        self.nonce = nonce


class ReplayFound(InvalidGrantError):
    """A code or refresh token came twice: refused, and what the refusal changed is kept."""

    description = "This was used before; all tokens of this authorization were ended."


class AuthorizationPending(OAuth2Error):
    """The owner has not answered yet (RFC 8628 §3.5)."""

    error = "authorization_pending"
    description = "The owner has not answered yet; ask again after the interval."


class SlowDown(OAuth2Error):
    """The device asks too often (RFC 8628 §3.5)."""

    error = "slow_down"
    description = "Wait five seconds longer between two questions from now on."


class ExpiredToken(OAuth2Error):
    """Nobody answered in time (RFC 8628 §3.5)."""

    error = "expired_token"
    description = "The code ran out; ask for another one."


class AccessRefused(OAuth2Error):
    """The owner said no."""

    error = "access_denied"
    description = "The owner said no."


class CodeBurnt(InvalidGrantError):
    """A code without its right verifier (RFC 7636 §4.6): refused, and used up."""

    description = "The code_verifier does not fit the code_challenge."


class Undone(Exception):
    """Carries a refusal out of a transaction, which is thereby rolled back."""

    def __init__(self, answer: Any) -> None:
        super().__init__("refused")
        self.answer = answer
