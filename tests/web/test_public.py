"""Pages for anyone: start, products, passports, problems, documentation, development mail."""

import json
import re

import pytest
from markupsafe import escape
from starlette.testclient import TestClient

from app.kit import problems
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.main import create_app
from app.ownership.claim import Wish, claim
from app.settings import Settings
from tests.factories.objects import make_maker, make_product
from tests.factories.world import World
from tests.support.source import import_everything
from tests.support.visitor import Visitor

import_everything()


def test_start_page_turns_into_home(visitor: Visitor) -> None:
    assert "You hold the key" in visitor.get("/").text
    visitor.sign_in()
    answer = visitor.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/home")
    assert visitor.get("/home").status_code == 200


def test_operator_stands_on_every_page(visitor: Visitor) -> None:
    for path in ("/", "/about", "/sign-in", "/nowhere"):
        assert "Test operator" in visitor.get(path).text


def test_every_problem_has_its_page(visitor: Visitor) -> None:
    listed = visitor.get("/problems").text
    for error in problems.all_errors():
        assert f'href="/problems/{error.slug}"' in listed
        page = visitor.get(f"/problems/{error.slug}")
        assert page.status_code == 200
        assert escape(error.title) in page.text


def test_passport_tells_the_thing_and_not_its_owner(visitor: Visitor, clock: FixedClock) -> None:
    world = World(visitor.app.state.db, clock)
    object_id, code = world.minted("S/1<b>")
    by_id, by_link = f"/o/{object_id}", f"/01/{world.product.gtin}/21/S%2F1%3Cb%3E"
    before = visitor.get(by_id)
    assert before.status_code == 200
    assert "S/1&lt;b&gt;" in before.text
    assert "did:web:testserver:o:" in before.text
    owner_id = world.owner("Very Private")
    with world.database.session() as db:
        claim(db, clock, owner_id, code, Wish("me", clock.now()), 30)
    assert visitor.get(by_id).text == before.text
    assert visitor.get(by_link).text == before.text


def test_product_page_tells_what_is_recorded(visitor: Visitor, clock: FixedClock) -> None:
    product = World(visitor.app.state.db, clock).product
    page = visitor.get(f"/p/{product.product_id}")
    assert page.status_code == 200
    for told in ("Wear", "Where it is", "What the maker keeps:", "How you erase it"):
        assert told in page.text
    assert visitor.get(f"/01/{product.gtin}").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/p/00000000-0000-4000-8000-000000000000",
        "/o/00000000-0000-4000-8000-000000000000",
        "/01/09506000134352",
        "/01/nonsense",
        "/01/09506000134352/21/S-1",
        "/01/09506000134352/21/%00",
        "/01/%00",
        "/problems/nonsense",
        "/docs/files/nonsense",
        "/docs/files/..%2Fcore.py",
    ],
)
def test_unknown_things_are_not_found(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 404


def test_what_is_no_gtin_is_not_found_beside_products_without_one(
    visitor: Visitor, clock: FixedClock
) -> None:
    with visitor.app.state.db.session() as db:
        maker = make_maker(db, clock)
        for number in ("A-1", "A-2"):
            make_product(db, clock, maker, gtin=None, article_number=number)
    for path in ("/01/nonsense", "/01/nonsense/21/x", "/01/09506000134377/21/x"):
        assert visitor.get(path).status_code == 404, path


@pytest.mark.parametrize("path", ["/p/nonsense", "/o/nonsense"])
def test_what_is_no_id_is_not_found(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code in (404, 422)


def test_documentation_needs_nobody_else(visitor: Visitor) -> None:
    page = visitor.get("/docs")
    assert page.status_code == 200
    assert not re.findall(r"(?:src|href)=\"https?:", page.text)
    told = page.headers["content-security-policy"]
    assert "script-src 'self' 'sha256-" in told
    assert "unsafe-inline" not in told.split("script-src")[1].split(";")[0]
    for path in set(re.findall(r'"(/docs/files/[^"]+)"', page.text)):
        assert visitor.get(path).status_code == 200
    assert json.loads(visitor.get("/openapi.json").content)["openapi"].startswith("3.1")


def test_mail_page_shows_what_would_be_sent(settings: Settings, clock: FixedClock) -> None:
    local = settings.model_copy(update={"public_url": "http://localhost:8000"})
    with TestClient(create_app(local, clock), base_url="https://localhost:8000") as client:
        visitor = Visitor(client)
        visitor.post("/sign-in/email", {"email": "owner@mail.example"})
        assert "/dev/mail" in visitor.get("/sign-in/sent").text
        page = visitor.get("/dev/mail").text
        assert "owner@mail.example" in page
        assert 'href="http://localhost:8000/sign-in/link/' in page


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"public_url": "http://localhost:8000", "mail_backend": "smtp"},
        {"public_url": "http://localhost:8000", "host": "0.0.0.0"},
    ],
)
def test_mail_page_does_not_exist_elsewhere(
    settings: Settings, clock: FixedClock, changes: dict[str, str]
) -> None:
    chosen = settings.model_copy(update=changes)
    with TestClient(create_app(chosen, clock), base_url="https://localhost:8000") as client:
        visitor = Visitor(client)
        assert visitor.get("/dev/mail").status_code == 404
        assert "/dev/mail" not in visitor.get("/sign-in/sent").text


def test_mail_server_that_fails_changes_no_answer(
    settings: Settings, clock: FixedClock, database: Database
) -> None:
    dead = settings.model_copy(update={"mail_backend": "smtp", "smtp_port": 1})
    with TestClient(create_app(dead, clock), base_url=settings.origin) as client:
        visitor = Visitor(client)
        answer = visitor.post("/sign-in/email", {"email": "owner@mail.example"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/sent")
