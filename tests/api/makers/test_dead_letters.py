"""Makers see their own dead letters, by pages."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI

from app.kit.clock import FixedClock
from app.kit.crypto import sha256
from app.organizations.dead_letters import DeadMessage, keep_letters, list_letters
from tests.api.makers.conftest import Caller, Makers

PATH = "/v1/dead-letters"


@pytest.fixture
def sender(makers: Makers) -> Caller:
    return makers.add("Big Denim", "log:write")


def keep(app: FastAPI, clock: FixedClock, maker: Caller, *topics: str) -> None:
    """One letter for each topic, all of them now."""
    messages = [
        DeadMessage(topic, "invalid-json", None, None, 3, sha256(topic)) for topic in topics
    ]
    with app.state.db.connection() as conn:
        keep_letters(conn, clock, maker.org_id, messages)


def test_a_letter_says_what_and_why(app: FastAPI, clock: FixedClock, sender: Caller) -> None:
    message = DeadMessage("inseam/x/events", "unknown-stream", 2, 4, 812, sha256(b"it"))
    with app.state.db.connection() as conn:
        keep_letters(conn, clock, sender.org_id, [message])
    (letter,) = sender.get(PATH).json()["letters"]
    assert letter.pop("letter_id")
    assert letter == {
        "topic": "inseam/x/events",
        "at": clock.now().isoformat().replace("+00:00", "Z"),
        "reason": "unknown-stream",
        "refused": 2,
        "line": 4,
        "size": 812,
        "sha256": sha256(b"it").hex(),
    }


def test_pages_go_from_the_newest_on(app: FastAPI, clock: FixedClock, sender: Caller) -> None:
    keep(app, clock, sender, "a", "b", "c")
    clock.advance(timedelta(microseconds=1))
    keep(app, clock, sender, "d", "e")
    clock.advance(timedelta(seconds=1))
    keep(app, clock, sender, "f")
    seen, after = [], {}
    for _ in range(3):
        page = sender.get(PATH, limit=2, **after).json()
        seen += [letter["topic"] for letter in page["letters"]]
        after = {"after": page["next"]}
    assert page["next"] is None
    assert (seen[0], set(seen[1:3]), set(seen[3:])) == ("f", {"d", "e"}, {"a", "b", "c"})
    assert [letter["topic"] for letter in sender.get(PATH).json()["letters"]] == seen


def test_a_message_that_comes_again_is_told_once(
    app: FastAPI, clock: FixedClock, sender: Caller
) -> None:
    keep(app, clock, sender, "a", "b")
    clock.advance(timedelta(minutes=1))
    keep(app, clock, sender, "a")
    first, second = sender.get(PATH).json()["letters"]
    assert (first["topic"], second["topic"]) == ("a", "b")
    assert first["at"] > second["at"]


def test_each_maker_sees_its_own(
    app: FastAPI, clock: FixedClock, sender: Caller, makers: Makers
) -> None:
    other = makers.add("Other", "log:write", gs1_prefixes=[])
    keep(app, clock, sender, "mine", "ours")
    keep(app, clock, other, "theirs", "ours")
    assert {one["topic"] for one in sender.get(PATH).json()["letters"]} == {"mine", "ours"}
    assert {one["topic"] for one in other.get(PATH).json()["letters"]} == {"theirs", "ours"}
    cursor = sender.get(PATH, limit=1).json()["next"]
    assert other.get(PATH, after=cursor).status_code == 400


def test_another_scope_is_refused(makers: Makers) -> None:
    assert makers.add("Big Denim", "objects:write").get(PATH).status_code == 403


def test_letters_are_swept_with_the_rest(
    app: FastAPI, clock: FixedClock, sender: Caller, work_jobs: Callable[[], None]
) -> None:
    keep(app, clock, sender, "a")
    clock.advance(timedelta(days=31))
    work_jobs()
    with app.state.db.read() as db:
        assert list_letters(db, sender.org_id) == []
