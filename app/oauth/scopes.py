"""Every scope with its meaning in plain words, by who may hold it."""

from app.objects.categories import VENDOR_SCOPES

__all__ = [
    "ALL_SCOPES",
    "CLIENT_SCOPES",
    "GRANT_SCOPES",
    "MAKER_SCOPES",
    "OWNER_SCOPES",
    "VENDOR_SCOPES",
]

MAKER_SCOPES = {
    "products:write": "Register products",
    "objects:write": "Give objects their identity",
    "log:write": "Send records of use",
    "tokens:introspect": "Ask what tokens of your own clients and objects are worth",
}

OWNER_SCOPES = {
    "own:read": "Read your objects, their logs, your permissions and your history",
    "own:manage": "Pause recording, say how long records are kept, and erase some",
    "own:grants": "Pause, resume and end your permissions",
    "own:export": "Make copies of everything and fetch them",
    "own:terms": "Change the agreement you proffer and your limits",
}

GRANT_SCOPES = {
    "grants:read": "Read under any permission that owners have given this client",
    "grant_management_query": "Look at a permission that an owner has given this client",
    "grant_management_revoke": "Give a permission back",
}

CLIENT_SCOPES = MAKER_SCOPES | VENDOR_SCOPES | GRANT_SCOPES

ALL_SCOPES = CLIENT_SCOPES | OWNER_SCOPES


def to_list(text: str | None) -> list[str]:
    """The scopes in a parameter (RFC 6749 §3.3), each once, in the order given."""
    return list(dict.fromkeys((text or "").split()))
