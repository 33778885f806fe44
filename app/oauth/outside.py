"""What clients keep on sites of their own, fetched before it is needed and never inside of a
transaction: documents about themselves, and their keys."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from app.kit.db import Database
from app.oauth import documents
from app.oauth.authority import Authority
from app.oauth.jwks import KeysWanted

T = TypeVar("T")


async def know(database: Database, authority: Authority, client_id: str, host: str) -> None:
    """Have a client that is the address of a document known as that says; `host` is the address
    of whoever asks. Of any other client it costs nothing."""

    def fetch(url: str) -> tuple[bytes, int | None]:
        fetched = authority.fetcher.get(url)
        return fetched.body, fetched.max_age

    def load() -> None:
        documents.load(database, authority.clock, authority.settings, fetch, client_id, host)

    if "://" in client_id:
        await run_in_threadpool(load)


async def with_keys(authority: Authority, work: Callable[[], Awaitable[T]]) -> T:
    """Do the work; where it wants keys that are elsewhere, fetch those and do it again."""
    try:
        return await work()
    except KeysWanted as wanted:
        await run_in_threadpool(authority.client_keys.fetch, wanted.jwks_uri)
    return await work()
