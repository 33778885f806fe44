"""The API's documentation, readable offline: every file of it comes from this service."""

import hashlib
import re
from base64 import b64encode
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response

from app.kit.errors import NotFound
from app.web.headers import policy

router = APIRouter()

_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_DRESS = """
    <meta name="color-scheme" content="light dark">
    <script>
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
    dark.addEventListener("change", dress);
    dress();
    </script>"""
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@router.get("/docs")
def show_docs(request: Request) -> Response:
    """Swagger UI over the service's OpenAPI document."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Inseam API",
        swagger_js_url="/docs/files/swagger-ui-bundle.js",
        swagger_css_url="/docs/files/swagger-ui.css",
        swagger_favicon_url="/docs/files/favicon.png",
        swagger_ui_parameters={"persistAuthorization": False},
    )
    text = _named(bytes(page.body).decode())
    response = HTMLResponse(text)
    response.headers["content-security-policy"] = _policy(text)
    return response


@router.get("/docs/files/{name}")
def serve_file(name: str) -> Response:
    """A file of the documentation's reader, as fastapi-offline brings it."""
    kind = _FILES.get(name)
    if kind is None:
        raise NotFound
    content = files("fastapi_offline").joinpath("static", name).read_bytes()
    return Response(content, media_type=kind, headers={"cache-control": "public, max-age=86400"})


def _named(page: str) -> str:
    """The page with its language, its main part and its colours, which FastAPI's frame leaves
    out: the reader has a dark dress, and somebody has to ask for it."""
    page = page.replace("<html>", '<html lang="en">').replace("<head>", f"<head>{_DRESS}")
    return re.sub(r'<div id="swagger-ui">\s*</div>', '<main id="swagger-ui"></main>', page)


def _policy(page: str) -> str:
    """Only on this page: the reader's own inline script, by its hash, and its inline styles."""
    digests = [
        b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in _INLINE.findall(page)
    ]
    return policy(
        script_src=" ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)]),
        style_src="'self' 'unsafe-inline'",
        require_trusted_types_for=None,
        trusted_types=None,
    )
