"""Errors as a person sees them: a page, a way to sign in, or a problem for the page's script."""

import inspect
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from app.accounts.errors import FreshSignInNeeded, SignInNeeded
from app.kit import problems
from app.kit.errors import (
    BodyTooLarge,
    DomainError,
    MalformedRequest,
    NotFound,
    TooManyRequests,
    Unavailable,
)
from app.kit.logs import request_id
from app.kit.problems import InternalError, MethodNotAllowed
from app.web import words
from app.web.headers import add_headers
from app.web.pages import HOME, find_viewer, own_path, render, safe_next, see_other, with_next

# Errors whose page is told by the status alone; all others speak for themselves.
_PLAIN = {NotFound, TooManyRequests, Unavailable, InternalError, BodyTooLarge, MethodNotAllowed}
_PLAIN |= {MalformedRequest}


def install(web: FastAPI) -> None:
    """Answer every error of the pages."""
    for failure in (*problems.FAILURES, Exception):
        web.add_exception_handler(failure, answer_error)


def answer_error(request: Request, error: Exception) -> Response:
    """What a person, or the script of a page, gets in place of what was asked for."""
    found, status = problems.explain(error)
    response = _redirect(request, found) or _answer(request, found, status)
    add_headers(response.headers)
    return response


def refuse(request: Request, error: DomainError) -> Response:
    """The same for what is refused before any page looks at it."""
    request.state.viewer = None
    return answer_error(request, error)


def oauth_error_page(request: Request, title: str, detail: str) -> Response:
    """Why a vendor's link leads nowhere; it never leads on to an address that was not checked."""
    page = {"code": 400, "title": title, "text": detail, "actions": [("/", "To the start")]}
    request.state.viewer = None
    response = render(
        request, "errors/page.html", status=400, error=page | {"request_id": request_id()}
    )
    response.headers["referrer-policy"] = "no-referrer"
    add_headers(response.headers)
    return response


def _redirect(request: Request, error: DomainError) -> Response | None:
    if _is_script(request):
        return None
    if isinstance(error, FreshSignInNeeded):
        return see_other(with_next("/confirm", _page_before(request)))
    if isinstance(error, SignInNeeded) and request.method == "GET":
        return see_other(with_next("/sign-in", own_path(request)))
    return None


def _answer(request: Request, error: DomainError, status: int) -> Response:
    if _is_script(request):
        if isinstance(error, FreshSignInNeeded):
            error.extra["confirm"] = with_next("/confirm", _page_before(request))
        return problems.answer(error, request.app.state.settings.origin, status)
    if not hasattr(request.state, "viewer"):
        request.state.viewer = _find_viewer(request) if status < 500 else None
    response = render(
        request, "errors/page.html", status=status, error=_page(request, error, status)
    )
    if "retry_after" in error.extra or isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(error.extra.get("retry_after", 1))
    return response


def _page(request: Request, error: DomainError, status: int) -> dict[str, Any]:
    page = dict(words.error_page(status, request_id()))
    if type(error) not in _PLAIN:
        said = "" if error.detail == error.title else error.detail
        page |= {"title": error.title, "text": said or inspect.cleandoc(error.__doc__ or "")}
    elif error.detail != error.title:
        page["text"] = error.detail
    if isinstance(error, SignInNeeded):
        page["actions"] = [(with_next("/sign-in", _page_before(request)), "Sign in")]
    return page


def _page_before(request: Request) -> str:
    """The page whose form was sent, so that one can come back to it; home where none says."""
    if request.method == "GET":
        return own_path(request)
    host, _, path = request.headers.get("referer", "").partition("://")[2].partition("/")
    return safe_next(f"/{path}") if host == request.headers.get("host", "") else HOME


def _is_script(request: Request) -> bool:
    """Whether a page's script asked, which reads problem documents."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or request.headers.get("accept") == "application/json"


def _find_viewer(request: Request) -> Any:
    state = request.app.state
    try:
        return find_viewer(request, state.db, state.clock, state.settings)
    except Exception:  # an error page never fails for want of a name in its head
        return None
