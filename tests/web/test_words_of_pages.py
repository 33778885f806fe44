"""What an owner's pages say about what is so: who read, ways in, wrong clocks, plain words."""

from dataclasses import replace
from types import SimpleNamespace as N
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select
from starlette.testclient import TestClient

from app.accesses.history import count_by_reader, reads_of_grant
from app.accounts.demo import demo_owner_id
from app.accounts.models import Owner
from app.accounts.owners import create_owner
from app.disclosure.objects import list_objects
from app.disclosure.reader import Reader
from app.keys.eager import EagerKeys
from app.kit.clock import FixedClock
from app.main import create_app
from app.oauth.scopes import OWNER_SCOPES
from app.settings import Settings
from app.web import words
from app.web.format import Formatter, country_name, unit_words
from app.web.streams import _FACTS, maker_facts, stream_cards
from tests.factories.world import DEADLINE, World
from tests.support.authenticator import Authenticator
from tests.support.visitor import Visitor
from tests.web.samples import F


def flat(page: str) -> str:
    return " ".join(page.split())


def owner_id(visitor: Visitor) -> UUID:
    """The only owner there is."""
    with visitor.app.state.db.read() as db:
        return db.scalars(select(Owner.owner_id)).one()


def look(world: World, reader: Reader) -> None:
    """A vendor asks what there is to read."""

    def work(conn: Connection) -> object:
        return list_objects(conn, world.clock, reader, "https://testserver", DEADLINE)

    world.database.submit(work).result(30)


@pytest.fixture
def world(visitor: Visitor, clock: FixedClock) -> World:
    state = visitor.app.state
    return World(state.db, clock, taker=replace(state.taker, keys=EagerKeys(state.log_keys)))


def test_a_look_at_the_list_is_no_reading(owner: Visitor, world: World, clock: FixedClock) -> None:
    mine = owner_id(owner)
    jeans, jacket = world.owned(mine), world.owned(mine, "SL-2")
    world.wear(jeans, clock.now())
    given = world.allow(mine, [jeans, jacket])
    reader, before = world.reader(given), clock.now()
    for _ in range(2):
        look(world, reader)
    clock.advance(60)
    world.records(reader, world.pseudonym(given, jeans))
    read_at = clock.now()
    clock.advance(60)
    look(world, reader)
    with world.database.read() as db:
        (counted,) = count_by_reader(db, mine, before)
        reads = reads_of_grant(db, mine, given.grant.grant_id)
    assert (counted.read, counted.looked, counted.refused, counted.records) == (1, 3, 0, 1)
    assert (reads.total, reads.records, reads.last_at) == (1, 1, read_at)
    page = flat(owner.get("/history").text)
    assert "read 1 time this week, 1 record; looked 3 times at what it may read" in page
    assert "0 records" not in page
    assert page.count("</strong> read “") == 1
    assert page.count("looked at what it may read of") == 6
    assert "copy" not in page
    assert page.count("no records") == 6  # two things in each of three lists
    card = flat(owner.get(f"/permissions/{given.grant.grant_id}").text)
    assert "<dt>Readings</dt><dd>1</dd>" in card


def test_who_only_looked_has_read_nothing(owner: Visitor, world: World, clock: FixedClock) -> None:
    mine = owner_id(owner)
    reader = world.reader(world.allow(mine, [world.owned(mine)]))
    look(world, reader)
    page = flat(owner.get("/history").text)
    assert "read nothing this week; looked 1 time at what it may read" in page


def test_a_copy_is_neither_a_reading_nor_a_look(owner: Visitor, world: World) -> None:
    jeans = world.owned(owner_id(owner))
    assert owner.post("/exports", {"object_id": str(jeans)}).status_code == 303
    page = flat(owner.get("/history").text)
    assert "read nothing this week; asked for or took a copy 1 time" in page
    assert "asked for a copy of all records of" in page
    assert "looked" not in page.split("</h1>")[1]


def test_advice_on_ways_in_fits_what_there_is(visitor: Visitor, settings: Settings) -> None:
    by_mail = Visitor(visitor.http).sign_in()
    assert "Add a passkey</a>, so that you do not depend on e-mail." in by_mail.get("/home").text
    by_mail.post("/security/recovery")
    assert "Add a passkey" not in by_mail.get("/home").text
    device = Authenticator(settings.origin, "testserver")
    options = visitor.send("/create/passkey/options", {})
    visitor.send("/create/passkey/verify", {"credential": device.create(options.json())})
    page = visitor.get("/home").text
    assert "You have one way in." in page
    assert "Add a second passkey" in page
    assert "e-mail" not in page


