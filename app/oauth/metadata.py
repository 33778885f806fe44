"""What clients may discover, built from what is registered (RFC 8414, RFC 9728)."""

from typing import Any

from app.oauth import (
    asking,
    clientauth,
    details,
    device,
    grant_routes,
    introspect,
    pkce,
    registration,
    signatures,
)
from app.oauth.authority import TOKEN_PATH
from app.oauth.scopes import CLIENT_SCOPES, OWNER_SCOPES, VENDOR_SCOPES
from app.oauth.server import GRANTS
from app.settings import Settings
from app.terms.roster import known_ids


def server_metadata(settings: Settings) -> dict[str, Any]:
    """The authorization server (RFC 8414 §2, RFC 9207 §3)."""
    origin = settings.origin
    response_types = sorted({t for g, _ in GRANTS for t in getattr(g, "RESPONSE_TYPES", ())})
    ways_in: dict[str, Any] = {}
    if settings.registration != "closed":
        ways_in["registration_endpoint"] = origin + registration.PATH
    if settings.client_documents:
        ways_in["client_id_metadata_document_supported"] = True
    return {
        "issuer": origin,
        "authorization_endpoint": f"{origin}/oauth/authorize",
        "token_endpoint": origin + TOKEN_PATH,
        "pushed_authorization_request_endpoint": f"{origin}/oauth/par",
        "require_pushed_authorization_requests": False,
        "device_authorization_endpoint": origin + device.PATH,
        "revocation_endpoint": f"{origin}/oauth/revoke",
        "jwks_uri": f"{origin}/oauth/jwks",
        "scopes_supported": list(CLIENT_SCOPES),
        "response_types_supported": response_types,
        "response_modes_supported": ["query"],
        "grant_types_supported": [grant.GRANT_TYPE for grant, _ in GRANTS],
        "token_endpoint_auth_methods_supported": list(clientauth.METHODS),
        "token_endpoint_auth_signing_alg_values_supported": signatures.ALGORITHMS,
        "revocation_endpoint_auth_methods_supported": list(clientauth.METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": signatures.ALGORITHMS,
        "introspection_endpoint": f"{origin}/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": list(clientauth.METHODS),
        "introspection_endpoint_auth_signing_alg_values_supported": signatures.ALGORITHMS,
        "introspection_signing_alg_values_supported": introspect.ALGORITHMS,
        "code_challenge_methods_supported": pkce.METHODS,
        "authorization_response_iss_parameter_supported": True,
        "authorization_details_types_supported": details.TYPES,
        "dpop_signing_alg_values_supported": signatures.ALGORITHMS,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "request_object_signing_alg_values_supported": signatures.ALGORITHMS,
        "grant_management_endpoint": origin + grant_routes.PATH,
        "grant_management_actions_supported": asking.ACTIONS,
        "grant_management_action_required": False,
        "inseam_agreements_supported": sorted(known_ids()),
        "inseam_accepted_agreements_endpoint": f"{origin}/v1/agreements/accepted",
        "protected_resources": [origin, f"{origin}/v1/data"],
        **ways_in,
    }


def resource_metadata(settings: Settings, path: str = "") -> dict[str, Any]:
    """A protected resource (RFC 9728 §2): the whole API, or the part that vendors read."""
    scopes = VENDOR_SCOPES if path else CLIENT_SCOPES | OWNER_SCOPES
    return {
        "resource": settings.origin + path,
        "authorization_servers": [settings.origin],
        "jwks_uri": f"{settings.origin}/oauth/jwks",
        "scopes_supported": list(scopes),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": signatures.ALGORITHMS,
        "dpop_bound_access_tokens_required": False,
        "authorization_details_types_supported": details.TYPES,
        "resource_name": "Inseam: data of connected objects",
    }
