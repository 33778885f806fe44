"""PostgreSQL that goes away: every call is refused with 503 and may be sent again, no answer is
half of one, and all goes on when it is back."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from app.kit.ids import new_id
from app.settings import Settings
from tests.security.conftest import Stage
from tests.support.postgres import Server
from tests.support.rounds import rounds

pytestmark = pytest.mark.postgres
Connection = psycopg.Connection[Any]


@pytest.fixture
def engine_kind() -> str:
    return "postgres"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"busy_seconds": 1.0})


@pytest.fixture
def admin(postgres_server: Server, settings: Settings) -> Iterator[tuple[Connection, str]]:
    """A connection to another database of the server, and the name of the service's."""
    name = make_url(settings.url).database or ""
    with postgres_server.connect() as conn:
        yield conn, name
        _allow(conn, name, is_open=True)


def _allow(conn: Connection, name: str, *, is_open: bool) -> None:
    """Open the door for everybody, or shut it and throw out who is inside."""
    statement = "ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}"
    conn.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Literal(is_open)))
    if not is_open:
        _throw_out(conn, name)


def _throw_out(conn: Connection, name: str) -> int:
    """All but the tests' own connection, known by what it did last (`WIPE` in databases.py); how
    many there were."""
    thrown = conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = %s AND query NOT LIKE '%%session_replication_role%%'",
        [name],
    )
    return thrown.rowcount


@contextmanager
def cut_again_and_again(admin: tuple[Connection, str]) -> Iterator[None]:
    """Every few milliseconds, while the block runs."""
    is_over, thrown = threading.Event(), 0

    def cut() -> None:
        nonlocal thrown
        while not is_over.wait(0.02):
            thrown += _throw_out(*admin)

    cutting = threading.Thread(target=cut)
    cutting.start()
    try:
        yield
    finally:
        is_over.set()
        cutting.join(10)
    assert thrown > 5


@contextmanager
def gone(admin: tuple[Connection, str]) -> Iterator[None]:
    _allow(*admin, is_open=False)
    try:
        yield
    finally:
        _allow(*admin, is_open=True)


def calls(stage: Stage) -> dict[str, Callable[[], Any]]:
    """A call of each kind: ingest of all sorts, readings of a vendor and of the owner."""
    api, story = stage.story.api, stage.story
    events = f"/v1/objects/{stage.jeans}/events"
    keyed = {"Idempotency-Key": str(new_id())}
    body = [story.wash()]
    mine = f"/v1/me/objects/{stage.jeans}/records"
    own = stage.personal()
    return {
        "ingest": lambda: api.post(events, json=body, headers=stage.maker),
        "keyed": lambda: api.post(events, json=body, headers=stage.maker | keyed),
        "vendor": lambda: api.get(f"/v1/data/objects/{stage.thing}/records", headers=stage.vendor),
        "owner": lambda: api.get(mine, headers=own),
        "ready": lambda: api.get("/readyz"),
    }


def test_every_call_is_503_while_it_is_gone_and_works_after(
    stage: Stage,
    admin: tuple[Connection, str],
) -> None:
    every = calls(stage)
    before = {name: call() for name, call in every.items()}
    assert {answer.status_code for answer in before.values()} == {200}
    for _ in range(2):
        with gone(admin):
            for name, call in every.items():
                answer = call()
                assert answer.status_code == 503, (name, answer.text)
                assert int(answer.headers["Retry-After"]) >= 1, name
                assert answer.json()["type"].endswith("/problems/unavailable"), name
                assert "records" not in answer.json(), name
            assert stage.story.api.get("/healthz").status_code == 200
        after = {name: call() for name, call in every.items()}
        assert {answer.status_code for answer in after.values()} == {200}
        assert after["keyed"].content == before["keyed"].content


def test_connections_that_are_cut_lose_and_double_nothing(
    stage: Stage, admin: tuple[Connection, str]
) -> None:
    """Whoever gets 503 sends the same again under the same key, until it is acknowledged."""
    times = rounds(25, 300)
    with cut_again_and_again(admin):
        for number in range(times):
            _send_until_taken(stage, stage.story.wash(timedelta(seconds=-number / 100)))
    path = f"/v1/me/objects/{stage.jeans}/records"
    answer = stage.story.api.get(path, params={"limit": 1000}, headers=stage.personal())
    assert len(answer.json()["records"]) == times + 1


def test_page_is_whole_or_refused_while_connections_are_cut(
    stage: Stage, admin: tuple[Connection, str]
) -> None:
    story = stage.story
    answer = story.send(stage.maker, stage.jeans, *[story.wash() for _ in range(300)])
    assert answer.json()["stored"] == 300
    token = stage.vendor["Authorization"].split()[1]
    with cut_again_and_again(admin):
        for _ in range(rounds(40, 300)):
            answer = story.records(token, stage.thing, limit=1000)
            if answer.status_code == 200:
                assert len(answer.json()["records"]) == 301
            else:
                assert answer.status_code == 503, answer.text
                assert "Retry-After" in answer.headers


def _send_until_taken(stage: Stage, record: Any) -> None:
    key = {"Idempotency-Key": str(new_id())}
    path = f"/v1/objects/{stage.jeans}/events"
    for _ in range(200):
        answer = stage.story.api.post(path, json=[record], headers=stage.maker | key)
        if answer.status_code == 200:
            assert answer.json()["stored"] == 1
            return
        assert answer.status_code == 503, answer.text
        assert "Retry-After" in answer.headers
    raise AssertionError("it was never taken")