def test_a_demo_owner_is_told_to_add_nothing(
    settings: Settings, clock: FixedClock, client: TestClient
) -> None:
    with client.app.state.db.session() as db:  # type: ignore[attr-defined]
        create_owner(db, clock, "Seeded", owner_id=demo_owner_id(1))
    chosen = settings.model_copy(update={"demo": True})
    with TestClient(create_app(chosen, clock), base_url=settings.origin) as demo:
        visitor = Visitor(demo)
        visitor.post("/demo/sign-in", {"owner_id": str(demo_owner_id(1))})
        page = visitor.get("/home").text
    assert "Good to see you, Seeded" in page
    assert "way in" not in page
    assert "Add a passkey" not in page


def test_a_record_of_a_wrong_clock_is_marked(
    owner: Visitor, world: World, clock: FixedClock
) -> None:
    jeans = world.owned(owner_id(owner))
    world.wear(jeans, clock.now(), stream="wash")
    right = owner.get(f"/objects/{jeans}").text
    assert words.WRONG_CLOCK not in right
    assert "plot-placed" not in right
    wrong = {"stream": "wash", "at": "1970-01-01T00:00:00Z", "values": {"temperature": 60}}
    assert [r.status for r in world.send(jeans, [wrong])] == ["stored"]
    page = owner.get(f"/objects/{jeans}").text
    assert page.count(f'<br><span class="note">{words.WRONG_CLOCK}</span>') == 2  # both tables
    assert page.count("plot-placed") == 2  # desk and phone
    assert "1 record came with a wrong clock and stands where it arrived." in page


def test_facts_are_in_plain_words(visitor: Visitor, world: World) -> None:
    page = visitor.get(f"/p/{world.product.product_id}").text
    for told in ("° latitude", "° longitude", "on both", "<dd>FR</dd>"):
        assert told not in page


@pytest.mark.parametrize(
    ("title", "unit", "shown"),
    [("Minutes worn", "min", ""), ("Latitude", "lat", "°"), ("Temperature", "Cel", "°C")],
)
def test_a_unit_is_said_once(title: str, unit: str, shown: str) -> None:
    (card,) = stream_cards(page_of({"title": title, "unit": unit}))
    assert card["fields"] == [(title, shown)]


def test_where_it_is_stored_and_where_the_maker_is() -> None:
    page = page_of({"title": "Steps"}, stored="both", country="FR")
    (card,) = stream_cards(page)
    assert dict(card["facts"])["Where it is stored"] == "on the device and on a server"
    assert dict(maker_facts(page))["Country"] == "France"
    assert country_name("de") == "Germany"
    assert country_name("Atlantis") == "Atlantis"
    assert country_name(None) == ""


def page_of(told: dict[str, Any], stored: str = "device", country: str = "FR") -> Any:
    """A product page with one stream of one field."""
    facts = {name: "told" for name, _ in _FACTS} | {"stored": stored}
    stream = N(
        name="s",
        title="S",
        category="usage",
        fields=[told],
        facts=facts,
        holder_copy="",
        keep_days=None,
    )
    maker = N(name="M", country=country, website="", contact="")
    return N(streams=[stream], maker=maker)


def test_latitude_is_not_said_twice() -> None:
    assert unit_words("lat") == unit_words("lon") == "°"
    assert F.quantity(52.5, "lat") == "52.5°"


def test_nothing_is_counted_one_way(owner: Visitor) -> None:
    fmt = Formatter(F.now, F.zone)
    assert fmt.count(0, "record") == "no records"
    assert fmt.count(1, "record") == "1 record"


def test_every_scope_of_a_key_has_words(owner: Visitor, clock: FixedClock) -> None:
    assert words.OWN_SCOPES.keys() == OWNER_SCOPES.keys()
    until = clock.now().date().isoformat()
    form = {"token_name": "Mine", "scope": list(OWNER_SCOPES), "token_until": until}
    owner.post("/security/tokens", form)
    page = owner.get("/security").text
    said = "May read, manage the log, hold back, make copies and change your terms; all objects"
    assert said in page
    assert 'value="own:read"' in page
    assert "own:" not in page.replace('value="own:', "")


def test_the_operator_claims_only_what_is_so(visitor: Visitor) -> None:
    assert "stores your log encrypted" in visitor.get("/about").text


def test_documentation_has_a_dress_for_the_dark(visitor: Visitor) -> None:
    page = visitor.get("/docs").text
    assert '<meta name="color-scheme" content="light dark">' in page
    assert "dark-mode" in page.split("</head>")[0]
    css = visitor.get("/docs/files/swagger-ui.css").text
    assert "html.dark-mode{background:" in css
