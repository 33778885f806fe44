"""Security headers of every page: one strict policy, with an exception where a response says so."""

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
_BARE = re.compile(r"(127\.0\.0\.1|\[::1\])(:\d*)?", re.ASCII)
_CSP = "content-security-policy"
_STAY = "max-age=31536000"
_PERMISSIONS = (
    "camera=(self), publickey-credentials-get=(self), publickey-credentials-create=(self), "
    "geolocation=(), microphone=()"
)


def policy(**changes: str | None) -> str:
    """The pages' policy with some directives changed, or left out where None."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return "; ".join(f"{k} {v}" for k, v in (_POLICY | named).items() if v is not None)


_HEADERS = {
    _CSP: policy(),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": _PERMISSIONS,
    "cache-control": "no-store",
}


def add_headers(headers: MutableHeaders) -> None:
    """Give a response each header that it has not set itself."""
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)


def allow_form_to(response: Response, origin: str) -> Response:
    """Let a page's form end, by redirect, at one more origin: browsers apply `form-action` to
    the redirect after a POST too. Its referrer stays at home altogether."""
    response.headers[_CSP] = policy(form_action=f"'self' {origin}")
    response.headers["referrer-policy"] = "no-referrer"
    return response


class PageHeaders:
    """Adds the headers to whatever the pages answer; behind https also the word to stay there."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self.app = app
        self.is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                add_headers(headers)
                if self.is_https:
                    headers.setdefault("strict-transport-security", _STAY)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class LocalName:
    """Sends a browser from 127.0.0.1 to localhost: no passkey works at a bare address."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self.app = app
        self.origin = origin
        self.is_local = urlsplit(origin).hostname == "localhost"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_wrong(scope):
            query = scope["query_string"].decode("latin-1")
            path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
            where = f"{self.origin}{path}{'?' if query else ''}{query}"
            return await RedirectResponse(where, 307)(scope, receive, send)
        await self.app(scope, receive, send)

    def _is_wrong(self, scope: Scope) -> bool:
        if not self.is_local or scope["method"] not in ("GET", "HEAD"):
            return False
        return _BARE.fullmatch(Headers(scope=scope).get("host", "")) is not None
