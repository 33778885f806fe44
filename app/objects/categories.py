"""The kinds of data: the closed list that scopes, grants and pages share."""

CATEGORIES = {
    "usage": "How you use it",
    "care": "How you look after it",
    "condition": "What state it is in",
    "environment": "What surrounds it",
    "location": "Where it is",
    "body": "What it tells about your body",
    "identity": "Which one it is: serial number and links",
}

STREAM_CATEGORIES = tuple(name for name in CATEGORIES if name != "identity")

VENDOR_SCOPES = {f"{name}:read": words for name, words in CATEGORIES.items()}


def is_vendor_scope(scope: str) -> bool:
    """Whether a scope opens a kind of data, and so needs a grant."""
    return scope in VENDOR_SCOPES


def category_of(scope: str) -> str:
    """The category in `category:read`."""
    return scope.partition(":")[0]


def scope_of(category: str) -> str:
    """The scope that reads a category."""
    return f"{category}:read"
