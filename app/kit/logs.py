"""Structured logs without personal data, and the request's id."""

import logging
import sys
from contextvars import ContextVar

import structlog

from app.kit.ids import new_id

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The id of the request at hand; a fresh one outside of requests."""
    return _request_id.get() or str(new_id())


def bind_request_id(value: str) -> None:
    """Name the request for everything that is logged or answered while it runs."""
    _request_id.set(value)
    structlog.contextvars.bind_contextvars(request=value)


def set_up(level: str) -> None:
    """JSON lines on standard error. Libraries speak from WARNING on: Authlib logs plain tokens
    at DEBUG, and access logs of the server would hold addresses with codes in them."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s", force=True)
    logging.getLogger("authlib").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


logger = structlog.get_logger()
